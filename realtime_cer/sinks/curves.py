"""The curves of the compound expressions over the last seconds, drawn into a film: with gaps where nothing is known."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from realtime_cer import palette
from realtime_cer.buffers import HOLDS_STEPS
from realtime_cer.labels import COMPOUND
from realtime_cer.quiet import cv2
from realtime_cer.records import Decision, Picture
from realtime_cer.sinks.lettering import FAINT, Box, Colour, bgr, width_of, write
from realtime_cer.sinks.timewords import digital

STEP_S = 0.2
"""How long a decision holds where none follows."""

_GAP_S = HOLDS_STEPS * STEP_S
"""Neighbouring decisions further apart than this are not joined by a line."""

_TOPS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300)
_GRID: Colour = (54, 46, 42)
_NOW: Colour = (110, 102, 97)
_ABSTAINED: Colour = (98, 90, 85)
_UNKNOWN: Colour = (58, 50, 46)
_SHIFT = 4
"""Points lie on sixteenths of a pixel, so that the curves glide."""


def draw_curves(
    canvas: Picture,
    box: Box,
    em: int,
    decision: Decision | None,
    history: Sequence[Decision],
    now: float,
    span_s: float,
) -> None:
    """Draw the seven curves, and below them a ribbon of what was said.

    The ribbon is grey where the program abstained, darker where it had nothing to go by, and empty without a decision.

    Parameters
    ----------
    canvas : (H, W, 3) uint8, changed
    box : the panel
    em : height of the letters, in pixels
    decision : whose label is drawn bold, or None
    history : in the order of time; what lies outside the span is passed over
    now : the time that a line marks, in seconds; it wanders to the right end and then stays there
    span_s : how many seconds lie between the two ends
    """
    plot = Box(box.x + em, box.y + round(0.9 * em), box.right - em, box.bottom - round(2.9 * em))
    recent = [d for d in history if now - span_s <= d.t <= now + 1e-6]
    highest = max((max(d.compound) for d in recent if d.compound is not None), default=0.0)
    top = next((top for top in _TOPS if highest <= top), highest)
    start = max(now - span_s, 0.0)
    scale = (plot.width - 1) / span_s
    _grid(canvas, plot, box.bottom - round(0.8 * em), em, start, span_s)
    small = max(9, round(0.86 * em))
    write(canvas, f"{top:g}", (plot.x + 0.3 * em, plot.y + 0.7 * em), small, FAINT)
    here = round(plot.x + (now - start) * scale)
    cv2.line(canvas, (here, plot.y), (here, plot.bottom - 1), _NOW, 1)
    said = decision.label if decision is not None else None
    order = sorted(range(len(COMPOUND)), key=lambda i: COMPOUND[i] == said)
    thin = max(1, round(em / 8))
    for part in _stretches(recent):
        x = np.array([plot.x + (d.t - start) * scale for d in part])
        y = plot.bottom - 1 - np.array([d.compound for d in part]) / top * (plot.height - 1)
        for i in order:
            thick = thin + max(1, round(em / 12)) if COMPOUND[i] == said else thin
            _trace(canvas, np.column_stack([x, y[:, i]]), bgr(palette.COMPOUND[i]), thick)
    high = max(3, round(0.5 * em))
    low = plot.bottom + round(0.35 * em)
    for word, first, last in _runs(recent):
        left, right = (round(plot.x + (t - start) * scale) for t in (first, min(last, start + span_s)))
        colour = bgr(palette.COMPOUND[COMPOUND.index(word)]) if word in COMPOUND else _ABSTAINED if word else _UNKNOWN
        cv2.rectangle(canvas, (left, low), (max(right - 1, left), low + high - 1), colour, -1)


def _grid(canvas: Picture, plot: Box, words_y: int, em: int, start: float, span_s: float) -> None:
    for part in range(3):
        y = plot.bottom - 1 - part * (plot.height - 1) // 2
        cv2.line(canvas, (plot.x, y), (plot.right - 1, y), _GRID, 1)
    wanted = max(2, plot.width // (6 * em))
    step = next((step for step in _TICKS_S if span_s / step <= wanted), _TICKS_S[-1])
    small = max(9, round(0.86 * em))
    for k in range(int(np.ceil(start / step - 1e-6)), int((start + span_s) / step + 1e-6) + 1):
        x = round(plot.x + (k * step - start) / span_s * (plot.width - 1))
        cv2.line(canvas, (x, plot.y), (x, plot.bottom - 1), _GRID, 1)
        words = digital(k * step)
        half = width_of(words, small) // 2
        if x >= plot.x and x + half <= plot.right + em:
            write(canvas, words, (max(x, plot.x - em + half + 3), words_y), small, FAINT, anchor=0.5)


def _stretches(recent: Sequence[Decision]) -> list[list[Decision]]:
    """Neighbouring decisions between which a line may be drawn."""
    parts: list[list[Decision]] = [[]]
    for decision in recent:
        if parts[-1] and (decision.compound is None or decision.t - parts[-1][-1].t > _GAP_S):
            parts.append([])
        if decision.compound is not None:
            parts[-1].append(decision)
    return [part for part in parts if part]


def _runs(recent: Sequence[Decision]) -> list[tuple[str, float, float]]:
    """What was said, from when to when: "" where nothing was known; a missing decision leaves a hole."""
    ends = [
        min(after.t, before.t + STEP_S) if after.t - before.t > _GAP_S else after.t
        for before, after in pairwise(recent)
    ]
    ends += [d.t + STEP_S for d in recent[-1:]]
    pieces = [
        (d.label or (d.reason or "abstained" if d.compound else ""), d.t, end)
        for d, end in zip(recent, ends, strict=True)
    ]
    runs: list[tuple[str, float, float]] = []
    for word, start, end in pieces:
        if runs and runs[-1][0] == word and start - runs[-1][2] < 1e-6:
            runs[-1] = word, runs[-1][1], end
        else:
            runs.append((word, start, end))
    return runs


def _trace(canvas: Picture, points: npt.NDArray[np.float64], colour: Colour, thick: int) -> None:
    """A curve; a point without a neighbour becomes a dot, as a line would not show it."""
    at = np.round(points * (1 << _SHIFT)).astype(np.int32)
    if len(at) == 1:
        cv2.circle(canvas, at[0].tolist(), (thick + 1) << _SHIFT - 1, colour, -1, cv2.LINE_AA, _SHIFT)
    else:
        cv2.polylines(canvas, [at], False, colour, thick, cv2.LINE_AA, _SHIFT)

"""The panels beside a film's picture: where they lie, what never changes in them, and what each decision changes.

Everything is sized by ``em``, the height of the letters, which follows the size of the picture.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from realtime_cer import palette
from realtime_cer.labels import BASIC, COMPOUND, MODELS
from realtime_cer.quiet import cv2
from realtime_cer.records import Decision, Picture
from realtime_cer.sinks.curves import draw_curves
from realtime_cer.sinks.lettering import FAINT, GROUND, INK, Box, Colour, bgr, write

_TRACK: Colour = (56, 48, 44)
_NAMES = {"static": "static", "dynamic": "dynamic", "acoustic": "sound"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies for pictures of one size; ``width`` and ``height`` of the canvas are even."""

    em: int
    width: int
    height: int
    picture: Box
    models: Box
    why: Box
    curves: Box
    legend: Box


def layout(width: int, height: int) -> Layout:
    """Arrange the panels around pictures of a size; none of them ever lies over the picture.

    A wide picture gets a column to its right and a strip below, so that the film keeps its shape; an upright one gets
    all panels in a column.
    """
    em = max(10, round((width * height) ** 0.5 / 40))
    why, strip, column = 5 * em, round(12.5 * em), 22 * em
    if height >= 1.3 * width:
        x, end = width, width + column
        bottom = max(height, 46 * em)
        space = width, bottom
        bottoms = [bottom - 26 * em - why, bottom - 26 * em, bottom - strip, bottom]
        models, why_box, curves, legend = (
            Box(x, top, end, to) for top, to in zip([0, *bottoms], bottoms, strict=False)
        )
    else:
        x = max(width, 22 * em)
        y = max(height, 23 * em)
        end, bottom = x + column, y + strip
        space = x, y
        models, why_box = Box(x, 0, end, y - why), Box(x, y - why, end, y)
        curves, legend = Box(0, y, x, bottom), Box(x, y, end, bottom)
    left, top = (space[0] - width) // 2, (space[1] - height) // 2
    picture = Box(left, top, left + width, top + height)
    return Layout(em, end + end % 2, bottom + bottom % 2, picture, models, why_box, curves, legend)


class Panels:
    """Draws the panels for pictures of one size; what never changes is drawn once.

    Parameters
    ----------
    width, height : of the pictures
    span_s : how many seconds the curves look back
    """

    def __init__(self, width: int, height: int, span_s: float) -> None:
        self.layout = layout(width, height)
        self._span = span_s
        em = self.layout.em
        self._small = max(9, round(0.86 * em))
        self._ground = np.full((self.layout.height, self.layout.width, 3), GROUND, np.uint8)
        self._fixed(self._ground)

    def draw(self, decision: Decision | None, history: Sequence[Decision], now: float) -> Picture:
        """A fresh canvas (H', W', 3) with the panels, still without the picture.

        Parameters
        ----------
        decision : the one that holds at this time, or None
        history : decisions before and with it, in the order of time; older ones than the span are passed over
        now : the time at the right end of the curves, in seconds
        """
        canvas = self._ground.copy()
        self._draw_models(canvas, decision)
        self._draw_why(canvas, decision)
        draw_curves(canvas, self.layout.curves, self.layout.em, decision, history, now, self._span)
        self._draw_legend(canvas, decision)
        return canvas

    def _rows(self, box: Box, count: int, head: float, most: float) -> Iterator[int]:
        """Middles of rows below a heading, spread over a panel."""
        em = self.layout.em
        first = box.y + round(head * em)
        step = min((box.bottom - first - 0.4 * em) / count, most * em)
        return (round(first + (i + 0.5) * step) for i in range(count))

    def _columns(self) -> list[tuple[int, int]]:
        """Left and right ends of the bars of each model."""
        box, em = self.layout.models, self.layout.em
        first, gap = box.x + round(7.2 * em), round(0.7 * em)
        width = (box.right - em - first - 2 * gap) / 3
        return [(round(first + i * (width + gap)), round(first + i * (width + gap) + width)) for i in range(3)]

    def _fixed(self, canvas: Picture) -> None:
        em, models = self.layout.em, self.layout.models
        write(canvas, "basic", (models.x + em, models.y + 1.5 * em), self._small, FAINT)
        for (left, right), name, colour in zip(self._columns(), MODELS, palette.MODELS, strict=True):
            write(canvas, _NAMES[name], (left, models.y + 1.5 * em), self._small, INK)
            y = models.y + round(2.4 * em)
            cv2.rectangle(canvas, (left, y), (right - 1, y + max(2, em // 6) - 1), bgr(colour), -1)
        for name, y in zip(BASIC, self._rows(models, 7, 2.9, 3.5), strict=True):
            write(canvas, name, (models.x + em, y), em, INK)

    def _draw_models(self, canvas: Picture, decision: Decision | None) -> None:
        em, box = self.layout.em, self.layout.models
        rows = list(self._rows(box, 7, 2.9, 3.5))
        half = max(2, round(0.4 * em))
        for (left, right), model in zip(self._columns(), MODELS, strict=True):
            values = decision.models.get(model) if decision is not None else None
            if values is None:
                if decision is not None:
                    write(canvas, _lacking(model, decision), (left, rows[3]), self._small, FAINT)
                continue
            for y, value, code in zip(rows, values, palette.BASIC, strict=True):
                cv2.rectangle(canvas, (left, y - half), (right - 1, y + half - 1), _TRACK, -1)
                end = left + round(min(max(value, 0.0), 1.0) * (right - left))
                if end > left:
                    cv2.rectangle(canvas, (left, y - half), (end - 1, y + half - 1), bgr(code), -1)

    def _draw_why(self, canvas: Picture, decision: Decision | None) -> None:
        em, box = self.layout.em, self.layout.why
        left, right, y = box.x + em, box.right - em, box.y + round(2.3 * em)
        half = max(3, round(0.5 * em))
        write(canvas, "why", (left, box.y + 0.9 * em), self._small, FAINT)
        cv2.rectangle(canvas, (left, y - half), (right - 1, y + half - 1), _TRACK, -1)
        shares = [decision.contributions.get(name, 0.0) if decision is not None else 0.0 for name in MODELS]
        reached = 0.0
        for i, (name, share, code) in enumerate(zip(MODELS, shares, palette.MODELS, strict=True)):
            start, end = (left + round(min(at, 1.0) * (right - left)) for at in (reached, reached + share))
            reached += share
            if end > start:
                cv2.rectangle(canvas, (start, y - half), (end - 1, y + half - 1), bgr(code), -1)
            words = f"{_NAMES[name]} {100 * share:.0f} %" if share else _NAMES[name]
            at = left + (right - left) * i / 2
            write(canvas, words, (at, y + 1.55 * em), self._small, INK if share else FAINT, anchor=i / 2)
        best = strongest(decision)
        if best is not None and any(shares):
            write(canvas, COMPOUND[best], (right, box.y + 0.9 * em), self._small, FAINT, anchor=1)

    def _draw_legend(self, canvas: Picture, decision: Decision | None) -> None:
        """The names of the curves, with their values now; the one that is said stands out."""
        em, box = self.layout.em, self.layout.legend
        named = decision.label if decision is not None else None
        values = decision.compound if decision is not None else None
        for i, y in enumerate(self._rows(box, 7, 0.7, 2.2)):
            colour, bold = bgr(palette.COMPOUND[i]), COMPOUND[i] == named
            half = max(2, round((0.42 if bold else 0.28) * em))
            x = box.x + round(1.5 * em)
            cv2.rectangle(canvas, (x - half, y - half), (x + half - 1, y + half - 1), colour, -1)
            write(canvas, COMPOUND[i], (box.x + 2.8 * em, y), em, INK if bold else FAINT, bold=bold)
            if values is not None:
                words = f"{values[i]:.2f}"
                write(canvas, words, (box.right - em, y), em, INK if bold else FAINT, bold=bold, anchor=1)


def strongest(decision: Decision | None) -> int | None:
    """Which compound expression has the highest value; None where there is none."""
    if decision is None or not decision.compound or not any(decision.compound):
        return None
    return decision.compound.index(max(decision.compound))


def _lacking(model: str, decision: Decision) -> str:
    """Why a model says nothing."""
    if model == "acoustic":
        return "no voice"
    if decision.face is not None:
        return "not yet"
    return "no picture" if decision.reason == "nothing fresh" else "no face"

"""The report of a session in one picture, to be shown on a wall."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_cer import palette
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Decision
from realtime_cer.sinks.reportfacts import STATES, Facts
from realtime_cer.sinks.series import runs, series
from realtime_cer.sinks.timewords import clock, percent, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _FAINT, _GRID = "#20242b", "#6a7079", "#e4e6ea"
_GREY = "#c6cad1"
_MISSING = "#f1f2f4"
_LEFT, _RIGHT = 0.035, 0.98
_TITLES = (
    (_LEFT, 0.853, "What is said, and how strongly"),
    (_LEFT, 0.455, "How much of the time"),
    (0.362, 0.455, "What follows what"),
    (0.72, 0.455, "Who was responsible, in %"),
)
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "text.usetex": False,
    "text.parse_math": False,
    "text.color": _INK,
    "axes.edgecolor": "#c3c7ce",
    "axes.linewidth": 0.8,
    "xtick.color": _FAINT,
    "ytick.color": _INK,
}


def draw_report(path: Path, rows: Sequence[Decision], facts: Facts, title: str, told: str) -> None:
    """Draw timeline, shares, transitions and responsibilities as a PNG of 1920x1080 pixels, whole or not at all.

    Parameters
    ----------
    path : of the picture
    rows, facts : of the same session, at least one row
    title, told : what was analysed, and what is said of it below
    """
    import warnings

    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    partial = path.with_name(path.name + ".part")
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A name may hold letters that the font lacks; boxes in their place are no reason to talk.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(16, 9), dpi=120, facecolor="white")
        FigureCanvasAgg(figure)
        shown = title if len(title) <= 70 else f"{title[:33]} … {title[-33:]}"
        figure.text(_LEFT, 0.952, shown, fontsize=24, fontweight="bold", va="center")
        figure.text(_LEFT, 0.908, told, fontsize=13, color=_FAINT, va="center")
        for x, y, words in _TITLES:
            figure.text(x, y, words, fontsize=15, fontweight="bold")
        ribbon = figure.add_axes((_LEFT, 0.765, _RIGHT - _LEFT, 0.075))
        curves = figure.add_axes((_LEFT, 0.55, _RIGHT - _LEFT, 0.2), sharex=ribbon)
        _timeline(ribbon, curves, rows)
        _shares(figure.add_axes((0.158, 0.05, 0.18, 0.385)), facts)
        _transitions(figure.add_axes((0.482, 0.12, 0.2, 0.315)), facts)
        _responsible(figure.add_axes((0.842, 0.12, 0.138, 0.315)), facts)
        figure.savefig(partial, format="png", metadata={"Software": "realtime-cer"})
    partial.replace(path)


def _timeline(ribbon: "Axes", curves: "Axes", rows: Sequence[Decision]) -> None:
    bands, points = series(rows, 2000), series(rows, 600)
    start, end = float(bands.left[0]), float(bands.right.max())
    ribbon.set(xlim=(start, end), ylim=(0, 1), yticks=[])
    ribbon.set_facecolor(_MISSING)
    ribbon.spines[:].set_visible(False)
    ribbon.tick_params(length=0, labelbottom=False)
    inches = 16 * (_RIGHT - _LEFT) / (end - start)
    for run in runs(bands):
        colour = palette.COMPOUND[COMPOUND.index(run.word)] if run.word in COMPOUND else _GREY
        ribbon.broken_barh([(run.start, run.end - run.start)], (0, 1), facecolor=colour, linewidth=0)
        words = run.word.replace(" ", "\n")
        if max(map(len, words.split("\n"))) * 9.5 < 72 * inches * (run.end - run.start):
            middle = (run.start + run.end) / 2
            ribbon.text(middle, 0.5, words, ha="center", va="center", color=_ink_on(colour), fontweight="bold")
    for i, colour in enumerate(palette.COMPOUND):
        curves.plot(points.middle, points.compound.mean[:, i], color=colour, linewidth=1.3)
        bold = np.array([word == COMPOUND[i] for word in points.said])
        curves.plot(
            points.middle, np.where(bold, points.compound.mean[:, i], np.nan), color=colour, linewidth=3.2, marker=""
        )
    high = np.nanmax(points.compound.mean) if not np.isnan(points.compound.mean).all() else 1.0
    curves.set_ylim(0, max(1.06 * float(high), 0.05))
    curves.set_xticks(*ticks(start, end))
    curves.grid(color=_GRID, linewidth=0.8)
    curves.set_axisbelow(True)
    curves.spines[["top", "right"]].set_visible(False)
    curves.tick_params(length=0, pad=6)


def _ink_on(colour: str) -> str:
    """White or dark, whichever stands out better on the colour."""
    red, green, blue = ((int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5))
    return _INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.3 else "white"


def _shares(axes: "Axes", facts: Facts) -> None:
    """Seconds of everything that is said, expressions in the order of their colours."""
    every = [*facts.labels, *facts.reasons]
    colours = [*palette.COMPOUND, *[_GREY] * len(facts.reasons)]
    places = np.arange(len(every))[::-1]
    widths = [one.rows / facts.rows for one in every]
    axes.barh(places, widths, 0.68, color=colours)
    for place, width, one in zip(places, widths, every, strict=True):
        words = f"{percent(one.rows, facts.rows)}   {clock(one.seconds, one.seconds)}" if one.rows else "–"
        axes.annotate(words, (width, place), (6, 0), textcoords="offset points", va="center", fontsize=11)
    _names(axes, places, [one.word for one in every])
    axes.set_xlim(0, max(widths) * 1.5)  # room for the words


def _transitions(axes: "Axes", facts: Facts) -> None:
    counts = facts.transitions
    most = max(int(counts.max()), 4)  # a single one is not much
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=most, aspect="auto")
    for row, column in np.ndindex(counts.shape):
        if counts[row, column]:
            dark = counts[row, column] > 0.55 * most
            ink = "white" if dark else _INK
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=12, color=ink)
    axes.set_xticks(range(len(STATES)), [_short(name) for name in STATES], color=_INK, fontsize=11)
    axes.set_yticks(range(len(STATES)), STATES)
    axes.set_xticks(np.arange(len(STATES) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(STATES) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=_GRID, linewidth=1)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("then: the same, in short", color=_FAINT, labelpad=8)


def _short(name: str) -> str:
    return "".join(word[:2].capitalize() for word in name.split()) if name in COMPOUND else "none"


def _responsible(axes: "Axes", facts: Facts) -> None:
    """Which network brought how much to each expression that was named."""
    every = [one for one in facts.labels if one.shares is not None]
    places = np.arange(len(every))[::-1]
    left = np.zeros(len(every))
    for i, (name, colour) in enumerate(zip(MODELS, palette.MODELS, strict=True)):
        mine = np.array([one.shares[i] for one in every if one.shares is not None])
        axes.barh(places, mine, 0.68, left, color=colour, label=name)
        for place, share, at in zip(places, mine, left, strict=True):
            if share >= 0.14:
                axes.text(at + share / 2, place, f"{100 * share:.0f}", ha="center", va="center", color=_ink_on(colour))
        left = left + mine
    _names(axes, places, [one.word for one in every])
    axes.set_xlim(0, 1)
    if every:
        place = {"loc": "upper right", "bbox_to_anchor": (1.04, -0.01)}
        axes.legend(**place, ncols=3, frameon=False, fontsize=12, handlelength=1, columnspacing=1.2)
    else:
        axes.text(0.5, 0.5, "no expression was named", transform=axes.transAxes, ha="center", color=_FAINT)


def _names(axes: "Axes", places: Any, names: Sequence[str]) -> None:
    axes.set_yticks(places, names)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)

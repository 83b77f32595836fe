"""The picture of a run: what was said, what each network saw and heard, and why, over one axis of time."""

import logging
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_cer import palette
from realtime_cer.labels import BASIC, COMPOUND, MODELS
from realtime_cer.records import Decision
from realtime_cer.sinks.series import Curves, Series, runs, series, step_of, stretches
from realtime_cer.sinks.timewords import clock, percent, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE = (16.0, 10.0)
_DPI = 100
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.055, 0.838, 0.055, 0.872
_BANDS, _POINTS = 2000, 400  # bins of ribbons and of curves: more lines than that become a thicket
_INK, _FAINT, _GRID, _GROUND = "#20242b", "#6a7079", "#e4e6ea", "#ffffff"
_ABSTAINED = {
    "no face": ("#d9dce1", "////"),
    "nothing fresh": ("#eceef1", "...."),
    "neutral dominates": ("#c6cad1", ""),
    "no emotion above 1/7": ("#e3e5e9", "\\\\\\\\"),
}
_OTHER_REASON = ("#d0d3d9", "xx")
_HATCH = "#aab0b9"
_MEANING = {
    "static": "the face in one picture",
    "dynamic": "the face over two seconds",
    "acoustic": "the voice over four seconds",
}
_LACKS = {"static": "no face", "dynamic": "no face", "acoustic": "no voice"}
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.usetex": False,
    "text.color": _INK,
    "axes.edgecolor": "#c3c7ce",
    "axes.labelcolor": _FAINT,
    "axes.linewidth": 0.8,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "hatch.linewidth": 0.7,
    "path.simplify": True,
}


def draw_timeline(path: Path, decisions: Sequence[Decision], title: str) -> None:
    """Draw a run as a PNG picture of 1600x1000 pixels, whole or not at all.

    Parameters
    ----------
    path : the picture's file
    decisions : in the order of their times; none gives a picture that says so. Long runs are drawn in bins:
        ribbons show what most decisions of a bin say, curves the mean with the range as a shade.
    title : what was analysed
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    partial = path.with_name(path.name + ".part")
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A name may hold letters that the font lacks; boxes in their place are no reason to talk.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor=_GROUND)
        FigureCanvasAgg(figure)
        _heading(figure, decisions, title.encode("utf-8", "replace").decode())  # a name need not be text
        if decisions:
            _panels(figure, decisions)
        else:
            figure.text(0.5, 0.5, "no decisions", ha="center", fontsize=30, color=_FAINT)
            figure.text(0.5, 0.455, "nothing was analysed", ha="center", fontsize=13, color=_FAINT)
        figure.savefig(partial, format="png", metadata={"Software": "realtime-cer"})
    partial.replace(path)


def _heading(figure: "Figure", decisions: Sequence[Decision], title: str) -> None:
    shown = title if len(title) <= 80 else f"{title[:38]} … {title[-38:]}"
    figure.text(_LEFT, 0.963, shown, fontsize=20, fontweight="bold", va="center", parse_math=False)
    if not decisions:
        return
    span = decisions[-1].t - decisions[0].t + step_of(decisions)
    named = sum(d.label is not None for d in decisions) / len(decisions)
    facts = [
        f"rule {_joined(d.rule.removeprefix('rule') for d in decisions)}",
        f"weights {_joined(d.weights for d in decisions)}",
        f"{len(decisions)} decision{'s' * (len(decisions) != 1)} in {clock(span, span)}",
        f"an expression named in {100 * named:.0f} % of them",
    ]
    figure.text(_LEFT, 0.927, "   ·   ".join(facts), fontsize=11, color=_FAINT, va="center", parse_math=False)


def _joined(words: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(words))


def _panels(figure: "Figure", decisions: Sequence[Decision]) -> None:
    bands, points = series(decisions, _BANDS), series(decisions, _POINTS)
    ribbon, compound, *basic, why = figure.subplots(
        6,
        1,
        sharex=True,
        gridspec_kw={
            "height_ratios": [0.62, 2.3, 1, 1, 1, 0.62],
            "left": _LEFT,
            "right": _RIGHT,
            "bottom": _BOTTOM,
            "top": _TOP,
            "hspace": 0.30,
        },
    )
    start, end = float(bands.left[0]), float(bands.right.max())
    ribbon.set_xlim(start, end)
    for axes in (ribbon, compound, *basic, why):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=0)
    _ribbon(ribbon, bands, Counter(d.label or d.reason or "" for d in decisions), len(decisions))
    _compound(compound, points)
    for axes, name in zip(basic, MODELS, strict=True):
        _basic(axes, points, name)
    _legend(basic[0], [(palette.BASIC[i], "", name) for i, name in enumerate(BASIC)], "basic emotions", lines=True)
    _why(why, bands)
    _time_axis(why, start, end)


def _time_axis(axes: "Axes", start: float, end: float) -> None:
    axes.set_xticks(*ticks(start, end))
    axes.tick_params(axis="x", labelsize=10, pad=5)


def _fill(word: str) -> tuple[str, str]:
    """Colour and hatching of what is said."""
    if word in COMPOUND:
        return palette.COMPOUND[COMPOUND.index(word)], ""
    return _ABSTAINED.get(word, _OTHER_REASON)


def _ink_on(colour: str) -> str:
    """White or dark, whichever stands out better on the colour."""
    red, green, blue = ((int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5))
    # Bold letters this large read in white a little beyond the point of equal contrast.
    return _INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.42 else "white"


def _ribbon(axes: "Axes", s: Series, counts: Counter[str], total: int) -> None:
    """What is said, as a band, with words where they fit."""
    found = runs(s)
    for word in dict.fromkeys(run.word for run in found):
        colour, hatch = _fill(word)
        bars = [(run.start, run.end - run.start) for run in found if run.word == word]
        axes.broken_barh(bars, (0, 1), facecolor=colour, hatch=hatch, edgecolor=_HATCH, linewidth=0)
    inches = _SIZE[0] * (_RIGHT - _LEFT)
    for run in found:
        room = (run.end - run.start) / (s.right.max() - s.left[0]) * inches * 72 - 4
        label = run.word in COMPOUND
        stacked = run.word.replace(" ", "\n")
        for words, size in ((run.word, 11.0), (stacked, 10.0), (stacked, 8.0)):
            if max(map(len, words.split("\n"))) * size * (0.66 if label else 0.58) <= room:
                axes.text(
                    (run.start + run.end) / 2,
                    0.5,
                    words,
                    fontsize=size,
                    fontweight="bold" if label else "normal",
                    color=_ink_on(_fill(run.word)[0]),
                    ha="center",
                    va="center",
                    bbox=None if label else {"facecolor": _fill(run.word)[0], "edgecolor": "none", "pad": 1.5},
                )
                break
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    _name(axes, "what is said", "")
    reasons = [word for word, _ in counts.most_common() if word and word not in COMPOUND]
    every = (*COMPOUND, *reasons)
    _legend(axes, [(*_fill(w), f"{w}  {percent(counts[w], total)}") for w in every], "share of all decisions")


def _compound(axes: "Axes", s: Series) -> None:
    """The seven compound curves; the one that is said is drawn bold."""
    _draw_curves(axes, s, s.compound, palette.COMPOUND, 1.3)
    for i, name in enumerate(COMPOUND):
        said = np.array([word == name for word in s.said])
        _line(axes, s.middle, np.where(said, s.compound.mean[:, i], np.nan), palette.COMPOUND[i], 3.2)
    top = np.nanmax(s.compound.high) if not np.isnan(s.compound.high).all() else 1.0
    _scale(axes, max(float(top) * 1.06, 0.05))
    width = float(s.right[0] - s.left[0])
    binned = f", means over {clock(width, 0) if width >= 0.1 else f'{width:.2f} s'}" if s.binned else ""
    _name(axes, "compound expressions", f"bold where it is named{binned}")
    _lacking(axes, s, s.compound, "nothing is known")


def _basic(axes: "Axes", s: Series, name: str) -> None:
    curves = s.models[name]
    _draw_curves(axes, s, curves, palette.BASIC, 1.4)
    _scale(axes, 1.03)
    axes.set_yticks([0, 0.5, 1])
    _name(axes, name, _MEANING[name])
    _lacking(axes, s, curves, _LACKS[name])


def _lacking(axes: "Axes", s: Series, curves: Curves, words: str) -> None:
    """Tell where nothing is known, in words where they fit."""
    missing = np.asarray(np.isnan(curves.mean).any(axis=1))
    whole = float(s.right.max() - s.left[0])
    for first, last in stretches(missing):
        start, end = float(s.left[first]), float(s.right[last])
        axes.axvspan(start, end, facecolor="#f4f5f7", linewidth=0, zorder=0)
        # With a face in sight the window of pictures is only not full yet.
        told = "not yet" if words == "no face" and np.nanmean(s.faces[first : last + 1]) > 0.5 else words
        if (end - start) / whole * _SIZE[0] * (_RIGHT - _LEFT) * 72 > len(told) * 6.5:
            axes.text((start + end) / 2, axes.get_ylim()[1] / 2, told, ha="center", va="center", color=_FAINT)


def _why(axes: "Axes", s: Series) -> None:
    """How much each network brought to the strongest class."""
    x = np.column_stack([s.left, s.right]).ravel()
    tops = np.repeat(np.cumsum(s.shares, axis=1), 2, axis=0)
    below = np.zeros(len(x))
    for i, colour in enumerate(palette.MODELS):
        axes.fill_between(x, below, tops[:, i], facecolor=colour, linewidth=0)
        below = tops[:, i]
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.spines["left"].set_visible(False)
    _name(axes, "why", "what each network brought to the strongest class")
    known = s.shares[~np.isnan(s.shares).any(axis=1)]
    means = known.mean(axis=0) if len(known) else np.zeros(len(MODELS))
    _legend(axes, [(c, "", f"{n}  {100 * m:.0f} %") for c, n, m in zip(palette.MODELS, MODELS, means, strict=True)], "")


def _draw_curves(axes: "Axes", s: Series, curves: Curves, colours: Sequence[str], width: float) -> None:
    for i, colour in enumerate(colours):
        if (curves.high - curves.low > 0).any():
            low, high = curves.low[:, i], curves.high[:, i]
            axes.fill_between(s.middle, low, high, facecolor=colour, alpha=0.07, linewidth=0)
        _line(axes, s.middle, curves.mean[:, i], colour, width)


def _line(axes: "Axes", x: Any, y: Any, colour: str, width: float) -> None:
    """A curve with gaps; points without a neighbour become dots, as a line would not show them."""
    known = np.isfinite(y)
    if not known.any():
        return
    axes.plot(x, y, color=colour, linewidth=width, solid_capstyle="round", solid_joinstyle="round")
    beside = np.append(known[1:], False) | np.insert(known[:-1], 0, False)
    alone = known & ~beside
    if alone.any() and len(x) <= _POINTS // 2:
        axes.plot(x[alone], y[alone], "o", color=colour, markersize=1.5 * width + 1, markeredgewidth=0)


def _scale(axes: "Axes", top: float) -> None:
    axes.set_ylim(0, top)
    axes.grid(axis="both", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def _name(axes: "Axes", name: str, meaning: str) -> None:
    place: dict[str, Any] = {"textcoords": "offset points", "va": "bottom"}
    first = axes.annotate(name, (0, 1), (0, 4), "axes fraction", fontsize=11.5, fontweight="bold", **place)
    if meaning:
        axes.annotate(meaning, (1, 0), (9, 0), first, fontsize=10, color=_FAINT, **place)


def _legend(axes: "Axes", entries: Sequence[tuple[str, str, str]], title: str, *, lines: bool = False) -> None:
    """Colours and their names, right of the panel."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], color=colour, linewidth=3, label=name)
        if lines
        else Patch(facecolor=colour, hatch=hatch, edgecolor=_HATCH, linewidth=0, label=name)
        for colour, hatch, name in entries
    ]
    legend = axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.012, 1.03),
        borderaxespad=0,
        frameon=False,
        fontsize=9.5,
        handlelength=1.5,
        handleheight=1.1,
        labelspacing=0.62,
        title=title or None,
        alignment="left",
    )
    legend.get_title().set_color(_FAINT)

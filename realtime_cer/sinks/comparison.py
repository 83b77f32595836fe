"""The picture of two timelines over the same rows: what each says, and where they differ."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from realtime_cer import palette
from realtime_cer.labels import COMPOUND
from realtime_cer.records import Decision
from realtime_cer.sinks.series import ends_of
from realtime_cer.sinks.timewords import ticks

_SIZE, _DPI = (16.0, 4.2), 100
_LEFT, _WIDTH = 0.13, 0.68
_COLUMNS = round(_SIZE[0] * _DPI * _WIDTH)
"""One for each pixel, so that none is lost."""
_QUIET, _INK, _MARK, _MISSING = "#e3e5e9", "#20242b", "#c0392b", "white"
_STYLE: dict[Any, Any] = {"font.family": "DejaVu Sans", "text.usetex": False, "text.parse_math": False}


def draw_comparison(
    path: Path, one: Sequence[Decision], other: Sequence[Decision], names: tuple[str, str], title: str
) -> None:
    """Draw both as ribbons of one axis of time, and a mark wherever they differ.

    Parameters
    ----------
    path : of the PNG
    one, other : rows for the same instants, in the order of time, at least one
    names : what each is called
    title : what the picture is called

    Raises
    ------
    OSError
        It cannot be written.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    colours = np.array([to_rgb(code) for code in (*palette.COMPOUND, _QUIET, _MISSING, _MARK)])
    quiet, missing, mark = range(len(COMPOUND), len(COMPOUND) + 3)
    places = [np.array([COMPOUND.index(row.label) if row.label else quiet for row in rows]) for rows in (one, other)]
    differs = places[0] != places[1]
    t, ends = np.array([row.t for row in one]), ends_of(one)
    start, end = float(t[0]), float(ends[-1])
    middles = start + (np.arange(_COLUMNS) + 0.5) / _COLUMNS * (end - start)
    newest = np.searchsorted(t, middles, side="right") - 1
    held = middles < ends[newest]
    marked = held & differs[newest]
    # A column of a long run stands for several rows: one that differs among them marks it.
    marked[np.minimum(((t[differs] - start) / (end - start) * _COLUMNS).astype(np.intp), _COLUMNS - 1)] = True
    bands = [
        *((row + 0.05, row + 0.85, np.where(held, ribbon[newest], missing)) for row, ribbon in enumerate(places)),
        (2.05, 2.45, np.where(marked, mark, missing)),
    ]
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A name may hold letters that the font lacks; boxes in their place are no reason to talk.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=_SIZE, dpi=_DPI)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((_LEFT, 0.2, _WIDTH, 0.62))
        for top, bottom, columns in bands:
            extent = start, end, top, bottom
            axes.imshow(colours[columns][None], extent=extent, aspect="auto", interpolation="nearest")
        axes.set(xlim=(start, end), ylim=(2.5, 0))
        axes.set_yticks([0.45, 1.45, 2.25], [*names, "differ"], color=_INK)
        axes.set_xticks(*ticks(start, end))
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        share = f"{differs.sum()} of {len(one)} decisions differ ({differs.mean():.1%})"
        figure.text(0.02, 0.93, title, fontsize=15, color=_INK, weight="bold", va="center")
        figure.text(0.02, 0.86, share, fontsize=10, color=_INK, va="center")
        seen = sorted({*places[0].tolist(), *places[1].tolist()})
        words = (*COMPOUND, "abstained")
        figure.legend(
            handles=[Patch(color=tuple(colours[place]), label=words[place]) for place in seen],
            loc="center left",
            bbox_to_anchor=(0.825, 0.5),
            frameon=False,
        )
        figure.savefig(path)

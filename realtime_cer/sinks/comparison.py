"""The picture of two timelines over the same rows: what each says, and where they differ."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from realtime_cer import palette
from realtime_cer.labels import COMPOUND
from realtime_cer.records import Decision
from realtime_cer.sinks.series import step_of
from realtime_cer.sinks.timewords import ticks

_SIZE, _DPI = (16.0, 4.2), 100
_LONGEST = 3000
_QUIET, _INK, _MARK = "#e3e5e9", "#20242b", "#c0392b"


def draw_comparison(
    path: Path, one: Sequence[Decision], other: Sequence[Decision], names: tuple[str, str], title: str
) -> None:
    """Draw both as ribbons of one axis of time, and a mark wherever they differ.

    Parameters
    ----------
    path : of the PNG
    one, other : rows for the same instants, at least one
    names : what each is called
    title : what the picture is called

    Raises
    ------
    OSError
        It cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    colours = np.array([to_rgb(code) for code in (*palette.COMPOUND, _QUIET)])
    places = [[COMPOUND.index(row.label) if row.label else len(COMPOUND) for row in rows] for rows in (one, other)]
    differs = np.array(places[0]) != np.array(places[1])
    step = step_of(one)
    start, end = one[0].t, one[-1].t + step
    count = min(len(one), _LONGEST)
    columns = np.minimum(np.arange(count) * len(one) // count, len(one) - 1)
    # A column of a long run stands for several rows: one that differs among them marks it.
    marked = np.maximum.reduceat(differs, columns)
    figure = Figure(figsize=_SIZE, dpi=_DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.13, 0.2, 0.68, 0.62))
    for row, ribbon in enumerate(places):
        axes.imshow(
            colours[np.array(ribbon)[columns]][None],
            extent=(start, end, row + 0.05, row + 0.85),
            aspect="auto",
            interpolation="nearest",
        )
    axes.imshow(
        np.where(marked[:, None], to_rgb(_MARK), to_rgb("white"))[None],
        extent=(start, end, 2.05, 2.45),
        aspect="auto",
        interpolation="nearest",
    )
    axes.set(xlim=(start, end), ylim=(2.5, 0))
    axes.set_yticks([0.45, 1.45, 2.25], [*names, "differ"], color=_INK)
    axes.set_xticks(*ticks(start, end))
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    share = f"{differs.sum()} of {len(one)} decisions differ ({differs.mean():.1%})"
    figure.text(0.02, 0.93, title, fontsize=15, color=_INK, weight="bold", va="center")
    figure.text(0.02, 0.86, share, fontsize=10, color=_INK, va="center")
    seen = sorted({*places[0], *places[1]})
    words = (*COMPOUND, "abstained")
    figure.legend(
        handles=[Patch(color=tuple(colours[place]), label=words[place]) for place in seen],
        loc="center left",
        bbox_to_anchor=(0.825, 0.5),
        frameon=False,
    )
    figure.savefig(path)

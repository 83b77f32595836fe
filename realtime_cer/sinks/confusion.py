"""The picture of who says what where another says what: readable from the last row of a room."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_INK, _FAINT = "#20242b", "#6a7079"
_DARK = 0.6


def draw_confusion(
    path: Path,
    counts: npt.NDArray[np.int64],
    names: Sequence[str],
    *,
    title: str,
    told: str,
    rows: str = "the human says (steps)",
    columns: str = "the machine says; per cent of each row, and steps of 0.2 s",
) -> None:
    """Draw counts as a PNG of 1600x1200 pixels, each row in per cent of what the human says; whole or not at all.

    Parameters
    ----------
    path : of the picture
    counts : (rows, classes), rows the human, columns the machine; rows are the first of the classes, or all
    names : of the classes
    title, told : what was compared, and how it came out
    rows, columns : what stands at the axes
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    total = counts.sum(1, keepdims=True)
    share = counts / np.maximum(total, 1)
    style: dict[Any, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 16,
        "text.color": _INK,
        "text.usetex": False,
        "text.parse_math": False,
    }
    partial = path.with_name(path.name + ".part")
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(16, 12), dpi=100, facecolor="white")
        FigureCanvasAgg(figure)
        shown = title if len(title) <= 60 else f"{title[:28]} … {title[-28:]}"
        figure.text(0.03, 0.955, shown, fontsize=28, fontweight="bold", va="center")
        figure.text(0.03, 0.915, told, fontsize=18, color=_FAINT, va="center")
        axes = figure.add_axes((0.265, 0.125, 0.72, 0.745))
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for row, column in np.ndindex(counts.shape):
            if counts[row, column]:
                axes.text(
                    column,
                    row,
                    f"{100 * share[row, column]:.0f} %\n{counts[row, column]}",
                    ha="center",
                    va="center",
                    fontsize=20,
                    color="white" if share[row, column] > _DARK else _INK,
                )
        for k in range(len(counts)):  # where both say the same
            axes.add_patch(Rectangle((k - 0.47, k - 0.47), 0.94, 0.94, fill=False, edgecolor=_INK, linewidth=1.6))
        axes.set_xticks(range(len(names)), [name.replace(" ", "\n") for name in names], color=_INK)
        asked = zip(names[: len(counts)], total[:, 0], strict=True)
        axes.set_yticks(range(len(counts)), [f"{name}  ({int(count)})" for name, count in asked])
        axes.tick_params(length=0, labelcolor=_INK)
        axes.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(counts) + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=3)
        axes.tick_params(which="minor", length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel(columns, color=_FAINT, labelpad=14)
        figure.text(0.03, 0.88, rows, fontsize=16, color=_FAINT, va="center")
        figure.savefig(partial, format="png", metadata={"Software": "realtime-cer"})
    partial.replace(path)

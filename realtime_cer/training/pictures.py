"""Pictures of what was measured: confusion, reliability, and the weights of a fusion."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_cer import palette
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import BASIC, MODELS
from realtime_cer.metrics import BINS
from realtime_cer.whole import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, GRID = "#20242b", "#6a7079", "#e4e6ea"
_GAP = "#d4483b"
_FEW = 10  # samples: a bin of fewer is drawn pale
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": "#c3c7ce",
    "axes.labelcolor": FAINT,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "hatch.linewidth": 0.7,
}


@contextmanager
def drawn(path: Path, width: float, height: float) -> Iterator["Figure"]:
    """Give a figure of so many inches to draw on, then write it as PNG, whole or not at all.

    Raises
    ------
    Refused
        The picture cannot be written.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not path.name:
        raise Refused(f"cannot write {path}: give a file")
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), dpi=110, facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        try:
            with whole(path) as part:
                figure.savefig(part, format="png", metadata={"Software": "realtime-cer"})
        except OSError as error:
            raise Refused(f"cannot write {path}: {error.strerror}") from None


def confusion_picture(report: Mapping[str, Any], path: Path) -> None:
    """Draw the confusion matrix of a report of ``scripts/evaluate``: rows are the truth, in per cent of each row."""
    names, counts = report["classes"], np.array(report["confusion"], float)
    share = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    with drawn(path, 6.6, 5.6) as figure:
        axes = figure.subplots()
        axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
        _write_cells(axes, share, "{:.0f}", 55)
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), [f"{name} ({int(n)})" for name, n in zip(names, counts.sum(1), strict=True)])
        axes.set_xlabel("taken for, % of each row")
        figures = f"accuracy {report['accuracy']:.1%}, mean recall {report['uar']:.1%}"
        rule = f", rule {report['default_rule'].removeprefix('rule')}" if "default_rule" in report else ""
        axes.set_title(f"{report['corpus']}, {report['part']}{rule}\n{figures}", fontsize=10.5)


def reliability_picture(calibration: Mapping[str, Any], title: str, path: Path) -> None:
    """Draw how often the winner was right against how sure it was, before and after the temperature, with counts.

    Parameters
    ----------
    calibration : of a report: ``network``, ``after``, and where it is known ``before`` and ``temperature``
    """
    from matplotlib.patches import Patch

    panels = [("after", "as it is")]
    if "before" in calibration:
        panels = [("before", "before: temperature 1"), ("after", f"after: temperature {calibration['temperature']:g}")]
    colour = palette.MODELS[MODELS.index(calibration["network"])]
    with drawn(path, 5.3 * len(panels), 6.2) as figure:
        n = sum(calibration["after"]["reliability"]["counts"])
        figure.suptitle(f"{title} (n = {n})", fontsize=12.5, fontweight="bold", x=0.015, ha="left")
        grid = figure.subplots(
            2, len(panels), sharex=True, sharey="row", squeeze=False, gridspec_kw={"height_ratios": [3.4, 1]}
        )
        for column, (key, told) in enumerate(panels):
            _reliability(grid[0, column], calibration[key], told, colour)
            _counts(grid[1, column], calibration[key]["reliability"]["counts"], colour)
        grid[0, 0].set_ylabel("how often right (accuracy)")
        grid[1, 0].set_ylabel("% of samples")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        handles[1] = Patch(color=colour, alpha=0.8)  # the first bar may be a pale one
        figure.legend(
            [*handles, Patch(color=colour, alpha=0.25)],
            [*labels, f"pale: fewer than {_FEW} samples"],
            loc="outside lower center",
            ncols=2 * len(panels),
            frameon=False,
        )


def _reliability(axes: "Axes", found: Mapping[str, Any], told: str, colour: str) -> None:
    """Bars of accuracy, and from each the gap to what was promised."""
    middles = (np.arange(BINS) + 0.5) / BINS
    curve = found["reliability"]
    confidence, accuracy = (np.array(curve[key], float) for key in ("confidence", "accuracy"))
    wide = 0.94 / BINS
    few = np.array(curve["counts"]) < _FEW
    bars = axes.bar(middles, np.nan_to_num(accuracy), wide, color=colour, alpha=0.8, label="accuracy of a bin")
    for bar in np.array(bars, object)[few]:
        bar.set_alpha(0.25)
    low, high = np.fmin(confidence, accuracy), np.fmax(confidence, accuracy)
    axes.bar(
        middles,
        np.nan_to_num(high - low),
        wide,
        np.nan_to_num(low),
        facecolor=(_GAP, 0.2),
        edgecolor=_GAP,
        hatch="////",
        linewidth=0.9,
        label="gap to its confidence",
    )
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (4, 3)), label="means what it says")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.grid(color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{told}\ncalibration error {100 * found['ece']:.1f} %")


def _counts(axes: "Axes", counts: Sequence[int], colour: str) -> None:
    share = 100 * np.array(counts) / max(sum(counts), 1)
    axes.bar((np.arange(BINS) + 0.5) / BINS, share, 0.94 / BINS, color=colour, alpha=0.55)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("how sure (confidence of the winner)")


def weights_picture(weights: Sequence[FusionWeights], path: Path) -> None:
    """Draw each model's weight for each emotion as a heat map, one for each set of weights: the paper's Figure 2."""
    with drawn(path, 8.4, 0.7 + 2.0 * len(weights)) as figure:
        panels = figure.subplots(len(weights), 1, squeeze=False, sharex=True)[:, 0]
        for axes, w in zip(panels, weights, strict=True):
            image = axes.imshow(w.classes, cmap="Blues", vmin=0, vmax=1, aspect="auto")
            _write_cells(axes, w.classes, "{:.2f}", 0.55)
            v = [""] * len(w.classes) if w.models is None else [f"  (v {value:g})" for value in w.models]
            axes.set_yticks(range(len(v)), [f"{name}{told}" for name, told in zip(MODELS, v, strict=False)], color=INK)
            axes.set_title(f"weights {w.name}", parse_math=False)
            axes.set_xticks(range(len(BASIC)), BASIC, color=INK)
            axes.tick_params(length=0, labelbottom=True)
            axes.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=list(panels), fraction=0.03, pad=0.02, label="weight of the model")
        bar.outline.set_visible(False)


def _write_cells(axes: "Axes", values: Any, form: str, dark: float) -> None:
    """Write every number into its cell; white on cells beyond ``dark``."""
    for row, column in np.ndindex(values.shape):
        value = values[row, column]
        shade = "white" if value > dark else INK
        axes.text(column, row, form.format(value), ha="center", va="center", color=shade)

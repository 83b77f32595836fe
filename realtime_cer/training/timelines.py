"""The compound timelines of each model and of their fusion on a clip: the paper's Figure 3."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from realtime_cer import palette
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Decision
from realtime_cer.rules import Rule, judge
from realtime_cer.training.pictures import FAINT, GRID, INK, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEP_S = 0.2
"""How long a decision holds."""

_ABSTAINS = "#dcdfe4"

Floats = npt.NDArray[np.float64]
Line = tuple[Floats, list[str | None]]


def lines(decisions: Sequence[Decision], weights: FusionWeights, rule: Rule) -> dict[str, Line]:
    """Judge every model by itself, and take the fusion as it was decided.

    Returns
    -------
    For static, dynamic, acoustic and fused: compound scores (N, 7), NaN where nothing is known, and what is named,
    None where it abstains. Neither is in the other's scale: weights with v make the fused scores small.
    """
    found: dict[str, Line] = {}
    for i, model in enumerate(MODELS):
        scores, said = np.full((len(decisions), len(COMPOUND)), np.nan), []
        for k, decision in enumerate(decisions):
            p = decision.models[model]
            label = None
            if p is not None and i < len(weights.classes):
                every = np.zeros(weights.classes.shape)
                every[i] = p
                verdict = judge(every, np.arange(len(every)) == i, weights, rule)
                scores[k], label = verdict.compound, verdict.label
            said.append(label)
        found[model] = scores, said
    nothing = (np.nan,) * len(COMPOUND)
    fused = np.array([nothing if d.compound is None else d.compound for d in decisions], np.float64)
    found["fused"] = fused.reshape(-1, len(COMPOUND)), [d.label for d in decisions]
    return found


def timelines_picture(
    decisions: Sequence[Decision], weights: FusionWeights, rule: Rule, title: str, path: Path
) -> None:
    """Draw the four timelines under each other: curves of the scores, and above them what is named."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    t = np.array([d.t for d in decisions], np.float64)
    found = lines(decisions, weights, rule)
    with drawn(path, 11.5, 9.2) as figure:
        figure.suptitle(title, fontsize=13, fontweight="bold", x=0.01, ha="left", parse_math=False)
        panels = figure.subplots(len(found), 1, sharex=True)
        for axes, (name, (scores, said)) in zip(panels, found.items(), strict=True):
            _curves(axes, t, scores)
            _ribbon(axes, t, said)
            colour = palette.MODELS[MODELS.index(name)] if name in MODELS else INK
            axes.set_title(name, color=colour, fontweight="bold", pad=15)
        panels[-1].set_xlabel("seconds")
        panels[-1].set_xlim(0, max(float(t[-1]) + STEP_S if len(t) else STEP_S, STEP_S))
        handles: list[Any] = [Line2D([], [], color=c, linewidth=3) for c in palette.COMPOUND]
        handles.append(Patch(facecolor=_ABSTAINS))
        figure.legend(
            handles, [*COMPOUND, "abstains, or knows nothing"], loc="outside lower center", ncols=4, frameon=False
        )


def _curves(axes: "Axes", t: Floats, scores: Floats) -> None:
    for i, colour in enumerate(palette.COMPOUND):
        axes.plot(t + STEP_S / 2, scores[:, i], color=colour, linewidth=1.8, solid_capstyle="round")
    known = bool(np.isfinite(scores).any())
    axes.set_ylim(0, max(float(np.nanmax(scores)) * 1.08, 0.05) if known else 1)
    axes.set_ylabel("compound score")
    axes.grid(color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    if not known:
        axes.text(0.5, 0.5, "says nothing here", transform=axes.transAxes, ha="center", va="center", color=FAINT)


def _ribbon(axes: "Axes", t: Floats, said: Sequence[str | None]) -> None:
    """What is named, as a band above the panel; a gap where nothing is known is grey too."""
    place = axes.get_xaxis_transform()
    for start, label in zip(t, said, strict=True):
        colour = _ABSTAINS if label is None else palette.COMPOUND[COMPOUND.index(label)]
        axes.broken_barh([(start, STEP_S)], (1.02, 0.09), facecolor=colour, transform=place, clip_on=False)

"""Each model alone and each fusion of them on stored probabilities: the rows of the paper's Table 2."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights, fuse
from realtime_cer.labels import BASIC, COMPOUND, MODELS
from realtime_cer.rules import Rule
from realtime_cer.training.evaluate import calibration_of, compare_rules, figures_of
from realtime_cer.training.stored import Stored

VIDEO = MODELS.index("dynamic") + 1
"""The first models see, the others hear."""

Mask = npt.NDArray[np.bool_]


def compare(stored: Stored, weights: Sequence[FusionWeights], default: Rule) -> dict[str, Any]:
    """Measure every model and every fusion.

    Parameters
    ----------
    stored : labelled with ``labels.BASIC``, or with ``labels.COMPOUND``: then every rule is measured; where it has
        halves, only the second is used, as ``scripts/fit_fusion`` fits on the first
    weights : each measured without its v (Dirichlet) and, where it has them, with its v (hierarchical)
    default : the rule against which the others are held

    Raises
    ------
    Refused
        Labels of other classes.
    """
    if stored.classes not in (BASIC, COMPOUND):
        raise Refused(
            f"stored probabilities are labelled {', '.join(stored.classes)}; expected basic or compound classes"
        )
    whole = len(stored)
    if stored.half is not None:
        stored = _unfitted(stored)
    rows, calibration = [], {}
    for name, fusion, w, here in _combinations(stored, weights):
        there = here.any(1)
        fused, _ = fuse(stored.probabilities[there, : len(w.classes)], w, here[there])
        labels = stored.labels[there]
        row: dict[str, Any] = {"models": name, "fusion": fusion, "n": len(labels)}
        if stored.classes == COMPOUND:
            row["rules"] = compare_rules(fused, labels, default)
        else:
            row |= figures_of(labels, fused.argmax(1), BASIC)
            if fusion is None:
                calibration[name] = calibration_of(fused, labels)
        rows.append(row)
    return {
        "source": stored.source,
        "n": len(stored),
        "of": whole,
        "classes": list(stored.classes),
        "rows": rows,
        "calibration": calibration,
    }


def _unfitted(stored: Stored) -> Stored:
    """Keep the half on which no weights were fitted."""
    kept = stored.half == 1
    p, present, labels = stored.probabilities[kept], stored.present[kept], stored.labels[kept]
    return Stored(p, present, labels, stored.classes, stored.source)


def _combinations(
    stored: Stored, weights: Sequence[FusionWeights]
) -> Iterator[tuple[str, str | None, FusionWeights, Mask]]:
    """Yield models, fusion (None: a model alone), weights, and who is present (N, M), for all that occur."""
    equal = FusionWeights.equal()
    occurring = [i for i in range(len(MODELS)) if stored.present[:, i].any()]
    for i in occurring:
        yield MODELS[i], None, equal, stored.present & (np.arange(len(MODELS)) == i)
    for w in weights:
        for limit in (VIDEO, len(MODELS)):
            chosen = [i for i in occurring if i < min(limit, len(w.classes))]
            if len(chosen) < 2 or (limit > VIDEO and chosen[-1] < VIDEO):
                continue
            here = (stored.present & np.isin(np.arange(len(MODELS)), chosen))[:, : len(w.classes)]
            name = " + ".join(MODELS[i] for i in chosen)
            yield name, w.name if w.name == "equal" else f"{w.name}, Dirichlet", w.without_models(), here
            if w.models is not None:
                yield name, f"{w.name}, hierarchical", w, here

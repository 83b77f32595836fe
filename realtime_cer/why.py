"""What a decision would have been without one of its models. Pure: recomputed from the row's own probabilities."""

from collections.abc import Mapping

import numpy as np

from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import BASIC, MODELS
from realtime_cer.records import Decision
from realtime_cer.rules import Rule, judge


def without(
    decision: Decision, weights: FusionWeights, rule: Rule, always_decide: bool = False
) -> Mapping[str, str | None]:
    """The label that each model's absence would have led to, None for abstention.

    Parameters
    ----------
    decision : a row as it was issued, not smoothed
    weights, rule, always_decide : what it was decided by

    Returns
    -------
    One entry for each model that took part. The others' weights are renormalised, exactly as when a model is missing
    live; without the only model nothing is left, and the program abstains.
    """
    names = MODELS[: len(weights.classes)]
    scores = np.array([decision.models.get(name) or (0.0,) * len(BASIC) for name in names])
    present = np.array([decision.models.get(name) is not None for name in names])
    told: dict[str, str | None] = {}
    for n, name in enumerate(names):
        if present[n]:
            rest = present.copy()
            rest[n] = False
            told[name] = judge(scores, rest, weights, rule, always_decide=always_decide).label
    return told

"""One row from what the networks said: fused, judged and put into words. Pure."""

from collections.abc import Mapping

import numpy as np

from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import BASIC, MODELS
from realtime_cer.records import Decision, Face, Scores
from realtime_cer.rules import judge


def decision(
    t: float,
    seq: int,
    scores: Mapping[str, Scores | None],
    face: Face | None,
    config: Config,
    weights: FusionWeights,
    *,
    searched: bool,
    now: float,
    dropped: int = 0,
) -> Decision:
    """Fuse the scores, judge them by the rule, and tell it all as one row.

    Parameters
    ----------
    t, seq : of the row
    scores : of each model by name, None where it is missing
    face : the target face
    config : the rule, and whether to abstain
    weights : fusion weights of two models (static, dynamic) or three
    searched : whether there was a fresh picture
    now : the ages count up to here, in seconds
    dropped : grid frames lost since the row before
    """
    fused = MODELS[: len(weights.classes)]
    table = np.zeros((len(fused), len(BASIC)))
    present = np.zeros(len(fused), np.bool_)
    for row, name in enumerate(fused):
        one = scores[name]
        if one is not None:
            table[row], present[row] = one.probabilities, True
    verdict = judge(
        table,
        present,
        weights,
        config.rule,
        always_decide=config.always_decide,
        no_face=searched and face is None,
    )
    return Decision(
        t=t,
        seq=seq,
        face=face.box if face else None,
        label=verdict.label,
        reason=verdict.reason,
        basic=None if verdict.fused is None else tuple(verdict.fused.tolist()),
        compound=None if verdict.compound is None else tuple(verdict.compound.tolist()),
        models={name: tuple(one.probabilities.tolist()) if one else None for name, one in scores.items()},
        contributions={
            name: float(share) for name, share, here in zip(fused, verdict.shares, present, strict=True) if here
        },
        age_ms={name: (now - one.t) * 1000 if one else None for name, one in scores.items()},
        dropped=dropped,
        rule=config.rule,
        weights=weights.name,
        engine={name: one.engine if one else None for name, one in scores.items()},
    )

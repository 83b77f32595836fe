"""The decision clock: one Decision for every grid instant. Pure: ``now`` is an argument, no threads."""

from collections import deque
from collections.abc import Mapping

import numpy as np

from realtime_cer.buffers import GRID_S, instant
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import BASIC, MODELS
from realtime_cer.records import Decision, Scores, Visual
from realtime_cer.rules import judge

_TOLERANCE_S = 1e-6


class Decider:
    """Issues the decision for instant k when its picture was analysed, or at the deadline, whichever is first.

    The acoustic scores that count are the newest with t <= t_k that are not older than ``max_age_ms``. What arrives
    after its decision was issued is counted as dropped.

    Parameters
    ----------
    config : rule, deadline, ages
    weights : fusion weights of two models (static, dynamic) or three
    origin : time of grid instant 0
    """

    def __init__(self, config: Config, weights: FusionWeights, origin: float) -> None:
        self._config = config
        self._weights = weights
        self._origin = origin
        self._next = 0
        self._dropped = 0
        self._acoustic: deque[Scores] = deque(maxlen=16)

    def complete(self, end: float) -> bool:
        """Whether a stream that ends at ``end`` has all its decisions; an instant wants half a step of it."""
        return instant(self._origin, self._next) + GRID_S / 2 > end + _TOLERANCE_S

    @property
    def deadline(self) -> float:
        """When the next decision is issued at the latest."""
        return instant(self._origin, self._next) + self._config.deadline_ms / 1000

    def due(self, now: float) -> bool:
        """Whether the next decision cannot wait any longer."""
        return now >= self.deadline - _TOLERANCE_S

    def tick(self, now: float) -> list[Decision]:
        """Decisions whose deadline has passed."""
        decisions: list[Decision] = []
        while self.due(now):
            decisions.append(self._decide(None, now))
        return decisions

    def heard(self, scores: Scores) -> None:
        """Take in acoustic scores."""
        self._acoustic.append(scores)

    def seen(self, visual: Visual, now: float) -> list[Decision]:
        """Take in what was seen: its decision, after those that were due before it."""
        decisions: list[Decision] = []
        while self._next < visual.k:
            decisions.append(self._decide(None, now))
        self._dropped += visual.dropped
        if visual.k < self._next:
            self._dropped += 1
            return decisions
        decisions.append(self._decide(visual, now))
        return decisions

    def _sound_at(self, t: float) -> Scores | None:
        """The newest acoustic scores that count at ``t``."""
        for scores in reversed(self._acoustic):
            if scores.t <= t + _TOLERANCE_S:
                return scores if (t - scores.t) * 1000 <= self._config.max_age_ms + 1e-3 else None
        return None

    def _decide(self, visual: Visual | None, now: float) -> Decision:
        k, self._next = self._next, self._next + 1
        dropped, self._dropped = self._dropped, 0
        t = instant(self._origin, k)
        scores: Mapping[str, Scores | None] = {
            "static": visual.static if visual else None,
            "dynamic": visual.dynamic if visual else None,
            "acoustic": self._sound_at(t),
        }
        fused = MODELS[: len(self._weights.classes)]
        table = np.zeros((len(fused), len(BASIC)))
        present = np.zeros(len(fused), np.bool_)
        for row, name in enumerate(fused):
            one = scores[name]
            if one is not None:
                table[row], present[row] = one.probabilities, True
        searched = visual is not None and visual.face is None
        verdict = judge(
            table,
            present,
            self._weights,
            self._config.rule,
            always_decide=self._config.always_decide,
            no_face=searched,
        )
        return Decision(
            t=t,
            seq=k,
            face=visual.face.box if visual and visual.face else None,
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
            rule=self._config.rule,
            weights=self._weights.name,
            engine={name: one.engine if one else None for name, one in scores.items()},
        )

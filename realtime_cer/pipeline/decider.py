"""The decision clock: one Decision for every grid instant. Pure: ``now`` is an argument, no threads."""

from collections import deque
from collections.abc import Mapping

from realtime_cer.buffers import GRID_S, instant
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.decision import decision
from realtime_cer.pipeline.people import People
from realtime_cer.records import Decision, Face, Scores, Visual

_TOLERANCE_S = 1e-6

_STOOD_S = 60.0
"""Whoever is so far behind was not slow, but stood still: hours of rows in which nothing is known help nobody."""


class Decider:
    """Issues the decision for instant k when its picture was analysed, or at the deadline, whichever is first.

    The acoustic scores that count are the newest with t <= t_k that are not older than ``max_age_ms``. What arrives
    after its decision was issued is counted as dropped.

    Parameters
    ----------
    config : rule, deadline, ages
    weights : fusion weights of two models (static, dynamic) or three
    origin : time of grid instant 0

    Attributes
    ----------
    thin : decide for even instants only, which leaves each one grid step more to wait for its picture; may be changed
        at any time, from any thread
    people : who is in view, and whose the sound is
    """

    def __init__(self, config: Config, weights: FusionWeights, origin: float) -> None:
        self.thin = False
        self.people = People(config)
        self._by = config, weights
        self._origin = origin
        self._next = 0
        self._dropped = 0
        self._forgotten = float("-inf")
        self._acoustic: deque[Scores] = deque(maxlen=16)

    def change(self, config: Config, weights: FusionWeights) -> None:
        """Decide by these from the next decision on; from any thread."""
        self._by = config, weights

    def complete(self, end: float) -> bool:
        """Whether a stream that ends at ``end`` has all its decisions; an instant wants half a step of it."""
        return instant(self._origin, self._next) + GRID_S / 2 > end + _TOLERANCE_S

    @property
    def deadline(self) -> float:
        """When the next decision is issued at the latest."""
        return self.prompt_by(self._next) + (GRID_S if self.thin else 0.0)

    def prompt_by(self, k: int) -> float:
        """Until when instant ``k`` waits for its picture where every instant is decided."""
        return instant(self._origin, k) + self._by[0].deadline_ms / 1000

    def due(self, now: float) -> bool:
        """Whether the next decision cannot wait any longer."""
        return now >= self.deadline - _TOLERANCE_S

    def tick(self, now: float) -> list[Decision]:
        """Decisions whose deadline has passed."""
        decisions: list[Decision] = []
        while self.due(now):
            decisions.append(self._decide(None, now))
        return decisions

    def skip(self, now: float) -> int:
        """Pass over a time in which the whole program stood still; gives how many instants get no decision.

        For live drivers only: media time does not stand still.
        """
        if now - self.deadline <= _STOOD_S:
            return 0
        before, step = self._next, 2 if self.thin else 1
        newest = int((now - self._origin) / GRID_S)
        self._next = newest + newest % step
        return len(range(before, self._next, step))

    def heard(self, scores: Scores) -> None:
        """Take in acoustic scores."""
        self._acoustic.append(scores)

    def seen(self, visual: Visual, now: float) -> list[Decision]:
        """Take in what was seen: its decision, after those that were due before it.

        Of a picture that is to be forgotten nothing is known, as of one that was not searched.
        """
        if visual.frame_t < self._forgotten:
            visual = Visual(visual.k, visual.frame_t, None, None, None, visual.dropped, searched=False)
        decisions: list[Decision] = []
        while self._next < visual.k:
            decisions.append(self._decide(None, now))
        self._dropped += visual.dropped
        if visual.k < self._next:
            self._dropped += self.wants(visual.k)
            return decisions
        decisions.append(self._decide(visual, now))
        return decisions

    def wants(self, k: int) -> bool:
        """Whether instant ``k`` is one of those that are decided."""
        return k % 2 == 0 or not self.thin

    def hush(self) -> None:
        """Let go of what was heard; from any thread."""
        self._acoustic = deque(maxlen=16)

    def forget(self, now: float) -> None:
        """Let go of what was heard, and of everybody; from any thread.

        What was captured before ``now`` and is still to come does not count either.
        """
        self._forgotten = now
        self.hush()
        self.people.forget(now)

    def _sound_at(self, t: float) -> Scores | None:
        """The newest acoustic scores that count at ``t``."""
        for scores in reversed(self._acoustic):
            if scores.t <= t + _TOLERANCE_S:
                fresh = (t - scores.t) * 1000 <= self._by[0].max_age_ms + 1e-3
                return scores if fresh and scores.t >= self._forgotten else None
        return None

    def _decide(self, visual: Visual | None, now: float) -> Decision:
        k = self._next
        self._next = (k // 2 + 1) * 2 if self.thin else k + 1
        dropped, self._dropped = self._dropped, 0
        t = instant(self._origin, k)
        config, weights = self._by  # once, so that a row is of one piece

        def row(scores: Mapping[str, Scores | None], face: Face | None) -> Decision:
            return decision(
                t,
                k,
                scores,
                face,
                config,
                weights,
                searched=visual is not None and visual.searched,
                now=now,
                dropped=dropped,
            )

        return self.people.decide(visual, self._sound_at(t), row)

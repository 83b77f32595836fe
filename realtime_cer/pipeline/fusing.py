"""The work of the fusion thread: what was seen and heard in, a decision for every instant out."""

import queue
from collections.abc import Callable

from realtime_cer.pipeline.decider import Decider
from realtime_cer.pipeline.shared import Shared
from realtime_cer.pipeline.worker import Worker
from realtime_cer.records import Decision, Sound, Visual

_MOST_AT_ONCE = 4
"""So many overtaken pictures one result may answer for: a network that hung is no machine that is too slow."""


class Fusion:
    """Feeds the decider, and counts how many pictures reach their decision.

    Parameters
    ----------
    shared : its inbox is emptied
    decider : whose decisions are issued
    issue : called with each decision and the time
    over : whether nothing more will come

    Attributes
    ----------
    judged, in_time, prompt : pictures whose lot is known since the start; those of them that reached their decision;
        and those that did within the deadline
    """

    def __init__(
        self,
        shared: Shared,
        decider: Decider,
        issue: Callable[[Decision, float], None],
        over: Callable[[], bool],
    ) -> None:
        self.judged = self.in_time = self.prompt = 0
        self._shared, self._decider = shared, decider
        self._issue, self._over = issue, over

    def work(self, worker: Worker) -> None:
        """Decide until it is over."""
        inbox, clock = self._shared.inbox, self._shared.clock
        while worker.going:
            wait_s = min(max(self._decider.deadline - clock(), 0.001), 0.02)
            try:
                result = inbox.get(timeout=wait_s)
            except queue.Empty:
                result = None
            with worker.working():
                self._turn(result)
            if result is not None:
                inbox.task_done()
            elif self._over():
                return

    def _turn(self, result: Visual | Sound | None) -> None:
        now = self._shared.clock()
        self._skip(now)
        if isinstance(result, Visual):
            self._shared.board.delayed(result, now)
            with self._shared.metering.timed("fusion"):
                decisions = self._decider.seen(result, now)
            self._judge(result, now, in_time=bool(decisions))
            self._all(decisions, now)
        elif result is not None:
            self._decider.people.heard(result)
            if result.acoustic is not None:
                self._decider.heard(result.acoustic)
        if self._decider.due(now):
            with self._shared.metering.timed("fusion"):
                decisions = self._decider.tick(now)
            self._all(decisions, now)

    def _skip(self, now: float) -> None:
        """Go on with the present after a time in which all stood still, as where the program was held."""
        late_s = now - self._decider.deadline
        skipped = self._decider.skip(now)
        if skipped:
            self._shared.metering.drop("stood still", skipped)
            self._shared.notice(f"decisions stood still for {late_s:.0f} s: {skipped} are left out")

    def _judge(self, visual: Visual, now: float, *, in_time: bool) -> None:
        if not in_time and not self._decider.wants(visual.k):
            return
        self.judged += 1 + min(visual.dropped, _MOST_AT_ONCE)
        self.in_time += in_time
        self.prompt += in_time and now <= self._decider.prompt_by(visual.k)
        if not in_time:
            self._shared.metering.drop("late")

    def _all(self, decisions: list[Decision], now: float) -> None:
        for decision in decisions:
            self._issue(decision, now)

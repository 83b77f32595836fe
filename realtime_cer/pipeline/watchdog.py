"""Which workers have work and do not move. ``now`` is an argument, no threads."""

import logging
from collections.abc import Iterable

from realtime_cer.pipeline.worker import Worker

_log = logging.getLogger("realtime_cer")

_PAUSE_S = 2.0
"""Nobody looked for so long: the whole program stood still, and no worker could move."""


class Watchdog:
    """Names the workers that are at one piece of work for too long, and logs once where each of them is.

    Time in which the whole program stood still (a machine that slept, a debugger, a native call that holds Python's
    lock) is not held against anybody.

    Parameters
    ----------
    stall_s : how long one piece of work may take
    """

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self._looked: float | None = None
        self._excused = 0.0
        self._stalled: set[Worker] = set()

    def look(self, workers: Iterable[Worker], now: float) -> list[Worker]:
        """Those that have stalled, in their order; call it several times a second."""
        if self._looked is not None and now - self._looked > _PAUSE_S:
            self._excused = now
        self._looked = now
        stalled = []
        for worker in workers:
            since = worker.busy_since  # once: the worker changes it meanwhile
            if since is None or now - max(since, self._excused) < self._stall_s:
                continue
            stalled.append(worker)
            if worker not in self._stalled:
                _log.error("%s does not move for %.1f s:\n%s", worker.name, now - since, worker.stack())
        self._stalled = set(stalled)
        return stalled

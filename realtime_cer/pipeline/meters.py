"""How long every stage takes, and what is lost and why: noted by all threads, read now and then. A lock, no threads."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType

import numpy as np

from realtime_cer.errors import EngineFault
from realtime_cer.records import StageMeter

STAGES = ("capture", "wait", "face", "static", "dynamic", "voice", "acoustic", "fusion", "draw")
"""Every stage, in the order of time."""

SPAN_S = 60.0
"""What is told is about so long ago at most."""

_HELD = 4096  # a minute of a stage that runs 68 times a second, which only drawing could exceed
_FRESH_S = 0.25


class _Ring:
    """The last times at which a stage ended, and its durations."""

    __slots__ = ("count", "durations", "times", "total")

    def __init__(self) -> None:
        self.times = np.full(_HELD, -np.inf)
        self.durations = np.full(_HELD, 0.0)  # written now: memory then does not grow as the ring fills
        self.count = 0
        self.total = 0.0

    def add(self, now: float, seconds: float) -> None:
        place = self.count % _HELD
        self.times[place], self.durations[place] = now, seconds
        self.count += 1
        self.total += seconds

    def meter(self, now: float) -> StageMeter | None:
        """The figures of the last minute; None where the stage did not run in it."""
        recent = self.times > now - SPAN_S
        if not recent.any():
            return None
        times, ms = self.times[recent], 1000 * self.durations[recent]
        p50, p95 = np.percentile(ms, [50, 95])
        span = max(now - float(times.min()), 1.0)  # less than a second says little about a rate
        return StageMeter(float(p50), float(p95), float(ms.max()), len(ms) / span)


class Metering:
    """Durations of the last minute by stage, and counts of what was lost by cause. Safe from any thread.

    Noting a duration costs a few microseconds; figures are computed a few times a second however often they are read.

    Parameters
    ----------
    clock : seconds that never go back; by which the minute is told
    timer : seconds as finely as the machine has them; by which stages are timed
    """

    def __init__(self, clock: Callable[[], float], timer: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._timer = timer
        self._rings: dict[str, _Ring] = {}
        self._drops: Counter[str] = Counter()
        self._told: tuple[float, Mapping[str, StageMeter]] | None = None
        self._lock = threading.Lock()

    def add(self, stage: str, seconds: float) -> None:
        """Note how long a stage took that ended now."""
        now = self._clock()
        with self._lock:
            ring = self._rings.get(stage)
            if ring is None:
                ring = self._rings[stage] = _Ring()
            ring.add(now, seconds)

    def timed(self, stage: str) -> "_Timed":
        """Note how long the block of a ``with`` takes, unless it raises."""
        return _Timed(self, stage, self._timer)

    def total(self, stage: str) -> float:
        """Seconds that a stage took since the start, all in all."""
        with self._lock:
            ring = self._rings.get(stage)
            return ring.total if ring else 0.0

    def drop(self, cause: str, count: int = 1) -> None:
        """Note what was lost."""
        if count:
            with self._lock:
                self._drops[cause] += count

    def faulted(self, fault: EngineFault) -> None:
        """Note that a model had no answer."""
        self.drop(f"fault of {fault.network}")

    @property
    def drops(self) -> dict[str, int]:
        """What was lost since the start, by cause."""
        with self._lock:
            return dict(self._drops)

    def stages(self) -> Mapping[str, StageMeter]:
        """The figures of each stage that ran in the last minute, in the order of ``STAGES``; 0.25 s old at most."""
        now = self._clock()
        with self._lock:
            if self._told is None or not 0 <= now - self._told[0] < _FRESH_S:
                meters = {name: self._rings[name].meter(now) for name in STAGES if name in self._rings}
                self._told = now, {name: meter for name, meter in meters.items() if meter is not None}
            return self._told[1]


class _Timed:
    """What ``Metering.timed`` gives: a class, for a generator would take three times as long."""

    __slots__ = ("_began", "_metering", "_stage", "_timer")

    def __init__(self, metering: Metering, stage: str, timer: Callable[[], float]) -> None:
        self._metering, self._stage, self._timer = metering, stage, timer

    def __enter__(self) -> None:
        self._began = self._timer()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._metering.add(self._stage, self._timer() - self._began)

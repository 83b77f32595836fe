"""Looks after all others twice a second: who has stalled, how much memory there is, and which rung can be borne."""

import gc
import logging
from collections.abc import Callable, Mapping

import psutil

from realtime_cer.config import Config
from realtime_cer.inference.memory import trim
from realtime_cer.pipeline.analysis import Analysis
from realtime_cer.pipeline.decider import Decider
from realtime_cer.pipeline.fusing import Fusion
from realtime_cer.pipeline.ladder import RATE, SPAN_S, Ladder, Load
from realtime_cer.pipeline.shared import Shared
from realtime_cer.pipeline.watchdog import Watchdog
from realtime_cer.pipeline.worker import Worker
from realtime_cer.records import Meters

_LOOK_S = 0.5
_TRIM_S = 10.0
_MIB = 2**20
_LEAST_FREE = 256 * _MIB
_LEAST_SHARE = 0.05

_log = logging.getLogger("realtime_cer")


class Overseer:
    """Has stalled workers replaced, and the program do less where the machine cannot keep up.

    Parameters
    ----------
    shared : its board and metering tell how the machine does
    config : whether to bend, and when a worker has stalled
    analysis, decider : are bent
    fusion : tells how many pictures come in time
    ladder : which rung is in force
    workers : gives those that are watched beside the analysis'

    Attributes
    ----------
    stalled : names of workers that do not move, and of modalities without a worker, as ``Analysis.vacant`` has them
    memory_mib : own resident memory
    """

    def __init__(
        self,
        shared: Shared,
        config: Config,
        analysis: Analysis,
        decider: Decider,
        fusion: Fusion,
        ladder: Ladder,
        workers: Callable[[], tuple[Worker, ...]],
    ) -> None:
        self.stalled: tuple[str, ...] = ()
        self.ladder = ladder
        self._shared, self._config = shared, config
        self._analysis, self._decider, self._fusion = analysis, decider, fusion
        self._workers = workers
        self._watchdog = Watchdog(config.stall_s)
        self._stood = False
        self._grown: dict[str, tuple[float, float]] = {}
        self._trimmed = shared.clock()
        self._process = psutil.Process()
        self.memory_mib = self._process.memory_info().rss / _MIB

    def work(self, worker: Worker) -> None:
        """Look until all ends."""
        while not worker.stop.wait(_LOOK_S):
            self.look(self._shared.clock())

    def look(self, now: float) -> None:
        """Look after everything once."""
        if now - self._trimmed >= _TRIM_S:  # else what every fault has freed would be kept for weeks
            self._trimmed = now
            gc.collect()  # takes milliseconds: what there was at the start is frozen
            trim()
        self.memory_mib = self._process.memory_info().rss / _MIB
        before = self.stalled
        stalled = self._watchdog.look((*self._workers(), *self._analysis.workers), now)
        for worker in stalled:
            if not self._analysis.renew(worker) and worker.name not in before:
                self._shared.notice(f"{worker.name} does not move")
        hanging = (one.name for one in stalled if not one.abandoned)
        self.stalled = tuple(dict.fromkeys([*hanging, *self._analysis.vacant]))
        # What is given up stands still for good: the other modality may be slow all the same.
        stands = not self._analysis.given_up.issuperset(self.stalled)
        if stands or self._stood:
            self.ladder.forget()  # it was not slow, it stood still
        elif self._config.ladder:
            self._bend(self._load(now), now)
        self._stood = stands

    def meters(self, queues: Mapping[str, int]) -> Meters:
        """How all of this does; ``queues`` are depths of now."""
        metering = self._shared.metering
        return Meters(
            stages=metering.stages(),
            queues=queues,
            drops=metering.drops | self._shared.board.lost_by_sources(),
            rung=self.ladder.rung,
            rung_name=self.ladder.name,
            memory_mib=self.memory_mib,
            stalled=self.stalled,
        )

    def _bend(self, load: Load, now: float) -> None:
        before = self.ladder.rung
        if not self.ladder.judge(now, load):
            return
        self._analysis.bend(self.ladder)
        self._decider.thin = self.ladder.rung >= RATE
        if self.ladder.rung < before:
            why = "there is room again"
        elif self.ladder.rung == before:
            why = f"no {self.ladder.rests} comes"
        elif load.short:
            gc.collect()
            why = "memory is short"
        else:
            why = "this machine does not keep up"
        what = self.ladder.name if self.ladder.rung else "nothing is spared"
        line = f"{why}: {what} from now on"
        _log.warning(line)
        self._shared.notice(line)

    def _load(self, now: float) -> Load:
        memory, metering = psutil.virtual_memory(), self._shared.metering
        return Load(
            judged=self._fusion.judged,
            in_time=self._fusion.in_time,
            prompt=self._fusion.prompt,
            video_s=metering.total("video"),
            face_s=metering.total("face"),
            sound_s=metering.total("sound"),
            drawn=self._grows("draw", metering.total("draw"), now),
            heard=self._grows("sound", self._analysis.sound_end, now),
            voice=self._grows("voice", self._shared.board.voice_t, now),
            short=(
                memory.available < max(_LEAST_FREE, _LEAST_SHARE * memory.total)
                or self.memory_mib > self._config.memory_mib
            ),
        )

    def _grows(self, name: str, value: float, now: float) -> bool:
        """Whether something has grown in the last ten seconds."""
        known, since = self._grown.get(name, (value, -SPAN_S))
        if value > known:
            since = now
        self._grown[name] = value, since
        return now - since < SPAN_S

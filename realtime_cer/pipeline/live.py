"""The live driver: starts and stops the threads.

Running at the same time, each in its own thread:

- capture, one thread for each source: puts frames on the 5 FPS grid, sound into the ring;
- video: takes the newest grid frame and analyses it;
- sound: waits for the next half second of sound and analyses it;
- fusion: issues a decision for every grid instant;
- overseer: names and replaces who hangs, and has less done where the machine cannot keep up;
- the caller: takes decisions from ``decisions()`` and snapshots from ``snapshot()``.

Sound is never behind a picture and a picture never behind sound: they meet in fusion only.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from typing import Self

from realtime_cer.buffers import AudioRing, FrameRing
from realtime_cer.capture.source import Clock, Source
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.analysis import Analysis
from realtime_cer.pipeline.board import Board
from realtime_cer.pipeline.decider import Decider
from realtime_cer.pipeline.fusing import Fusion
from realtime_cer.pipeline.intake import Intake
from realtime_cer.pipeline.ladder import PREVIEW, Ladder
from realtime_cer.pipeline.meters import Metering
from realtime_cer.pipeline.overseer import Overseer
from realtime_cer.pipeline.shared import Shared
from realtime_cer.pipeline.steering import Steering
from realtime_cer.pipeline.steps import Perception
from realtime_cer.pipeline.worker import Worker
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Floats, Frame, Meters, Picture, Snapshot, meters_row

_POLL_S = 0.1
_JOIN_S = 1.5
_ROWS_HELD = 4096


class Live:
    """A running recogniser over live sources.

    Use it as a context manager: entering starts the threads, leaving stops them. Faults of sources and of engines are
    states that ``snapshot`` shows; a programming error anywhere stops everything and is raised by ``decisions``.

    Parameters
    ----------
    config, weights : what to decide by
    perception : loaded networks, used by this object alone while it runs; or the promise of them: cameras are shown
        meanwhile, and the grid of time, files and decisions begin when it is kept
    sources : pairs of a kind ("camera", "microphone", "file") and a source
    clock : seconds that never go back; the one by which the sources stamp
    taps : called with every frame and block of sound as it is captured, and with every decision as it is issued, in
        the thread of each; they must not block
    reload : loads the networks once more, for a worker that hangs in them; without it such a worker is only named
    notice : told in one line, from any thread, what was done about a worker that hangs or a machine that is too slow
    keep_picture : the picture never rests on a machine that is too slow

    Attributes
    ----------
    origin : time of grid instant 0; there once the networks are
    steering : what may be changed while it runs
    """

    def __init__(
        self,
        config: Config,
        weights: FusionWeights,
        perception: "Perception | Future[Perception]",
        sources: Sequence[tuple[str, Source]],
        clock: Clock = time.monotonic,
        taps: Sequence[Callable[[Frame | AudioBlock | Decision], None]] = (),
        *,
        reload: Callable[[], Perception] | None = None,
        notice: Callable[[str], None] = lambda line: None,
        keep_picture: bool = False,
    ) -> None:
        self._loading = perception if isinstance(perception, Future) else None
        self._clock, self._taps, self._reload = clock, tuple(taps), reload
        self._shared = Shared(clock, notice, Board(sources), Metering(clock))
        self._config, self._ladder = config, Ladder(keep_picture=keep_picture)
        self._ready = threading.Event()
        self._rows: queue.Queue[Decision] = queue.Queue(maxsize=_ROWS_HELD)
        self.rows_lost = 0
        """Decisions that nobody took from ``decisions`` in time."""
        self._held: Snapshot | None = None
        self._stop = self._shared.stop
        self._finished = threading.Event()
        self._stuck: list[str] | None = None
        self._intake = Intake(self._shared, sources, self._tap)
        self.steering = Steering(self._shared, config, weights, self._intake)
        self._waiter = Worker("waiter", self._wait, self._stop, clock)
        self._workers: tuple[Worker, ...] = ()
        if not isinstance(perception, Future):
            self._begin(perception)

    def _begin(self, perception: Perception) -> None:
        """Start the grid of time, now that there is something to analyse with."""
        shared, config, clock = self._shared, self._config, self._clock
        self.origin = self._metered = clock()
        self._frames = FrameRing(self.origin)
        self._sound = AudioRing(self.origin)
        self._decider = Decider(*self.steering.settings, self.origin)
        self._analysis = Analysis(shared, perception, self._frames, self._sound, self._reload)
        fusion = Fusion(shared, self._decider, self._issue, self._ended)
        fuse = Worker("fusion", fusion.work, self._stop, clock)
        self.steering.begin(self._decider, self._analysis)
        self._overseer = Overseer(
            shared, config, self._analysis, self._decider, fusion, self._ladder, lambda: (*self._intake.workers, fuse)
        )
        self._workers = fuse, Worker("overseer", self._overseer.work, self._stop, clock)
        self._rung = self._overseer.ladder.rung
        self._ready.set()
        self._intake.open(self._frames, self._sound, lambda: self._overseer.ladder.rung >= PREVIEW)

    def __enter__(self) -> Self:
        for worker in self._intake.workers:
            worker.start()
        if self._loading is None:
            self._start()
        else:
            self._waiter.start()
        return self

    def _start(self) -> None:
        self._analysis.start()
        for worker in self._workers:
            worker.start()

    def _wait(self, worker: Worker) -> None:
        """Let the analysis begin when the networks are loaded; until then cameras are only shown."""
        assert self._loading is not None
        while worker.going:
            if wait([self._loading], _POLL_S).done:
                self._begin(self._loading.result())
                self._start()
                return

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> list[str]:
        """Stop all threads and release the devices; gives the names of threads that would not end in time.

        Threads that were abandoned before are not waited for. Once stopped, it gives the same again at once.
        """
        if self._stuck is not None:
            return self._stuck
        self._stop.set()
        self._waiter.join(_JOIN_S)
        if self._ready.is_set():
            self._frames.close()
            self._sound.close()
        until = time.monotonic() + _JOIN_S
        stuck = [worker.name for worker in self._all if not worker.join(max(until - time.monotonic(), 0.0))]
        for _, source in self.sources:
            source.close()
        if self._ready.is_set():
            self._analysis.close()
        self._stuck = stuck
        return stuck

    def decisions(self) -> Iterator[Decision]:
        """Every decision, as it is issued; ends when all sources have ended or after ``stop``.

        Raises
        ------
        BaseException
            Whatever a thread died of, ``Refused`` of a source among it.
        """
        while True:
            try:
                yield self._rows.get(timeout=_POLL_S)
            except queue.Empty:
                self._raise()
                if self._finished.is_set() or self._stop.is_set():
                    break
        while not self._rows.empty():
            yield self._rows.get_nowait()
        self._raise()  # what set the stop event may have failed just now

    @property
    def sources(self) -> tuple[tuple[str, Source], ...]:
        """Kind and source, for each that is at work."""
        return self._intake.sources

    @property
    def _all(self) -> tuple[Worker, ...]:
        analysis = (*self._analysis.workers, *self._analysis.loaders) if self._ready.is_set() else ()
        return (self._waiter, *self._intake.workers, *analysis, *self._workers)

    def _raise(self) -> None:
        for worker in (*self._all, *self.steering.workers):
            if worker.error is not None:
                raise worker.error

    @property
    def paused(self) -> bool:
        """Whether snapshots are held."""
        return self._held is not None

    def pause(self, on: bool) -> None:
        """Hold what ``snapshot`` gives, or let it go on; recognition never pauses."""
        self._held = self.snapshot() if on else None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._finished.is_set() or self._stop.is_set()

    def snapshot(self) -> Snapshot:
        """What a view may show of this moment, or of the one at which it was paused. Cheap enough for every redraw."""
        return self._held or self.moment()

    def moment(self) -> Snapshot:
        """This moment, also while a view is paused."""
        return self._shared.board.snapshot(self._clock(), self._meters())

    def forget(self) -> None:
        """Let go of all that is held of people; what was captured before now will not be shown or decided by either."""
        self._held, now = None, self._clock()
        if self._ready.is_set():
            self._analysis.forget()
            self._decider.forget(now)
        self._shared.board.forget(now)

    def choose(self, face_id: int | None) -> None:
        """Make this face the target while it is in view; None lets size or place decide."""
        if self._ready.is_set():
            self._analysis.choose(face_id)

    def calibrate(self, face_id: int) -> None:
        """Learn a face's neutral for three seconds, and take it out of what is said of this face from then on."""
        if self._ready.is_set():
            self._decider.people.calibrate(face_id)

    def uncalibrate(self, face_id: int) -> None:
        """Undo ``calibrate``, or break it off."""
        if self._ready.is_set():
            self._decider.people.uncalibrate(face_id)

    def cut(self, picture: Picture, landmarks: Floats) -> Picture:
        """A face as the static network is given it."""
        return self._analysis.cut(picture, landmarks)

    def drew(self, seconds: float) -> None:
        """Note how long a view took to draw."""
        self._shared.metering.add("draw", seconds)

    def _meters(self) -> Meters | None:
        """How all of this does; None before it has begun."""
        if not self._ready.is_set():
            return None
        queues = {"grid": self._frames.waiting, "results": self._shared.inbox.qsize(), "rows": self._rows.qsize()}
        return self._overseer.meters(queues)

    @property
    def settled(self) -> bool:
        """Whether everything captured so far was analysed and every decision due was issued."""
        return (
            self._ready.is_set()
            and self._analysis.seen_all
            and self._analysis.heard_all
            and self._shared.inbox.unfinished_tasks == 0
            and not self._decider.due(self._clock())
        )

    def _tap(self, item: Frame | AudioBlock | Decision) -> None:
        for tap in self._taps:
            tap(item)

    def _ended(self) -> bool:
        """Whether every instant up to the last captured item has its decision."""
        if not self._intake.over:
            return False
        last = max(self._intake.newest, self.origin + self._sound.end / SAMPLE_RATE)
        # In this order: an idle reader has sent all it had, so an empty inbox means that all of it was decided.
        if self._analysis.seen_all and self._shared.inbox.unfinished_tasks == 0 and self._decider.complete(last):
            self._finished.set()
        return self._finished.is_set()

    def _issue(self, decision: Decision, now: float) -> None:
        rung = self._overseer.ladder.rung
        if rung != self._rung or now - self._metered >= self._config.meters_s:
            self._rung, self._metered = rung, now
            meters = self._meters()
            decision = replace(decision, meters=meters_row(meters) if meters else None)
        self._shared.board.issued(decision, now, self._decider.people.now)
        self._tap(decision)
        try:
            self._rows.put_nowait(decision)
        except queue.Full:
            self.rows_lost += 1
            self._shared.metering.drop("rows")

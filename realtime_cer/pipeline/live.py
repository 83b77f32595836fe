"""The live driver: starts and stops the threads.

Running at the same time, each in its own thread:

- capture, one thread for each source: puts frames on the 5 FPS grid, sound into the ring;
- video: takes the newest grid frame and analyses it;
- sound: waits for the next half second of sound and analyses it;
- fusion: issues a decision for every grid instant;
- the caller: takes decisions from ``decisions()`` and snapshots from ``snapshot()``.

Sound is never behind a picture and a picture never behind sound: they meet in fusion only.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from functools import partial
from types import TracebackType
from typing import Self

from realtime_cer.buffers import AudioRing, FrameRing
from realtime_cer.capture.source import Clock, Source
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.board import Board
from realtime_cer.pipeline.decider import Decider
from realtime_cer.pipeline.steps import Perception
from realtime_cer.pipeline.worker import Worker
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Frame, Snapshot, Sound, Visual

_POLL_S = 0.1
_JOIN_S = 1.5
_ROWS_HELD = 4096


class Live:
    """A running recogniser over live sources.

    Use it as a context manager: entering starts the threads, leaving stops them. Faults of sources are states that
    ``snapshot`` shows; a programming error anywhere stops everything and is raised by ``decisions``.

    Parameters
    ----------
    config, weights : what to decide by
    perception : loaded networks, used by this object alone while it runs; or the promise of them: cameras are shown
        meanwhile, and the grid of time, files and decisions begin when it is kept
    sources : pairs of a kind ("camera", "microphone", "file") and a source
    clock : seconds that never go back; the one by which the sources stamp
    taps : called with every frame and block of sound as it is captured, and with every decision as it is issued, in
        the thread of each; they must not block

    Attributes
    ----------
    origin : time of grid instant 0; there once the networks are
    """

    def __init__(
        self,
        config: Config,
        weights: FusionWeights,
        perception: "Perception | Future[Perception]",
        sources: Sequence[tuple[str, Source]],
        clock: Clock = time.monotonic,
        taps: Sequence[Callable[[Frame | AudioBlock | Decision], None]] = (),
    ) -> None:
        self._loading = perception if isinstance(perception, Future) else None
        self.sources = tuple(sources)
        self._clock = clock
        self._taps = tuple(taps)
        self._board = Board(self.sources)
        self._config, self._weights = config, weights
        self._ready = threading.Event()
        if not isinstance(perception, Future):
            self._begin(perception)
        self._inbox: queue.Queue[Visual | Sound] = queue.Queue(maxsize=64)
        self._rows: queue.Queue[Decision] = queue.Queue(maxsize=_ROWS_HELD)
        self.rows_lost = 0
        """Decisions that nobody took from ``decisions`` in time."""
        self._held: Snapshot | None = None
        self._stop = threading.Event()
        self._finished = threading.Event()
        self._capturing = len(self.sources)
        self._lock = threading.Lock()
        self._captures = [
            Worker(f"capture-{kind}", partial(self._capture, kind, source), self._stop) for kind, source in self.sources
        ]
        self._waiter = Worker("waiter", self._wait, self._stop)
        self._workers = [
            Worker("video", self._video, self._stop),
            Worker("sound", self._listen, self._stop),
            Worker("fusion", self._fuse, self._stop),
        ]

    def _begin(self, perception: Perception) -> None:
        """Start the grid of time, now that there is something to analyse with."""
        self._perception = perception
        self._board.engines = perception.engines
        self.origin = self._clock()
        self._frames = FrameRing(self.origin)
        self._sound = AudioRing(self.origin)
        self._decider = Decider(self._config, self._weights, self.origin)
        self._ready.set()

    def __enter__(self) -> Self:
        for worker in self._captures:
            worker.start()
        if self._loading is None:
            for worker in self._workers:
                worker.start()
        else:
            self._waiter.start()
        return self

    def _wait(self, stop: threading.Event) -> None:
        """Let the analysis begin when the networks are loaded; until then cameras are only shown."""
        assert self._loading is not None
        while not stop.is_set():
            if wait([self._loading], _POLL_S).done:
                self._begin(self._loading.result())
                for worker in self._workers:
                    worker.start()
                return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> list[str]:
        """Stop all threads and release the devices; gives the names of threads that would not end in time."""
        self._stop.set()
        self._waiter.join(_JOIN_S)
        if self._ready.is_set():
            self._frames.close()
            self._sound.close()
        stuck = [worker.name for worker in self._all if not worker.join(_JOIN_S)]
        for _, source in self.sources:
            source.close()
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
    def _all(self) -> tuple[Worker, ...]:
        return (self._waiter, *self._captures, *self._workers)

    def _raise(self) -> None:
        for worker in self._all:
            if worker.error is not None:
                raise worker.error

    @property
    def paused(self) -> bool:
        """Whether snapshots are held."""
        return self._held is not None

    def pause(self, on: bool) -> None:
        """Hold what ``snapshot`` gives, or let it go on; recognition never pauses."""
        self._held = self._held or self._board.snapshot(self._clock()) if on else None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._finished.is_set() or self._stop.is_set()

    def snapshot(self) -> Snapshot:
        """What a view may show of this moment, or of the one at which it was paused. Cheap enough for every redraw."""
        return self._held or self._board.snapshot(self._clock())

    @property
    def settled(self) -> bool:
        """Whether everything captured so far was analysed and every decision due was issued."""
        return (
            self._ready.is_set()
            and self._frames.idle
            and self._sound.idle
            and self._inbox.unfinished_tasks == 0
            and not self._decider.due(self._clock())
        )

    def _capture(self, kind: str, source: Source, stop: threading.Event) -> None:
        while kind == "file" and not self._ready.wait(_POLL_S) and not stop.is_set():
            pass  # a file is not begun before it can be analysed
        for item in source.items(stop):
            if isinstance(item, Frame):
                self._board.preview.put(item)
            if not self._ready.is_set():
                continue
            if isinstance(item, Frame):
                self._frames.push(item)
            else:
                self._sound.push(item)
            self._tap(item)
        with self._lock:
            self._capturing -= 1

    def _tap(self, item: Frame | AudioBlock | Decision) -> None:
        for tap in self._taps:
            tap(item)

    def _video(self, stop: threading.Event) -> None:
        while not stop.is_set():
            grid = self._frames.take(_POLL_S)
            if grid is not None:
                visual = self._perception.seeing.see(grid)
                self._board.seen(grid.frame, visual)
                self._send(visual, stop)

    def _listen(self, stop: threading.Event) -> None:
        hearing = self._perception.hearing
        while not stop.is_set():
            if self._sound.wait(hearing.next_end, _POLL_S) and not stop.is_set():
                heard = hearing.hear(self._sound)
                self._board.heard(heard)
                self._send(heard, stop)

    def _send(self, result: Visual | Sound, stop: threading.Event) -> None:
        """Hand a result to fusion; it is never lost, for fusion takes microseconds."""
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                self._inbox.put(result, timeout=_POLL_S)
                return

    def _fuse(self, stop: threading.Event) -> None:
        while not stop.is_set():
            wait_s = min(max(self._decider.deadline - self._clock(), 0.001), 0.02)
            try:
                result = self._inbox.get(timeout=wait_s)
            except queue.Empty:
                result = None
            now = self._clock()
            if isinstance(result, Visual):
                self._board.delayed(result, now)
                self._issue(self._decider.seen(result, now), now)
            elif result is not None and result.acoustic is not None:
                self._decider.heard(result.acoustic)
            self._issue(self._decider.tick(now), now)
            if result is not None:
                self._inbox.task_done()
            elif self._capturing == 0 and self._ended():
                self._finished.set()
                return

    def _ended(self) -> bool:
        """Whether every instant up to the last captured item has its decision."""
        frame = self._board.preview.peek()
        sound_end = self.origin + self._sound.end / SAMPLE_RATE
        last = max(frame.t, sound_end) if frame else sound_end
        # In this order: an idle reader has sent all it had, so an empty inbox means that all of it was decided.
        return self._frames.idle and self._inbox.unfinished_tasks == 0 and self._decider.complete(last)

    def _issue(self, decisions: list[Decision], now: float) -> None:
        for decision in decisions:
            self._board.issued(decision, now)
            self._tap(decision)
            try:
                self._rows.put_nowait(decision)
            except queue.Full:
                self.rows_lost += 1

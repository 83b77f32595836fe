"""Capture at work: a thread for each source, which puts frames on the grid of time and sound into the ring."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from realtime_cer.buffers import AudioRing, FrameRing
from realtime_cer.capture.source import Source
from realtime_cer.pipeline.shared import Shared
from realtime_cer.pipeline.worker import Worker
from realtime_cer.records import AudioBlock, Frame

_POLL_S = 0.1


class _Leave(threading.Event):
    """Set alone, or with the event that ends everything; who waits for it must do so in short turns."""

    def __init__(self, everything: threading.Event) -> None:
        super().__init__()
        self._everything = everything

    def is_set(self) -> bool:
        return super().is_set() or self._everything.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(timeout) or self._everything.is_set()


@dataclass(frozen=True, slots=True, eq=False)
class _Feed:
    """A source at work, and what has it leave."""

    kind: str
    source: Source
    worker: Worker
    leave: threading.Event


class Intake:
    """The capturing workers. Until it is opened pictures are only shown.

    Parameters
    ----------
    shared : its board shows the pictures
    sources : pairs of a kind and a source
    tap : called with every item that is taken in, in the thread of its source

    Attributes
    ----------
    newest : time of the newest picture
    muted : sound is not taken in
    """

    def __init__(
        self, shared: Shared, sources: Sequence[tuple[str, Source]], tap: Callable[[Frame | AudioBlock], None]
    ) -> None:
        self.newest = float("-inf")
        self.muted = False
        self._shared, self._tap = shared, tap
        self._feeds = tuple(self._feed(kind, source) for kind, source in sources)
        self._running = len(self._feeds)
        self._opened = threading.Event()
        self._lock = threading.Lock()

    @property
    def sources(self) -> tuple[tuple[str, Source], ...]:
        """Kind and source, for each that is at work."""
        return tuple((feed.kind, feed.source) for feed in self._feeds)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """One for each source."""
        return tuple(feed.worker for feed in self._feeds)

    @property
    def over(self) -> bool:
        """Whether all sources have ended."""
        return not self._running

    def open(self, frames: FrameRing, sound: AudioRing, small: Callable[[], bool]) -> None:
        """Put what comes from now on into these; ``small`` tells whether pictures are to be shown small."""
        self._frames, self._sound, self._small = frames, sound, small
        self._opened.set()

    def exchange(self, kinds: Collection[str], kind: str, source: Source) -> None:
        """Begin with a source, and let those of some kinds go: they release their devices by themselves."""
        feed = self._feed(kind, source)
        with self._lock:
            gone = [one for one in self._feeds if one.kind in kinds]
            self._feeds = (*(one for one in self._feeds if one.kind not in kinds), feed)
            self._running += 1  # before the others end: nothing is over
            self._shared.board.exchanged(self.sources)
        for one in gone:
            one.leave.set()
            one.worker.abandon()  # what a device does that is left concerns nobody
        feed.worker.start()

    def _feed(self, kind: str, source: Source) -> _Feed:
        leave = _Leave(self._shared.stop)
        work = partial(self._capture, kind, source, leave)
        return _Feed(kind, source, Worker(f"capture-{kind}", work, self._shared.stop, self._shared.clock), leave)

    def _capture(self, kind: str, source: Source, leave: threading.Event, worker: Worker) -> None:
        while kind == "file" and not self._opened.wait(_POLL_S) and not leave.is_set():
            pass  # a file is not begun before it can be analysed
        try:
            for item in source.items(leave):
                if leave.is_set():
                    break
                with worker.working():
                    self._take(item)
        finally:
            with self._lock:
                self._running -= 1

    def _take(self, item: Frame | AudioBlock) -> None:
        opened = self._opened.is_set()
        if isinstance(item, Frame):
            self.newest = max(self.newest, item.t)
            self._shared.board.show(item, small=opened and self._small())
        elif self.muted:
            return
        if not opened:
            return
        if isinstance(item, Frame):
            now = self._shared.clock()
            if self._frames.push(item, now) is not None:
                self._shared.metering.add("capture", now - item.t)
        else:
            self._sound.push(item)
        self._tap(item)

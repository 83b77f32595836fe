"""A recogniser over tiny networks and sources that never end, with a desk that steers it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np

from parts.perception import tiny_perception
from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.commands.desk import LiveDesk
from realtime_cer.commands.recording import Terms
from realtime_cer.commands.sources import ShiftedClock
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.live import Live
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Frame


class Source:
    """A camera or a microphone that never ends, until it is told to."""

    def __init__(self, name: str, shade: int | None) -> None:
        self.name, self.shade = name, shade
        self.status, self.counters = SourceStatus("live", "", 0.0), Counters()
        self.released = threading.Event()

    def items(self, stop: threading.Event) -> Iterator[Frame | AudioBlock]:
        try:
            begun, n = time.monotonic(), 0
            while not stop.is_set():
                n += 1
                time.sleep(max(begun + n / 25 - time.monotonic(), 0))
                self.counters.frames += 1
                if self.shade is not None:
                    yield Frame(begun + n / 25, n, np.full((48, 64, 3), self.shade, np.uint8))
                else:
                    loud = np.sin(np.arange(SAMPLE_RATE // 25) * 0.01).astype(np.float32) / 2
                    yield AudioBlock(begun + (n - 1) / 25, loud)
        finally:
            self.released.set()

    def close(self) -> None:
        self.released.set()


class Running:
    """A recogniser over a camera and a microphone, whose rows are taken as they come."""

    def __init__(self, *, recorded: bool = False) -> None:
        config = Config()
        self.camera, self.microphone = Source("one", 100), Source("ear", None)
        perception = tiny_perception(config)
        loaded: Future[Any] = Future()
        loaded.set_result(perception)
        terms = Terms("spoken", 90.0)
        self.desk = LiveDesk(config, ShiftedClock(None), loaded, recorded=recorded, terms=terms)
        sources = [("camera", self.camera), ("microphone", self.microphone)]
        self.live = Live(config, FusionWeights.equal(), perception, sources, taps=[self.desk.tap])
        self.desk.attach(self.live)
        self.rows: list[Decision] = []
        self._taking = threading.Thread(target=self._take, daemon=True)

    def __enter__(self) -> "Running":
        self.live.__enter__()
        self._taking.start()
        self.until(lambda: len(self.rows) >= 5)
        return self

    def _take(self) -> None:
        for row in self.live.decisions():
            self.rows.append(row)

    def __exit__(self, *_: object) -> None:
        self.desk.close()
        self.live.stop()
        self._taking.join(5)
        assert [row.seq for row in self.rows] == list(range(len(self.rows))), "a decision was lost"

    def until(self, so: Callable[[], bool], most_s: float = 20.0) -> None:
        end = time.monotonic() + most_s
        while not so():
            assert time.monotonic() < end, "it did not come"
            time.sleep(0.02)

    def states(self) -> dict[str, str]:
        return {one.name: one.state for one in self.live.snapshot().sources}

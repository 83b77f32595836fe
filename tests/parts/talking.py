"""A source that shows and says something all the time, without any device."""

import threading
import time
from collections.abc import Iterator

import numpy as np

from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Frame


class Talking:
    """A camera and a microphone in one, in real time, for ever; no picture is like the one before."""

    name = "made"

    def __init__(self) -> None:
        self.status = SourceStatus("live", "", 0.0)
        self.counters = Counters()

    def items(self, stop: threading.Event) -> Iterator[Frame | AudioBlock]:
        begun, n = time.monotonic(), 0
        while not stop.is_set():
            n += 1
            time.sleep(max(begun + n / 25 - time.monotonic(), 0))
            picture = np.full((48, 64, 3), 80 + n % 120, np.uint8)
            picture[::3, ::5] = 40 + n % 200
            self.counters.frames += 1
            yield Frame(begun + n / 25, n, picture)
            loud = np.sin(np.arange(SAMPLE_RATE // 25) * 0.01).astype(np.float32) / 2
            yield AudioBlock(begun + (n - 1) / 25, loud)

    def close(self) -> None:
        """Nothing is open."""

"""What a virtual sound server's loudspeaker plays, and when."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from realtime_cer.records import SAMPLE_RATE, AudioBlock, Floats

from .pulse import VirtualMicrophone

_PIECE = 1 << 16


class Heard:
    """All that was heard since it began, by the monotonic clock."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        self._pipe = process.stdout.fileno()
        self._pieces: list[bytes] = []
        self._count = 0
        self._begun = float("inf")
        threading.Thread(target=self._listen, name="listener", daemon=True).start()

    def _listen(self) -> None:
        while piece := os.read(self._pipe, _PIECE):
            self._pieces.append(piece)
            self._count += len(piece) // 2
            # A piece may be read late, never early: the earliest of them tells when the first sample was.
            self._begun = min(self._begun, time.monotonic() - self._count / SAMPLE_RATE)

    def all(self) -> AudioBlock:
        """The whole sound."""
        samples: Floats = np.frombuffer(b"".join(self._pieces), "<i2").astype(np.float32)
        return AudioBlock(self._begun, samples / np.float32(32768))

    def loudest(self, begin: float, end: float) -> float | None:
        """The greatest amplitude between two times of the clock; None where not all of it has been heard."""
        block = self.all()
        if not len(block.samples):
            return None
        first, last = (round((t - block.t) * SAMPLE_RATE) for t in (begin, end))
        return float(np.abs(block.samples[first:last]).max()) if 0 <= first < last <= len(block.samples) else None


@contextmanager
def listening(stage: VirtualMicrophone) -> Iterator[Heard]:
    """Hear what is played at a server."""
    words = ["parec", "--device=stage.monitor", f"--rate={SAMPLE_RATE}", "--channels=1", "--format=s16le"]
    process = subprocess.Popen(
        [*words, "--latency-msec=10", "--raw"],
        env=os.environ | stage.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it complains of servers that end
    )
    try:
        yield Heard(process)
    finally:
        process.kill()
        process.wait()

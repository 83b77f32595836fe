"""Somebody who listens to a microphone as the pipeline does: in a thread of its own, until `Listening.end`."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from realtime_cer.capture.microphone import Microphone
from realtime_cer.records import AudioBlock

from . import pulse

needs_pulse = pytest.mark.skipif(pulse.missing() is not None, reason=str(pulse.missing()))


class Listening:
    """Iterates a microphone in a thread of its own, as the pipeline does, and keeps what came and when."""

    def __init__(self, microphone: Microphone) -> None:
        self.microphone, self.stop = microphone, threading.Event()
        self.came: list[tuple[float, AudioBlock]] = []
        self.states: list[str] = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        for block in self.microphone.items(self.stop):
            self.came.append((time.monotonic(), block))

    @property
    def blocks(self) -> list[AudioBlock]:
        return [block for _, block in self.came]

    def until(self, what: Callable[[], bool], within_s: float) -> float:
        """Wait until something holds; gives how long it took."""
        begun = time.monotonic()
        while not what():
            if self.states[-1:] != [self.microphone.status.state]:
                self.states.append(self.microphone.status.state)
            assert time.monotonic() - begun < within_s, (self.microphone.status, self.states)
            time.sleep(0.005)
        return time.monotonic() - begun

    def is_in(self, *states: str) -> Callable[[], bool]:
        return lambda: self.microphone.status.state in states

    def end(self) -> float:
        """Stop; gives how long that took."""
        begun = time.monotonic()
        self.stop.set()
        self.thread.join(5)
        return time.monotonic() - begun


@pytest.fixture(scope="module")
def stage() -> Iterator[pulse.VirtualMicrophone]:
    microphone = pulse.VirtualMicrophone()
    with microphone.here():
        yield microphone
    microphone.close()


@pytest.fixture
def listen() -> Iterator[Callable[[Microphone], Listening]]:
    begun: list[Listening] = []

    def start(microphone: Microphone) -> Listening:
        begun.append(Listening(microphone))
        return begun[-1]

    yield start
    for each in begun:
        each.end()

"""Somebody who watches a camera, as the pipeline does: in a thread of its own, which ends with `Watching.end`."""

import threading
import time
from collections.abc import Callable

from realtime_cer.capture.camera import Camera
from realtime_cer.records import Frame


def readers() -> int:
    """How many threads are at work on cameras, or hang there."""
    return sum(thread.name == "camera reader" for thread in threading.enumerate())


class Watching:
    """Iterates a camera in a thread of its own, as the pipeline does, and keeps what came."""

    def __init__(self, camera: Camera) -> None:
        self.camera, self.stop = camera, threading.Event()
        self.frames: list[Frame] = []
        self.states: list[str] = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        for frame in self.camera.items(self.stop):
            self.frames.append(frame)

    def is_in(self, *states: str) -> Callable[[], bool]:
        """Whether the camera is in one of the states, for `until`."""
        return lambda: self.camera.status.state in states

    def until(self, what: Callable[[], bool], within_s: float) -> float:
        """Wait until something holds; gives how long it took."""
        begun = time.monotonic()
        while not what():
            state = self.camera.status.state
            if self.states[-1:] != [state]:
                self.states.append(state)
            assert time.monotonic() - begun < within_s, (self.camera.status, self.states)
            time.sleep(0.005)
        return time.monotonic() - begun

    def end(self) -> float:
        """Stop; gives how long that took."""
        begun = time.monotonic()
        self.stop.set()
        self.thread.join(5)
        return time.monotonic() - begun

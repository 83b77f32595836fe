"""A local or network camera as a source that is supervised: named states, retries, never blocking.

Concurrent activities: each attempt at the camera (`Reader`) has a thread of its own, which opens it, reads and hands
pictures over through one slot; whoever iterates `Camera.items` waits at that slot, watches the age of the last picture
and whether pictures change, and starts further attempts. One that hangs inside a library is abandoned.
"""

import threading
import time
from collections.abc import Iterator

from realtime_cer.capture.freshness import Freshness, fingerprint
from realtime_cer.capture.naming import camera_label, find_camera, why_not
from realtime_cer.capture.pictures import Broken
from realtime_cer.capture.reader import Reader, Taken
from realtime_cer.capture.source import Clock, Counters, SourceStatus, State, safe_url
from realtime_cer.errors import Refused
from realtime_cer.records import Frame

_POLL_S = 0.05
_STALL_S = 1.0
"""Age of the last picture at which a camera counts as stalled."""
_LOSE_S = 2.0
"""Age at which it is given up and opened anew: a camera of one picture a second must not be reopened for ever."""
_RETRY_S = 1.0
"""Longest time between the end of one attempt and the start of the next."""
_RIVAL_S = 2.0
"""A network camera that gave nothing for so long is asked once more, beside the attempt that waits: a dead address
answers nothing, and a new question is heard as soon as it comes back. Where the camera is known to be quicker or slower
than that, twice the time that it takes counts instead."""
_LONGEST_S = 1.5
"""Longest time between two pictures that is taken for the camera's pace and not for a fault."""
_MAX_READERS = 5
"""Attempts at once, those that hang inside a library included; further ones wait, so that threads do not pile up."""
_HOPELESS_S = 60.0
"""If they all hang for so long, none of them is going to come back."""


def open_camera(
    spec: str | int, clock: Clock = time.monotonic, wait: bool = False, *, open_timeout_s: float = 5.0
) -> "Camera":
    """Open a camera and wait for its first picture.

    Parameters
    ----------
    spec : a number, a path such as /dev/video0, the beginning of a local camera's name, or a URL
    clock : stamps the pictures, in seconds
    wait : return at once, also if the camera is not there yet: it is waited for
    open_timeout_s : how long the first picture, here and after each reopening, may take

    Raises
    ------
    Refused
        Without ``wait``: no picture within ``open_timeout_s``; always: a name that fits several cameras.
    """
    spec = str(spec).strip()
    device = find_camera(spec)
    if device is None and not wait:
        raise Refused(_or_wait(why_not(safe_url(spec), None)))
    camera = Camera(spec, clock, open_timeout_s=open_timeout_s)
    if not wait:
        camera.await_first()
    return camera


class Camera:
    """A `Source` of frames. Made by `open_camera`.

    Attributes
    ----------
    name : number, path, name, or address without password
    status, counters : may be read from any thread
    """

    def __init__(self, spec: str, clock: Clock, *, open_timeout_s: float = 5.0) -> None:
        self.name = safe_url(spec) if "://" in spec else spec
        self.counters = Counters()
        self._spec, self._clock, self._open_timeout_s = spec, clock, open_timeout_s
        self._rival_s = _RIVAL_S if "://" in spec else float("inf")  # a local camera bears one attempt at a time
        self.status = SourceStatus("opening", f"opening camera {self.name}", clock())
        self._freshness = Freshness()
        self._label: str | None = None
        self._why = ""
        self._seen = self._lost = False
        self._last = self._interval = 0.0
        self._readers: list[Reader] = []
        self._hanging: list[Reader] = []
        self._next_try = 0.0
        self._free = clock()
        self._begin()

    def await_first(self) -> None:
        """Wait until the first picture is there; raises Refused with the reason and the remedy if it does not come."""
        if not self._readers[0].wait_first(self._open_timeout_s):
            self.close()
            raise Refused(_or_wait(why_not(self.name, find_camera(self._spec))))

    def items(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield each new frame, stamped when it was grabbed; reopens for ever, ends when stopped."""
        try:
            while not stop.is_set():
                foremost = self._foremost()
                taken = None if foremost is None else foremost.take(_POLL_S)
                if foremost is None or taken is None:
                    self._supervise(stop)
                elif self._fresh(taken, foremost):
                    self.counters.dropped += taken.overtaken
                    seq = self.counters.frames + self.counters.dropped
                    self.counters.frames += 1
                    yield Frame(taken.t, seq, taken.picture)
        finally:
            self.close()

    def close(self) -> None:
        """Release the camera; one that hangs is abandoned and released when it lets go."""
        readers, self._readers = self._readers, []
        for reader in readers:
            reader.abandon()
        for reader in readers[-1:]:
            reader.join(0.1)
        self._move("ended", f"camera {self.name} is closed")

    def _begin(self) -> None:
        self._readers.append(Reader(self._locate, self._clock, self._open_timeout_s))
        self._next_try = self._readers[-1].begun + self._rival_s

    def _locate(self) -> str | int:
        """Find the camera; called by the reader in its thread, for a name may belong to another number every time."""
        try:
            device = find_camera(self._spec)
        except Refused as several:
            raise Broken(str(several)) from several
        if device is None:
            raise Broken("it is not there")
        label = camera_label(device)
        if self._label is not None and label is not None and label != self._label:
            raise Broken(f"there is another camera in its place, {label}: plug this one in again, or choose that one")
        self._label = label or self._label
        return device

    def _foremost(self) -> Reader | None:
        """The reader that gives pictures, without its rivals from now on; or else the newest."""
        giving = next((each for each in self._readers if each.first is not None), None)
        if giving is None:
            return self._readers[-1] if self._readers else None
        for rival in [each for each in self._readers if each is not giving]:
            self._leave(rival)
        return giving

    def _fresh(self, taken: Taken, reader: Reader) -> bool:
        """Note what was taken from a reader, perhaps a rival; False where the camera only repeats itself."""
        now = self._clock()
        self._interval = max(0.7 * self._interval, min(now - self._last, _LONGEST_S))
        self._last = now
        self.counters.damaged += taken.damaged
        if self._freshness.see(fingerprint(taken.picture), taken.t):
            if self._lost or not self._seen:
                self.counters.reopened += self._seen
                self._lost, self._seen = False, True
                self._learn_pace(reader)
            self._move("live", f"camera {self.name}")
            return True
        self.counters.frozen += 1
        self._move("stalled", f"camera {self.name}: the picture is frozen")
        if self._freshness.reopen_due(taken.t):
            self._lose(reader, now, "the picture is frozen")
        return False

    def _learn_pace(self, reader: Reader) -> None:
        """Ask again beside an attempt that takes twice as long as this one did."""
        if reader.first is not None and self._rival_s < float("inf"):
            self._rival_s = min(max(2 * (reader.first - reader.begun), _RETRY_S), self._open_timeout_s)

    def _supervise(self, stop: threading.Event) -> None:
        """Nothing came: look after the readers, or start another one."""
        now = self._clock()
        self._hanging = [each for each in self._hanging if each.alive]
        for reader in list(self._readers):
            age = now - (reader.begun if reader.first is None else max(self._last, reader.first))
            if reader.fault is not None:
                raise reader.fault
            if reader.over:
                self._lose(reader, now, reader.why)
            elif reader.first is None:
                if age > self._open_timeout_s:
                    self._lose(reader, now, "it sends no whole picture" if reader.partial else "it does not answer")
            elif age > max(_LOSE_S, 3 * self._interval):
                self._lose(reader, now, "no picture any more")
            elif age > max(_STALL_S, 1.5 * self._interval):
                self._move("stalled", f"camera {self.name}: no picture for {age:.0f} s")
        delivering = any(each.first is not None for each in self._readers)
        full = len(self._readers) + len(self._hanging) >= _MAX_READERS
        if delivering or not full:
            self._free = now
        elif now - max(self._free, self._last) > _HOPELESS_S:
            why = f"camera {self.name}: it does not answer, and every attempt at it hangs"
            self.status = self.status.moved(self.status.state, why, now, hopeless=True)
        partial = any(each.partial for each in self._readers)  # that one was heard: a rival would wait as long
        if not (delivering or partial) and now >= self._next_try and not full:
            if self._seen:
                self._move("retrying", f"camera {self.name}: {self._why}: trying again")
            self._begin()
        elif not self._readers:
            stop.wait(_POLL_S)

    def _lose(self, reader: Reader, now: float, why: str) -> None:
        if self._leave(reader) and not reader.over:
            why = "its pictures are damaged"
        self._lost, self._why = True, why
        self._next_try = min(self._next_try, max(now, reader.begun + _RETRY_S))
        if not self._seen:
            self._move("absent", f"camera {self.name}: {why}")
        else:
            state: State = "retrying" if self.status.state == "retrying" else "lost"
            self._move(state, f"camera {self.name}: {why}")

    def _leave(self, reader: Reader) -> int:
        """Go on without it; gives how many damaged pictures came since the last whole one."""
        reader.abandon()
        self._readers.remove(reader)
        self._hanging.append(reader)
        damaged = reader.take_damaged()
        self.counters.damaged += damaged
        return damaged

    def _move(self, state: State, detail: str) -> None:
        self.status = self.status.moved(state, detail, self._clock())


def _or_wait(why: str) -> str:
    return f"{why}; or wait for it with --wait"

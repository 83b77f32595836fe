"""A local or network camera as a source that is supervised: named states, retries, never blocking.

Concurrent activities: one daemon thread per attempt (`_Reader`) opens the camera, reads and hands pictures
over through one slot; whoever iterates `Camera.items` waits at that slot, watches the age of the last picture
and starts the next attempt. A reader that hangs inside the library is abandoned: it is told to stop, releases
its camera when the library lets it go, and can hand nothing over any more.
"""

import difflib
import os
import re
import sys
import threading
import time
from collections.abc import Iterator

from realtime_cer.capture.devices import camera_trouble, cameras, local_backend
from realtime_cer.capture.picture import from_camera
from realtime_cer.capture.source import Clock, Counters, SourceStatus, State, safe_url
from realtime_cer.errors import Refused
from realtime_cer.quiet import cv2
from realtime_cer.records import Frame, Picture

_POLL_S = 0.05
_STALL_S = 1.0
"""Age of the last picture at which a camera counts as stalled."""
_LOSE_S = 2.0
"""Age at which it is given up and opened anew: a camera of one picture a second must not be reopened for ever."""
_RETRY_S = 1.0
"""Longest time between the end of one attempt and the start of the next."""
_READ_TIMEOUT_S = 3.0
_MAX_HANGING = 3
"""Attempts that may hang inside the library at once; further ones wait, so that threads do not pile up."""
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_STREAM_OPTIONS = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay"


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
        Without ``wait``: no picture within ``open_timeout_s``; always: a name that fits no or several cameras.
    """
    camera = Camera(_resolve(spec, wait), clock, open_timeout_s=open_timeout_s)
    if not wait:
        camera.await_first()
    return camera


class Camera:
    """A `Source` of frames. Made by `open_camera`.

    Attributes
    ----------
    name : number, path or address without password
    status, counters : may be read from any thread
    """

    def __init__(self, device: str | int, clock: Clock, *, open_timeout_s: float = 5.0) -> None:
        self.name = safe_url(device) if isinstance(device, str) and "://" in device else str(device)
        self.counters = Counters()
        self._device, self._clock, self._open_timeout_s = device, clock, open_timeout_s
        self.status = SourceStatus("opening", f"opening camera {self.name}", clock())
        self._hanging: list[_Reader] = []
        self._seen = False
        self._next_try = 0.0
        self._reader: _Reader | None = None
        self._begin()

    def await_first(self) -> None:
        """Wait until the first picture is there; raises Refused with the reason and the remedy if it does not come."""
        reader = self._reader
        assert reader is not None
        if not reader.wait_first(self._open_timeout_s):
            self.close()
            raise Refused(f"{_why_not(self._device, self.name)}; or wait for it with --wait")

    def items(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield each new frame, stamped when it was grabbed; reopens for ever, ends when stopped."""
        first = self._reader
        if first is not None:
            first.forget_overtaken()
        try:
            while not stop.is_set():
                reader = self._reader
                taken = None if reader is None else reader.take(_POLL_S)
                if taken is None:
                    self._supervise(stop)
                    continue
                t, picture, overtaken = taken
                self._live()
                self.counters.dropped += overtaken
                seq = self.counters.frames + self.counters.dropped
                self.counters.frames += 1
                yield Frame(t, seq, picture)
        finally:
            self.close()

    def close(self) -> None:
        """Release the camera; one that hangs is abandoned and released when it lets go."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.abandon()
            reader.thread.join(0.1)
        self._move("ended", f"camera {self.name} is closed")

    def _begin(self) -> None:
        self._begun = self._last = self._clock()
        self._reader = _Reader(self._device, self._clock, self._open_timeout_s)

    def _live(self) -> None:
        self._last = self._clock()
        if self.status.state != "live":
            if self._seen and self.status.state != "stalled":
                self.counters.reopened += 1
            self._seen = True
            self._move("live", f"camera {self.name}")

    def _supervise(self, stop: threading.Event) -> None:
        """Nothing came: look after the reader, or start another one."""
        now = self._clock()
        reader = self._reader
        if reader is None:
            self._hanging = [each for each in self._hanging if each.thread.is_alive()]
            if now >= self._next_try and len(self._hanging) < _MAX_HANGING:
                if self._seen:
                    self._move("retrying", f"camera {self.name}: trying again")
                self._begin()
            else:
                stop.wait(_POLL_S)
        elif reader.fault is not None:
            raise reader.fault
        elif reader.over:
            self._lose(reader, now, reader.why)
        elif reader.delivered:
            age = now - self._last
            if age > _LOSE_S:
                self._lose(reader, now, "no picture any more")
            elif age > _STALL_S:
                self._move("stalled", f"camera {self.name}: no picture for {age:.0f} s")
        elif now - self._begun > self._open_timeout_s:
            self._lose(reader, now, "it does not answer")

    def _lose(self, reader: "_Reader", now: float, why: str) -> None:
        reader.abandon()
        self._hanging.append(reader)
        self._reader = None
        self._next_try = max(now, self._begun + _RETRY_S)
        if not self._seen:
            self._move("absent", f"camera {self.name}: {why}")
        else:
            state: State = "retrying" if self.status.state == "retrying" else "lost"
            self._move(state, f"camera {self.name}: {why}")

    def _move(self, state: State, detail: str) -> None:
        self.status = self.status.moved(state, detail, self._clock())


class _Reader:
    """One attempt: opens the camera in a thread of its own and keeps the newest picture until it is taken."""

    def __init__(self, device: str | int, clock: Clock, open_timeout_s: float) -> None:
        self.why = "it cannot be opened"
        self.fault: Exception | None = None
        self.over = self.delivered = False
        self._device, self._clock, self._open_timeout_s = device, clock, open_timeout_s
        self._slot: tuple[float, Picture] | None = None
        self._overtaken = 0
        self._changed = threading.Condition()
        self._abandoned = threading.Event()
        self.thread = threading.Thread(target=self._run, name="camera reader", daemon=True)
        self.thread.start()

    def abandon(self) -> None:
        """Stop reading; nothing is handed over from now on."""
        self._abandoned.set()

    def wait_first(self, timeout_s: float) -> bool:
        """Wait for the first picture without taking it; False if it does not come."""
        with self._changed:
            self._changed.wait_for(lambda: self._slot is not None or self.over, timeout_s)
            return self._slot is not None

    def forget_overtaken(self) -> None:
        """Count from here on: nobody was there to take what came before."""
        with self._changed:
            self._overtaken = 0

    def take(self, timeout_s: float) -> tuple[float, Picture, int] | None:
        """Take the newest picture: its time, itself, and how many it has overtaken; None after the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self._slot is not None or self.over, timeout_s)
            if self._slot is None:
                return None
            (t, picture), self._slot = self._slot, None
            overtaken, self._overtaken = self._overtaken, 0
            return t, picture, overtaken

    def _run(self) -> None:
        camera = None
        try:
            camera = _open(self._device, self._open_timeout_s)
            if camera.isOpened():
                self.why = "the connection broke"
                self._read(camera)
        except cv2.error as error:
            self.why = str(error).strip().splitlines()[-1]
        except Exception as error:  # ours: kept here, raised to whoever iterates
            self.fault = error
        finally:
            if camera is not None:
                camera.release()
            with self._changed:
                self.over = True
                self._changed.notify_all()

    def _read(self, camera: cv2.VideoCapture) -> None:
        while not self._abandoned.is_set() and camera.grab():
            t = self._clock()
            done, image = camera.retrieve()
            if not done or image is None or not image.size:
                return
            picture = from_camera(image)
            with self._changed:
                if self._abandoned.is_set():
                    return
                self._overtaken += self._slot is not None
                self._slot = t, picture
                self.delivered = True
                self._changed.notify_all()


def _open(device: str | int, open_timeout_s: float) -> cv2.VideoCapture:
    if isinstance(device, str) and "://" in device:
        settings = {
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: open_timeout_s * 1000,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC: _READ_TIMEOUT_S * 1000,
            cv2.CAP_PROP_N_THREADS: 1,  # each further decoder thread holds back one more picture
        }
        numbers = [int(each) for pair in settings.items() for each in pair]
        ours = _OPTIONS not in os.environ
        os.environ.setdefault(_OPTIONS, _STREAM_OPTIONS)
        try:
            return cv2.VideoCapture(device, cv2.CAP_FFMPEG, numbers)
        finally:
            if ours:  # files that anything else opens must not be read as streams
                os.environ.pop(_OPTIONS, None)
    camera = cv2.VideoCapture(device, local_backend())
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return camera


def _resolve(spec: str | int, wait: bool) -> str | int:
    """Give a number, a path or an address; a name is looked up among the local cameras."""
    text = str(spec).strip()
    if re.fullmatch(r"\d+", text):
        return int(text)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return text
    if text.startswith("/"):
        if not wait and not os.path.exists(text):
            raise Refused(f"there is no camera {text}; {_offer(text)}; or wait for it with --wait")
        return os.path.realpath(text)
    fitting = [each for each in cameras() if text and each.name.lower().startswith(text.lower())]
    if len(fitting) == 1:
        return _resolve(fitting[0].select, wait)
    if fitting:
        names = ", ".join(f"{each.select} ({each.name})" for each in fitting)
        raise Refused(f"camera '{text}' fits several: choose by number: {names}")
    raise Refused(f"there is no camera or file called '{text}'; {_offer(text)}")


def _offer(text: str) -> str:
    """Name the cameras there are, the nearest first."""
    found = {each.name: each for each in cameras()}
    if not found:
        return "no local camera was found: plug one in, or name a network camera's URL or a file"
    near = difflib.get_close_matches(text, found, n=len(found), cutoff=0.0)
    return "there are " + ", ".join(f"{found[name].select} ({name})" for name in near)


def _why_not(device: str | int, name: str) -> str:
    if isinstance(device, str) and "://" in device:
        return f"camera {name} does not answer with pictures: check its address and that it is switched on"
    path = f"/dev/video{device}" if isinstance(device, int) and sys.platform == "linux" else device
    trouble = camera_trouble(path) if isinstance(path, str) else None
    if trouble is not None:
        return f"camera {name} {trouble}"
    return f"there is no camera {name}; {_offer(str(device))}"

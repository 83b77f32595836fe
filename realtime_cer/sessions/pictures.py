"""The pictures of a session's film, for whoever plays it: one thread, which owns the decoder.

Pictures are decoded a little ahead, and anew from the key picture before wherever playing jumps to. Who asks for one
never waits.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from realtime_cer.capture.decoding import choose, decode, open_container, prepare
from realtime_cer.errors import Refused
from realtime_cer.records import Frame, Picture, read_only

State = Literal["there", "over", "none", "damaged"]
"""There is a picture, or soon will be; the film ends before; there is no film, or none that can be read."""

_AHEAD = 8
"""Pictures that wait to be shown: a quarter of a second, some 20 MB."""

_JUMP_S = 2.0
"""What lies further ahead than this is jumped to, what lies nearer is decoded up to."""

_LATE_S = 0.2
"""A picture that is so late already is not converted: the next ones matter more."""

_OVER_S = 1.0
"""So long after the film's last picture that one is no longer of the present."""

_EARLY_S = 1e-6
_PATIENCE_S = 0.5
_NAP_S = 0.2


class Pictures:
    """Decodes a film ahead of who plays it, from ``start`` to ``close``.

    Parameters
    ----------
    path : of a film whose times are those of its session
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = threading.Condition()
        self._ahead: deque[Frame] = deque()
        self._shown: Frame | None = None
        self._rough: Frame | None = None
        self._asked = 0.0
        self._target: float | None = 0.0
        self._seeking = True
        self._reached = float("-inf")
        self._last: float | None = None
        self._damaged = self._closed = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="replay film", daemon=True)

    def start(self) -> None:
        """Begin to decode."""
        self._thread.start()

    def close(self, timeout_s: float = 2.0) -> bool:
        """Let go of the film; False if the decoder is stuck and was left alone."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def at(self, t: float) -> tuple[Frame | None, bool]:
        """The newest picture at or before ``t`` that is decoded, at once; and whether it is still being looked for."""
        with self._changed:
            if self._error is not None:
                raise self._error
            holds = not self._seeking and self._shown is not None and self._shown.t <= t + _EARLY_S
            back = t < self._asked - _EARLY_S and not holds
            far = t > max(self._reached, self._target or 0.0) + _JUMP_S and self._last is None
            if back or far:
                self._target, self._seeking = t, True
                self._rough, self._shown = self._shown or self._rough, None
                self._ahead.clear()
            self._asked = t
            if not self._seeking:
                self._advance(t)
            self._changed.notify_all()
            # Of several that are due the newest is known only when one has come that is not.
            sought = self._seeking or (not self._ahead and self._last is None)
            return self._rough if self._seeking else self._shown, sought and not self._damaged

    def _advance(self, t: float) -> None:
        """Take what is due; before a film's first picture that one, if it is not far."""
        while self._ahead and self._ahead[0].t <= t + _EARLY_S:
            self._shown = self._ahead.popleft()
        if self._ahead and (self._shown is None or self._shown.t > self._ahead[0].t):
            self._shown = self._ahead.popleft() if self._ahead[0].t <= t + _OVER_S else None

    def state(self, t: float) -> State:
        """What there is to see at ``t``."""
        with self._changed:
            if self._damaged:
                return "damaged"
            return "over" if self._last is not None and t > self._last + _OVER_S else "there"

    def _run(self) -> None:
        try:
            with closing(open_container(self._path)) as container:
                stream = choose(list(container.streams.video))
                if not isinstance(stream, VideoStream):
                    raise Refused(f"{self._path} holds no picture")
                prepare(stream)
                while self._play(container, stream):
                    pass
        except (Refused, OSError, ValueError, av.error.FFmpegError):
            with self._changed:
                self._damaged = True
        except Exception as error:  # a fault of ours: raised where the next picture is asked for
            self._error = error

    def _play(self, container: InputContainer, stream: VideoStream) -> bool:
        """Decode from where it is wanted until it is wanted elsewhere; False when all is over."""
        with self._changed:
            while self._target is None and not self._closed:
                self._changed.wait(_NAP_S)
            if self._closed:
                return False
            target, self._target, self._last = self._target or 0.0, None, None
        began, before = time.monotonic(), None
        for frame in self._from(container, stream, target):
            if frame.pts is None or frame.time_base is None:
                continue
            t = float(frame.pts * frame.time_base)
            self._reached = t
            if t <= target + _EARLY_S:
                before = frame  # not shown before it is known to be the last one
                if self._elsewhere() and time.monotonic() - began > _PATIENCE_S:
                    return True
                continue
            if before is not None:
                self._put(before)
                before = None
            if not self._wait() or not self._put(frame):
                return not self._closed
        if before is not None:
            self._put(before)
        with self._changed:
            if self._target is None:
                self._last = max(self._reached, 0.0)
                self._seeking = False
        return True

    def _from(self, container: InputContainer, stream: VideoStream, target: float) -> Iterator[VideoFrame]:
        """The pictures from the key picture before ``target`` on; from the first where a torn film has no index."""
        assert stream.time_base is not None
        for start in (target, 0.0):
            try:
                container.seek(round(start / stream.time_base), stream=stream, backward=True)
            except (OSError, av.error.FFmpegError):
                continue
            frames = (one for one in decode(container, stream, lambda _: None) if isinstance(one, VideoFrame))
            first = next(frames, None)
            if first is None:
                continue
            if start > 0 and first.pts is not None and float(first.pts * stream.time_base) > target + _JUMP_S:
                continue
            yield first
            yield from frames
            return

    def _elsewhere(self) -> bool:
        with self._changed:
            return self._closed or self._target is not None

    def _wait(self) -> bool:
        """Wait for room; False where it is wanted elsewhere."""
        with self._changed:
            while len(self._ahead) >= _AHEAD and self._target is None and not self._closed:
                self._changed.wait(_NAP_S)
            return self._target is None and not self._closed

    def _put(self, frame: VideoFrame) -> bool:
        """Hand on one picture; False where it is wanted elsewhere."""
        assert frame.pts is not None
        assert frame.time_base is not None
        t = float(frame.pts * frame.time_base)
        with self._changed:
            if not self._seeking and t < self._asked - _LATE_S:
                return self._target is None
        picture: Picture = frame.to_ndarray(format="bgr24")  # type: ignore[assignment]  # bgr24 is of 8 bits
        made = Frame(t, round(frame.pts), read_only(picture))
        with self._changed:
            if self._target is not None:
                # Wanted elsewhere by now: shown until that is found, so that a hand that drags sees where it goes.
                self._rough = made
                return False
            self._ahead.append(made)
            self._seeking = False
            return True

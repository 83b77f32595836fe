"""What every live source looks like from outside, and the states it goes through."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import urlsplit, urlunsplit

from realtime_cer.records import SAMPLE_RATE, AudioBlock, Frame

Clock = Callable[[], float]
"""Seconds that never go back; ``time.monotonic`` outside of tests."""

Item = Frame | AudioBlock


def item_end(item: Item) -> float:
    """When an item is complete, which is its place in the order of time: a block ends with its last sample."""
    return item.t if isinstance(item, Frame) else item.t + len(item.samples) / SAMPLE_RATE


State = Literal["opening", "live", "stalled", "lost", "retrying", "absent", "ended"]
"""``absent`` has never been seen, ``lost`` was live before, ``stalled`` is open but silent."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source does: ``detail`` is one line for people, ``t`` is when the state was entered, in seconds.

    It is ``hopeless`` where a library hangs that cannot be asked again by this process.
    """

    state: State
    detail: str
    t: float
    hopeless: bool = False

    def moved(self, state: State, detail: str, t: float, *, hopeless: bool = False) -> "SourceStatus":
        """Give the status after a change; the time stays where the state does."""
        return SourceStatus(state, detail, self.t if state == self.state else t, hopeless)


@dataclass(slots=True)
class Counters:
    """What a source has counted since it was made.

    ``frames`` were handed out (frames, or blocks of sound), ``dropped`` were lost on the way (overtaken
    frames; sound blocks that overflowed), ``gaps`` are the places where sound time was anchored anew,
    ``reopened`` counts the times the device came back. Of a camera, ``frozen`` counts repeated pictures that were
    withheld and ``damaged`` those that could not be decoded; of a microphone, ``overflows`` the times that its sound
    came faster than it was taken and ``underflows`` those that it came too slowly, by the sound library's own word.
    """

    frames: int = 0
    dropped: int = 0
    gaps: int = 0
    reopened: int = 0
    frozen: int = 0
    damaged: int = 0
    overflows: int = 0
    underflows: int = 0


class Source(Protocol):
    """A camera, a microphone, or a file that is played as if it were both.

    ``name`` is safe to show. ``status`` and ``counters`` may be read from any thread.
    """

    @property
    def name(self) -> str: ...

    @property
    def status(self) -> SourceStatus: ...

    @property
    def counters(self) -> Counters: ...

    def items(self, stop: threading.Event) -> Iterator[Item]:
        """Wait for items and yield them; end with the file, or 0.2 s after ``stop`` is set at the latest.

        The device is released when the iteration ends, however it ends.
        """
        ...

    def close(self) -> None:
        """Release the device of a source that is not being iterated. Harmless when repeated."""
        ...


_SECRET = re.compile(r"(?i)\b((?:user(?:name)?|login|pass(?:word|wd)?|pwd|token|key|auth)=)[^&/_;?]*")


def safe_url(url: str) -> str:
    """Give an address without user, password and query, fit for a screen or a log.

    >>> safe_url("rtsp://me:secret@cam.local:554/live?token=1")
    'rtsp://cam.local:554/live'
    """
    try:
        parts = urlsplit(url)
        scheme, place, path = parts.scheme, parts.netloc.rpartition("@")[2], parts.path
    except ValueError:
        return url.partition("://")[0] + "://…"
    return urlunsplit((scheme, place, _SECRET.sub(r"\1…", path), "", ""))

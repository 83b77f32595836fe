"""A media file played at its own pace, as if it were a camera and a microphone. No threads."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from realtime_cer.capture.media import MediaFile
from realtime_cer.capture.source import Clock, Counters, Item, SourceStatus, item_end
from realtime_cer.records import Frame

_NAP_S = 0.05
"""Longest sleep, so that a stop is noticed in time."""

_LATE_S = 0.5
"""A frame that is this late already is not converted any more: its sound and its successors matter more."""


class Player:
    """Plays a file as a live source: everything comes when the clock reaches it, never earlier.

    An item's ``t`` is ``start`` plus its media time; sound comes when the end of its block is reached.

    Parameters
    ----------
    media : an opened file
    clock : seconds
    sleep : waits for the given seconds; must let the clock go on
    loop : start again at the end, the clock going on
    picture, sound : False leaves them out

    Attributes
    ----------
    start : time on the clock that is media time 0 of the first turn; None before `items` began.
    """

    def __init__(
        self,
        media: MediaFile,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        *,
        loop: bool = False,
        picture: bool = True,
        sound: bool = True,
    ) -> None:
        self.media = media
        self.name = media.name
        self.loop = loop
        self.start: float | None = None
        self.counters = Counters()
        self._clock, self._sleep = clock, sleep
        self._picture, self._sound = picture, sound
        self.status = SourceStatus("opening", self.name, clock())

    @property
    def sounds(self) -> bool:
        """Whether there will be blocks of sound."""
        return self._sound and self.media.has_audio

    @property
    def shows(self) -> bool:
        """Whether there will be pictures."""
        return self._picture and self.media.has_video

    @property
    def notices(self) -> list[str]:
        """What a user should know of the file, one line each; grows while it is played."""
        return self.media.notices

    def items(self, stop: threading.Event) -> Iterator[Item]:
        """Yield the file's frames and blocks of sound at real-time pace; end with the file or when stopped."""
        begun = self.start = self._clock()
        seq = 0
        try:
            while not stop.is_set():
                last_seq = -1
                for item in self.media.items(
                    stop, wanted=self._in_time(begun), picture=self._picture, sound=self._sound
                ):
                    due = begun + item_end(item)
                    if not self._reached(due, stop):
                        return
                    self.status = self.status.moved("live", f"playing {self.name}", self._clock())
                    self.counters.frames += 1
                    if isinstance(item, Frame):
                        last_seq = item.seq
                        yield replace(item, t=due, seq=seq + item.seq)
                    else:
                        yield replace(item, t=begun + item.t)
                if not self.loop or not self.media.end:
                    return
                begun += self.media.end
                seq += last_seq + 1
        finally:
            self.status = self.status.moved("ended", f"{self.name} has ended", self._clock())

    def close(self) -> None:
        """Nothing is held between iterations."""

    def _in_time(self, begun: float) -> Callable[[float], bool]:
        def wanted(t: float) -> bool:
            in_time = self._clock() <= begun + t + _LATE_S
            self.counters.dropped += not in_time
            return in_time

        return wanted

    def _reached(self, due: float, stop: threading.Event) -> bool:
        """Sleep until the clock shows ``due``; False if stopped meanwhile."""
        while (left := due - self._clock()) > 0:
            if stop.is_set():
                return False
            self._sleep(min(left, _NAP_S))
        return not stop.is_set()

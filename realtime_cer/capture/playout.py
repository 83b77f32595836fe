"""A stream to the default loudspeaker, which asks for sound by when it will be heard.

Concurrent activities: the sound library asks from a thread of its own; everything else belongs to one owner, but for
``stalled``, which may be read from any thread.
"""

import time
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Any

from realtime_cer.capture import portaudio
from realtime_cer.capture.source import Clock
from realtime_cer.records import Floats

Give = Callable[[float, int], Floats | None]
"""Asked with the time at which the first sample will leave the sound system and how many are wanted; gives (n,
channels), or None to break off at once and drop what still waits to be heard."""

_PRIMING, _ENOUGH, _KEPT = 1, 4, 25
"""The first of its questions comes before anything moves; so many are listened to before it is known when a sample is
heard; and so many, half a second, are kept in mind, for single ones come late."""

_STALL_S = 1.0
"""A loudspeaker that has not asked for so long does not play."""

_BREAK_S, _NAP_S = 0.5, 0.005


class Playout:
    """Opened with ``open``, begun and stopped any number of times, closed with ``close``.

    Parameters
    ----------
    clock : seconds
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self.rate = self.channels = 0
        self._stream: Any = None
        self._abort: type[Exception] = StopIteration
        self._give: Give | None = None
        self._asked: float | None = None
        self._begun: deque[float] = deque(maxlen=_KEPT)
        self._questions = self._given = 0

    @property
    def opened(self) -> bool:
        """Whether there is a stream that can be begun."""
        return self._stream is not None and portaudio.is_open(self._stream)

    @property
    def stalled(self) -> bool:
        """Whether it should be asking, and does not: the sound system hangs."""
        asked = self._asked
        return asked is not None and self._clock() - asked > _STALL_S

    @property
    def lost(self) -> bool:
        """Whether it was begun, and the device has ended it since."""
        return self._give is not None and not (self.opened and self._stream.active)

    def open(self, *, again: bool = False) -> None:
        """Open the default loudspeaker; ``again`` looks for devices anew first.

        Raises
        ------
        Unavailable
            There is none, or it cannot be opened now.
        Refused
            There is no sound library.
        """
        if again:
            portaudio.restart()
        self._stream, self.rate, self.channels, self._abort = portaudio.open_output(self._fill)

    def begin(self, give: Give) -> None:
        """Ask ``give`` for sound from now on, in the sound library's thread; it must not wait for anything.

        Raises
        ------
        Unavailable
            The device does not begin.
        """
        self._begun.clear()
        self._questions = self._given = 0
        self._give, self._asked = give, self._clock()
        portaudio.begin(self._stream)

    def stop(self) -> None:
        """Ask no more, and drop what still waits to be heard."""
        begun, self._give = self._give is not None, None
        end = self._clock() + _BREAK_S
        # It ends itself when it asks next: from outside its thread would be cut down, in the middle of Python.
        while begun and self.opened and self._stream.active and self._clock() < end:
            time.sleep(_NAP_S)
        if begun and self.opened and not self._stream.active:
            portaudio.end(self._stream)
            self._asked = None
        elif begun:
            self.close()

    def close(self) -> None:
        """Give the device back; harmless when there is none."""
        if self._give is not None:
            self.stop()
        stream, self._stream = self._stream, None
        if stream is not None:
            portaudio.close(stream)
        self._asked = None

    def _fill(self, out: Any, frames: int, times: Any, flags: Any) -> None:
        """Give the next samples: the sound library's callback."""
        now = self._asked = self._clock()
        delay = times.outputBufferDacTime - times.currentTime
        if not 0 < delay < 2:  # some sound servers do not know
            delay = portaudio.LATENCY_S
        self._questions += 1
        if self._questions > _PRIMING:
            self._begun.append(now + delay - self._given / self.rate)
        heard = self._given / self.rate + (median(self._begun) if len(self._begun) >= _ENOUGH else 0)
        self._given += frames
        give = self._give
        out[:] = 0
        if give is None:
            raise self._abort
        if len(self._begun) >= _ENOUGH:
            sound = give(heard, frames)
            if sound is None:
                raise self._abort
            out[:] = sound

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
from realtime_cer.capture.portaudio import Unavailable
from realtime_cer.capture.source import Clock
from realtime_cer.records import Floats

Give = Callable[[float, int], Floats | None]
"""Asked with the time at which the first sample will leave the sound system and how many are wanted; gives (n,
channels), or None to break off at once and drop what still waits to be heard."""

_LATENCY_S = 0.2
"""Buffer asked of the sound system: a window that is drawn may hold up its questions, and what waits can be dropped."""

_BLOCKS = 50
"""Questions in a second."""

_RATES = (48_000, 44_100)

_PRIMING, _ENOUGH, _KEPT = 1, 4, 25
"""The first question comes before anything moves; so many more are listened to before it is known when a sample is
heard; and so many, half a second, are kept in mind, for single ones come late."""

_STALL_S = 1.0
"""A loudspeaker that has not asked for so long does not play."""

_BREAK_S, _NAP_S = 0.5, 0.005


class Playout:
    """Opened with ``open``, begun and stopped any number of times, closed with ``close``.

    Parameters
    ----------
    clock : seconds

    Attributes
    ----------
    rate, channels : once it was opened
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self.rate = self.channels = 0
        self._latency = _LATENCY_S
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
        with portaudio.exclusive() as library:
            try:
                if again:
                    portaudio.restart()
                facts = library.query_devices(kind="output")
            except (library.PortAudioError, ValueError):
                raise Unavailable("no loudspeaker was found: plug one in") from None
            self._abort = library.CallbackAbort
            self.channels = min(int(facts["max_output_channels"]), 2)
            why = ""
            for rate in dict.fromkeys((round(facts["default_samplerate"]), *_RATES)):
                try:
                    stream = library.OutputStream(
                        samplerate=rate,
                        channels=self.channels,
                        dtype="float32",
                        blocksize=rate // _BLOCKS,
                        latency=_LATENCY_S,
                        callback=self._fill,
                    )
                except (library.PortAudioError, ValueError) as error:
                    why = why or _told(error)
                else:
                    portaudio.hold(stream)
                    self._stream, self.rate, self._latency = stream, rate, float(stream.latency)
                    return
        raise Unavailable(f"loudspeaker {facts['name']} cannot be opened ({why}): is it in use elsewhere?")

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
        with portaudio.exclusive() as library:
            try:
                if not self.opened:
                    raise Unavailable("the loudspeaker is gone")
                self._stream.start()
            except library.PortAudioError as error:
                raise Unavailable(f"the loudspeaker does not begin ({_told(error)})") from None

    def stop(self) -> None:
        """Ask no more, and drop what still waits to be heard."""
        begun, self._give = self._give is not None, None
        end = self._clock() + _BREAK_S
        # It ends itself when it asks next: from outside its thread would be cut down, in the middle of Python.
        while begun and self._asking and self._clock() < end:
            time.sleep(_NAP_S)
        if begun and self._asking:
            self.close()
        elif begun:
            with portaudio.exclusive():
                if self.opened:
                    self._stream.stop()
            self._asked = None

    def close(self) -> None:
        """Give the device back; harmless when there is none."""
        if self._give is not None:
            self.stop()
        stream, self._stream = self._stream, None
        if stream is not None:
            portaudio.close(stream)
        self._asked = None

    @property
    def _asking(self) -> bool:
        return self.opened and bool(self._stream.active)

    def _fill(self, out: Any, frames: int, times: Any, flags: Any) -> None:
        """Give the next samples: the sound library's callback."""
        now = self._asked = self._clock()
        delay = times.outputBufferDacTime - times.currentTime
        if not 0 < delay < 2:  # some sound servers do not know
            delay = self._latency
        self._questions += 1
        begun, sent = self._begun, self._given / self.rate
        if self._questions > _PRIMING:
            begun.append(now + delay - sent)
        self._given += frames
        give = self._give
        out[:] = 0
        if give is None:
            raise self._abort
        if len(begun) >= _ENOUGH:
            sound = give(median(begun) + sent, frames)
            if sound is None:
                raise self._abort
            out[:] = sound


def _told(error: Exception) -> str:
    """What the sound library says of a fault, without its numbers."""
    return str(error).partition("\n")[0].partition(" [")[0] or "no reason given"

"""Plays a sound once through the default loudspeaker, and estimates when it leaves it.

Concurrent activities: the sound library asks for samples from a thread of its own; the caller reads the estimate.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from realtime_cer.capture import portaudio
from realtime_cer.capture.source import Clock
from realtime_cer.errors import Refused
from realtime_cer.records import Floats

_PRIMING, _ENOUGH = 1, 9
"""The first callback fills the buffer before it moves; the next ones are when the library knows best where it is: later
a busy machine wakes it late, and its idea of the buffer wanders by 10 ms."""

_STUTTER_S = 0.15
"""No mere change of mind about the buffer: time has been lost. Not every sound server owns up to it."""

_LATENCY_S = 0.4
"""Buffer asked of the sound system: the delay does no harm, for it is known; a gap would."""

_ABSENT = "no loudspeaker was found: plug one in, or choose one in the system's sound settings"


class Playback:
    """A sound that is being played."""

    def __init__(self, samples: Floats, rate: int, clock: Clock) -> None:
        self._samples, self._rate, self._clock = samples, rate, clock
        self._at = 0
        self._begun: list[float] = []
        self._late_s = float("inf")
        self.latency_s = 0.0
        """What the sound system says of its own delay, for where it does not say it of each block."""
        self._starved = False

    @property
    def begun(self) -> float | None:
        """When the first sample left the sound system, by the clock in seconds; None until that can be told.

        What comes after the sound system is not in it: wireless loudspeakers add 100 to 300 ms.
        """
        early = self._begun[_PRIMING:_ENOUGH]
        return median(early) + self._late_s if len(self._begun) >= _ENOUGH else None

    @property
    def stuttered(self) -> bool:
        """Whether the sound system ran out of samples, so that what came afterwards was late."""
        begun = self.begun
        later = self._begun[_ENOUGH:]
        return self._starved or (begun is not None and bool(later) and max(later) + self._late_s - begun > _STUTTER_S)

    def fill(self, out: Any, frames: int, times: Any, flags: Any) -> None:
        """Give the next samples: the sound library's callback."""
        # Python may be called late, by chance, never early: the least that lies between the two clocks is the truth.
        self._late_s = min(self._late_s, self._clock() - times.currentTime)
        out_at = times.outputBufferDacTime
        if not 0 < out_at - times.currentTime < 2:  # some sound servers do not know
            out_at = times.currentTime + self.latency_s
        self._begun.append(out_at - self._at / self._rate)
        self._starved |= flags.output_underflow and len(self._begun) >= _ENOUGH
        piece = self._samples[self._at : self._at + frames]
        out[: len(piece)] = piece[:, None]
        out[len(piece) :] = 0
        self._at += frames


@contextmanager
def playing(sound: Callable[[int], Floats], clock: Clock = time.monotonic) -> Iterator[Playback]:
    """Play a sound, followed by silence, while the context lasts.

    The sound library is held meanwhile: a microphone that is lost waits with starting it anew, which would take the
    stream away in the middle of use.

    Parameters
    ----------
    sound : makes the samples (n,) in [-1, 1] for a rate

    Raises
    ------
    Refused
        There is no loudspeaker, or it cannot be opened.
    """
    try:
        with portaudio.exclusive() as library:
            try:
                facts = library.query_devices(kind="output")
            except (library.PortAudioError, ValueError):
                raise Refused(_ABSENT) from None
            rate, channels = round(facts["default_samplerate"]), min(int(facts["max_output_channels"]), 2)
            playback = Playback(sound(rate), rate, clock)
            try:
                stream = library.OutputStream(
                    samplerate=rate,
                    channels=channels,
                    dtype="float32",
                    blocksize=rate // 50,
                    latency=_LATENCY_S,
                    callback=playback.fill,
                )
            except (library.PortAudioError, ValueError) as error:
                raise Refused(f"loudspeaker {facts['name']} cannot be opened ({_first_line(error)})") from None
            try:
                playback.latency_s = float(stream.latency)
                stream.start()
                yield playback
            finally:
                stream.close(ignore_errors=True)
    except portaudio.Unavailable as problem:
        raise Refused(f"{problem}: try again") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0]

"""Sound that waits to be heard, and where to read on in it so that it stays in step. Pure but for the memory it keeps.

One thread puts and another one reads: what is put is announced after it lies there, and what is announced is not
touched before it is long past, so neither waits for the other.
"""

import math

import numpy as np
import numpy.typing as npt

from realtime_cer.records import Floats

_HELD_S = 4.0
AHEAD_S = 1.5
"""How far ahead of what is heard sound may be put: far less than is held, so that nothing is written over too soon."""

NEAR_S = 0.005
"""So far out of step is as good as in step: a loudspeaker's own idea of when it sounds wavers by that much."""

FAR_S = 0.03
"""From here on it jumps: people notice 45 ms (ITU-R BT.1359-1). In between it runs slower or faster."""

_BEND = 0.003
"""Share by which it does: a twentieth of a semitone."""

_RAMP_S = 0.005
"""After a jump sound comes in over so long, lest it click."""


class SoundAhead:
    """The sound around the present, ``rate`` samples per second and ``channels`` wide, by its place in the film."""

    def __init__(self, rate: int, channels: int) -> None:
        self.rate, self.channels = rate, channels
        self._kept = np.zeros((round(_HELD_S * rate), channels), np.float32)
        self._low = self._high = 0
        self._begun = False

    @property
    def high(self) -> int:
        """The place behind the last sample."""
        return self._high

    def put(self, place: int, samples: Floats) -> None:
        """Add sound that follows; silence fills a gap, and what is there already is left out.

        Parameters
        ----------
        place : of the first sample, no more than ``AHEAD_S`` ahead of what is read
        samples : (n, channels)
        """
        if not self._begun:
            self._begun = True
            self._low = self._high = place
        if place > self._high + len(self._kept):
            self._low = self._high = place
        silence = np.zeros((max(place - self._high, 0), self.channels), np.float32)
        added = np.concatenate([silence, samples[max(self._high - place, 0) :]])[-len(self._kept) :]
        self._kept[np.arange(self._high, self._high + len(added)) % len(self._kept)] = added
        self._high += len(added)

    def read(self, places: npt.NDArray[np.float64]) -> Floats:
        """Sound at these places, (n, channels); between two samples in proportion, silence where there is none."""
        whole = np.floor(places).astype(np.int64)
        share = (places - whole).astype(np.float32)[:, None]
        left, right = (self._kept[(whole + n) % len(self._kept)] for n in (0, 1))
        there = (whole >= max(self._low, self._high - len(self._kept))) & (whole + 1 < self._high)
        return np.where(there[:, None], left + (right - left) * share, np.float32(0))


class Pace:
    """Where to read on: straight on while that is in step, else a little slower or faster, or elsewhere.

    Parameters
    ----------
    rate : samples per second
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._next = math.nan

    def places(self, wanted: float, count: int) -> tuple[npt.NDArray[np.float64], Floats]:
        """Where the next ``count`` samples lie, and how loud each is to be, 0 to 1.

        Parameters
        ----------
        wanted : the place that would be right for the first
        """
        off = (wanted - self._next) / self._rate
        step, loud = 1.0, np.ones(count, np.float32)
        if not abs(off) <= FAR_S:
            self._next = float(round(wanted))
            loud = np.minimum(np.arange(count) / (_RAMP_S * self._rate), 1).astype(np.float32)
        elif abs(off) > NEAR_S:
            step += math.copysign(_BEND, off)
        else:
            self._next = float(round(self._next))
        places = self._next + step * np.arange(count, dtype=np.float64)
        self._next += step * count
        return places, loud

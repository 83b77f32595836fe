"""Whose voice is it? The movement of each mouth held against the speech that is heard. Pure: no clock, no threads.

The picture alone cannot tell a talking mouth from a chewing one, and the sound not who of two speaks; together they
can. Over the last two seconds each face's mouth moves by

    m = sum_k s_k min(|o_k - o_(k-1)|, MOST) / sum_k s_k ,

the mean change of its opening o from one grid instant to the next, weighted with the share s of speech in between; one
large change, as when a smile begins, counts little, for talking is many.
The opening is the gap between the lips over the height of the face: turning the head makes widths smaller, and leaves
both heights as they are. The evidence is m^2 / (m^2 + STILL^2): none for a mouth at rest while somebody speaks.
"""

import itertools
import math
from collections import deque
from collections.abc import Mapping
from typing import Literal

import numpy as np

from realtime_cer.records import Floats

Mode = Literal["auto", "off", "strict"]

SPAN_S = 2.0
"""How far back is looked."""

MOST = 0.03
"""More than that is one movement, not more speech; in heights of a face."""

STILL = 0.005
"""Change of the opening, in heights of a face, that is as likely in a mouth that speaks as in one that rests."""

_FADE_S = 0.8
_GOES_ON_S = 0.6
_LEAST_SPEECH_S = 0.15
_ENOUGH = 0.5
_LEAD = 1.15
_SLOT_S = 0.1

_INNER_LIPS = ((82, 87), (13, 14), (312, 317))
_FOREHEAD, _CHIN = 10, 152


def mouth_gap(landmarks: Floats) -> float:
    """The mean gap between the inner lips over the height of the face, (478, 2) landmarks; 0 for a closed mouth."""
    points = np.asarray(landmarks, np.float64)
    height = math.dist(points[_FOREHEAD], points[_CHIN])
    gap = sum(math.dist(points[upper], points[lower]) for upper, lower in _INNER_LIPS) / len(_INNER_LIPS)
    return gap / height if height > 0 else 0.0


class Gate:
    """Decides which face the sound belongs to.

    Parameters
    ----------
    mode : "auto": one face alone always has the sound; of several, the one with the most evidence, if that is enough.
        "strict": one alone needs enough evidence too. "off": the target has the sound, whoever speaks
    """

    def __init__(self, mode: Mode = "auto") -> None:
        self._mode = mode
        self._mouths: dict[int, deque[tuple[float, float]]] = {}
        self._speech: deque[tuple[float, float]] = deque()
        self._speaker: int | None = None

    def look(self, t: float, gaps: Mapping[int, float]) -> None:
        """Take in the gap between the lips of every face in a picture of time ``t``."""
        for face, gap in gaps.items():
            self._mouths.setdefault(face, deque()).append((t, gap))
        for face, seen in list(self._mouths.items()):
            while seen and seen[0][0] < t - 2 * SPAN_S:
                seen.popleft()
            if not seen or seen[-1][0] < t - SPAN_S / 2:
                del self._mouths[face]
        self._speaker = self._loudest()

    def hear(self, t: float, shares: tuple[float, ...]) -> None:
        """Take in the share of speech of each tenth of a second before ``t``, the oldest first."""
        for n, share in enumerate(shares):
            self._speech.append((t - _SLOT_S * (len(shares) - 1 - n), share))
        while self._speech and self._speech[0][0] < t - 2 * SPAN_S:
            self._speech.popleft()

    def evidence(self, face: int) -> float | None:
        """How likely it is this face that speaks, 0 to 1; None while too little speech was heard."""
        seen = self._mouths.get(face)
        if seen is None or not self._speech:
            return None
        end, known = seen[-1][0], self._speech[-1][0]
        spoken = moved = 0.0
        for (t, gap), (following, other) in itertools.pairwise(seen):
            if following <= end - SPAN_S or following - t > SPAN_S / 4:
                continue
            # Sound is heard in steps, up to half a second late: until the next one it goes on as it was.
            heard = [share for when, share in self._speech if t < when - _SLOT_S / 2 <= following]
            if following > known + _SLOT_S / 2 and end - known <= _GOES_ON_S:
                heard += [self._speech[-1][1]] * round((following - max(t, known)) / _SLOT_S)
            weight = sum(heard) * _SLOT_S * math.exp((following - end) / _FADE_S)
            spoken += weight
            moved += weight * min(abs(other - gap), MOST)
        if spoken < _LEAST_SPEECH_S:
            return None
        square = (moved / spoken) ** 2
        return square / (square + STILL**2)

    def joins(self, face: int, *, target: bool) -> bool:
        """Whether the sound is this face's."""
        if self._mode == "off":
            return target
        if self._mode == "auto" and len(self._mouths) <= 1:
            return target
        return face == self._speaker

    def _loudest(self) -> int | None:
        """The face with the most evidence; the last one stays while nothing speaks against it."""
        known = {face: evidence for face in self._mouths if (evidence := self.evidence(face)) is not None}
        if not known:
            return self._speaker if self._speaker in self._mouths else None
        best = max(known, key=lambda face: known[face])
        if known[best] < _ENOUGH:
            return None
        held = known.get(-1 if self._speaker is None else self._speaker, 0.0)
        return self._speaker if held >= _ENOUGH and known[best] < _LEAD * held else best

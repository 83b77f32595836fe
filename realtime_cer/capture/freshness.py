"""Whether pictures still change: a hung camera may go on to send the same one for ever. Pure: no clock, no threads."""

import zlib
from collections import deque

import numpy as np

from realtime_cer.records import Picture

FROZEN_S = 2.0
"""Pictures that have not changed for this long are frozen."""

_REPEATS = 4
"""So many repeats are needed as well: a camera of one picture a second may well send one twice."""

_RING = 4
"""A driver that hangs may hand its few buffers round and round: a picture is compared with so many before it."""

_FIRST_WAIT_S, _LAST_WAIT_S = 3.0, 30.0
_CALM_S = 10.0
"""A camera whose pictures changed for this long has recovered: its next freeze is a new one."""


def fingerprint(picture: Picture) -> int:
    """A number that differs for pictures that differ anywhere in a codec's block.

    Parameters
    ----------
    picture : (H, W, 3) uint8

    A sensor's noise changes some pixel of every picture, but a codec may keep all of a still scene save one block:
    so no small picture is compared, but every third row in full. 0.2 ms at 1280 by 720.
    """
    return zlib.crc32(np.ascontiguousarray(picture[::3]).data)


class Freshness:
    """Follows the pictures of one camera, across reopening it.

    Repeats count as fresh for ``FROZEN_S``: a camera that makes 30 pictures a second of the 7 that it can take in poor
    light repeats each of them. Afterwards nothing is fresh until another picture comes.
    """

    def __init__(self) -> None:
        self._recent: deque[int] = deque(maxlen=_RING)
        self._changed = self._thawed = self._frozen_at = 0.0
        self._repeats = 0
        self._wait = _FIRST_WAIT_S
        self.frozen = False

    def see(self, mark: int, t: float) -> bool:
        """Note a picture; tells whether it is fresh.

        Parameters
        ----------
        mark : its fingerprint
        t : its time, in seconds
        """
        if mark not in self._recent:
            self._recent.append(mark)
            self._changed, self._repeats = t, 0
            if self.frozen:
                self.frozen, self._thawed = False, t
            return True
        self._repeats += 1
        if not self.frozen and self._repeats >= _REPEATS and t - self._changed > FROZEN_S:
            if t - self._thawed > _CALM_S + FROZEN_S:
                self._wait = _FIRST_WAIT_S
            self.frozen, self._frozen_at = True, t
        return not self.frozen

    def reopen_due(self, t: float) -> bool:
        """Whether a frozen camera should be opened anew at ``t``; each time it is, the next wait is twice as long."""
        if not self.frozen or t - self._frozen_at < self._wait:
            return False
        self._frozen_at, self._wait = t, min(2 * self._wait, _LAST_WAIT_S)
        return True

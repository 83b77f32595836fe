"""Where to look for small faces: overlapping crops of the picture, one after the other, at a constant cost."""

import math
from collections.abc import Sequence

from realtime_cer.perception.boxes import Area, Box
from realtime_cer.records import Picture

SIDE = 0.6
"""Side of a crop as a share of the picture's shorter side: in a 720p picture faces from 60 pixels high are found."""

STEP = 0.67
"""Most that two neighbouring crops lie apart, as a share of their side: what both hold is as high as the smallest faces
that are found in the whole picture."""

_LEAST = 64
_GREY = 127


def areas(width: int, height: int) -> list[Area]:
    """Crops that together cover a picture of this size: eight for 1280x720. None of a picture too small to have any."""
    side = int(min(width, height) * SIDE)
    if side < _LEAST:
        return []

    def starts(length: int) -> list[int]:
        steps = math.ceil((length - side) / (STEP * side))
        return [round((length - side) * n / steps) for n in range(steps + 1)]

    return [(left, top, left + side, top + side) for top in starts(height) for left in starts(width)]


def without(picture: Picture, known: Sequence[Box]) -> Picture:
    """A (H, W, 3) picture in which known faces are painted over, so that looking for others costs nothing for them."""
    if not known:
        return picture
    painted = picture.copy()
    for x, y, width, height in known:
        left, top, right, bottom = (max(int(value), 0) for value in (x, y, x + width + 1, y + height + 1))
        painted[top:bottom, left:right] = _GREY
    return painted


class Search:
    """Gives every area of the picture in turn, the next one each time."""

    def __init__(self) -> None:
        self._turns = 0

    def next(self, width: int, height: int) -> Area | None:
        """The area that is due."""
        due = areas(width, height)
        if not due:
            return None
        # Neighbours are not looked at one after the other: a face that two crops miss at their edges waits less.
        self._turns += 1
        return due[self._turns * _stride(len(due)) % len(due)]


def _stride(count: int) -> int:
    """The smallest step over a third of the count that visits all."""
    return next(step for step in range(count // 3 + 1, count + 2) if math.gcd(step, count) == 1)

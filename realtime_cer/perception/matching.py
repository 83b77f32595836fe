"""Which of the faces found now is which of those known: by place, motion, size and colour, all at once. Pure.

Every known face predicts where it is now: it goes on at a constant velocity, for a bounded time. How badly a found
face fits a known one is the negative logarithm of a likelihood of four independent, normal parts,

    e = (d / s_d)^2 / 2 + (ln h / h')^2 / (2 s_h^2) + ln(1 / c) / s_c ,

the distance d between the predicted and the found centre in heights of the face, the ratio of the heights, and the
likeness c of the colours (``colour.likeness``). The spreads s_d and s_h grow with the time out of sight, for then the
prediction is worth less; colours do not change. Of all ways to give found faces to known ones the one with the least
sum is taken, where a face that fits none costs ``MISFIT``.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from realtime_cer.perception.boxes import Box, centre_of, overlap
from realtime_cer.perception.colour import likeness

MISFIT = 6.0
"""A pair that fits worse is none."""

PREDICT_S = 0.6
"""A face out of sight is taken to go on for so long at the most."""

_PLACE, _PLACE_PER_S = 0.3, 0.9
_SIZE, _SIZE_PER_S = 0.15, 0.2
_COLOUR = 0.1
_NEAR_S = 0.5
_VELOCITY_S = 0.3
_BLEND = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face found now: its box, and the colours around it where they were looked at."""

    box: Box
    colours: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A face as it was last seen, at time ``t``: ``velocity`` of its centre in pixels a second."""

    box: Box
    t: float
    velocity: tuple[float, float] = (0.0, 0.0)
    colours: npt.NDArray[np.float32] | None = None

    def at(self, t: float) -> Box:
        """Where its box should be at ``t``."""
        ahead = min(max(t - self.t, 0.0), PREDICT_S)
        x, y, width, height = self.box
        return x + self.velocity[0] * ahead, y + self.velocity[1] * ahead, width, height

    def scaled(self, x: float, y: float) -> "Known":
        """The same face in pictures that are so many times as wide and as high."""
        left, top, width, height = self.box
        box = left * x, top * y, width * x, height * y
        return Known(box, self.t, (self.velocity[0] * x, self.velocity[1] * y), self.colours)

    def moved(self, found: Detection, t: float, *, alone: bool = True) -> "Known":
        """The same face, found again; colours are learned only while it is alone, for others mix theirs in."""
        gap = t - self.t
        velocity = self.velocity
        if gap > 0:
            (x, y), (was_x, was_y) = centre_of(found.box), centre_of(self.box)
            share = 1 - math.exp(-gap / _VELOCITY_S)
            fresh = (x - was_x) / gap, (y - was_y) / gap
            velocity = velocity[0] + share * (fresh[0] - velocity[0]), velocity[1] + share * (fresh[1] - velocity[1])
        colours = self.colours
        if found.colours is not None and colours is None:
            colours = found.colours
        elif found.colours is not None and colours is not None and alone:
            colours = (1 - _BLEND) * colours + _BLEND * found.colours
        return Known(found.box, t, velocity, colours)


def misfit(known: Known, found: Detection, t: float, least_overlap: float) -> float:
    """How badly a found face fits a known one, 0 for perfectly; infinite where it cannot be the same.

    Parameters
    ----------
    known, found, t : the face, what was found, and when
    least_overlap : boxes that overlap so much, and are not half a second apart, may be one face whatever else
    """
    gap = max(t - known.t, 0.0)
    (x, y), (there_x, there_y) = centre_of(found.box), centre_of(known.at(t))
    height, was = found.box[3], known.box[3]
    distance = math.hypot(x - there_x, y - there_y) / math.sqrt(height * was)
    place = (distance / (_PLACE + _PLACE_PER_S * gap)) ** 2 / 2
    size = (math.log(height / was) / (_SIZE + _SIZE_PER_S * gap)) ** 2 / 2
    alike = None
    if known.colours is not None and found.colours is not None:
        alike = likeness(known.colours, found.colours)
    colour = 0.0 if alike is None else -math.log(max(alike, 1e-3)) / _COLOUR
    total = place + size + colour
    if total <= MISFIT:
        return total
    near = gap <= _NEAR_S + 1e-6 and overlap(known.box, found.box) >= least_overlap
    # Just about acceptable: anything that fits better goes before it.
    return MISFIT - 1 / (1 + total) if near else math.inf


def assign(costs: npt.ArrayLike) -> dict[int, int]:
    """The cheapest way to give each column (a known face) at most one row (a found one).

    Dynamic programming over the sets of columns taken, exact and quick for the few faces of a picture: n rows and m
    columns take n m 2^m steps.

    Parameters
    ----------
    costs : (n, m); leaving a row without a column costs ``MISFIT``, and infinite ones are never given

    Returns
    -------
    Column by row, of those that are given.
    """
    table = np.asarray(costs, np.float64)
    rows, columns = table.shape
    sets = np.arange(1 << columns)
    best = np.full(len(sets), np.inf)
    best[0] = 0.0
    taken: list[npt.NDArray[np.int64]] = []
    for row in table:
        following, choice = best + MISFIT, np.full(len(sets), -1)
        for column, cost in enumerate(row):
            if not np.isfinite(cost):
                continue
            holding = sets[(sets >> column) & 1 == 1]
            offered = best[holding ^ (1 << column)] + cost
            better = offered < following[holding]
            following[holding[better]] = offered[better]
            choice[holding[better]] = column
        best = following
        taken.append(choice)
    given: dict[int, int] = {}
    here = int(best.argmin()) if len(sets) else 0
    for row_number in range(rows - 1, -1, -1):
        column = int(taken[row_number][here])
        if column >= 0:
            given[row_number] = column
            here ^= 1 << column
    return given

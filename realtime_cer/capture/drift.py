"""How one clock runs away from another, seen through readings that come late by chance. Pure: no clock, no threads."""

import itertools
from collections import deque

_BUCKET_S = 5.0
_BUCKETS = 60
"""Five minutes of readings count: long enough for a slope of a few millionths, short enough to follow warming up."""
_FOR_SLOPE = 6
"""With fewer points than this the slope of before is kept, which is none at first."""
_SPARED = 2
"""Readings of a bucket that may be too early: a few servers now and then tell a wrong age of the sound."""
_MOST = 0.002
"""No sound card's clock is this wrong."""


class Drift:
    """The line under a cloud of points (x, y), where y is never much too small and often too large.

    Callbacks are late by what the machine is busy with, so that neither their mean nor their middle says when the sound
    was taken; the earliest of them do. Of every five seconds the third lowest point is kept, and the line is the one
    that lies under all that are kept and closest to them: the edge, at their mean x, of the lower convex hull (Moon,
    Skelly and Towsley 1999, Estimation and removal of clock skew from network delay measurements).

    Attributes
    ----------
    slope : of the line; 0 until half a minute was seen
    """

    def __init__(self) -> None:
        self.slope = 0.0
        self._base: float | None = None
        self._bucket: list[tuple[float, float]] = []
        self._points: deque[tuple[float, float]] = deque(maxlen=_BUCKETS)

    def see(self, x: float, y: float) -> None:
        """Note a point; x must not go back."""
        if self._bucket and x - self._bucket[0][0] >= _BUCKET_S:
            lowest = sorted(self._bucket, key=lambda point: point[1])[: _SPARED + 1]
            self._points.append(lowest[-1])
            self._bucket = []
            self._fit()
        self._bucket.append((x, y))

    def at(self, x: float) -> float | None:
        """Height of the line at x; None before there is one."""
        return None if self._base is None else self._base + self.slope * x

    def forget(self) -> None:
        """Start anew, after a step in y: only the slope is kept."""
        self._base = None
        self._bucket = []
        self._points.clear()

    def _fit(self) -> None:
        points = self._points
        if len(points) >= _FOR_SLOPE:
            (x0, y0), (x1, y1) = _edge(list(points), sum(x for x, _ in points) / len(points))
            self.slope = min(max((y1 - y0) / (x1 - x0), -_MOST), _MOST)
        self._base = min(y - self.slope * x for x, y in points)


def _edge(points: list[tuple[float, float]], at: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ends of the edge of the lower convex hull over ``at``; the points are in the order of x, no two alike."""
    hull: list[tuple[float, float]] = []
    for x, y in points:
        while len(hull) > 1:
            (x0, y0), (x1, y1) = hull[-2:]
            if (y1 - y0) * (x - x1) < (y - y1) * (x1 - x0):
                break
            hull.pop()
        hull.append((x, y))
    return next((a, b) for a, b in itertools.pairwise(hull) if b[0] >= at)

"""The strongest moments of some rows, told as they pass: the same while they come as when all are there. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from realtime_cer.records import Decision

APART_S = 5.0
"""Two peaks are at least so far apart."""

MOST = 5


@dataclass(frozen=True, slots=True)
class Peak:
    """A moment ``t`` at which ``label`` was named with the largest ``share`` of all the probability around it."""

    t: float
    label: str
    share: float


class PeakFinder:
    """Takes rows in the order of time, and tells of a peak when it has passed.

    A peak is a moment that nothing within ``apart_s`` after it, nor before it back to the last peak's end, surpasses.

    Parameters
    ----------
    most : only a peak that is among so many strongest ones up to then is told
    apart_s : when a peak has passed

    Attributes
    ----------
    strongest : up to ``most`` peaks, in the order of time
    """

    def __init__(self, most: int = MOST, apart_s: float = APART_S) -> None:
        self.strongest: list[Peak] = []
        self._most, self._apart_s = most, apart_s
        self._highest: Peak | None = None

    def feed(self, row: Decision) -> Peak | None:
        """Take the next row; gives the peak that has passed with it."""
        passed = None
        if self._highest is not None and row.t - self._highest.t >= self._apart_s:
            passed = self.rest()
        peak = _peak(row)
        if peak is not None and (self._highest is None or peak.share > self._highest.share):
            self._highest = peak
        return passed

    def rest(self) -> Peak | None:
        """Let the last one pass, at the end of the rows."""
        peak, self._highest = self._highest, None
        if peak is None:
            return None
        by_strength = sorted([*self.strongest, peak], key=lambda one: (-one.share, one.t))[: self._most]
        self.strongest = sorted(by_strength, key=lambda one: one.t)
        return peak if peak in self.strongest else None


def peaks(rows: Iterable[Decision], most: int = MOST, apart_s: float = APART_S) -> list[Peak]:
    """The strongest peaks of rows that are all there, in the order of time."""
    finder = PeakFinder(most, apart_s)
    for row in rows:
        finder.feed(row)
    finder.rest()
    return finder.strongest


def _peak(row: Decision) -> Peak | None:
    """The moment of a row that names something; weights for whole models make all its numbers smaller."""
    total = sum(row.basic) if row.basic else 0.0
    if row.label is None or not row.compound or total <= 0:
        return None
    return Peak(row.t, row.label, max(row.compound) / total)

"""The strongest moments of some rows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from realtime_cer.records import Decision
from realtime_cer.smoothing import shares_of

APART_S = 5.0
"""Two peaks are at least so far apart."""

MOST = 5


@dataclass(frozen=True, slots=True)
class Peak:
    """A moment ``t`` at which ``label`` was named with the largest ``share`` of all the probability around it."""

    t: float
    label: str
    share: float


def peaks(rows: Sequence[Decision], most: int = MOST, apart_s: float = APART_S) -> list[Peak]:
    """The strongest moments in the order of time: greedily, the strongest first, each ``apart_s`` from the others."""
    named = [
        Peak(row.t, row.label, max(shares))
        for row in rows
        if row.label is not None and (shares := shares_of(row)) is not None
    ]
    found: list[Peak] = []
    for peak in sorted(named, key=lambda one: (-one.share, one.t)):
        if len(found) == most:
            break
        if all(abs(peak.t - other.t) >= apart_s for other in found):
            found.append(peak)
    return sorted(found, key=lambda one: one.t)

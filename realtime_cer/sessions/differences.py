"""Two timelines over the same rows, held beside each other. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from realtime_cer.records import Decision

ABSTAINED = "abstained"
"""Stands for every reason to name nothing."""


@dataclass(frozen=True, slots=True)
class Differences:
    """What changed from one timeline to another.

    Attributes
    ----------
    rows : how many were compared
    changed : places of the rows that say something else, in order; a reason that changes is no change
    moves : how many went from what to what, most first
    counts : for each expression, and for ``ABSTAINED``, how many say so in the one and in the other
    """

    rows: int
    changed: tuple[int, ...]
    moves: tuple[tuple[str, str, int], ...]
    counts: Mapping[str, tuple[int, int]]


def differences(one: Sequence[Decision], other: Sequence[Decision]) -> Differences:
    """Compare row by row.

    Raises
    ------
    ValueError
        They are not as many.
    """
    said = [[row.label or ABSTAINED for row in rows] for rows in (one, other)]
    pairs = list(zip(*said, strict=True))
    moves = Counter(pair for pair in pairs if pair[0] != pair[1])
    before, after = Counter(said[0]), Counter(said[1])
    names = sorted({*before, *after}, key=lambda name: (name == ABSTAINED, -before[name], name))
    return Differences(
        rows=len(pairs),
        changed=tuple(place for place, (a, b) in enumerate(pairs) if a != b),
        moves=tuple((a, b, count) for (a, b), count in moves.most_common()),
        counts={name: (before[name], after[name]) for name in names},
    )

"""What the report of a session tells, as numbers. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Decision
from realtime_cer.sinks.segments import NO_ROWS, Segment, said, segments
from realtime_cer.sinks.series import step_of

ABSTAINED = "no expression"
STATES = (*COMPOUND, ABSTAINED)
"""Between which there are transitions: whatever the reason to abstain, it is one state."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was said: in how many rows, of how many seconds in all, and how long at a stretch.

    ``shares`` are the models' mean shares of the strongest class over those rows, which sum to 1; None where no model
    said anything. ``best_s`` is when its score was highest, None for a reason to abstain.
    """

    word: str
    rows: int
    seconds: float
    longest_s: float
    shares: tuple[float, ...] | None
    best_s: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """All of it.

    ``labels`` are the seven expressions, ``reasons`` those to abstain, most frequent first; ``transitions`` is
    (states, states), how often a row's state was followed by a column's, between segments; ``shares`` are the models'
    over all rows with an expression.
    """

    start_s: float
    end_s: float
    rows: int
    parts: tuple[Segment, ...]
    labels: tuple[Finding, ...]
    reasons: tuple[Finding, ...]
    transitions: npt.NDArray[np.int64]
    shares: tuple[float, ...] | None

    @property
    def named(self) -> int:
        """How many rows name an expression."""
        return sum(told.rows for told in self.labels)


def gather(rows: Sequence[Decision]) -> Facts:
    """Gather the facts.

    Parameters
    ----------
    rows : in the order of their times

    Raises
    ------
    ValueError
        Times go back.
    """
    words = [said(row) for row in rows]
    parts = segments(rows, words)
    lengths_ms: defaultdict[str, list[int]] = defaultdict(list)
    for one in segments(rows, words, minimum_s=0, bridge_s=0):
        lengths_ms[one.word].append(one.length_ms)
    of: defaultdict[str, list[Decision]] = defaultdict(list)
    for row, word in zip(rows, words, strict=True):
        of[word].append(row)

    def told(word: str) -> Finding:
        mine = of[word]
        best = None
        if word in COMPOUND and mine:
            i = COMPOUND.index(word)
            best = max(mine, key=lambda row: row.compound[i] if row.compound else 0.0).t
        lasted = lengths_ms[word]
        return Finding(word, len(mine), sum(lasted) / 1000, max(lasted, default=0) / 1000, _shares(mine), best)

    reasons = Counter(word for word in words if word not in COMPOUND)
    return Facts(
        start_s=rows[0].t if rows else 0.0,
        end_s=rows[-1].t + step_of(rows) if rows else 0.0,
        rows=len(rows),
        parts=tuple(parts),
        labels=tuple(told(word) for word in COMPOUND),
        reasons=tuple(told(word) for word, _ in reasons.most_common()),
        transitions=_transitions(parts),
        shares=_shares([row for row in rows if row.label is not None]),
    )


def _shares(rows: Sequence[Decision]) -> tuple[float, ...] | None:
    known = [row.contributions for row in rows if sum(row.contributions.values()) > 0]
    if not known:
        return None
    return tuple(sum(one.get(name, 0.0) for one in known) / len(known) for name in MODELS)


def _transitions(parts: Sequence[Segment]) -> npt.NDArray[np.int64]:
    counts = np.zeros((len(STATES), len(STATES)), np.int64)
    for one, other in pairwise(parts):
        if NO_ROWS in (one.word, other.word):
            continue  # nobody knows what came in between
        before, after = (STATES.index(p.word if p.word in COMPOUND else ABSTAINED) for p in (one, other))
        if before != after:
            counts[before, after] += 1
    return counts

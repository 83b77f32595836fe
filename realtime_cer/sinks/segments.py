"""Rows become segments: stretches of time over which the same thing is said, without flicker. Pure.

The rules, on whole milliseconds, the finest time that annotation files share:

1. A row holds until the next one, or for one usual step where the next is more than two and a half steps away.
   The time in between is a segment of its own that holds no row, and says ``NO_ROWS``. Time before 0 does not count.
2. Neighbouring rows that say the same thing are one segment.
3. The shortest segment first, of equally short ones the earlier: one of at most ``bridge_s`` between two segments that
   say the same thing is an interruption, and all three become one. One shorter than ``minimum_s`` goes to
   whichever neighbour is longer, of equally long ones the earlier; between two that say the same, to both. But rows
   never become part of a segment that holds none.
4. That goes on until nothing changes.

So the segments cover the time from the first row to the end of the last without overlap, none is shorter than
``minimum_s`` unless there is no row on either side of it, every row lies in exactly one, and segments put in again
come out unchanged.
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from realtime_cer.records import Decision
from realtime_cer.sinks.series import ends_of

MINIMUM_S = 0.6
"""A segment lasts at least this long, in seconds: three rows of the 5 FPS grid."""

BRIDGE_S = 1.0
"""An interruption of at most this is passed over, in seconds."""

NO_ROWS = "no rows"
"""What a segment says where rows are missing."""


@dataclass(frozen=True, slots=True)
class Segment:
    """From ``start_ms`` to ``end_ms`` it is ``word``; it holds ``rows`` rows, the first of number ``first``."""

    start_ms: int
    end_ms: int
    word: str
    first: int
    rows: int

    @property
    def length_ms(self) -> int:
        """How long it lasts, in milliseconds."""
        return self.end_ms - self.start_ms


def said(decision: Decision) -> str:
    """What a row says in a word: its label, or why there is none."""
    return decision.label or decision.reason or "abstained"


def segments(
    rows: Sequence[Decision], words: Sequence[str], *, minimum_s: float = MINIMUM_S, bridge_s: float = BRIDGE_S
) -> list[Segment]:
    """Join rows that say the same thing, as the rules of this module tell.

    Parameters
    ----------
    rows : in the order of their times
    words : what each row says, (len(rows),)
    minimum_s : least length of a segment, in seconds; 0 keeps the shortest
    bridge_s : longest interruption that is passed over, in seconds; 0 keeps them all

    Raises
    ------
    ValueError
        Times go back, or a length is negative or no number.
    """
    for name, value in (("minimum_s", minimum_s), ("bridge_s", bridge_s)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be a number of seconds from 0 on, not {value:g}")
    return settled(joined(rows, words), round(1000 * minimum_s), round(1000 * bridge_s))


def joined(rows: Sequence[Decision], words: Sequence[str]) -> list[Segment]:
    """Rules 1 and 2: neighbouring rows of the same word as one segment, however short.

    Raises
    ------
    ValueError
        Times go back.
    """
    starts = [max(round(1000 * row.t), 0) for row in rows]
    for number, (before, after) in enumerate(pairwise(rows), 1):
        if after.t < before.t:
            raise ValueError(f"row {number} is earlier than the one before ({after.t:g} s after {before.t:g} s)")
    found: list[Segment] = []
    for i, (word, end_s) in enumerate(zip(words, ends_of(rows).tolist(), strict=True)):
        end = max(round(1000 * end_s), 0)
        if found and found[-1].word == word and found[-1].rows:
            found[-1] = replace(found[-1], end_ms=end, rows=found[-1].rows + 1)
        else:
            found.append(Segment(starts[i], end, word, i, 1))
        if i + 1 < len(rows) and end_s < rows[i + 1].t:
            found.append(Segment(end, starts[i + 1], NO_ROWS, i + 1, 0))
    return found


def settled(runs: Sequence[Segment], minimum_ms: int, bridge_ms: int) -> list[Segment]:
    """Rules 3 and 4 on segments that follow each other without a gap, no two neighbours of the same word."""
    least = max(minimum_ms, 1)  # several rows within one millisecond would make segments without length
    now: list[Segment | None] = list(runs)
    before, after = [i - 1 for i in range(len(runs))], [i + 1 for i in range(len(runs))]
    waiting = [(run.length_ms, run.start_ms, i) for i, run in enumerate(runs)]
    heapq.heapify(waiting)
    while waiting:
        length, _, i = heapq.heappop(waiting)
        run = now[i]
        if run is None or run.length_ms != length:
            continue  # it has grown, or has become part of another, since it was put there
        left, right = (now[k] if 0 <= k < len(runs) else None for k in (before[i], after[i]))
        # Where rows are missing there is no neighbour that could take any; such stretches never lie side by side.
        left, right = (one if one is not None and one.rows else None for one in (left, right))
        inside = left is not None and right is not None and left.word == right.word
        if not (length < least or (inside and length <= bridge_ms)):
            continue
        if left is not None and (inside or right is None or left.length_ms >= right.length_ms):
            first, last, word = before[i], (after[i] if inside else i), left.word
        elif right is not None:
            first, last, word = i, after[i], right.word
        else:
            continue
        group = [one for one in (now[k] for k in dict.fromkeys((first, i, last))) if one is not None]
        rows = sum(one.rows for one in group)
        whole = Segment(group[0].start_ms, group[-1].end_ms, word, group[0].first, rows)
        for gone in (i, last):
            now[gone] = None
        now[first], after[first] = whole, after[last]
        if after[first] < len(runs):
            before[after[first]] = first
        # The neighbours too: what lies beside them has changed.
        for k in (before[first], first, after[first]):
            if 0 <= k < len(runs) and (beside := now[k]) is not None:
                heapq.heappush(waiting, (beside.length_ms, beside.start_ms, k))
    return [run for run in now if run is not None]

"""A session as one line of columns, each of which says what was decided in it. Pure functions."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np
import numpy.typing as npt

from realtime_cer.buffers import HOLDS_STEPS
from realtime_cer.control import Strip
from realtime_cer.labels import COMPOUND

NOTHING, ABSTAINS = -2, -1
"""What a column says where there is no decision, and where the decisions name nothing."""

_EARLY = 1e-6


def columns(strip: Strip, codes: npt.NDArray[np.int8], count: int) -> npt.NDArray[np.int8]:
    """What each of ``count`` columns of a session says: the place in ``COMPOUND``, ``ABSTAINS`` or ``NOTHING``.

    Where many decisions fall into a column it says what most of them say.
    """
    said = np.full(count, NOTHING, np.int8)
    length = strip.end - strip.begin
    if count < 1 or length <= 0:
        return said
    middles = strip.begin + (np.arange(count) + 0.5) / count * length
    newest = np.searchsorted(strip.t, middles, side="right") - 1
    held = (newest >= 0) & (middles - strip.t[newest] < HOLDS_STEPS * strip.step)
    said[held] = codes[newest[held]]
    where = np.minimum(((strip.t - strip.begin) / length * count).astype(np.intp), count - 1)
    votes = np.zeros((count, len(COMPOUND) + 1), np.int64)
    np.add.at(votes, (where, codes.astype(np.intp) + 1), 1)
    several = votes.sum(axis=1) > 1
    said[several] = votes[several].argmax(axis=1) - 1
    return said


def touched(strip: Strip, here: npt.NDArray[np.bool_], count: int) -> npt.NDArray[np.int8]:
    """Which of ``count`` columns hold any of the decisions that ``here``, (n,), names: 1 or 0, each at least once."""
    scale = count / (strip.end - strip.begin)
    first = np.minimum(((strip.t[here] - strip.begin) * scale).astype(np.intp), count - 1)
    last = np.clip(np.ceil((strip.t[here] + strip.step - strip.begin) * scale).astype(np.intp), first + 1, count)
    turns = np.zeros(count + 1, np.int64)
    np.add.at(turns, first, 1)
    np.add.at(turns, last, -1)
    return (turns[:-1].cumsum() > 0).astype(np.int8)


def spans(said: npt.NDArray[np.int8]) -> Iterator[tuple[int, int, int]]:
    """Columns that say the same, joined: first, one past the last, and what they say."""
    at = 0
    for code, group in groupby(said.tolist()):
        size = sum(1 for _ in group)
        yield at, at + size, code
        at += size


def clock(seconds: float, length: float, places: int = 0) -> str:
    """A time of a session, as long as those of its end are: 0:07, 00:07 or 0:00:07."""
    scale = 10**places
    passed = int(seconds * scale + _EARLY)
    minutes, rest = divmod(passed // scale, 60)
    hours, minutes = divmod(minutes, 60)
    told = f"{rest:02}.{passed % scale:0{places}}" if places else f"{rest:02}"
    if length >= 3600:
        return f"{hours}:{minutes:02}:{told}"
    return f"{minutes:02}:{told}" if length >= 600 else f"{minutes}:{told}"

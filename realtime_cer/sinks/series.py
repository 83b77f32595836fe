"""Decisions as columns over time, in at most so many bins: what a picture of a long run can show honestly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from realtime_cer.buffers import HOLDS_STEPS
from realtime_cer.labels import BASIC, COMPOUND, MODELS
from realtime_cer.records import Decision

Array = npt.NDArray[np.float64]

STEP_S = 0.2
"""How long a decision holds where there is no second one to tell."""


class Curves(NamedTuple):
    """Means, least and largest values in each bin, (bins, classes); NaN where nothing is known."""

    mean: Array
    low: Array
    high: Array


class Run(NamedTuple):
    """Neighbouring bins that say the same thing, from ``start`` to ``end`` seconds."""

    start: float
    end: float
    word: str


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Columns over the bins from ``left`` to ``right`` seconds.

    ``said`` holds what the most decisions of a bin say, a label or a reason ("" in an empty bin); ``shares`` is
    (bins, models), each row summing to 1 or NaN; ``faces`` is the share of decisions with a face, NaN in an empty bin;
    ``binned`` tells whether bins hold more than one decision.
    """

    left: Array
    right: Array
    said: tuple[str, ...]
    compound: Curves
    models: Mapping[str, Curves]
    shares: Array
    faces: Array
    binned: bool

    @property
    def middle(self) -> Array:
        """The middle of every bin."""
        return (self.left + self.right) / 2


def step_of(decisions: Sequence[Decision]) -> float:
    """The usual time from one decision to the next, in seconds: 0.2 on the grid, that of a frame where each has one."""
    steps = np.diff([d.t for d in decisions])
    return float(np.median(steps)) if len(steps) and np.median(steps) > 0 else STEP_S


def ends_of(decisions: Sequence[Decision]) -> Array:
    """When each decision ends, (n,) seconds: at the next one, or a step on where that is more than 2.5 steps away."""
    t = np.array([d.t for d in decisions], np.float64)
    step, follows = step_of(decisions), np.append(t[1:], np.inf)[: len(t)]
    return np.where(follows - t < HOLDS_STEPS * step, follows, t + step)


def series(decisions: Sequence[Decision], most: int = 2000) -> Series:
    """Put decisions into at most ``most`` bins of equal length; fewer decisions keep a bin each.

    A bin into which none falls says what the one before says, as long as that holds.

    Parameters
    ----------
    decisions : in the order of their times
    most : bins at most
    """
    n = len(decisions)
    t = np.array([d.t for d in decisions], np.float64)
    ends = ends_of(decisions)
    if n <= most:
        left, right, where = t, ends, np.arange(n)
    else:
        edges = np.linspace(t[0], ends[-1], most + 1)
        left, right = edges[:-1], edges[1:]
        where = np.clip(np.searchsorted(edges, t, side="right") - 1, 0, most - 1)
        bare = np.flatnonzero(np.bincount(where, minlength=most) == 0)
        middle = (left[bare] + right[bare]) / 2
        newest = np.searchsorted(t, middle, side="right") - 1
        held = middle < ends[newest]
        decisions = [*decisions, *(decisions[i] for i in newest[held].tolist())]
        where = np.append(where, bare[held])
    bins = len(left)
    return Series(
        left=left,
        right=right,
        said=_majority([d.label or d.reason or "" for d in decisions], where, bins),
        compound=_curves(_table([d.compound for d in decisions], len(COMPOUND)), where, bins),
        models={
            name: _curves(_table([d.models.get(name) for d in decisions], len(BASIC)), where, bins) for name in MODELS
        },
        shares=_curves(
            _table([_shares(d.contributions) for d in decisions], len(MODELS)),
            where,
            bins,
        ).mean,
        faces=_curves(np.array([float(d.face is not None) for d in decisions])[:, np.newaxis], where, bins).mean[:, 0],
        binned=n > most,
    )


def runs(s: Series) -> list[Run]:
    """What is said, with equal neighbours joined; bins that say nothing are left out."""
    found: list[Run] = []
    for left, right, word in zip(s.left.tolist(), s.right.tolist(), s.said, strict=True):
        if not word:
            continue
        if found and found[-1].word == word and left <= found[-1].end + 1e-9:
            found[-1] = found[-1]._replace(end=right)
        else:
            found.append(Run(left, right, word))
    return found


def stretches(here: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last bin of every stretch of bins where ``here`` is set."""
    found = []
    for is_here, group in groupby(range(len(here)), key=lambda i: bool(here[i])):
        if is_here:
            members = list(group)
            found.append((members[0], members[-1]))
    return found


def _shares(contributions: Mapping[str, float]) -> tuple[float, ...] | None:
    values = tuple(contributions.get(name, 0.0) for name in MODELS)
    return values if sum(values) > 0 else None


def _table(rows: Sequence[tuple[float, ...] | None], width: int) -> Array:
    """Rows of numbers, NaN where a row is None."""
    nothing = (np.nan,) * width
    return np.array([nothing if row is None else row for row in rows], np.float64).reshape(len(rows), width)


def _curves(table: Array, where: npt.NDArray[np.intp], bins: int) -> Curves:
    known = ~np.isnan(table).any(axis=1)
    rows, places = table[known], where[known]
    count = np.bincount(places, minlength=bins)[:, np.newaxis]
    total, low, high = (np.full((bins, table.shape[1]), start) for start in (0.0, np.inf, -np.inf))
    np.add.at(total, places, rows)
    np.minimum.at(low, places, rows)
    np.maximum.at(high, places, rows)
    empty = count == 0
    mean = np.where(empty, np.nan, total / np.maximum(count, 1))
    return Curves(mean, np.where(empty, np.nan, low), np.where(empty, np.nan, high))


def _majority(words: Sequence[str], where: npt.NDArray[np.intp], bins: int) -> tuple[str, ...]:
    """The most frequent word of each bin; of equally frequent ones that which comes first in the alphabet."""
    names = sorted(set(words))
    if not names:
        return ("",) * bins
    number = {name: i for i, name in enumerate(names)}
    counts = np.zeros((bins, len(names)), np.int64)
    np.add.at(counts, (where, np.array([number[word] for word in words], np.intp)), 1)
    return tuple(
        names[best] if some else ""
        for best, some in zip(counts.argmax(axis=1).tolist(), (counts.sum(axis=1) > 0).tolist(), strict=True)
    )

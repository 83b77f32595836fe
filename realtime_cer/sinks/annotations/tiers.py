"""Rows as tiers of marks: the same content for every annotation file. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.records import Decision
from realtime_cer.sinks.segments import NO_ROWS, Segment, said, segments

ABOVE = 0.25
"""A basic emotion has a mark where its share of the fused vector is at least this."""

COMPOUND_TIER, ABSTENTION_TIER, VOICE_TIER = "compound", "abstention", "voice"


@dataclass(frozen=True, slots=True)
class Mark:
    """``value`` from ``start_ms`` to ``end_ms``, in milliseconds of the film."""

    start_ms: int
    end_ms: int
    value: str


@dataclass(frozen=True, slots=True)
class Tier:
    """Marks of one kind, in the order of time, none over another."""

    name: str
    marks: tuple[Mark, ...]


def compound_segments(rows: Sequence[Decision], *, minimum_s: float, bridge_s: float) -> list[Segment]:
    """What is said, expressions and reasons to abstain alike; errors as in ``segments``."""
    return _lasting(segments(rows, [said(row) for row in rows], minimum_s=minimum_s, bridge_s=bridge_s))


def tiers(rows: Sequence[Decision], *, minimum_s: float, bridge_s: float) -> list[Tier]:
    """Every tier, also those without a mark.

    ``compound`` holds the named expressions and ``abstention`` the reasons in between, so that the two together cover
    the film; a tier for each basic emotion holds its mean share of the fused vector where that is at least ``ABOVE``;
    ``voice`` tells where a voice was heard.

    Raises
    ------
    ValueError
        As in ``segments``.
    """

    def found(words: Sequence[str]) -> list[Segment]:
        return _lasting(segments(rows, words, minimum_s=minimum_s, bridge_s=bridge_s))

    told = compound_segments(rows, minimum_s=minimum_s, bridge_s=bridge_s)
    made = [
        _tier(COMPOUND_TIER, [s for s in told if s.word in COMPOUND], lambda s: s.word),
        _tier(ABSTENTION_TIER, [s for s in told if s.word not in COMPOUND], lambda s: s.word),
    ]
    shares = np.array([_shares(row) for row in rows]).reshape(len(rows), len(BASIC))
    for i, name in enumerate(BASIC):
        mine = shares[:, i]
        strong = found([name if share >= ABOVE else "" for share in mine.tolist()])
        # Rows about which nothing is known may lie within a mark that bridges them: they have no share.
        made.append(
            _tier(
                name,
                [s for s in strong if s.word == name],
                # mypy infers no type for a lambda with a default, which holds this turn's shares.
                lambda s, mine=mine: f"{np.nanmean(mine[s.first : s.first + s.rows]):.2f}",  # type: ignore[misc]
            )
        )
    heard = found(["voice" if row.models.get("acoustic") is not None else "" for row in rows])
    made.append(_tier(VOICE_TIER, [s for s in heard if s.word not in ("", NO_ROWS)], lambda s: s.word))
    return made


def _lasting(parts: Sequence[Segment]) -> list[Segment]:
    """Without one that has no length, as a film that ends before 0 would give: no file can hold it."""
    return [part for part in parts if part.length_ms]


def _tier(name: str, parts: Sequence[Segment], value: Callable[[Segment], str]) -> Tier:
    return Tier(name, tuple(Mark(s.start_ms, s.end_ms, value(s)) for s in parts))


def _shares(row: Decision) -> tuple[float, ...]:
    """The fused vector, made to sum to 1, as weights with v make it sum to less; NaN where there is none."""
    total = sum(row.basic or ())
    return (float("nan"),) * len(BASIC) if row.basic is None or not total else tuple(p / total for p in row.basic)

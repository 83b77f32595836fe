"""Segments: what the rules promise of any rows, and the rules told once more, slowly."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.moments import decision

from realtime_cer.records import Decision
from realtime_cer.sinks.segments import NO_ROWS, Segment, joined, said, segments, settled

NAMELESS = decision(0, 0.0, here=(), face=False)


def rows_at(times: Sequence[float]) -> list[Decision]:
    return [replace(NAMELESS, t=t, seq=n) for n, t in enumerate(times)]


@st.composite
def spoken(draw: st.DrawFn) -> tuple[list[Decision], list[str]]:
    """Rows on a grid or off it, with holes, and what they say."""
    count = draw(st.integers(0, 60))
    step = draw(st.sampled_from([0.2, 0.04, 1001 / 30000]))
    skips = draw(st.lists(st.sampled_from([0, 1, 1, 1, 1, 1, 2, 7]), min_size=count, max_size=count))
    start, times = draw(st.sampled_from([0.0, -0.3, 3600.123456])), []
    for skip in skips:
        start += skip * step
        times.append(start)
    return rows_at(times), draw(st.lists(st.sampled_from("ABC"), min_size=count, max_size=count))


lengths = st.sampled_from([0.0, 0.04, 0.2, 0.5, 0.6, 1.0, 3.0])


@given(spoken(), lengths, lengths)
def test_segments_cover_the_time_once_and_hold_every_row_once(
    rows: tuple[list[Decision], list[str]], minimum_s: float, bridge_s: float
) -> None:
    decisions, words = rows
    found = segments(decisions, words, minimum_s=minimum_s, bridge_s=bridge_s)
    whole = joined(decisions, words)
    assert all(one.end_ms == other.start_ms for one, other in pairwise(found))
    assert all(one.word != other.word for one, other in pairwise(found))
    if decisions:
        assert (found[0].start_ms, found[-1].end_ms) == (whole[0].start_ms, whole[-1].end_ms)
    held = [number for s in found for number in range(s.first, s.first + s.rows)]
    assert held == list(range(len(decisions)))
    padded = [None, *found, None]
    for before, one, after in zip(padded, found, padded[2:], strict=False):
        assert (one.word == NO_ROWS) == (one.rows == 0), "time without rows takes none in"
        if any(beside is not None and beside.rows for beside in (before, after)):
            assert one.length_ms >= max(1000 * minimum_s, 1)
    assert settled(found, round(1000 * minimum_s), round(1000 * bridge_s)) == found


@given(spoken(), lengths, lengths)
def test_the_queue_gives_what_the_rules_give_when_followed_one_by_one(
    rows: tuple[list[Decision], list[str]], minimum_s: float, bridge_s: float
) -> None:
    found = segments(*rows, minimum_s=minimum_s, bridge_s=bridge_s)
    assert found == slowly(joined(*rows), max(round(1000 * minimum_s), 1), round(1000 * bridge_s))


def slowly(parts: list[Segment], least: int, bridge: int) -> list[Segment]:
    """Rules 3 and 4, looking at everything anew after every step."""

    def taker(n: int) -> Segment | None:
        return parts[n] if 0 <= n < len(parts) and parts[n].rows else None

    while True:
        due = []
        for n, one in enumerate(parts):
            left, right = taker(n - 1), taker(n + 1)
            inside = left is not None and right is not None and left.word == right.word
            if (left or right) and (one.length_ms < least or (inside and one.length_ms <= bridge)):
                due.append((one.length_ms, one.start_ms, n, inside))
        if not due:
            return parts
        _, _, n, inside = min(due)
        left, right = taker(n - 1), taker(n + 1)
        if inside:
            first, last, keeps = n - 1, n + 1, n - 1
        elif right is None or (left is not None and left.length_ms >= right.length_ms):
            first, last, keeps = n - 1, n, n - 1
        else:
            first, last, keeps = n, n + 1, n + 1
        group = parts[first : last + 1]
        one = Segment(
            group[0].start_ms, group[-1].end_ms, parts[keeps].word, group[0].first, sum(g.rows for g in group)
        )
        parts = [*parts[:first], one, *parts[last + 1 :]]


def of(text: str, minimum_s: float = 0.0, bridge_s: float = 0.0) -> list[tuple[str, int]]:
    """Segments of rows on the grid, one letter each; a space is a row that is missing."""
    times = [0.2 * n for n, letter in enumerate(text) if letter != " "]
    found = segments(rows_at(times), list(text.replace(" ", "")), minimum_s=minimum_s, bridge_s=bridge_s)
    return [(s.word, s.length_ms // 200) for s in found]


def test_a_short_interruption_is_bridged_and_a_longer_one_stays() -> None:
    assert of("AAAABAAAA", bridge_s=0.2) == [("A", 9)]
    assert of("AAAABBAAAA", bridge_s=0.2) == [("A", 4), ("B", 2), ("A", 4)]
    assert of("AAAABCAAAA", bridge_s=0.4) == [("A", 4), ("B", 1), ("C", 1), ("A", 4)], "two things are no interruption"


def test_what_is_too_short_goes_to_the_longer_neighbour() -> None:
    assert of("AAABCCCC", minimum_s=0.4) == [("A", 3), ("C", 5)]
    assert of("AAAABCCCC", minimum_s=0.4) == [("A", 5), ("C", 4)], "of equally long ones the earlier"
    assert of("AAB", minimum_s=5) == [("A", 3)], "less than the minimum in all is one segment"


def test_missing_rows_are_a_segment_of_their_own_or_an_interruption() -> None:
    assert of("AAA    AAA") == [("A", 3), (NO_ROWS, 4), ("A", 3)]
    assert of("AAA  AAA", bridge_s=0.4) == [("A", 8)]
    assert of("AAAB    BAAA", minimum_s=0.6) == [("A", 4), (NO_ROWS, 4), ("A", 4)], "rows do not become missing"
    assert of("AAA    B    AAA", minimum_s=0.6, bridge_s=0.6) == [
        ("A", 3),
        (NO_ROWS, 4),
        ("B", 1),
        (NO_ROWS, 4),
        ("A", 3),
    ]
    assert of("AAA  BBB") == [("A", 3), (NO_ROWS, 2), ("B", 3)]
    assert of("AAAAA A B B BBBB") == [("A", 8), ("B", 8)], "at half the rate none is missing"


def test_rows_of_another_rate_hold_for_their_own_step() -> None:
    rows = rows_at([n * 1001 / 30000 for n in range(90)])
    found = segments(rows, ["A"] * 60 + ["B"] * 30)
    assert [(s.start_ms, s.end_ms, s.rows) for s in found] == [(0, 2002, 60), (2002, 3003, 30)]


def test_what_a_row_says_is_its_label_or_its_reason() -> None:
    assert said(NAMELESS) == "no face"
    assert said(decision(3, 0.6, seed=4)) == (decision(3, 0.6, seed=4).label or decision(3, 0.6, seed=4).reason)
    assert said(replace(NAMELESS, reason=None)) == "abstained"


def test_rows_that_go_back_and_lengths_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="row 2 is earlier"):
        segments(rows_at([0.0, 0.4, 0.2]), "AAA")
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="minimum_s"):
            segments(rows_at([0.0]), "A", minimum_s=wrong)
    assert segments([], []) == []


def test_a_long_film_is_joined_in_a_moment() -> None:
    """Every other row differs: the most work there can be, and it must not grow with its square."""
    count = 100_000
    found = segments(rows_at([0.04 * n for n in range(count)]), ["A", "B"] * (count // 2), minimum_s=0.6)
    assert sum(s.rows for s in found) == count
    assert min(s.length_ms for s in found) >= 600

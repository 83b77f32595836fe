"""Times and shares in the words that a picture has room for."""

import pytest

from realtime_cer.sinks.timewords import clock, digital, percent, ticks


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (3599, "59:59"), (3599.6, "1:00:00"), (36_061, "10:01:01")],
)
def test_a_time_has_hours_from_one_hour_on(seconds: float, said: str) -> None:
    assert digital(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "span", "said"),
    [(-0.01, 60, "0 s"), (12.34, 120, "12.3 s"), (12, 121, "0:12"), (12, 3600, "0:12"), (12, 3601, "0:00:12")],
)
def test_a_time_has_as_many_places_as_the_span_around_it(seconds: float, span: float, said: str) -> None:
    assert clock(seconds, span) == said


@pytest.mark.parametrize(("start", "end"), [(0, 0.5), (0, 119), (3, 7.2), (0, 90_000), (100, 4000)])
def test_ticks_are_round_few_within_and_told_apart(start: float, end: float) -> None:
    times, words = ticks(start, end)
    assert 1 < len(times) <= 13
    assert start - 1e-6 <= times[0] <= times[-1] <= end + 1e-6
    assert len(set(words)) == len(words)


def test_a_small_share_is_more_than_none() -> None:
    assert [percent(n, 1000) for n in (0, 1, 10, 1000)] == ["–", "<1 %", "1 %", "100 %"]

"""A kiosk's day and its sources: when it starts anew and tests itself, and what is told of a source that is gone."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.moments import CAMERA, MICROPHONE, moment

from realtime_cer.kiosk.daily import DAY_S, LEAST_S, QUIET_S, Daily
from realtime_cer.kiosk.outages import Outages

# A day.

START = datetime(2026, 3, 2, 12, 0)


def restarts(daily: Daily, begin: datetime, hours: float, busy: frozenset[int] = frozenset()) -> list[datetime]:
    """When it would start anew, minute by minute; in the busy hours somebody is always there."""
    due, idle_since = [], float("-inf")
    for minute in range(round(hours * 60)):
        wall = begin + timedelta(minutes=minute)
        if wall.hour in busy:
            idle_since = 60.0 * minute
        if daily.restart(60.0 * minute, wall, idle_since):
            due.append(wall)
    return due


def test_it_starts_anew_at_the_hour_while_nobody_is_there() -> None:
    assert restarts(Daily("04:00", 0.0), START, 30)[0] == datetime(2026, 3, 3, 4, 0)
    assert restarts(Daily("04:00", 0.0), START, 30, frozenset({4, 5}))[0] == datetime(2026, 3, 3, 6, 0)
    assert restarts(Daily(None, 0.0), START, 100) == []


def test_a_kiosk_that_started_at_the_hour_does_not_start_anew_that_day() -> None:
    begun = datetime(2026, 3, 3, 4, 0, 20)
    assert restarts(Daily("04:00", 0.0), begun, 23.9) == []


@given(st.lists(st.tuples(st.floats(60, 7200), st.integers(-90_000, 90_000)), min_size=1, max_size=40))
def test_a_clock_that_steps_never_starts_it_over_and_over(steps: list[tuple[float, int]]) -> None:
    now, wall, began = 0.0, START, 0.0
    daily = Daily("04:00", 0.0)
    for passed, step in steps:
        now += passed
        wall += timedelta(seconds=passed + step)
        if daily.restart(now, wall, float("-inf")):
            assert now - began >= LEAST_S
            daily, began = Daily("04:00", now), now


def test_the_self_test_comes_soon_after_the_start_and_then_daily_but_never_before_people() -> None:
    daily = Daily("04:00", 0.0)
    assert not daily.test(QUIET_S - 1, float("-inf"))
    assert not daily.test(500.0, 470.0)
    assert daily.test(600.0, 470.0)
    assert not daily.test(601.0, 470.0)
    assert not daily.test(600.0 + DAY_S - 1, 470.0)
    assert daily.test(600.0 + DAY_S, 470.0)


# Cameras and microphones.


Spell = tuple[float, str]


def shown(*spells: Spell) -> list[tuple[str, ...]]:
    """The troubles at the end of every time that a camera spends in a state; the microphone is well."""
    outages, looks, troubles = Outages(), itertools.count(), []
    for seconds, state in spells:
        camera = replace(CAMERA, state=state, detail="camera 0: unplugged")
        for n in itertools.islice(looks, round(seconds * 5)):
            outages.look(replace(moment(()), t=n / 5, sources=(camera, MICROPHONE)))
        troubles.append(outages.troubles)
    return troubles


def test_a_source_that_gives_nothing_is_shown_and_logged_until_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    course = [(10.0, "live"), (4.0, "lost"), (2.0, "retrying"), (0.4, "live"), (6.0, "live"), (9.0, "absent")]
    assert shown(*course) == [(), (), ("camera 0: retrying",), (), (), ("camera 0: absent",)]
    assert caplog.messages == [
        "camera 0 gives nothing for 5 s: unplugged (retrying)",
        "camera 0 is back after 6 s",
        "camera 0 gives nothing for 5 s: unplugged (absent)",
    ]


@pytest.mark.parametrize(("gone_s", "lines"), [(4.0, 0), (6.0, 1)])
def test_a_source_that_comes_and_goes_does_not_fill_the_log(
    gone_s: float, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    shown(*[(1.0, "live"), (gone_s, "lost")] * 50)
    assert len(caplog.messages) == lines


def test_a_film_may_end(caplog: pytest.LogCaptureFixture) -> None:
    assert shown((1.0, "live"), (60.0, "ended")) == [(), ()]
    assert caplog.messages == []

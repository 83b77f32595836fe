"""Smoothing and hysteresis: functions of the rows, calm, and honest about what they hold back."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts.moments import NOW, decided, decision, history

from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Decision
from realtime_cer.smoothing import HOLD_S, Smoother, shares_of, smooth

HAPPY = (0.04, 0.02, 0.02, 0.05, 0.45, 0.02, 0.40)
SAD = (0.04, 0.42, 0.02, 0.05, 0.03, 0.40, 0.04)
NEUTRAL = (0.80, 0.02, 0.02, 0.02, 0.08, 0.02, 0.04)


def row(n: int, values: tuple[float, ...] | None, *, step: float = 0.2) -> Decision:
    return decided(dict.fromkeys(MODELS, values), t=NOW + n * step, seq=n, face=values is not None)


def labels_of(values: list[tuple[float, ...] | None], seconds: float = 0.6) -> list[str | None]:
    return [one.label for one in smooth([row(n, one) for n, one in enumerate(values)], seconds)]


def test_without_smoothing_rows_pass_as_they_are() -> None:
    rows = history(120)
    for raw, shown in zip(rows, smooth(rows, 0), strict=True):
        assert (shown.label, shown.reason, shown.seq) == (raw.label, raw.reason, raw.seq)
        assert shown.compound == shares_of(raw)
        assert dict(shown.models) == dict(raw.models)


@given(st.lists(st.floats(0.05, 0.9), min_size=2, max_size=12), st.floats(0.1, 3))
@settings(max_examples=50, deadline=None)
def test_it_is_exponential_in_time_whatever_the_steps(steps: list[float], seconds: float) -> None:
    rows = [replace(decision(1, NOW), t=NOW)]
    for n, step in enumerate(steps):
        rows.append(replace(decision(2, NOW), t=rows[-1].t + step, seq=n + 2))
    first, last = np.array(shares_of(rows[0])), np.array(shares_of(rows[-1]))
    left = math.exp(-(rows[-1].t - rows[0].t) / seconds)
    np.testing.assert_allclose(smooth(rows, seconds)[-1].compound, last + left * (first - last), atol=1e-9)


def test_the_same_rows_give_the_same_picture_wherever_feeding_was_split() -> None:
    rows = history(80)
    smoother = Smoother(0.6)
    assert tuple(smoother.feed(one) for one in rows) == smooth(rows, 0.6)
    again = Smoother(0.6)
    for one in rows[:40]:
        again.feed(one)
    assert again.feed(replace(rows[0], seq=999)).label == rows[0].label, "going back begins anew"


def test_a_single_row_changes_no_winner() -> None:
    happy, sad = row(0, HAPPY).label, row(0, SAD).label
    assert {happy, sad} <= set(COMPOUND)
    assert labels_of([HAPPY] * 5 + [SAD] + [HAPPY] * 5) == [happy] * 11
    assert labels_of([HAPPY, SAD] * 8, 0.3)[4:] == [happy] * 12


def test_a_lasting_change_is_shown_after_the_hold() -> None:
    shown = labels_of([HAPPY] * 5 + [SAD] * 15)
    changed = shown.index(row(0, SAD).label)
    assert 5 + HOLD_S / 0.2 <= changed <= 5 + (HOLD_S + 0.6) / 0.2 + 1
    assert set(shown[changed:]) == {row(0, SAD).label}


def test_abstention_does_not_flicker() -> None:
    happy = row(0, HAPPY).label
    assert labels_of([HAPPY] * 4 + [NEUTRAL] + [HAPPY] * 4) == [happy] * 9
    assert labels_of([HAPPY, NEUTRAL] * 6) == [happy] * 12
    assert labels_of([NEUTRAL] * 4 + [HAPPY] + [NEUTRAL] * 4) == [None] * 9
    gone = smooth([row(n, one) for n, one in enumerate([HAPPY] * 3 + [None] * 5)])
    assert [one.label for one in gone] == [happy] * 5 + [None] * 3
    assert gone[-1].reason == "no face"
    assert gone[4].compound is None, "a held label has no values of its own"


def test_abstention_for_changing_reasons_is_one_abstention() -> None:
    shown = smooth([row(n, one) for n, one in enumerate([HAPPY] * 3 + [NEUTRAL, None, NEUTRAL, None])])
    assert shown[-1].label is None


def test_a_hole_begins_anew() -> None:
    rows = [row(0, HAPPY), row(1, HAPPY), row(20, SAD)]
    last = smooth(rows, 3)[-1]
    assert last.label == rows[-1].label
    assert last.compound == shares_of(rows[-1])


@pytest.mark.parametrize("bad", [{"seconds": -0.1}, {"seconds": 3.1}, {"seconds": math.nan}, {"margin": -1.0}])
def test_nonsense_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Smoother(**bad)

"""The decision clock: one decision an instant, at the right time, from what was fresh."""

import numpy as np
import pytest

from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.decider import Decider
from realtime_cer.records import Face, Scores, Visual

ORIGIN = 1000.0
FACE = Face(0, (1.0, 2.0, 3.0, 4.0), np.zeros((478, 2), np.float32))


def scores(t: float, winner: int = 6) -> Scores:
    p = np.full(7, 0.05, np.float32)
    p[winner] = 0.7
    return Scores(t, p, "cpu")


def seen(k: int, face: Face | None = FACE, dropped: int = 0) -> Visual:
    t = ORIGIN + k * 0.2 + 0.03
    one = scores(t) if face else None
    return Visual(k, t, face, one, one, dropped)


def decider(weights: FusionWeights | None = None, **settings: object) -> Decider:
    return Decider(Config.model_validate(settings), weights or FusionWeights.equal(), ORIGIN)


def test_a_decision_is_issued_when_its_picture_was_analysed() -> None:
    clock = decider()
    [row] = clock.seen(seen(0), ORIGIN + 0.06)
    assert row.seq == 0
    assert row.t == ORIGIN
    assert row.age_ms["static"] == pytest.approx(30)
    assert row.face == FACE.box
    assert row.models["acoustic"] is None
    assert clock.tick(ORIGIN + 0.3499) == []


def test_or_at_the_deadline_whichever_is_first() -> None:
    clock = decider()
    assert clock.tick(ORIGIN + 0.1499) == []
    [row] = clock.tick(ORIGIN + 0.15)
    assert (row.label, row.reason, row.basic, row.compound) == (None, "nothing fresh", None, None)
    assert row.contributions == {}
    assert clock.seen(seen(0), ORIGIN + 0.16) == []  # too late: counted, never a second row
    [row] = clock.seen(seen(1), ORIGIN + 0.24)
    assert (row.seq, row.dropped) == (1, 1)


def test_every_instant_has_exactly_one_decision() -> None:
    clock = decider()
    rng = np.random.default_rng(1)
    rows, now = [], ORIGIN
    pending = [k for k in range(200) if rng.random() > 0.1]
    while now < ORIGIN + 40:
        now += rng.uniform(0.001, 0.02)
        if pending and now > ORIGIN + pending[0] * 0.2 + rng.uniform(0.03, 0.3):
            rows += clock.seen(seen(pending.pop(0)), now)
        rows += clock.tick(now)
    assert [row.seq for row in rows] == list(range(len(rows)))
    assert len(rows) >= 199


def test_the_grid_does_not_drift_in_a_month() -> None:
    clock = Decider(Config(), FusionWeights.equal(), ORIGIN)
    clock._next = 30 * 24 * 3600 * 5
    [row] = clock.tick(clock.deadline)
    assert row.t == pytest.approx(ORIGIN + 30 * 24 * 3600, abs=1e-6)


@pytest.mark.parametrize(
    ("sound_t", "counts"), [(-0.3, True), (0.0, True), (0.001, False), (-1.0, True), (-1.01, False)]
)
def test_acoustic_scores_count_while_they_are_fresh_and_not_from_the_future(sound_t: float, counts: bool) -> None:
    clock = decider()
    clock.heard(scores(ORIGIN + sound_t))
    [row] = clock.tick(ORIGIN + 0.15)
    assert (row.models["acoustic"] is not None) == counts
    assert (row.label is not None) == counts
    if counts:
        assert row.contributions == {"acoustic": pytest.approx(1.0)}
        assert row.age_ms["acoustic"] == pytest.approx(150 - 1000 * sound_t, abs=0.01)


def test_the_newest_fresh_sound_counts_also_when_a_newer_one_is_there() -> None:
    clock = decider()
    clock.heard(scores(ORIGIN - 0.5, winner=1))
    clock.heard(scores(ORIGIN + 0.01, winner=2))
    [row] = clock.tick(ORIGIN + 0.15)
    assert row.models["acoustic"] is not None
    assert int(np.argmax(row.models["acoustic"])) == 1


def test_no_face_is_told_from_no_picture() -> None:
    clock = decider()
    [row] = clock.seen(seen(0, face=None), ORIGIN + 0.05)
    assert row.reason == "no face"
    [row] = clock.tick(ORIGIN + 0.35)
    assert row.reason == "nothing fresh"


def test_a_missing_model_is_none_and_never_a_repeat() -> None:
    clock = decider()
    clock.seen(seen(0), ORIGIN + 0.05)
    [row] = clock.tick(ORIGIN + 0.35)
    assert row.models == {"static": None, "dynamic": None, "acoustic": None}
    assert row.engine == {"static": None, "dynamic": None, "acoustic": None}


def test_contributions_sum_to_one_and_two_model_weights_leave_sound_out() -> None:
    clock = decider(FusionWeights.published("avcer-video"), rule="rule2")
    clock.heard(scores(ORIGIN, winner=1))
    [row] = clock.seen(seen(0), ORIGIN + 0.05)
    assert set(row.contributions) == {"static", "dynamic"}
    assert sum(row.contributions.values()) == pytest.approx(1)
    assert row.models["acoustic"] is not None  # shown all the same
    assert (row.rule, row.weights) == ("rule2", "avcer-video")


def test_dropped_frames_are_on_the_next_row_only() -> None:
    clock = decider()
    [*_, row] = clock.seen(seen(2, dropped=2), ORIGIN + 0.45)
    assert row.dropped == 2
    [row] = clock.seen(seen(3), ORIGIN + 0.65)
    assert row.dropped == 0


def test_what_was_captured_before_forgetting_and_comes_after_it_does_not_count() -> None:
    clock = decider()
    clock.forget(ORIGIN + 0.1)
    clock.heard(scores(ORIGIN + 0.09))  # both were under analysis
    [row] = clock.seen(seen(0), ORIGIN + 0.12)
    assert (row.seq, row.face, row.reason) == (0, None, "nothing fresh")
    assert row.models["static"] is None
    [row] = clock.tick(ORIGIN + 0.35)
    assert row.models["acoustic"] is None
    clock.heard(scores(ORIGIN + 0.35))
    [row] = clock.seen(seen(2), ORIGIN + 0.45)
    assert row.face == FACE.box
    assert row.models["acoustic"] is not None


def test_a_minute_without_a_move_is_made_up_for() -> None:
    clock = decider()
    assert clock.skip(ORIGIN + 60) == 0
    assert [row.seq for row in clock.tick(ORIGIN + 60)] == list(range(300))


@pytest.mark.parametrize(
    ("thin", "slept_s", "newest", "skipped"),
    [(False, 28800.07, 144_000, 144_000), (True, 28800.07, 144_000, 72_000), (True, 28800.27, 144_002, 72_001)],
)
def test_after_hours_without_a_move_the_present_is_decided_and_the_rest_counted(
    thin: bool, slept_s: float, newest: int, skipped: int
) -> None:
    clock = decider()
    clock.thin = thin
    assert clock.skip(ORIGIN + slept_s) == skipped
    assert clock.skip(ORIGIN + slept_s) == 0
    assert clock.seen(seen(0), ORIGIN + slept_s) == []  # it was analysed before
    [row] = clock.seen(seen(newest), ORIGIN + slept_s + 0.3)
    assert (row.seq, row.dropped) == (newest, 1)

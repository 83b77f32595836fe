"""Rules, abstention and who is responsible."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import BASIC, COMPOUND, PAIRS
from realtime_cer.rules import (
    NEUTRAL_DOMINATES,
    NO_EMOTION,
    NO_FACE,
    NOTHING_FRESH,
    RULES,
    compound,
    judge,
    shares,
)

EQUAL = FusionWeights.equal()
ALL = np.ones(3, bool)


def basic(**values: float) -> np.ndarray:
    """A probability vector; what is not named shares the rest."""
    rest = (1 - sum(values.values())) / (7 - len(values))
    return np.array([values.get(name, rest) for name in BASIC])


@given(p=arrays(np.float64, (4, 7), elements=st.floats(0, 1)))
def test_the_rules_are_the_equations(p: np.ndarray) -> None:
    halves = {
        "Fearfully Surprised": (5 / 7, 2 / 7),
        "Happily Surprised": (6 / 8, 2 / 8),
        "Sadly Surprised": (4 / 6, 2 / 6),
        "Disgustedly Surprised": (6 / 8, 2 / 8),
        "Angrily Surprised": (5 / 7, 2 / 7),
        "Sadly Fearful": (4 / 9, 5 / 9),
        "Sadly Angry": (4 / 9, 5 / 9),
    }
    for n, name in enumerate(COMPOUND):
        a, b = (BASIC.index(x) for x in PAIRS[n])
        first, second = halves[name]
        for row in p:
            assert compound(row, "none")[n] == pytest.approx(row[a] + row[b])
            assert compound(row, "rule1")[n] == pytest.approx(sum(row[i] for i in (a, b) if row[i] >= 1 / 7))
            assert compound(row, "rule2")[n] == pytest.approx(row[a] * first + row[b] * second)
    assert compound(p, "rule2").shape == (4, 7)


@given(p=arrays(np.float64, 7, elements=st.floats(0, 1)))
def test_rule_3_divides_by_the_root_of_how_often_an_emotion_occurs(p: np.ndarray) -> None:
    # RAF-DB's training part, as published, in the order of BASIC.
    often = np.array([2524, 705, 717, 281, 4772, 1982, 1290]) / 12271
    q = p / np.sqrt(often)
    q *= p.sum() / max(q.sum(), np.finfo(float).tiny)
    expected = [q[BASIC.index(a)] + q[BASIC.index(b)] for a, b in PAIRS]
    np.testing.assert_allclose(compound(p, "rule3"), expected, rtol=1e-9, atol=1e-12)


def test_rule_3_hears_rare_emotions_that_the_plain_sum_drowns() -> None:
    p = basic(Happiness=0.34, Surprise=0.3, Fear=0.2)
    assert COMPOUND[compound(p, "none").argmax()] == "Happily Surprised"
    assert COMPOUND[compound(p, "rule3").argmax()] == "Fearfully Surprised"


def test_a_neutral_face_is_not_announced_as_fearfully_surprised() -> None:
    scores = np.tile(basic(Neutral=0.9), (3, 1))
    for rule in RULES:
        verdict = judge(scores, ALL, EQUAL, rule)
        assert verdict.label is None
        assert verdict.reason == NEUTRAL_DOMINATES
    assert judge(scores, ALL, EQUAL, "rule1", always_decide=True).label == COMPOUND[0]


def test_each_reason_is_given() -> None:
    flat = np.tile(np.array([0.2, 0.14, 0.14, 0.13, 0.13, 0.13, 0.13]), (3, 1))
    none = np.zeros(3, bool)
    assert judge(flat, ALL, EQUAL, "none").reason == NO_EMOTION
    assert judge(flat, none, EQUAL, "none").reason == NOTHING_FRESH
    assert judge(flat, none, EQUAL, "none", no_face=True).reason == NO_FACE
    assert judge(flat, none, EQUAL, "none", always_decide=True).label is None
    clear = np.tile(basic(Fear=0.4, Surprise=0.4), (3, 1))
    verdict = judge(clear, ALL, EQUAL, "none")
    assert (verdict.label, verdict.reason) == ("Fearfully Surprised", None)


@pytest.mark.parametrize("name", ["avcer-video", "avcer-7cl", "avcer-8cl"])
def test_published_v_does_not_make_everything_abstain(name: str) -> None:
    weights = FusionWeights.published(name)
    count = len(weights.classes)
    scores = np.tile(basic(Sadness=0.45, Anger=0.4), (count, 1))
    assert weights.models is not None
    verdict = judge(scores, np.ones(count, bool), weights, "rule2")
    assert verdict.label == "Sadly Angry"
    assert verdict.fused is not None
    assert verdict.fused.max() < 1 / 7  # the vector itself stays as equation 3 gives it


def test_rule_1_with_nothing_left_abstains_and_still_tells_who_was_strongest() -> None:
    weights = FusionWeights.published("avcer-7cl")
    scores = np.tile(basic(Sadness=0.45, Anger=0.4), (3, 1))
    verdict = judge(scores, ALL, weights, "rule1")
    assert verdict.label is None
    assert verdict.reason == NO_EMOTION
    assert verdict.shares.sum() == pytest.approx(1)


@given(c=arrays(np.float64, (3, 7), elements=st.floats(0, 1)), rule=st.sampled_from(RULES), winner=st.integers(0, 6))
def test_shares_sum_to_one(c: np.ndarray, rule: str, winner: int) -> None:
    s = shares(c, rule, winner)
    assert s.shape == (3,)
    assert (s >= 0).all()
    assert s.sum() == pytest.approx(1) or s.sum() == 0


def test_shares_name_the_model_that_brought_the_winner() -> None:
    scores = np.array([basic(Neutral=0.94), basic(Happiness=0.5, Surprise=0.44), basic(Neutral=0.94)])
    verdict = judge(scores, ALL, EQUAL, "none")
    assert verdict.shares.argmax() == 1
    assert verdict.shares[1] == pytest.approx(0.94 / 0.98, abs=0.01)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="rule9"):
        compound(np.zeros(7), "rule9")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fused"):
        compound(np.zeros(6), "none")

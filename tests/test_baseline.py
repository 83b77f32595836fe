"""A neutral baseline: right for somebody biased, harmless for anybody else, and gone when it is undone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_cer.labels import BASIC
from realtime_cer.perception.baseline import EXPECTED, LEAST, MOST, SECONDS, Baseline, shift, shifted
from realtime_cer.records import Floats, Scores


def softmax(z: np.ndarray) -> np.ndarray:
    odds = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True), np.float32)


def said(p: Floats, t: float = 0.0) -> Scores:
    return Scores(t, p.astype(np.float32), "cpu")


def person(bias: np.ndarray, seed: int, n: int = 1400) -> tuple[Floats, np.ndarray, Floats]:
    """What a network says of somebody's neutral face, and of expressions of known classes."""
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % 7

    def say(which: np.ndarray) -> Floats:
        return softmax(2.5 * np.eye(7)[which] + bias + rng.normal(0, 0.9, (len(which), 7)))

    return say(np.zeros(15, int)), classes, say(classes)


def recall(p: Floats, classes: np.ndarray) -> float:
    return float(np.mean([(p[classes == c].argmax(axis=1) == c).mean() for c in range(7)]))


def test_enough_pictures_take_the_geometric_mean_to_what_is_expected() -> None:
    rng = np.random.default_rng(0)
    p = softmax(np.log(EXPECTED) + rng.normal(0, 0.2, (2000, 7)) + [0, 0.5, 0, 0, 0, 0.4, 0])
    b = shift(p)
    mean = softmax(np.log(p).mean(axis=0) + b)
    np.testing.assert_allclose(mean, EXPECTED, atol=0.01)
    assert b.sum() == pytest.approx(0, abs=1e-5)
    assert not b.flags.writeable


@given(st.integers(0, 10**6), st.integers(1, 30))
def test_a_shift_is_bounded_whatever_was_said(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(7, 0.02), n)
    b = shift(p)
    assert np.isfinite(b).all()
    assert np.abs(b).max() <= 2 * MOST
    after = shifted(said(p[0]), b).probabilities
    assert after.sum() == pytest.approx(1, abs=1e-5)
    assert (after >= 0).all()


def test_it_helps_somebody_who_looks_sad_at_rest() -> None:
    bias = np.zeros(7)
    bias[BASIC.index("Sadness")], bias[BASIC.index("Anger")] = 2.0, 1.0
    neutral, classes, p = person(bias, 0)
    b = shift(neutral)
    after = np.stack([shifted(said(one), b).probabilities for one in p])
    assert recall(after, classes) > recall(p, classes) + 0.1


def test_it_does_no_harm_to_somebody_unbiased() -> None:
    for seed in range(5):
        neutral, classes, p = person(np.zeros(7), seed)
        b = shift(neutral)
        after = np.stack([shifted(said(one), b).probabilities for one in p])
        assert recall(after, classes) > recall(p, classes) - 0.03


def test_three_seconds_are_gathered_and_then_applied_to_each_model_that_said_enough() -> None:
    baseline = Baseline()
    assert baseline.progress == 0
    sad = softmax(np.array([0, 0, 0, 0, 0, 2.0, 0]))
    old = said(sad, -0.1)
    steps = round(SECONDS / 0.2)
    for n in range(steps + 1):
        assert baseline.applied("static", said(sad)) is not None
        assert baseline.shifts == {}
        assert baseline.progress == pytest.approx(max(n - 1, 0) / steps)
        # The same sound over and over again counts once.
        baseline.learn(10 + 0.2 * n, {"static": said(sad, 10 + 0.2 * n), "dynamic": None, "acoustic": old})
    assert baseline.progress is None
    assert set(baseline.shifts) == {"static"}
    after = baseline.applied("static", said(sad))
    assert after is not None
    assert after.probabilities.argmax() == BASIC.index("Neutral")
    assert baseline.applied("acoustic", old) is old
    assert baseline.applied("static", None) is None
    baseline.learn(99.0, {"static": said(sad, 99.0)})
    assert set(baseline.shifts) == {"static"}, "what comes later changes nothing"


def test_too_little_makes_no_baseline() -> None:
    baseline = Baseline()
    for n in range(LEAST - 1):
        baseline.learn(n * 0.2, {"static": said(EXPECTED, n * 0.2)})
    baseline.learn(SECONDS, {"static": None})
    assert baseline.progress is None
    assert baseline.shifts == {}
    with pytest.raises(ValueError, match="at least 1"):
        shift(np.zeros((0, 7)))

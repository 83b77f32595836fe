"""Figures against values worked out by hand, and properties that must hold for any input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_cer import metrics

TRUTH = np.array([0, 0, 0, 0, 1, 1, 2, 2])
GUESS = np.array([0, 0, 0, 1, 1, 2, 2, 0])

pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60).map(
    lambda rows: (np.array([a for a, _ in rows]), np.array([b for _, b in rows]))
)


def test_confusion() -> None:
    assert metrics.confusion(TRUTH, GUESS, 3).tolist() == [[3, 1, 0], [0, 1, 1], [1, 0, 1]]


def test_by_hand() -> None:
    assert metrics.accuracy(TRUTH, GUESS) == pytest.approx(5 / 8)
    assert metrics.recalls(TRUTH, GUESS, 3).tolist() == pytest.approx([3 / 4, 1 / 2, 1 / 2])
    assert metrics.uar(TRUTH, GUESS) == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)
    # F1 = 2 TP / (in the truth + guessed)
    assert metrics.f1_scores(TRUTH, GUESS, 3).tolist() == pytest.approx([6 / 8, 2 / 4, 2 / 4])
    assert metrics.macro_f1(TRUTH, GUESS) == pytest.approx((6 / 8 + 1 / 2 + 1 / 2) / 3)
    chance = (4 * 4 + 2 * 2 + 2 * 2) / 64
    assert metrics.kappa(TRUTH, GUESS) == pytest.approx((5 / 8 - chance) / (1 - chance))


def test_absent_class_takes_no_part() -> None:
    assert metrics.uar([0, 0, 1], [0, 2, 1]) == pytest.approx((0.5 + 1) / 2)
    assert np.isnan(metrics.recalls([0], [0])[1])


def test_calibration_error_by_hand() -> None:
    # Four times 80 % sure, three times right: off by 5 %; two times 60 % sure and right: off by 40 %.
    p = np.array([[0.8, 0.2]] * 4 + [[0.4, 0.6]] * 2)
    truth = np.array([0, 0, 0, 1, 1, 1])
    assert metrics.calibration_error(p, truth, bins=10) == pytest.approx((4 * 0.05 + 2 * 0.4) / 6)
    assert metrics.calibration_error(np.eye(7), np.arange(7)) == 0


def test_nothing() -> None:
    empty = np.zeros(0, int)
    assert np.isnan(metrics.accuracy(empty, empty))
    assert np.isnan(metrics.uar(empty, empty))
    assert np.isnan(metrics.kappa(empty, empty))
    assert np.isnan(metrics.calibration_error(np.zeros((0, 7)), empty))


@pytest.mark.parametrize(("truth", "guess"), [([0, 1], [0]), ([0, 7], [0, 1]), ([0, 1], [-1, 1]), ([[0]], [[0]])])
def test_refuses_what_does_not_fit(truth: list[int], guess: list[int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        metrics.confusion(truth, guess, 7)


@given(pairs)
def test_ranges_and_totals(both: tuple[np.ndarray, np.ndarray]) -> None:
    truth, guess = both
    assert metrics.confusion(truth, guess, 7).sum() == len(truth)
    for figure in (metrics.accuracy, metrics.uar, metrics.macro_f1):
        assert 0 <= figure(truth, guess) <= 1
        assert figure(truth, truth) == 1
    assert np.isnan(metrics.kappa(truth, guess)) or metrics.kappa(truth, guess) <= 1


@given(pairs, st.permutations(range(7)))
def test_names_do_not_matter(both: tuple[np.ndarray, np.ndarray], names: list[int]) -> None:
    truth, guess = both
    renamed = np.array(names)
    for figure in (metrics.accuracy, metrics.uar, metrics.macro_f1):
        assert figure(renamed[truth], renamed[guess]) == pytest.approx(figure(truth, guess))


def test_bootstrap_holds_the_figure_and_narrows() -> None:
    rng = np.random.default_rng(3)
    right = rng.random(2000) < 0.7
    low, high = metrics.bootstrap(lambda i: float(right[i].mean()), 2000, draws=400)
    assert low < right.mean() < high
    # The standard error of a share of 0.7 in 2000 is 0.0102: the interval is about four of them wide.
    assert high - low == pytest.approx(4 * 0.0102, rel=0.2)
    assert metrics.bootstrap(lambda i: float(right[i].mean()), 2000, draws=50) == metrics.bootstrap(
        lambda i: float(right[i].mean()), 2000, draws=50
    )

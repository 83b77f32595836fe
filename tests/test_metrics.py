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


def test_reliability_by_hand() -> None:
    # Four times 80 % sure, three times right; two times 60 % sure and right: an edge belongs to the bin below.
    p = np.array([[0.8, 0.2]] * 4 + [[0.4, 0.6]] * 2)
    curve = metrics.reliability(p, [0, 0, 0, 1, 1, 1], bins=5)
    assert curve.edges.tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert curve.counts.tolist() == [0, 0, 2, 4, 0]
    assert curve.confidence[2:4].tolist() == pytest.approx([0.6, 0.8])
    assert curve.accuracy[2:4].tolist() == pytest.approx([1, 0.75])
    assert np.isnan(curve.confidence[[0, 1, 4]]).all()
    assert curve.error == pytest.approx((4 * 0.05 + 2 * 0.4) / 6)


def test_proper_scores_by_hand() -> None:
    p = [[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]]
    assert metrics.brier(p, [0, 0]) == pytest.approx(((0.09 + 0.04 + 0.01) + (1 + 1)) / 2)
    assert metrics.log_loss(p[:1], [1]) == pytest.approx(-np.log(0.2))
    assert np.isfinite(metrics.log_loss(p, [0, 0]))  # a certain error counts, but not without end
    assert np.isnan(metrics.brier(np.zeros((0, 7)), []))
    assert np.isnan(metrics.log_loss(np.zeros((0, 7)), []))


@given(st.integers(0, 1000), st.floats(0.3, 3))
def test_the_way_back_to_temperature_1_is_exact(seed: int, temperature: float) -> None:
    logits = np.random.default_rng(seed).normal(0, 4, (20, 7))

    def softmax(z: np.ndarray) -> np.ndarray:
        odds = np.exp(z - z.max(1, keepdims=True))
        return np.asarray(odds / odds.sum(1, keepdims=True))

    shipped = softmax(logits / temperature)
    assert metrics.without_temperature(shipped, temperature) == pytest.approx(softmax(logits), abs=1e-12)
    # Networks give float32.
    rounded = metrics.without_temperature(shipped.astype(np.float32), temperature)
    assert rounded == pytest.approx(softmax(logits), abs=2e-6)


def test_intervals_agree_with_drawing_indices() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 7, 900)
    guess = np.where(rng.random(900) < 0.6, truth, rng.integers(0, 7, 900))
    quick = metrics.intervals(truth, guess)
    for name, figure in (("accuracy", metrics.accuracy), ("uar", metrics.uar), ("f1", metrics.macro_f1)):
        slow = metrics.bootstrap(lambda i, f=figure: f(truth[i], guess[i]), 900)  # type: ignore[misc]
        assert quick[name] == pytest.approx(slow, abs=0.006)
        assert quick[name].low < figure(truth, guess) < quick[name].high


def test_every_draw_has_all_samples() -> None:
    drawn = metrics.resampled(TRUTH, [GUESS, TRUTH], 3, draws=50)
    assert drawn.shape == (50, 2, 3, 3)
    assert (drawn.sum((2, 3)) == len(TRUTH)).all()
    # Both guesses are judged on the same samples.
    assert (drawn[:, 0].sum(2) == drawn[:, 1].sum(2)).all()
    with pytest.raises(ValueError, match="no samples"):
        metrics.resampled([], [], 3)


def test_groups_are_drawn_whole() -> None:
    # Ten speakers, each of whom is always right or never: a hundred clips tell no more than ten.
    speakers = np.repeat(np.arange(10), 10)
    truth = np.zeros(100, int)
    guess = (speakers < 4).astype(int)
    alone, whole = (metrics.intervals(truth, guess, 7, groups)["accuracy"] for groups in (None, speakers))
    assert whole.high - whole.low > 2.5 * (alone.high - alone.low)
    slow = metrics.bootstrap(lambda i: metrics.accuracy(truth[i], guess[i]), 100, speakers)
    assert whole == pytest.approx(slow, abs=0.05)
    p = np.eye(7)[guess] * 0.9 + 0.1 / 7
    narrow, wide = (metrics.calibration_interval(p, truth, groups) for groups in (None, speakers))
    assert wide.high - wide.low > 2.5 * (narrow.high - narrow.low)


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 7, 500)
    other = np.where(rng.random(500) < 0.6, truth, rng.integers(0, 7, 500))
    better = np.where(rng.random(500) < 0.1, truth, other)
    found = metrics.differences(truth, better, other)
    assert found["f1"].value == pytest.approx(metrics.macro_f1(truth, better) - metrics.macro_f1(truth, other))
    assert 0 < found["f1"].low < found["f1"].value < found["f1"].high
    alone = metrics.intervals(truth, better)["f1"]
    assert found["f1"].high - found["f1"].low < alone.high - alone.low
    assert metrics.differences(truth, other, other)["accuracy"] == (0, 0, 0)


def test_calibration_interval_agrees_with_drawing_indices() -> None:
    rng = np.random.default_rng(7)
    p = rng.dirichlet(np.ones(7), 400)
    truth = rng.integers(0, 7, 400)
    slow = metrics.bootstrap(lambda i: metrics.calibration_error(p[i], truth[i]), 400, draws=300)
    assert metrics.calibration_interval(p, truth) == pytest.approx(slow, abs=0.01)


def test_undoing_an_absurd_temperature_still_gives_probabilities() -> None:
    p = metrics.without_temperature(np.array([[0.2, 0.1, 0.7], [1 / 3, 1 / 3, 1 / 3], [0.0, 0.0, 1.0]]), 441_162.0)
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_allclose(p[1], 1 / 3)
    assert p[0, 2] == pytest.approx(1)

"""Figures that tell how good predictions are. Pure: arrays in, numbers out.

``truth`` and ``guess`` are (N,) class indices, ``classes`` how many classes there are. A class that the truth
does not hold takes no part in a mean over classes.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def confusion(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int) -> Indices:
    """Count how often each class (row) was taken for each (column): (classes, classes).

    Raises
    ------
    ValueError
        Different lengths, or an index outside 0 to classes - 1.
    """
    t, g = np.asarray(truth, np.int64), np.asarray(guess, np.int64)
    if t.shape != g.shape or t.ndim != 1:
        raise ValueError(f"truth and guess must be (N,) and of one length, not {t.shape} and {g.shape}")
    both = np.concatenate([t, g])
    if both.size and (both.min() < 0 or both.max() >= classes):
        raise ValueError(f"classes must be 0 to {classes - 1}, found {both.min()} to {both.max()}")
    return np.bincount(t * classes + g, minlength=classes * classes).reshape(classes, classes)


def accuracy(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7) -> float:
    """Share of right guesses; NaN of nothing."""
    matrix = confusion(truth, guess, classes)
    return _ratio(float(np.trace(matrix)), float(matrix.sum()))


def recalls(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7) -> Floats:
    """Share of each class that was recognised: (classes,), NaN for a class without samples."""
    matrix = confusion(truth, guess, classes).astype(np.float64)
    total = matrix.sum(1)
    out: Floats = np.full(classes, np.nan)
    np.divide(np.diag(matrix), total, out=out, where=total > 0)
    return out


def uar(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7) -> float:
    """Unweighted average recall: the mean over the classes that occur."""
    return _mean(recalls(truth, guess, classes))


def f1_scores(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7) -> Floats:
    """F1 of each class: (classes,), NaN for a class that is neither there nor guessed."""
    matrix = confusion(truth, guess, classes).astype(np.float64)
    both = matrix.sum(0) + matrix.sum(1)
    out: Floats = np.full(classes, np.nan)
    np.divide(2 * np.diag(matrix), both, out=out, where=both > 0)
    return out


def macro_f1(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7) -> float:
    """Mean F1 over the classes that occur in the truth."""
    scores = f1_scores(truth, guess, classes)
    return _mean(scores[np.isin(np.arange(classes), np.asarray(truth, np.int64))])


def kappa(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7) -> float:
    """Cohen's kappa: agreement beyond chance; 1 is perfect, 0 is chance, NaN where chance explains all."""
    matrix = confusion(truth, guess, classes).astype(np.float64)
    total = matrix.sum()
    if not total:
        return float("nan")
    observed = np.trace(matrix) / total
    chance = float(matrix.sum(0) @ matrix.sum(1)) / total**2
    return _ratio(float(observed - chance), 1 - chance)


def calibration_error(probabilities: npt.ArrayLike, truth: npt.ArrayLike, bins: int = 15) -> float:
    """Expected calibration error: how far confidence and accuracy of the winner lie apart, over equal bins.

    Parameters
    ----------
    probabilities : (N, classes)
    truth : (N,)
    """
    p, t = np.asarray(probabilities, np.float64), np.asarray(truth, np.int64)
    if not len(p):
        return float("nan")
    confidence, right = p.max(1), p.argmax(1) == t
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gap = np.bincount(which, right - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(p))


def bootstrap(
    figure: Callable[[Indices], float], count: int, *, draws: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Interval of a figure under drawing the samples anew.

    Parameters
    ----------
    figure : takes (count,) indices of samples, with repeats, and returns the figure of these
    count : how many samples there are
    """
    rng = np.random.default_rng(seed)
    values = [figure(rng.integers(0, count, count)) for _ in range(draws)]
    tail = (1 - level) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _ratio(a: float, b: float) -> float:
    return a / b if b else float("nan")


def _mean(values: Floats) -> float:
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")

"""Figures of a confusion matrix: one at a time, or of many matrices at once."""

from typing import Any

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
    return float(accuracy_of(confusion(truth, guess, classes)))


def recalls(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7) -> Floats:
    """Share of each class that was recognised: (classes,), NaN for a class without samples."""
    return recalls_of(confusion(truth, guess, classes))


def uar(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7) -> float:
    """Unweighted average recall: the mean over the classes that occur."""
    return float(uar_of(confusion(truth, guess, classes)))


def f1_scores(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7) -> Floats:
    """F1 of each class: (classes,), NaN for a class that is neither there nor guessed."""
    return f1_scores_of(confusion(truth, guess, classes))


def macro_f1(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7) -> float:
    """Mean F1 over the classes that occur in the truth."""
    return float(macro_f1_of(confusion(truth, guess, classes)))


def kappa(truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7) -> float:
    """Cohen's kappa: agreement beyond chance; 1 is perfect, 0 is chance, NaN where chance explains all."""
    matrix = confusion(truth, guess, classes).astype(np.float64)
    total = matrix.sum()
    if not total:
        return float("nan")
    observed = np.trace(matrix) / total
    chance = float(matrix.sum(0) @ matrix.sum(1)) / total**2
    return float(ratio(observed - chance, 1 - chance))


def accuracy_of(matrix: npt.NDArray[Any]) -> Floats:
    """Accuracy of confusion matrices (..., classes, classes): (...)."""
    return ratio(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum((-2, -1)))


def recalls_of(matrix: npt.NDArray[Any]) -> Floats:
    """Recall of each class of confusion matrices (..., classes, classes): (..., classes)."""
    return ratio(np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(-1))


def f1_scores_of(matrix: npt.NDArray[Any]) -> Floats:
    """F1 of each class of confusion matrices, ``2 TP / (in the truth + guessed)``: (..., classes)."""
    return ratio(2 * np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(-1) + matrix.sum(-2))


def uar_of(matrix: npt.NDArray[Any]) -> Floats:
    """UAR of confusion matrices (..., classes, classes): (...)."""
    return _mean(recalls_of(matrix), matrix.sum(-1) > 0)


def macro_f1_of(matrix: npt.NDArray[Any]) -> Floats:
    """Macro F1 of confusion matrices (..., classes, classes): (...)."""
    return _mean(f1_scores_of(matrix), matrix.sum(-1) > 0)


def ratio(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """``a / b``, NaN where b is 0."""
    top, under = np.asarray(a, np.float64), np.asarray(b, np.float64)
    found: Floats = np.full(np.broadcast(top, under).shape, np.nan)
    np.divide(top, under, out=found, where=under != 0)
    return found


def _mean(values: Floats, there: npt.NDArray[np.bool_]) -> Floats:
    """Mean over the last axis of what is there."""
    return ratio(np.where(there, values, 0).sum(-1), there.sum(-1))

"""Whether probabilities mean what they say: reliability, its error, proper scores, and the way to temperature 1."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from realtime_cer.metrics.figures import Floats, Indices, ratio
from realtime_cer.metrics.resampling import Interval, bootstrap

BINS = 15
"""Bins of equal width over confidence."""


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """How sure the winner was, and how often right, in bins of equal width over confidence.

    ``edges`` is (bins + 1,), ``counts`` (bins,); ``confidence`` and ``accuracy`` are the bins' means, (bins,), NaN
    where a bin is empty. A confidence on an edge belongs to the bin below.
    """

    edges: Floats
    counts: Indices
    confidence: Floats
    accuracy: Floats

    @property
    def error(self) -> float:
        """Expected calibration error: ``sum_b n_b / N |accuracy_b - confidence_b|``; NaN of nothing."""
        if not self.counts.sum():
            return float("nan")
        gap = np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gap * self.counts) / self.counts.sum())


def reliability(probabilities: npt.ArrayLike, truth: npt.ArrayLike, bins: int = BINS) -> Reliability:
    """Hold confidence against accuracy.

    Parameters
    ----------
    probabilities : (N, classes)
    truth : (N,)
    bins : of equal width between 0 and 1
    """
    confidence, right, which = _sorted_in(probabilities, truth, bins)
    edges, counts = np.linspace(0, 1, bins + 1), np.bincount(which, minlength=bins)
    sure, hit = (np.bincount(which, values, minlength=bins) for values in (confidence, right))
    return Reliability(edges, counts, ratio(sure, counts), ratio(hit, counts))


def calibration_error(probabilities: npt.ArrayLike, truth: npt.ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error: how far confidence and accuracy of the winner lie apart, over equal bins.

    Parameters
    ----------
    probabilities : (N, classes)
    truth : (N,)
    """
    return reliability(probabilities, truth, bins).error


def calibration_interval(
    probabilities: npt.ArrayLike, truth: npt.ArrayLike, groups: npt.ArrayLike | None = None, bins: int = BINS
) -> Interval:
    """95 % bootstrap interval of ``calibration_error``; ``groups`` as in ``bootstrap``."""
    confidence, right, which = _sorted_in(probabilities, truth, bins)
    gap = right - confidence
    return bootstrap(
        lambda i: float(np.abs(np.bincount(which[i], gap[i], minlength=bins)).sum() / len(i)), len(gap), groups
    )


def brier(probabilities: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Brier score: the mean of ``sum_c (p_c - [c is the truth])^2``; 0 is perfect, 2 the worst, NaN of nothing."""
    p, t = np.asarray(probabilities, np.float64), np.asarray(truth, np.int64)
    return float(((p - np.eye(p.shape[1])[t]) ** 2).sum(1).mean()) if len(p) else float("nan")


def log_loss(probabilities: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Negative log-likelihood of the truth in nats, a mean; a probability of 0 counts as float32's least."""
    p, t = np.asarray(probabilities, np.float64), np.asarray(truth, np.int64)
    least = float(np.finfo(np.float32).tiny)
    return float(-np.log(np.maximum(p[np.arange(len(t)), t], least)).mean()) if len(p) else float("nan")


def without_temperature(probabilities: npt.ArrayLike, temperature: float) -> Floats:
    """Probabilities (..., classes) as they would be at temperature 1.

    ``p = softmax(z / T)`` is in proportion to ``exp(z / T)``, so ``p^T``, made to sum to 1, is ``softmax(z)``.
    """
    p = np.maximum(np.asarray(probabilities, np.float64), np.finfo(np.float32).tiny)
    # By logarithms: powers to a large temperature would all be 0.
    logits = temperature * np.log(p)
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(odds / odds.sum(-1, keepdims=True))


def _sorted_in(
    probabilities: npt.ArrayLike, truth: npt.ArrayLike, bins: int
) -> tuple[Floats, npt.NDArray[np.bool_], Indices]:
    """Confidence of the winner, whether it is right, and the bin of that confidence: (N,) each."""
    p, t = np.asarray(probabilities, np.float64), np.asarray(truth, np.int64)
    confidence, right = (p.max(1), p.argmax(1) == t) if len(p) else (np.zeros(0), np.zeros(0, bool))
    return confidence, right, np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)

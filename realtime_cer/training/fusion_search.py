"""The search for fusion weights, as published: draws of W, then a grid of v. Pure: arrays in, arrays out.

The best weights are those with the highest mean recall over the six emotions without Neutral, where the guess is the
strongest of all seven fused classes: a neutral face is no success, but taking an emotion for Neutral is a miss.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.progress import track

from realtime_cer import metrics
from realtime_cer.fusion import FusionWeights, fuse
from realtime_cer.labels import BASIC, NEUTRAL

DRAWS = 10_000
_STEPS = 200
"""Steps of v from 0 to 1: one is 0.005."""
_LEAST, _MOST = 2, 100
"""The grid of v in steps: 0.01 to 0.5."""
_COARSE = 10
"""Steps between the points of the first grid for three models: 0.05."""

# Samples and draws in a block whose products stay in a core's cache; hits in it are counted in bytes.
_ROWS, _COLUMNS = 128, 512

EMOTIONS = np.delete(np.arange(len(BASIC)), NEUTRAL)
"""The six classes over which recall is averaged."""

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Samples:
    """What the models said of N samples: probabilities (N, M, 7), present (N, M), labels (N,) into ``labels.BASIC``.

    Where a model is missing, the weights of the others are renormalised as at run time; its probabilities may be NaN.
    A sample without any model counts as taken for Neutral.
    """

    probabilities: npt.NDArray[np.floating]
    present: Mask
    labels: Indices

    @property
    def told(self) -> Mask:
        """On samples of which classes each model spoke: (M, 7)."""
        return np.stack([self.present[self.labels == c].any(axis=0) for c in range(len(BASIC))], axis=1)

    def select(self, chosen: Mask) -> "Samples":
        """Keep the marked samples."""
        return Samples(self.probabilities[chosen], self.present[chosen], self.labels[chosen])


def guesses(samples: Samples, weights: FusionWeights) -> Indices:
    """Take each sample for the strongest class of its fused probabilities: (N,)."""
    fused, _ = fuse(samples.probabilities, weights, samples.present)
    return np.asarray(fused.argmax(axis=1), np.int64)


def mean_recall(labels: npt.ArrayLike, guess: npt.ArrayLike) -> float:
    """Mean recall over the six emotions without Neutral: the figure that is searched for."""
    return float(metrics.recalls(labels, guess)[EMOTIONS].mean())


def flat_draws(told: Mask, count: int, seed: int) -> Array:
    """Draw W ``count`` times, each class column from a flat Dirichlet distribution: (count, M, 7).

    ``told`` (M, 7) marks the classes on whose samples a model spoke. Where it never did, nothing tells its worth: it
    gets an equal share, and the others' draws share the rest.
    """
    drawn = np.random.default_rng(seed).dirichlet(np.ones(len(told)), (count, len(BASIC))).transpose(0, 2, 1)
    shared = drawn * told / np.maximum((drawn * told).sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return np.where(told.all(axis=0), drawn, np.where(told, shared * told.mean(axis=0), 1 / len(told)))


def fit_classes(samples: Samples, draws: Array, best: int = 1) -> Array:
    """Return the best W (M, 7) of the draws (D, M, 7), of equals the first; or the mean of the ``best`` best."""
    scores = _scores(samples, draws, np.ones(draws.shape[:2]), "draws of W")
    return np.asarray(draws[np.argsort(-scores, kind="stable")[:best]].mean(axis=0))


def fit_models(samples: Samples, classes: Array) -> Array:
    """Return the best v (M,) on the grid for given W (M, 7); of equals the first, counting the last model fastest.

    Two models: the whole grid of 0.01 to 0.5 in steps of 0.005. Three: in steps of 0.05, then, within 0.05 of the best
    of these, in steps of 0.005. The guess depends on the ratios of v alone, so of points in one ratio only the first
    is tried: the same v wins as if all were. It is never worse than no v, whose ratio is the first point.
    """
    models = len(classes)
    if models == 2:
        return _best(samples, classes, _grid([(_LEAST, _MOST)] * 2, 1), "grid of v") / _STEPS
    middle = _best(samples, classes, _grid([(_LEAST, _MOST)] * models, _COARSE), "coarse grid of v")
    near = [(max(k - _COARSE, _LEAST), min(k + _COARSE, _MOST)) for k in middle.astype(int).tolist()]
    return _best(samples, classes, _grid(near, 1), "fine grid of v") / _STEPS


def _grid(ranges: list[tuple[int, int]], step: int) -> Array:
    """All points of a grid, in steps of v, of each ratio the first: (G, M)."""
    axes = [np.arange(low, high + 1, step) for low, high in ranges]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))
    ratios = points // np.gcd.reduce(points, axis=1)[:, None]
    _, first = np.unique(ratios, axis=0, return_index=True)
    return np.asarray(points[np.sort(first)], np.float64)


def _best(samples: Samples, classes: Array, points: Array, told: str) -> Array:
    scores = _scores(samples, np.broadcast_to(classes, (len(points), *classes.shape)), points, told)
    return np.array(points[scores.argmax()])


def _scores(samples: Samples, classes: Array, models: Array, told: str) -> Array:
    """Mean recall of each W (D, M, 7) with its v (D, M): (D,), rounded so that no order of sums parts equals."""
    groups = list(_groups(samples))
    found = []
    for first in track(range(0, len(classes), _COLUMNS), description=told, transient=True):
        block = slice(first, first + _COLUMNS)
        hits = np.zeros((len(BASIC), len(classes[block])))
        for label, here, p in groups:
            hits[label] += _hits(label, p, _factors(classes[block], models[block], here))
        found.append(hits[EMOTIONS])
    counts = np.bincount(samples.labels, minlength=len(BASIC))[EMOTIONS]
    return np.asarray((np.concatenate(found, axis=1) / counts[:, None]).mean(axis=0).round(12))


def _groups(samples: Samples) -> Iterator[tuple[int, Mask, Array]]:
    """Samples of one emotion with the same models present: label, present (M,), probabilities (7, n, M)."""
    for here in np.unique(samples.present[samples.present.any(axis=1)], axis=0):
        alike = (samples.present == here).all(axis=1)
        for label in EMOTIONS:
            p = samples.probabilities[alike & (samples.labels == label)]
            if len(p):
                p = np.where(here[:, None], p, 0.0)
                yield int(label), here, np.ascontiguousarray(p.transpose(2, 0, 1), np.float64)


def _factors(classes: Array, models: Array, here: Mask) -> Array:
    """Return v W of the models that are present, W renormalised over these in each class: (7, M, D)."""
    kept = classes
    if not here.all():
        kept = classes * here[:, None]
        kept = np.where(kept.sum(axis=1, keepdims=True) > 0, kept, here[:, None])
        kept = kept / kept.sum(axis=1, keepdims=True)
    return np.ascontiguousarray((kept * models[:, :, None]).transpose(2, 1, 0))


def _hits(label: int, p: Array, factors: Array) -> Indices:
    """Count the samples (7, n, M), all of one label, that each set of factors (7, M, D) takes for it: (D,)."""
    count = np.zeros(factors.shape[2], np.int64)
    for first in range(0, p.shape[1], _ROWS):
        rows = p[:, first : first + _ROWS]
        mine = rows[label] @ factors[label]
        right = np.ones(mine.shape, bool)
        for other in range(len(BASIC)):
            if other != label:
                # Of equals the first class wins, as with argmax.
                wins = np.greater if other < label else np.greater_equal
                right &= wins(mine, rows[other] @ factors[other])
        count += right.view(np.uint8).sum(axis=0, dtype=np.uint8)
    return count

"""How far a figure may be trusted: the bootstrap, on single samples or on whole groups of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from realtime_cer.metrics.figures import Floats, Indices, accuracy_of, confusion, macro_f1_of, uar_of

_FIGURES: dict[str, Callable[[npt.NDArray[Any]], Floats]] = {"accuracy": accuracy_of, "uar": uar_of, "f1": macro_f1_of}


class Interval(NamedTuple):
    """From where to where a figure may well lie."""

    low: float
    high: float


class Difference(NamedTuple):
    """By how much one figure is above another, and the interval of that."""

    value: float
    low: float
    high: float


def resampled(
    truth: npt.ArrayLike,
    guesses: npt.ArrayLike,
    classes: int = 7,
    groups: npt.ArrayLike | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Floats:
    """Confusion matrices of the bootstrap: the samples drawn anew, with repeats, for several guesses at once.

    Samples of the same truth and guesses are alike, so the counts of each kind are drawn from one multinomial
    distribution: the same as drawing indices, and quick for any N.

    Parameters
    ----------
    truth : (N,)
    guesses : (K, N), judged on the same draws
    groups : (N,) names; whole groups are drawn then, as samples of one speaker are not independent

    Returns
    -------
    (draws, K, classes, classes)

    Raises
    ------
    ValueError
        Lengths or classes as in ``confusion``, or no samples.
    """
    t, g = np.asarray(truth, np.int64), np.atleast_2d(np.asarray(guesses, np.int64))
    for guess in g:
        confusion(t, guess, classes)
    if not len(t):
        raise ValueError("no samples to draw from")
    if groups is None:
        kinds, counts = np.unique(np.vstack([t, g]), axis=1, return_counts=True)
        t, g, unit = kinds[0], kinds[1:], np.arange(len(counts))
    else:
        _, unit = np.unique(np.asarray(groups), return_inverse=True)
        counts = np.ones(unit.max() + 1, np.int64)
    parts = np.zeros((len(counts), len(g), classes * classes))
    for k, guess in enumerate(g):
        np.add.at(parts[:, k], (unit, t * classes + guess), 1)
    drawn = np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), draws)
    made: Floats = (drawn @ parts.reshape(len(counts), -1)).reshape(draws, len(g), classes, classes)
    return made


def intervals(
    truth: npt.ArrayLike, guess: npt.ArrayLike, classes: int = 7, groups: npt.ArrayLike | None = None
) -> dict[str, Interval]:
    """95 % bootstrap intervals of ``accuracy``, ``uar`` and ``f1``; ``groups`` as in ``resampled``."""
    drawn = resampled(truth, guess, classes, groups)[:, 0]
    return {name: _interval(figure(drawn)) for name, figure in _FIGURES.items()}


def differences(
    truth: npt.ArrayLike,
    guess: npt.ArrayLike,
    other: npt.ArrayLike,
    classes: int = 7,
    groups: npt.ArrayLike | None = None,
) -> dict[str, Difference]:
    """By how much ``guess`` beats ``other`` on the same samples: paired bootstrap, 95 %."""
    now = np.stack([confusion(truth, one, classes) for one in (guess, other)])
    drawn = resampled(truth, np.stack([np.asarray(guess), np.asarray(other)]), classes, groups)
    found = {}
    for name, figure in _FIGURES.items():
        mine, theirs = figure(now)
        values = figure(drawn)
        found[name] = Difference(float(mine - theirs), *_interval(values[:, 0] - values[:, 1]))
    return found


def bootstrap(
    figure: Callable[[Indices], float],
    count: int,
    groups: npt.ArrayLike | None = None,
    *,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Interval of any figure under drawing the samples anew; ``intervals`` is quicker where it will do.

    Parameters
    ----------
    figure : takes indices of samples, with repeats, and returns the figure of these
    count : how many samples there are
    groups : (count,) names; whole groups are drawn then
    """
    rng = np.random.default_rng(seed)
    if groups is None:
        values = [figure(rng.integers(0, count, count)) for _ in range(draws)]
    else:
        _, unit = np.unique(np.asarray(groups), return_inverse=True)
        members = [np.flatnonzero(unit == k) for k in range(unit.max() + 1)]
        picks = rng.integers(0, len(members), (draws, len(members)))
        values = [figure(np.concatenate([members[k] for k in pick])) for pick in picks]
    return _interval(np.array(values), level)


def _interval(values: Floats, level: float = 0.95) -> Interval:
    tail = (1 - level) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))

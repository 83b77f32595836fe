"""Learning rates in the course of a run, as factors of the highest."""

import math


def fall(step: int, steps: int, warmup: int, decay: float) -> float:
    """Up over ``warmup`` steps, level, down to nothing as half a cosine over the last ``decay`` of the steps."""
    start = steps * (1 - decay)
    if step < warmup:
        return (step + 1) / warmup
    if step < start:
        return 1.0
    return _cosine(min((step - start) / max(steps - start, 1), 1.0))


def restarts(step: int, steps: int, count: int, floor: float) -> float:
    """Cosine annealing with ``count`` warm restarts: each of ``count + 1`` equal parts falls from 1 towards ``floor``.

    ``floor + (1 - floor) (1 + cos(pi t)) / 2`` with t from 0 to 1 in each part (Loshchilov and Hutter, SGDR).

    Raises
    ------
    ValueError
        A floor that is not below the rate: it would never change.
    """
    if not 0 <= floor < 1:
        raise ValueError(f"floor must be at least 0 and below 1, not {floor}")
    return floor + (1 - floor) * _cosine(step * (count + 1) % steps / steps)


def _cosine(t: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * t))

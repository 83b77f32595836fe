"""What the attract loop draws: curves that look like those of the program, and are of nobody. Pure."""

from typing import Final

import numpy as np
import numpy.typing as npt

from realtime_cer.labels import COMPOUND

Values = npt.NDArray[np.float64]

EACH_S: Final = 7.0
"""So long one expression leads."""

_ORDER: Final = tuple((3 * n) % len(COMPOUND) for n in range(len(COMPOUND)))
_PEAK, _WIDE_S, _SWAY = 3.0, 2.6, 0.45


def leader(t: float) -> tuple[int, float]:
    """Which class leads at a time in seconds, and how firmly: 1 in the middle of its turn, 0 at the change."""
    turn = round(t / EACH_S)
    return _ORDER[turn % len(COMPOUND)], 1 - abs(t / EACH_S - turn) * 2


def curves(t: Values) -> Values:
    """The values at some times: (7, T), which sum to 1 over the classes."""
    classes = np.arange(len(COMPOUND))[:, None]
    logits = _SWAY * np.sin((0.31 + 0.07 * classes) * t + 1.7 * classes)
    first, last = int(np.floor(t.min() / EACH_S)) - 1, int(np.ceil(t.max() / EACH_S)) + 1
    for turn in range(first, last + 1):
        logits[_ORDER[turn % len(COMPOUND)]] += _PEAK * np.exp(-(((t - turn * EACH_S) / _WIDE_S) ** 2))
    odds = np.exp(logits)
    shares: Values = odds / odds.sum(axis=0)
    return shares

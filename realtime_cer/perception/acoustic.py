"""The acoustic network: four seconds of sound in, probabilities out."""

from collections.abc import Callable

import numpy as np

from realtime_cer.inference.engine import Engine
from realtime_cer.records import SAMPLE_RATE, AudioWindow, Floats, Scores, read_only

LENGTH = 4 * SAMPLE_RATE
"""Samples in a window."""


def pad(samples: Floats, length: int = LENGTH) -> Floats:
    """Fill short sound up at its end with its own mean, as the method does: (n,) gives (length,)."""
    if len(samples) >= length:
        return samples[-length:]
    mean = samples.mean(dtype=np.float64) if len(samples) else 0.0
    return np.concatenate([samples, np.full(length - len(samples), mean, np.float32)])


def repeat(samples: Floats, length: int = LENGTH) -> Floats:
    """Fill short sound up by itself, from its beginning, as often as it takes: (n,) gives (length,)."""
    return samples[-length:] if len(samples) >= length else np.resize(samples, length)


class AcousticModel:
    """Probabilities of one window of sound."""

    def __init__(self, engine: Engine, fill: Callable[[Floats], Floats] = pad) -> None:
        self._engine = engine
        self._fill = fill

    def __call__(self, window: AudioWindow) -> Scores:
        """Scores at the window's end."""
        outputs = self._engine.run(self._fill(window.samples)[np.newaxis])
        return Scores(window.t, read_only(np.asarray(outputs["probabilities"][0], np.float32)), self._engine.backend)

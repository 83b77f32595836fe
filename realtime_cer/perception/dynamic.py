"""The dynamic network: the last ten feature vectors of one face in, probabilities out."""

from collections import deque

import numpy as np

from realtime_cer.inference.engine import Engine
from realtime_cer.records import Floats, Scores, read_only

LENGTH = 10
"""Feature vectors in a window: 2 s at 5 frames a second."""


class DynamicModel:
    """A window over one face. Another face, or ``clear``, starts it anew; the first vector then fills it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._face: int | None = None
        self._window: deque[Floats] = deque(maxlen=LENGTH)

    def clear(self) -> None:
        """Forget the face."""
        self._face = None
        self._window.clear()

    def __call__(self, t: float, face_id: int, features: Floats) -> Scores:
        """Scores at ``t`` after (512,) features of that face were added."""
        if face_id != self._face:
            self._face = face_id
            self._window.extend([features] * LENGTH)
        else:
            self._window.append(features)
        outputs = self._engine.run(np.stack(self._window)[np.newaxis])
        return Scores(t, read_only(np.asarray(outputs["probabilities"][0], np.float32)), self._engine.backend)

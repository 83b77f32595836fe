"""The static network: one face crop in, probabilities and features out."""

import numpy as np

from realtime_cer.inference.engine import Engine
from realtime_cer.perception.align import align
from realtime_cer.records import Face, Floats, Frame, Scores, read_only


class StaticModel:
    """Probabilities and a feature vector of one face in one frame."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, frame: Frame, face: Face) -> tuple[Scores, Floats]:
        """Scores at the frame's time, and the (512,) features that the dynamic network takes."""
        outputs = self._engine.run(align(frame.picture, face.landmarks)[np.newaxis])
        probabilities = read_only(np.asarray(outputs["probabilities"][0], np.float32))
        return Scores(frame.t, probabilities, self._engine.backend), read_only(outputs["features"][0])

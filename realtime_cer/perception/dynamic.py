"""The dynamic network: the last ten feature vectors of each face in, probabilities out."""

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from realtime_cer.errors import EngineFault
from realtime_cer.inference.engine import Engine
from realtime_cer.inference.vectors import MOST, Answer, Vector, VectorsLost, chained
from realtime_cer.records import Scores, read_only

LENGTH = 10
"""Feature vectors in a window: 2 s at 5 frames a second."""


class DynamicModel:
    """A window over each face by its id; a face's first vector fills its window.

    Vectors may lie on a GPU. Where that is lost and does not give them back, the windows begin anew with the newest.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._windows: dict[int, deque[Vector]] = {}

    def keep(self, ids: Iterable[int]) -> None:
        """Forget all faces but these."""
        kept = frozenset(ids)
        self._windows = {i: window for i, window in self._windows.items() if i in kept}

    def __call__(self, t: float, ids: Sequence[int], features: Sequence[Vector]) -> list[Scores]:
        """Scores at ``t`` of every face, after one (512,) vector of each was added; at most eight faces, or none.

        Raises
        ------
        EngineFault
            The network has no answer this time; the windows hold the new vectors all the same.
        """
        if not ids:
            return []
        if len(ids) > MOST:
            raise ValueError(f"{len(ids)} faces at once, where {MOST} are the most")
        for i, vector in zip(ids, features, strict=True):
            if i in self._windows:
                self._windows[i].append(vector)
            else:
                self._windows[i] = deque([vector] * LENGTH, LENGTH)
        try:
            outputs, _ = self._ask(ids)
        except VectorsLost:
            for i, vector in zip(ids, features, strict=True):
                self._windows[i].extend([vector] * LENGTH)
            try:
                outputs, _ = self._ask(ids)
            except VectorsLost as lost:
                raise EngineFault(self._engine.manifest.name, str(lost)) from None
        probabilities = read_only(np.asarray(outputs["probabilities"], np.float32))
        return [Scores(t, p, self._engine.backend) for p in probabilities]

    def _ask(self, ids: Iterable[int]) -> Answer:
        return chained(self._engine, [tuple(self._windows[i]) for i in ids])

"""A gesture that a face can make on purpose, and that nobody makes for long by chance."""

import numpy as np

from realtime_cer.records import Floats

_LIPS = (13, 14)
_CORNERS = (78, 308)


def gape(landmarks: Floats) -> float:
    """How tall an open mouth is for its width, between the inner lips; no unit, 0 for a closed mouth.

    (478, 2) landmarks in pixels. A laugh is wide, and stays below a half; a mouth opened as for a yawn comes to 1.
    """
    upper, lower = landmarks[list(_LIPS)].astype(np.float64)
    left, right = landmarks[list(_CORNERS)].astype(np.float64)
    wide = float(np.hypot(*(right - left)))
    return float(np.hypot(*(lower - upper))) / wide if wide > 0 else 0.0

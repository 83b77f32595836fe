"""What somebody looks like from afar: the colours of hair, face and clothes, as a small histogram."""

import numpy as np
import numpy.typing as npt

from realtime_cer.perception.boxes import Box
from realtime_cer.quiet import cv2
from realtime_cer.records import Picture

_LEVELS = (4, 6, 6)
_SAMPLES = 24
_PARTS = ((-0.45, 0.1), (0.1, 0.9), (1.15, 2.2))
"""Hair, face and clothes: top and bottom in heights of the face's box, from its top."""


def colours(picture: Picture, box: Box) -> npt.NDArray[np.float32]:
    """Histogram of (3, 144) shares: hair, face and clothes around a face's box, over 4 x 6 x 6 levels of CIE Lab.

    Each part sums to 1; one that lies outside the (H, W, 3) BGR picture is all zero.
    """
    x, y, width, height = box
    table = np.zeros((len(_PARTS), int(np.prod(_LEVELS))), np.float32)
    for row, (top, bottom) in enumerate(_PARTS):
        ys = np.linspace(y + top * height, y + bottom * height, _SAMPLES).astype(int)
        xs = np.linspace(x, x + width, _SAMPLES).astype(int)
        ys, xs = ys[(ys >= 0) & (ys < picture.shape[0])], xs[(xs >= 0) & (xs < picture.shape[1])]
        if len(ys) * len(xs) < _SAMPLES:
            continue
        lab = cv2.cvtColor(np.ascontiguousarray(picture[np.ix_(ys, xs)]), cv2.COLOR_BGR2LAB)
        # Colours keep to the middle of the a and b axes: 80 to 176 there holds what cameras see.
        counts = cv2.calcHist([lab], [0, 1, 2], None, list(_LEVELS), [0, 256, 80, 177, 80, 177]).ravel()
        if counts.sum() > 0:
            table[row] = counts / counts.sum()
    return table


def likeness(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float | None:
    """Mean Bhattacharyya coefficient of the parts that both have: 0 nothing alike, 1 the same; None for no such part.

    The sum over the levels of sqrt(p q), of two histograms p and q.
    """
    both = (a.sum(axis=1) > 0) & (b.sum(axis=1) > 0)
    return float(np.sqrt(a[both] * b[both]).sum(axis=1).mean()) if both.any() else None

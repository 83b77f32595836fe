"""A face drawn from its landmarks alone, where no picture of anybody is to be kept."""

import numpy as np

from realtime_cer.quiet import cv2
from realtime_cer.records import Floats, Picture

_GROUND, _DOT, _LINE = (34, 28, 24), (150, 140, 130), (235, 225, 215)
_RINGS = (
    (33, 160, 158, 133, 153, 144),
    (362, 385, 387, 263, 373, 380),
    (61, 39, 0, 269, 291, 405, 17, 181),
    (78, 81, 13, 311, 308, 402, 14, 178),
)
"""Both eyes, and the lips outside and inside."""


def draw_avatar(width: int, height: int, landmarks: Floats | None) -> Picture:
    """A face's (478, 2) landmarks in pixels as dots and lines, (height, width, 3) uint8 BGR; or just the ground."""
    canvas: Picture = np.full((height, width, 3), _GROUND, np.uint8)
    if landmarks is None:
        return canvas
    # Sub-pixel positions in sixteenths, or the mouth of a small face would jump.
    points = np.round(landmarks.astype(np.float64) * 16).astype(np.int32)
    for x, y in points:
        cv2.circle(canvas, (int(x), int(y)), 14, _DOT, -1, cv2.LINE_AA, 4)
    for ring in _RINGS:
        if max(ring) < len(points):
            cv2.polylines(canvas, [points[list(ring)]], True, _LINE, 1, cv2.LINE_AA, 4)
    return canvas

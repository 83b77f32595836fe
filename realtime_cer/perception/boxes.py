"""Boxes around faces: made, compared, and cut around. Pure."""

import math

from realtime_cer.perception.align import anchors
from realtime_cer.records import Floats

Box = tuple[float, float, float, float]
"""x, y, width, height in pixels."""

Area = tuple[int, int, int, int]
"""left, top, right, bottom in whole pixels, inside the picture."""


def box_of(landmarks: Floats) -> Box:
    """x, y, width, height around (n, 2) landmarks."""
    (x, y), (right, bottom) = landmarks.min(axis=0).tolist(), landmarks.max(axis=0).tolist()
    return x, y, right - x, bottom - y


def centre_of(box: Box) -> tuple[float, float]:
    """x, y of the middle."""
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def around(box: Box, factor: float, shape: tuple[int, ...]) -> Area | None:
    """Left, top, right, bottom of a square ``factor`` times as large as a box, cut at the picture's edge."""
    side = max(box[2], box[3]) * factor
    x, y = centre_of(box)
    left, top = max(int(x - side / 2), 0), max(int(y - side / 2), 0)
    right, bottom = min(math.ceil(x + side / 2), shape[1]), min(math.ceil(y + side / 2), shape[0])
    return (left, top, right, bottom) if right - left >= 16 and bottom - top >= 16 else None


def distinct(faces: list[Floats]) -> list[Floats]:
    """Faces (478, 2) with plausible eyes and mouth, each once, the largest first."""
    kept: list[Floats] = []
    for face in sorted(faces, key=lambda f: -box_of(f)[2] * box_of(f)[3]):
        right, left, mouth = anchors(face)
        eyes = left - right
        down = mouth - (left + right) / 2
        # Twice the area of the triangle that the crop is cut by; profile views make it small, false faces zero.
        area = abs(float(eyes[0] * down[1] - eyes[1] * down[0]))
        plausible = area > 16 and all(overlap(box_of(face), box_of(other)) < 0.5 for other in kept)
        if plausible:
            kept.append(face)
    return kept

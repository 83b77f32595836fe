"""From what a decoder or a camera gives to an upright BGR picture of at most 1280 by 1280. Pure functions."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_cer.quiet import cv2
from realtime_cer.records import Picture, read_only

MAX_SIDE = 1280
"""Longest side of a picture inside the program, in pixels: faces are found no better in larger ones."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pixels become upright ones: first transposed, then mirrored left-right and top-bottom."""

    transposed: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @property
    def degrees(self) -> int:
        """Clockwise turn in degrees, 0 to 270, mirroring aside."""
        if self.transposed:
            return 270 if self.mirror_y else 90
        return 180 if self.mirror_x and self.mirror_y else 0


def orientation(matrix: bytes | None) -> Orientation:
    """Read a container's display matrix: nine int32, row by row; turns are taken to the nearest quarter."""
    if matrix is None or len(matrix) < 36:
        return Orientation()
    a, b, _, c, d = struct.unpack("=9i", matrix[:36])[:5]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def turn(picture: Picture, how: Orientation) -> Picture:
    """Give the picture upright, (H, W, 3); without a copy where it is upright already."""
    if how == Orientation():
        return picture
    turned = picture.transpose(1, 0, 2) if how.transposed else picture
    return np.ascontiguousarray(turned[:: -1 if how.mirror_y else 1, :: -1 if how.mirror_x else 1])


def fit(width: int, height: int, pixel_aspect: float = 1.0, longest: int | None = MAX_SIDE) -> tuple[int, int]:
    """Size, in square pixels, at which a picture is kept: never enlarged, its longer side at most ``longest``."""
    wide, high = float(width), float(height)
    if 0.1 < pixel_aspect < 10 and abs(pixel_aspect - 1) > 0.01:
        wide, high = (wide * pixel_aspect, high) if pixel_aspect < 1 else (wide, high / pixel_aspect)
    scale = min(1.0, longest / max(wide, high)) if longest else 1.0
    return max(1, round(wide * scale)), max(1, round(high * scale))


def from_camera(image: npt.NDArray[Any]) -> Picture:
    """Make a camera's image the program's: BGR, 8 bit, at most ``MAX_SIDE``, read-only.

    Parameters
    ----------
    image : (H, W) or (H, W, 1 to 4), uint8 or uint16; must belong to the caller.
    """
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels == 1:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    elif channels == 4:
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
    size = fit(image.shape[1], image.shape[0])
    if size != (image.shape[1], image.shape[0]):
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    picture: Picture = np.ascontiguousarray(image, dtype=np.uint8)
    return read_only(picture)

"""Augmentation that imitates what the run-time crop can look like: jitter, blur, JPEG, light, grey, hidden parts."""

import numpy as np
import numpy.typing as npt

from realtime_cer.quiet import cv2

Crop = npt.NDArray[np.uint8]


def augment(crop: Crop, rng: np.random.Generator, size: int = 112) -> Crop:
    """Change one crop.

    Parameters
    ----------
    crop : (H, W, 3) uint8 RGB
    size : side of the result in pixels

    Returns
    -------
    (size, size, 3) uint8 RGB
    """
    picture = _jitter(crop, rng, size)
    if rng.random() < 0.35:
        picture = _low_resolution(picture, rng)
    picture = _light(picture, rng)
    if rng.random() < 0.2:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        picture = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8, copy=False)
    if rng.random() < 0.15:
        noise = rng.normal(0, rng.uniform(2, 12), picture.shape).astype(np.float32)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert decoded is not None
        picture = decoded.astype(np.uint8, copy=False)
    if rng.random() < 0.25:
        picture = _hide(picture, rng)
    return np.ascontiguousarray(picture, dtype=np.uint8)


def _jitter(crop: Crop, rng: np.random.Generator, size: int) -> Crop:
    """Shift up to 5 %, scale up to 8 %, turn up to 8 degrees, stretch up to 4 %, mirror."""
    height, width = crop.shape[:2]
    angle = np.deg2rad(rng.uniform(-8, 8))
    scale = rng.uniform(0.92, 1.08) * np.array([rng.uniform(0.96, 1.04), 1.0])
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn * (scale * np.array([mirror * size / width, size / height]))[:, None]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    target = (size - 1) / 2 + rng.uniform(-0.05, 0.05, 2) * size
    matrix = np.column_stack([linear, target - linear @ centre])
    warped = cv2.warpAffine(crop, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped.astype(np.uint8, copy=False)


def _low_resolution(picture: Crop, rng: np.random.Generator) -> Crop:
    size = picture.shape[0]
    small = int(rng.integers(24, 80))
    tiny = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
    how = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
    return cv2.resize(tiny, (size, size), interpolation=how).astype(np.uint8, copy=False)


def _light(picture: Crop, rng: np.random.Generator) -> Crop:
    """Change gamma, contrast, brightness and the balance of the channels, with one table for each channel."""
    x = np.linspace(0, 1, 256)[:, None]
    gamma = np.exp(rng.uniform(-0.5, 0.5))
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.92, 1.08, 3)
    curve = (x**gamma - 0.5) * gain + 0.5 + rng.uniform(-0.12, 0.12)
    table = (np.clip(curve, 0, 1) * 255).astype(np.uint8)[None]
    return cv2.LUT(picture, table).astype(np.uint8, copy=False)


def _hide(picture: Crop, rng: np.random.Generator) -> Crop:
    size = picture.shape[0]
    height, width = (int(size * rng.uniform(0.1, 0.4)) for _ in range(2))
    y, x = int(rng.integers(0, size - height)), int(rng.integers(0, size - width))
    picture = picture.copy()
    picture[y : y + height, x : x + width] = rng.integers(0, 256, 3)
    return picture

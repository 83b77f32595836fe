"""The face crop that a static network sees: one affine map from three landmark points, or the box around them all."""

import numpy as np
import numpy.typing as npt

from realtime_cer.quiet import cv2
from realtime_cer.records import Floats, Picture, read_only

CROP_SIZE = 112
"""Width and height of the crop in pixels."""

# Mean positions of both eyes and the mouth in the aligned pictures of RAF-DB, as fractions of the crop,
# measured with the same landmarks (n = 567 faces, standard deviation 0.01 to 0.02).
TEMPLATE = np.array([[0.2525, 0.351], [0.7255, 0.3525], [0.493, 0.743]], np.float32)

_FOREHEAD = 0.05
"""How far above the highest landmark the hairline is taken to be, as a share of the landmarks' height."""

_RIGHT_EYE, _LEFT_EYE, _MOUTH = [33, 133], [263, 362], [61, 291]


def anchors(landmarks: Floats) -> Floats:
    """Centres of the right eye, the left eye and the mouth: (478, 2) landmarks give (3, 2) pixels."""
    return np.stack([landmarks[i].mean(axis=0) for i in (_RIGHT_EYE, _LEFT_EYE, _MOUTH)]).astype(np.float32)


def align(picture: npt.NDArray[np.uint8], landmarks: Floats) -> Picture:
    """Cut the aligned face.

    Parameters
    ----------
    picture : (H, W, 3) uint8, BGR
    landmarks : (478, 2) float32, pixels

    Returns
    -------
    (112, 112, 3) uint8, RGB, read-only. Pixels outside the picture repeat its border.
    """
    target = TEMPLATE * CROP_SIZE
    source = anchors(landmarks)
    matrix = cv2.getAffineTransform(source, target)
    # Shrinking by more than two would alias: halve the picture first, as often as it takes.
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if 0 < scale < 0.5:
        x, y = source.min(axis=0).tolist()
        size = float(np.ptp(source, axis=0).max())
        x0 = int(np.clip(x - 2 * size, 0, picture.shape[1] - 1))
        y0 = int(np.clip(y - 2 * size, 0, picture.shape[0] - 1))
        picture = picture[y0 : max(int(y + 3 * size), y0) + 1, x0 : max(int(x + 3 * size), x0) + 1]
        source = source - np.array([x0, y0], np.float32)
        while scale < 0.5:
            height, width = picture.shape[:2]
            if min(height, width) < 2:
                break
            picture = np.asarray(cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
            source = source * np.array([(width // 2) / width, (height // 2) / height], np.float32)
            scale *= 2
        matrix = cv2.getAffineTransform(source, target)
    crop = cv2.warpAffine(
        picture, matrix, (CROP_SIZE, CROP_SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return read_only(np.ascontiguousarray(crop[..., ::-1], dtype=np.uint8))


def cut_box(picture: npt.NDArray[np.uint8], landmarks: Floats, size: int) -> Picture:
    """Cut the face's upright box, tight from forehead to chin, and stretch it to a square.

    It stands for the box of RetinaFace, by which the authors of AVCER cut. Like them it rounds towards zero, stays
    inside the picture and takes the nearest pixel, whose centre lies as in Pillow.

    Parameters
    ----------
    picture : (H, W, 3) uint8, BGR
    landmarks : (478, 2) float32, pixels
    size : width and height of the crop in pixels

    Returns
    -------
    (size, size, 3) uint8, RGB, read-only. Of a box outside the picture, its nearest pixels.
    """
    height, width = picture.shape[:2]
    (left, top), (right, bottom) = landmarks.min(axis=0).tolist(), landmarks.max(axis=0).tolist()
    box = picture[_within(top - _FOREHEAD * (bottom - top), bottom, height), _within(left, right, width)]
    crop = cv2.resize(box, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
    return read_only(np.ascontiguousarray(crop[..., ::-1], dtype=np.uint8))


def _within(low: float, high: float, length: int) -> slice:
    """Whole pixels from ``low`` to ``high`` inside a picture's width or height; at least one."""
    first = min(max(int(low), 0), length - 1)
    return slice(first, min(max(int(high), first + 1), length))

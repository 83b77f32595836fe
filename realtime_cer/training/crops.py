"""Pictures of a corpus as the static network sees them at run time: 112x112 aligned RGB crops, cached."""

import hashlib
import multiprocessing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.progress import track

from realtime_cer.perception.align import CROP_SIZE, align
from realtime_cer.perception.face import bundle_path, silent_bundle
from realtime_cer.quiet import cv2, silence
from realtime_cer.training.corpora.corpus import Corpus, cache_folder
from realtime_cer.training.corpora.frames import read_picture
from realtime_cer.whole import whole

_ENLARGED = 288
"""Side in pixels to which a padded small picture is enlarged before landmarks are looked for."""
_VERSION = 1

Crops = npt.NDArray[np.uint8]


def crops(corpus: Corpus, processes: int = 2) -> Crops:
    """Load the crops of a picture corpus: (N, 112, 112, 3) uint8 RGB. Landmarks are looked for once, then cached."""
    if corpus.aligned:
        paths = track(corpus.paths, description=f"reading {corpus.name}", transient=True)
        return np.stack([_resized(read_picture(path)) for path in paths])
    file = cache_folder() / "crops" / f"{corpus.name}-{_key(corpus.paths)}.npy"
    if file.is_file():
        return np.load(file, allow_pickle=False)  # type: ignore[no-any-return]  # load is untyped
    made = np.stack(list(_aligned(corpus, processes)))
    with whole(file) as part, part.open("wb") as out:
        np.save(out, made)
    return made


def _key(paths: Sequence[Path]) -> str:
    lines = [f"{_VERSION}", *(f"{p.parent.name}/{p.name}:{p.stat().st_size}" for p in paths)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _resized(picture: Crops) -> Crops:
    shrinks = picture.shape[0] > CROP_SIZE
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    small = cv2.resize(picture, (CROP_SIZE, CROP_SIZE), interpolation=how)
    return np.ascontiguousarray(small[..., ::-1], dtype=np.uint8)


def _aligned(corpus: Corpus, processes: int) -> Iterator[Crops]:
    # A fresh interpreter for each worker: MediaPipe does not survive a fork.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, initializer=_start) as pool:
        done = pool.imap(_align_one, corpus.paths, chunksize=32)
        yield from track(done, description=f"aligning {corpus.name}", total=len(corpus), transient=True)


_landmarker: Any = None


def _start() -> None:
    global _landmarker
    cv2.setNumThreads(1)
    with silence():
        _landmarker = open_landmarker()


def open_landmarker() -> Any:
    """Open MediaPipe's Face Landmarker for single pictures."""
    from mediapipe.tasks import python as tasks

    options = tasks.vision.FaceLandmarkerOptions(
        base_options=silent_bundle(bundle_path()),
        running_mode=tasks.vision.RunningMode.IMAGE,
        num_faces=1,
        min_face_detection_confidence=0.4,
    )
    return tasks.vision.FaceLandmarker.create_from_options(options)


def _align_one(path: Path) -> Crops:
    picture = read_picture(path)
    with silence():
        return align_small(_landmarker, picture)


def align_small(landmarker: Any, picture: Crops) -> Crops:
    """Align a tight picture of one face, BGR; where no face is found, take it as it is."""
    import mediapipe

    height, width = picture.shape[:2]
    pad_y, pad_x = height // 2, width // 2
    padded = cv2.copyMakeBorder(picture, pad_y, pad_y, pad_x, pad_x, cv2.BORDER_REPLICATE)
    scale = _ENLARGED / max(padded.shape[:2])
    padded = cv2.resize(padded, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    rgb = np.ascontiguousarray(padded[..., ::-1], dtype=np.uint8)
    found = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)).face_landmarks
    if not found:
        return _resized(picture)
    size = np.array(padded.shape[1::-1], np.float32)
    landmarks = np.array([(p.x, p.y) for p in found[0]], np.float32) * size
    # Cut from the picture itself, not from the enlarged one.
    landmarks = landmarks / scale - np.array([pad_x, pad_y], np.float32)
    return align(picture, landmarks)

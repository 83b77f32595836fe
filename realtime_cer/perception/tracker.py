"""Which face is which from picture to picture, and which of them is the target."""

import math
from dataclasses import dataclass, replace
from typing import Protocol

from realtime_cer.config import FaceConfig
from realtime_cer.perception.boxes import Area, Box, around, box_of, centre_of, distinct, overlap
from realtime_cer.perception.colour import colours
from realtime_cer.perception.matching import Detection, Known, assign, misfit
from realtime_cer.perception.search import Search, without
from realtime_cer.records import Face, Floats, Frame, Picture, read_only

_SEARCH_S = 0.2 - 1e-3
_SEARCH_ALONE_S = 0.4 - 1e-3
_SETTLED_S = 0.5
_CENTRAL = 0.1  # heights of the picture that make no great difference


class Finder(Protocol):
    """Finds faces, as ``FaceFinder`` does."""

    def find(self, picture: Picture) -> list[Floats]:
        """Landmarks of every face in a picture."""

    def find_in(self, picture: Picture, area: Area) -> list[Floats]:
        """The same inside an area, in the pixels of the whole picture."""


@dataclass(frozen=True, slots=True, eq=False)
class _Track:
    face: Face
    known: Known
    since: float
    counts: bool


class FaceTracker:
    """Finds the faces of every picture, and knows them again.

    The whole picture is searched first. A known face that is not in it is looked for around the place where it should
    be. Five times a second, or every other time with one face in view, one overlapping crop is searched for small ones;
    known ones are painted over, so that an empty crop costs a tenth of a face. With n faces known a picture costs at
    most n + 2 calls of the finder, and one more for every new face. Found faces are given to known ones by
    ``matching``. A new one is admitted only if a second look, at a crop around it, finds it again, which removes false
    ones, and counts once it was seen in two frames, which removes fleeting ones; in the very first frame it counts at
    once.

    The target is the largest face, or the one nearest to the centre; another takes over only when clearly larger
    (nearer) and half a second old, or when the target was out of sight for half a second.

    Parameters
    ----------
    finder : finds faces
    config : thresholds
    """

    def __init__(self, finder: Finder, config: FaceConfig) -> None:
        self.faces: tuple[Face, ...] = ()
        """Every face of the frame last seen that counts, the target first if it is there."""
        self._finder = finder
        self._config = config
        self._tracks: dict[int, _Track] = {}
        self._target: int | None = None
        self._chosen: int | None = None
        self.next_id = 0
        """What the next new face will be called."""
        self._search = Search()
        self._searched = -math.inf
        self._begun = False
        self._size: tuple[int, int] | None = None

    @property
    def lost(self) -> bool:
        """Whether the target is gone for good, not just out of sight for a moment."""
        return self._target not in self._tracks

    def choose(self, face_id: int | None) -> None:
        """Make this face the target for as long as it is known; None lets size or place decide. From any thread."""
        self._chosen = face_id

    def forget(self) -> None:
        """Know nobody any more; whoever is in the next frame is new."""
        self._tracks, self._target, self._chosen, self.faces = {}, None, None, ()

    def see(self, frame: Frame) -> Face | None:
        """The target face in this frame, or None; ``faces`` then holds all of them."""
        now = frame.t
        forget_s = self._config.lost_after_s
        self._tracks = {i: t for i, t in self._tracks.items() if 0 <= now - t.known.t <= forget_s + 1e-6}
        self._fit(frame.picture.shape)
        self._follow(frame, self._look(frame))
        self._begun = True
        here = {i: track for i, track in self._tracks.items() if track.known.t == now and track.counts}
        target = self._choose(now, here, frame.picture.shape)
        self.faces = tuple(here[i].face for i in sorted(here, key=lambda i: (i != self._target, i)))
        return target

    def _fit(self, shape: tuple[int, ...]) -> None:
        """A camera that changes the size of its pictures in mid-stream still shows the same people."""
        (height, width), before = shape[:2], self._size
        self._size = height, width
        if before is not None and before != self._size:
            y, x = height / before[0], width / before[1]
            self._tracks = {i: replace(t, known=t.known.scaled(x, y)) for i, t in self._tracks.items()}

    def _look(self, frame: Frame) -> list[Floats]:
        """Everything there is in a picture, each face once."""
        picture, t = frame.picture, frame.t
        found = distinct(self._finder.find(picture))
        places = [track.known.at(t) for track in self._tracks.values()]
        # One found face explains one known one; a face hidden behind another is still looked for.
        free = [box_of(face) for face in found]
        for place in places:
            nearest = max(free, key=lambda box: overlap(box, place), default=None)
            if nearest is not None and overlap(nearest, place) >= self._config.overlap:
                free.remove(nearest)
            else:
                found = _joined(found, self._near(picture, place, 2.0))
        every_s = _SEARCH_ALONE_S if len(found) == 1 else _SEARCH_S
        due = t - self._searched >= every_s and len(found) < self._config.max_faces
        area = self._search.next(picture.shape[1], picture.shape[0]) if due else None
        if area is not None:
            self._searched = t
            hidden = without(picture, [box_of(face) for face in found])
            found = _joined(found, self._finder.find_in(hidden, area))
        return found

    def _follow(self, frame: Frame, found: list[Floats]) -> None:
        """Give every found face to its track, and admit new ones."""
        t = frame.t
        boxes = [box_of(face) for face in found]
        seen = [Detection(box, colours(frame.picture, box)) for box in boxes]
        ids = sorted(self._tracks)
        table = [[misfit(self._tracks[i].known, one, t, self._config.overlap) for i in ids] for one in seen]
        pairs = assign(table) if table and ids else {}
        for n, column in pairs.items():
            alone = all(overlap(boxes[n], other) == 0 for m, other in enumerate(boxes) if m != n)
            track = self._tracks[ids[column]]
            face = Face(track.face.id, boxes[n], read_only(found[n]))
            known = track.known.moved(seen[n], t, alone=alone)
            self._tracks[face.id] = replace(track, face=face, known=known, counts=True)
        for n in sorted(set(range(len(found))) - set(pairs)):
            if len(self._tracks) < self._config.max_faces:
                self._admit(frame, boxes[n], [box for m, box in enumerate(boxes) if m != n])

    def _admit(self, frame: Frame, found: Box, others: list[Box]) -> None:
        """Take in a new face, if a second look finds it and none of the others."""
        faces = self._near(frame.picture, found, 1.8)
        best = max(faces, key=lambda face: overlap(box_of(face), found), default=None)
        least = self._config.overlap
        if best is None or overlap(box_of(best), found) < least:
            return
        box = box_of(best)
        if any(overlap(box, other) >= least for other in others):
            return
        known = Known(box, frame.t, colours=colours(frame.picture, box))
        face = Face(self.next_id, box, read_only(best))
        self._tracks[face.id] = _Track(face, known, frame.t, counts=not self._begun)
        self.next_id += 1

    def _near(self, picture: Picture, box: Box, factor: float) -> list[Floats]:
        area = around(box, factor, picture.shape)
        return self._finder.find_in(picture, area) if area else []

    def _choose(self, now: float, here: dict[int, _Track], shape: tuple[int, ...]) -> Face | None:
        """The target among the faces; None while it is out of sight."""
        chosen = self._chosen
        if chosen is not None and chosen in self._tracks:
            self._target = chosen
            return here[chosen].face if chosen in here else None
        if chosen is not None and chosen < self.next_id:
            self._chosen = None
        target = self._tracks.get(-1 if self._target is None else self._target)
        worth = {i: self._worth(track.face.box, shape) for i, track in here.items()}
        if target is None or now - target.known.t > _SETTLED_S + 1e-6:
            self._target = max(here, key=lambda i: worth[i], default=self._target)
        elif here:
            best = max(here, key=lambda i: worth[i])
            settled = now - here[best].since >= _SETTLED_S
            if settled and worth[best] > self._config.switch_ratio * self._worth(target.face.box, shape):
                self._target = best
        return here[self._target].face if self._target in here else None

    def _worth(self, box: Box, shape: tuple[int, ...]) -> float:
        """What the target is chosen by: the area of its box, or how near it is to the middle of the picture."""
        if self._config.target == "size":
            return box[2] * box[3]
        x, y = centre_of(box)
        return 1 / (_CENTRAL + math.hypot(x - shape[1] / 2, y - shape[0] / 2) / shape[0])


def _joined(found: list[Floats], more: list[Floats]) -> list[Floats]:
    """Those found, and of the others the plausible ones that are not among them."""
    fresh = [one for one in distinct(more) if all(overlap(box_of(one), box_of(face)) < 0.5 for face in found)]
    return [*found, *fresh]

"""What lies over the picture: faces, their numbers, and what is the matter with the picture. Pure functions."""

from dataclasses import dataclass

from realtime_cer.labels import COMPOUND
from realtime_cer.palette import COMPOUND as COLOURS
from realtime_cer.palette import QUIET
from realtime_cer.records import Frame, Snapshot
from realtime_cer.ui import words
from realtime_cer.ui.text import Text

_OLD_S = 1.0
"""A picture or a face older than this is not passed off as the present."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """One face of several: its number among them, as on the cards, its place in shares of the picture, its colour."""

    id: int
    number: int
    box: Box
    colour: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """What lies over the picture: the target in shares of its width and height, its colour, words, and all faces.

    ``people`` are there where there are several; the target is one of them.
    """

    box: Box | None
    colour: str
    note: str
    paused: bool
    people: tuple[Seen, ...] = ()
    target: int | None = None


def overlay_of(snapshot: Snapshot, label: str | None, paused: bool, text: Text) -> Overlay:
    """What to draw over a picture: faces only while they are fresh, and what is the matter with the picture."""
    note, frame = note_of(snapshot, text), snapshot.analysed
    if frame is None or snapshot.visual is None or snapshot.t - frame.t > _OLD_S:
        return Overlay(None, _colour(label), note, paused)
    face = snapshot.visual.face
    box = _shares(face.box, frame) if face is not None else None
    people = sorted(snapshot.people, key=lambda one: one.id) if len(snapshot.people) > 1 else []
    seen = tuple(
        Seen(one.id, n, _shares(one.box, frame), _colour(one.decision.label)) for n, one in enumerate(people, 1)
    )
    return Overlay(box, _colour(label), note, paused, seen, face.id if face is not None else None)


def _colour(label: str | None) -> str:
    return COLOURS[COMPOUND.index(label)] if label else QUIET


def _shares(box: Box, frame: Frame) -> Box:
    tall, wide = frame.picture.shape[:2]
    x, y, w, h = box
    return x / wide, y / tall, w / wide, h / tall


def note_of(snapshot: Snapshot, text: Text) -> str:
    """Why the picture is not live, in words; empty where it is."""
    eyes = [source for source in snapshot.sources if source.kind in ("camera", "file")]
    if snapshot.frame is None:
        if not eyes:
            return text.no_camera
        return text.waiting_for.format(kind=text.kinds[eyes[0].kind], name=eyes[0].name)
    if eyes and all(source.state == "ended" for source in eyes):
        return text.the_end
    old = snapshot.t - snapshot.frame.t
    return text.no_new_picture_for.format(age=words.age(text, old)) if old > _OLD_S else ""

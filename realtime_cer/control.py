"""How a window steers what feeds it, and the program around that. Live implements it; a replay can too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from realtime_cer.records import Snapshot


class Control(Protocol):
    """What a view may ask of the recogniser behind it; every call returns at once and is safe from any thread."""

    def snapshot(self) -> Snapshot:
        """This moment, or the moment at which it was paused."""

    @property
    def paused(self) -> bool:
        """Whether the view is held."""

    def pause(self, on: bool) -> None:
        """Hold the view, or let it go on. Recognition and recording never pause."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come: the sources have ended, or something failed."""

    def choose(self, face_id: int | None) -> None:
        """Make this face the target while it is in view; None lets size or place decide."""

    def calibrate(self, face_id: int) -> None:
        """Learn a face's neutral for three seconds, and take it out of what is said of this face from then on."""

    def uncalibrate(self, face_id: int) -> None:
        """Undo ``calibrate``, or break it off."""

    def drew(self, seconds: float) -> None:
        """Note how long one draw took."""


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """A whole session as a time bar shows it; times are in seconds of the session.

    Attributes
    ----------
    t : (n,) float64, when each decision was taken, in order
    said, then : (n,) int8, what each says now and what it said then: its place in ``labels.COMPOUND``, -1 where it
        names nothing
    step : the usual time from one decision to the next
    end : where the last decision ends
    marks : times that stand out, in order
    """

    t: npt.NDArray[np.float64]
    said: npt.NDArray[np.int8]
    then: npt.NDArray[np.int8]
    step: float
    end: float
    marks: tuple[float, ...]

    @property
    def begin(self) -> float:
        """Where the first decision was taken."""
        return float(self.t[0])

    @property
    def differ(self) -> npt.NDArray[np.bool_]:
        """(n,) whether each says something else than then; a reason that changes is no change."""
        return np.not_equal(self.said, self.then)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some things to choose from: ``value`` is what it is chosen by, ``name`` what people read."""

    value: str
    name: str


@dataclass(frozen=True, slots=True)
class DeskState:
    """What the controls show.

    Attributes
    ----------
    chosen : the value in force of camera, microphone, rule and weights, by these names
    muted, recording : whether the sound does not count, whether a recording runs
    told : the newest line for the user, with a number that grows with each
    holding : whether the last half minute is held in memory
    looking : the kinds of devices that are being looked for
    """

    chosen: Mapping[str, str]
    muted: bool = False
    recording: bool = False
    told: tuple[int, str] = (0, "")
    holding: bool = False
    looking: frozenset[str] = frozenset()


class Desk(Protocol):
    """What the controls of a window ask of the program; every call returns at once, and what comes of it is told."""

    @property
    def state(self) -> DeskState:
        """How everything is set at this moment."""

    def choices(self, what: str) -> tuple[Choice, ...]:
        """What there is to choose from, as far as it is known: cameras, microphones, rules or weights."""

    def find(self, what: str) -> None:
        """Look anew for devices, in the background."""

    def choose(self, what: str, value: str) -> None:
        """Take another camera, microphone, rule or weights, and remember it."""

    def mute(self, on: bool) -> None:
        """Leave the sound out, or take it in again."""

    def record(self, on: bool) -> None:
        """Begin a recording, or end it."""

    def mark(self) -> None:
        """Mark this moment of the recording that runs."""

    def keep_moment(self) -> None:
        """Keep the last half minute, recorded or not; the first time, begin to hold it in memory."""

    def keep(self, png: bytes) -> None:
        """Keep a picture of the window among the user's pictures."""

    def remember(self, **changed: object) -> None:
        """Remember how the window looks: theme, language, smoothing_s, mirror, size."""

"""Snapshots made for tests of views, and a control that serves them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from realtime_cer.buffers import GRID_S
from realtime_cer.control import Choice, DeskState
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import MODELS
from realtime_cer.records import (
    Decision,
    Face,
    Frame,
    Person,
    Picture,
    SeenFace,
    Snapshot,
    Sound,
    SourceReport,
    Visual,
    read_only,
)
from realtime_cer.rules import judge

NOW = 1000.0
CAMERA = SourceReport("0", "camera", "live", "640x480 at 30 frames a second", 12034, 3)
MICROPHONE = SourceReport("default", "microphone", "live", "48000 Hz", 4100, 0)
BOX = (200.0, 60.0, 100.0, 130.0)

Probabilities = tuple[float, ...]


def probabilities(seed: int) -> Probabilities:
    """Seven that sum to 1."""
    odds = np.exp(2 * np.random.default_rng(seed).normal(size=7))
    return tuple(float(p) for p in odds / odds.sum())


def decision(
    seq: int, t: float, seed: int | None = None, *, here: Sequence[str] = MODELS, face: bool = True
) -> Decision:
    """What the rules really say of made probabilities; ``here`` are the models that say something."""
    seed = seq if seed is None else seed
    scores = {name: probabilities(7 * seed + n) if name in here else None for n, name in enumerate(MODELS)}
    return decided(scores, face=face, t=t, seq=seq)


def decided(
    scores: dict[str, tuple[float, ...] | None],
    weights: FusionWeights | None = None,
    *,
    face: bool = True,
    t: float = 100.0,
    seq: int = 62,
) -> Decision:
    """The decision that the rules really take on these probabilities of each model."""
    here = [scores[name] is not None for name in MODELS]
    made = [scores[name] or (0.0,) * 7 for name in MODELS]
    said = judge(made, here, weights or FusionWeights.equal(), "none", no_face=not face)
    return Decision(
        t=t,
        seq=seq,
        face=BOX if face else None,
        label=said.label,
        reason=said.reason,
        basic=None if said.fused is None else tuple(said.fused.tolist()),
        compound=None if said.compound is None else tuple(said.compound.tolist()),
        models=scores,
        contributions={n: float(s) for n, s, h in zip(MODELS, said.shares, here, strict=True) if h},
        age_ms=dict.fromkeys(MODELS, 50.0),
        dropped=0,
        rule="none",
        weights="equal",
        engine=dict.fromkeys(MODELS, "cpu"),
    )


def history(count: int, now: float = NOW) -> tuple[Decision, ...]:
    """Decisions up to now; nobody is there and nothing is heard from the 20th to the 29th."""
    return tuple(
        decision(k, now - (count - 1 - k) * GRID_S, k // 8, here=() if 20 <= k < 30 else MODELS, face=not 20 <= k < 30)
        for k in range(count)
    )


def plain(colour: tuple[int, int, int], width: int = 640, height: int = 480) -> Picture:
    """A picture of one colour, BGR."""
    return read_only(np.full((height, width, 3), colour, np.uint8))


def moment(rows: Sequence[Decision], picture: Picture | None = None) -> Snapshot:
    """A moment of a run that goes well: its newest decision is the last of ``rows``."""
    frame = Frame(NOW - 0.03, 700, picture if picture is not None else plain((90, 90, 90)))
    face = Face(1, BOX, np.zeros((478, 2), np.float32)) if rows and rows[-1].face else None
    return Snapshot(
        t=NOW,
        frame=frame,
        analysed=replace(frame, t=NOW - 0.1),
        visual=Visual(62, NOW - 0.1, face, None, None),
        sound=Sound(NOW - 0.2, -23.0, 0.6, True, None),
        decision=rows[-1] if rows else None,
        sources=(CAMERA, MICROPHONE),
        engines=dict.fromkeys(MODELS, "cpu"),
        rate=4.98,
        latency_ms=(46.0, 88.0),
        decisions=500,
        dropped=2,
        history=tuple(rows),
    )


class Double:
    """A control that shows what a test puts into ``now``."""

    def __init__(self, now: Snapshot) -> None:
        self.now = now
        self.ended = False
        self._held: Snapshot | None = None
        self.draws: list[float] = []
        self.asked: list[tuple[str, int | None]] = []

    def snapshot(self) -> Snapshot:
        """What was put there, or what was there when it was paused."""
        return self._held or self.now

    @property
    def paused(self) -> bool:
        """Whether it is held."""
        return self._held is not None

    def pause(self, on: bool) -> None:
        """Hold it."""
        self._held = self.now if on else None

    def choose(self, face_id: int | None) -> None:
        """Keep what was asked for."""
        self.asked.append(("choose", face_id))

    def calibrate(self, face_id: int) -> None:
        """Keep what was asked for."""
        self.asked.append(("calibrate", face_id))

    def uncalibrate(self, face_id: int) -> None:
        """Keep what was asked for."""
        self.asked.append(("uncalibrate", face_id))

    def drew(self, seconds: float) -> None:
        """Keep it for the test."""
        self.draws.append(seconds)


class Noted:
    """A desk that keeps what it is asked for, for tests of the window alone."""

    def __init__(self) -> None:
        self.chosen = {"camera": "one", "microphone": "ear", "rule": "none", "weights": "equal"}
        self.muted = self.recording = self.holding = False
        self.asked: list[tuple[object, ...]] = []
        self.told = (0, "")

    @property
    def state(self) -> DeskState:
        """As it was set."""
        return DeskState(dict(self.chosen), self.muted, self.recording, self.told, self.holding)

    def choices(self, what: str) -> tuple[Choice, ...]:
        """What there is."""
        there = {"camera": ("one", "two"), "microphone": ("ear",), "rule": ("none", "rule1"), "weights": ("equal",)}
        return tuple(Choice(one, one) for one in there[what])

    def find(self, what: str) -> None:
        """Keep it."""
        self.asked.append(("find", what))

    def choose(self, what: str, value: str) -> None:
        """Keep it, and take it."""
        self.asked.append(("choose", what, value))
        self.chosen[what] = value

    def mute(self, on: bool) -> None:
        """Keep it."""
        self.muted = on

    def record(self, on: bool) -> None:
        """Keep it."""
        self.recording = on

    def mark(self) -> None:
        """Keep it."""
        self.asked.append(("mark",))

    def keep_moment(self) -> None:
        """Keep it, and hold."""
        self.asked.append(("keep_moment",))
        self.holding = True

    def keep(self, png: bytes) -> None:
        """Keep what it begins with."""
        self.asked.append(("keep", png[:4]))

    def remember(self, **changed: object) -> None:
        """Keep it."""
        self.asked.append(("remember", changed))


BOXES = tuple((20.0 + 78 * n, 100.0, 60.0, 80.0) for n in range(8))
"""Of faces beside each other."""


def people(count: int, *, calibrating: float | None = None, calibrated: bool = False) -> Snapshot:
    """A moment with so many faces; the second is the target, and speaks."""
    target = min(1, count - 1)
    seen = tuple(
        Person(
            id=10 + n,
            box=BOXES[n],
            decision=decision(n, NOW, n + 3),
            speaking=0.8 if n == target else 0.1,
            gated=n == target,
            calibrated=calibrated and n == target,
            calibrating=calibrating if n == target else None,
        )
        for n in range(count)
    )
    first = (seen[target], *(one for one in seen if one is not seen[target]))
    shown = moment([first[0].decision], plain((90, 90, 90)))
    faces = tuple(Face(one.id, one.box, np.zeros((478, 2), np.float32)) for one in first)
    visual = Visual(62, NOW - 0.1, faces[0], None, None, 0, tuple(SeenFace(one, None, None, 0.1) for one in faces))
    return replace(shown, visual=visual, people=first)

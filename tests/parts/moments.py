"""Snapshots made for tests of views, and a control that serves them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from realtime_cer.buffers import GRID_S
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import MODELS
from realtime_cer.records import Decision, Face, Frame, Picture, Snapshot, Sound, SourceReport, Visual, read_only
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

    def drew(self, seconds: float) -> None:
        """Keep it for the test."""
        self.draws.append(seconds)

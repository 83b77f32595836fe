"""Whether an engine says what the reference says: drawn inputs through both, held against each other.

The inputs are drawn from a fixed seed and look like what the network will be given: faces, voices, features. The
reference is the shipped file on ONNX Runtime.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_cer.inference.engine import Engine
from realtime_cer.inference.manifest import Manifest
from realtime_cer.inference.vectors import FEATURES, chained
from realtime_cer.records import SAMPLE_RATE

LIMITS = {"fp32": 1e-3, "fp16": 1e-2}
"""Largest difference of a probability that passes, by the precision that was asked for."""

_OTHERS = 5
"""Features may be off by so much more: of 512 none decides alone."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far an engine is from its reference.

    ``difference`` is the largest of any probability, and ``others`` that of any other output in proportion to that
    output's largest value; ``winners`` counts inputs with another winner though it was no tie.
    """

    difference: float
    others: float
    winners: int
    inputs: int
    limit: float

    @property
    def passed(self) -> bool:
        """Whether the engine may be used; not where anything is not a number."""
        return self.difference <= self.limit and self.others <= _OTHERS * self.limit and self.winners == 0

    def __str__(self) -> str:
        words = f"differs by {self.difference:.1e} at most on {self.inputs} inputs (limit {self.limit:g})"
        if not self.others <= _OTHERS * self.limit:
            words += f", its features by {self.others:.1e}"
        return words + (f", {self.winners} other winners" if self.winners else "")


def verify(engine: Engine, reference: Engine, limit: float) -> Agreement:
    """Run the drawn inputs through both, one by one, and through the engine also as one batch, in a chain as live."""
    batch = inputs(engine.manifest)
    wanted = _outputs(reference, batch)
    given = [_outputs(engine, batch), _chained(engine, batch)]
    p = wanted["probabilities"]
    difference = max(float(np.abs(g["probabilities"] - p).max()) for g in given)
    others = 0.0
    for name in wanted.keys() - {"probabilities"}:
        scale = float(np.abs(wanted[name]).max()) or 1.0
        others = max(others, *(float(np.abs(g[name] - wanted[name]).max()) / scale for g in given))
    second, first = np.sort(p, axis=1)[:, -2:].T
    clear = first - second > 2 * limit
    winners = sum(int((clear & (g["probabilities"].argmax(1) != p.argmax(1))).sum()) for g in given)
    finite = all(np.isfinite(array).all() for g in given for array in g.values())
    return Agreement(difference if finite else float("nan"), others, winners, len(batch), limit)


def inputs(manifest: Manifest) -> npt.NDArray[Any]:
    """Draw a batch of eight for a network: the same every time, on every machine."""
    tensor = manifest.inputs[0]
    shape = tuple(size for size in tensor.shape[1:] if isinstance(size, int))
    rng = np.random.default_rng(2024)
    if tensor.dtype == "uint8":
        return np.stack([_face(rng, *shape[:2]) for _ in range(5)] + _plain_pictures(rng, shape))
    if len(shape) == 1:
        rows = [_voice(rng, shape[0]) * gain for gain in (1.0, 0.3, 0.03, 4.0, 1.0)]
        rows += [np.zeros(shape), rng.normal(0, 0.05, shape), rng.normal(0, 1e-4, shape)]
        return np.clip(np.stack(rows), -1, 1).astype(tensor.dtype)
    # Features after ReLU: a third of them are above zero, and a window changes slowly.
    start, drift = rng.normal(-0.2, 0.5, (8, 1, shape[-1])), rng.normal(0, 0.1, (8, *shape))
    return np.maximum(0, start + np.cumsum(drift, axis=1)).astype(tensor.dtype)


def _outputs(engine: Engine, batch: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Every output of a batch whose rows are run one by one."""
    rows = [engine.run(batch[n : n + 1]) for n in range(len(batch))]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _chained(engine: Engine, batch: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Every output of a batch; features that stay on a device are copied back."""
    outputs, vectors = chained(engine, batch)
    features = {FEATURES: np.stack([np.asarray(vector) for vector in vectors])} if vectors else {}
    return {**outputs, **features}


def _face(rng: np.random.Generator, height: int, width: int) -> npt.NDArray[np.uint8]:
    """Something like a lit face, (H, W, 3): an oval on a wall, brows, eyes, nose and a mouth of some curve."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    skin = np.array([110, 75, 55]) + rng.uniform() * np.array([130, 120, 115])
    wall = rng.uniform(20, 200, 3)
    picture = wall * (0.8 + 0.2 * y[..., None])

    def paint(mask: npt.NDArray[Any], colour: npt.NDArray[Any] | list[int]) -> None:
        soft = 1 / (1 + np.exp(np.clip(12 * mask, -50, 50)))[..., None]
        picture[:] = picture * (1 - soft) + np.asarray(colour, np.float64) * soft

    paint((x / 0.8) ** 2 + (y / 1.05) ** 2 - 1, skin)
    lift, curve, opening = rng.uniform(-0.1, 0.1), rng.uniform(-0.6, 0.6), rng.uniform(0.02, 0.2)
    for side in (-1, 1):
        from_eye = x - side * 0.35
        paint((from_eye / 0.18) ** 2 + ((y + 0.2) / rng.uniform(0.05, 0.1)) ** 2 - 1, [245, 245, 240])
        paint((from_eye / 0.06) ** 2 + ((y + 0.2) / 0.06) ** 2 - 1, [40, 30, 25])
        paint((from_eye / 0.24) ** 2 + ((y + 0.4 + lift) / 0.04) ** 2 - 1, [60, 45, 35])
    paint((x / 0.08) ** 2 + ((y - 0.1) / 0.22) ** 2 - 1, skin * 0.85)
    paint((x / 0.35) ** 2 + ((y - 0.5 - curve * x * x) / opening) ** 2 - 1, [150, 60, 60])
    light = 1 + rng.uniform(-0.35, 0.35) * x[..., None]
    lit: npt.NDArray[np.uint8] = np.clip(picture * light + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
    return lit


def _plain_pictures(rng: np.random.Generator, shape: tuple[int, ...]) -> list[npt.NDArray[np.uint8]]:
    """Darkness, one grey, and noise."""
    return [np.zeros(shape, np.uint8), np.full(shape, 127, np.uint8), rng.integers(0, 256, shape, np.uint8)]


def _voice(rng: np.random.Generator, samples: int) -> npt.NDArray[np.float64]:
    """Something like speech: harmonics of a gliding pitch under three formants, in syllables, with breath."""
    t = np.arange(samples) / SAMPLE_RATE
    pitch = rng.uniform(90, 260) * (1 + 0.15 * np.sin(2 * np.pi * rng.uniform(0.3, 1.5) * t))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    formants = rng.uniform([300, 900, 2300], [800, 2200, 3200])
    tone = np.zeros(samples)
    for harmonic in range(1, 31):
        hertz = harmonic * pitch
        strength = sum(np.exp(-(((hertz - formant) / 180) ** 2)) for formant in formants)
        tone += (0.02 + strength) / harmonic**0.5 * np.sin(harmonic * phase)
    syllables = np.clip(np.sin(2 * np.pi * rng.uniform(2, 5) * t + rng.uniform(0, 6)), 0, None)
    sound = syllables * tone + 0.05 * syllables * rng.normal(size=samples)
    room: npt.NDArray[np.float64] = rng.normal(0, 0.002, samples)
    spoken: npt.NDArray[np.float64] = sound / np.abs(sound).max() * rng.uniform(0.2, 0.8) + room
    return spoken

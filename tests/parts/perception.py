"""Tiny deterministic networks: what they say depends on every number they are given."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import skimage.data

from realtime_cer.config import Config
from realtime_cer.inference.manifest import Manifest
from realtime_cer.labels import BASIC
from realtime_cer.perception.acoustic import AcousticModel
from realtime_cer.perception.dynamic import DynamicModel
from realtime_cer.perception.static import StaticModel
from realtime_cer.perception.tracker import FaceTracker
from realtime_cer.perception.voice import SileroVoice
from realtime_cer.pipeline.steps import Hearing, Perception, Seeing
from realtime_cer.records import Floats, Picture


def manifest(name: str) -> Manifest:
    """A manifest that promises nothing."""
    return Manifest(
        name=name,
        file=f"{name}.onnx",
        sha256=name,
        licence="none",
        version="0",
        classes=BASIC,
        temperature=1.0,
        normalisation="",
        inputs=(),
        outputs=(),
    )


class TinyEngine:
    """Probabilities from a fixed random projection of the input's coarse contents."""

    backend = "cpu"

    def __init__(self, name: str, seed: int) -> None:
        self.manifest = manifest(name)
        self._rng = np.random.default_rng(seed)
        self._seed = seed
        self.calls = 0

    def run(self, batch: np.ndarray) -> Mapping[str, Any]:
        """Softmax of projected chunk means; features are the means, repeated."""
        self.calls += 1
        flat = batch.reshape(len(batch), -1).astype(np.float64)
        chunks = np.stack([part.mean(axis=1) for part in np.array_split(flat, 64, axis=1)], axis=1)
        projection = np.random.default_rng(self._seed).normal(size=(64, 7))
        logits = 4 * np.tanh(chunks / (np.abs(chunks).max() + 1e-9)) @ projection
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return {
            "probabilities": (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32),
            "features": np.tile(chunks, (1, 8)).astype(np.float32),
        }


class TinyFinder:
    """Finds a face where the top left pixel is bright: at a place that its colour tells."""

    def __init__(self, landmarks: Floats) -> None:
        self._landmarks = landmarks

    def find(self, picture: Picture) -> list[Floats]:
        """One face or none."""
        return [self._landmarks] if picture[0, 0, 0] > 64 else []

    def find_in(self, picture: Picture, area: tuple[int, int, int, int]) -> list[Floats]:
        """The same, whatever the area."""
        return self.find(picture)

    def close(self) -> None:
        """Nothing to free."""


class LoudIsSpeech:
    """Speech is what is not quiet."""

    def reset(self) -> None:
        """Nothing is remembered."""

    def __call__(self, block: Floats) -> float:
        return float(np.abs(block).max() > 0.1)


def landmarks_like(width: int, height: int) -> Floats:
    """478 landmarks with eyes and mouth at plausible places of a picture."""
    rng = np.random.default_rng(0)
    points = rng.uniform([0.3, 0.2], [0.7, 0.8], (478, 2))
    points[[33, 133]] = 0.4, 0.4
    points[[263, 362]] = 0.6, 0.4
    points[[61, 291]] = 0.5, 0.65
    return (points * [width, height]).astype(np.float32)


def tiny_perception(config: Config, width: int = 64, height: int = 48) -> Perception:
    """The real steps over tiny networks."""
    finder: Any = TinyFinder(landmarks_like(width, height))
    voice = SileroVoice(LoudIsSpeech(), 0.5)
    static, dynamic, acoustic = (TinyEngine(name, n) for n, name in enumerate(("static", "dynamic", "acoustic")))
    return Perception(
        seeing=Seeing(FaceTracker(finder, config.face), StaticModel(static), DynamicModel(dynamic), voice),
        hearing=Hearing(AcousticModel(acoustic), voice, config),
        networks={engine.manifest.name: engine for engine in (static, dynamic, acoustic)},
        finder=finder,
    )


def portrait() -> Picture:
    """A public-domain portrait with one face, (512, 512, 3) BGR."""
    return np.ascontiguousarray(skimage.data.astronaut()[..., ::-1])

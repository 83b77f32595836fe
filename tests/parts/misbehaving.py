"""A real engine that misbehaves as it is told."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from realtime_cer.inference.engine import Engine
from realtime_cer.inference.manifest import engines_folder, read_manifest
from realtime_cer.inference.ort import OrtEngine

Outputs = dict[str, np.ndarray]


class Misbehaving:
    """A real engine under another name, to whose outputs something is done."""

    def __init__(self, engine: Engine, harm: Callable[[Outputs], Any] = lambda outputs: None) -> None:
        self.backend, self.manifest = "cuda", engine.manifest
        self.engine, self.harm = engine, harm
        self.calls = 0

    def run(self, batch: np.ndarray) -> Mapping[str, np.ndarray]:
        """What the real engine says, harmed."""
        self.calls += 1
        outputs = {name: array.copy() for name, array in self.engine.run(batch).items()}
        self.harm(outputs)
        return outputs


def not_numbers(outputs: Outputs) -> None:
    outputs["features" if "features" in outputs else "probabilities"][0, 3] = np.nan


def on_cpu(name: str) -> Engine:
    manifest = read_manifest(name)
    return OrtEngine(engines_folder() / manifest.file, manifest)

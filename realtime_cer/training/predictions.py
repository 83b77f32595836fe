"""What a network says of a corpus, as the program runs it, and what it would say at temperature 1."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import track

from realtime_cer.inference.engine import Engine, load
from realtime_cer.metrics import without_temperature
from realtime_cer.training.corpora.corpus import Corpus
from realtime_cer.training.corpora.speech import read_sound
from realtime_cer.training.crops import crops
from realtime_cer.training.windows import windows

_BATCH = 32

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Probabilities of every file of a corpus.

    ``probabilities`` is (N, 7), as the engine gives them; ``uncalibrated`` is (N, 7), the same at temperature 1.
    """

    engine: Engine
    probabilities: Floats
    uncalibrated: Floats


def predict(corpus: Corpus, engines: Path | None = None, threads: int = 0) -> Predictions:
    """Run the network for this kind of corpus on it: static on faces, acoustic on speech.

    Parameters
    ----------
    engines : folder of the networks (default: those shipped)
    threads : CPU threads (default: all cores)
    """
    faces = corpus.kind == "faces"
    engine = load("static" if faces else "acoustic", "cpu", engines, threads or os.cpu_count() or 1)
    return (_seen if faces else _heard)(engine, corpus)


def _seen(engine: Engine, corpus: Corpus) -> Predictions:
    pictures = crops(corpus)
    starts = track(range(0, len(pictures), _BATCH), description=f"static on {corpus.name}", transient=True)
    p = np.concatenate([engine.run(pictures[i : i + _BATCH])["probabilities"] for i in starts]).astype(np.float64)
    return Predictions(engine, p, without_temperature(p, engine.manifest.temperature))


def _heard(engine: Engine, corpus: Corpus) -> Predictions:
    """A clip's probabilities are the mean over its windows, and so they are at temperature 1."""
    means, uncalibrated = [], []
    for i, path in track(list(enumerate(corpus.paths)), description=f"acoustic on {corpus.name}", transient=True):
        p = engine.run(windows(read_sound(path, corpus.span(i))))["probabilities"].astype(np.float64)
        means.append(p.mean(0))
        uncalibrated.append(without_temperature(p, engine.manifest.temperature).mean(0))
    return Predictions(engine, np.stack(means), np.stack(uncalibrated))

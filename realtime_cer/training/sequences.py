"""Sequences of ten static feature vectors made from stills, because no film corpus is at hand.

A sequence goes from one still to another (or stays): onset, offset, apex or a sudden change, blended in the space of
features; every instant takes another augmented view of its still. Some vectors are repeated, as dropped frames are;
some sequences begin with one vector many times, as the window of a face just found does.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from realtime_cer.inference.engine import Engine
from realtime_cer.labels import BASIC, NEUTRAL
from realtime_cer.perception.dynamic import LENGTH
from realtime_cer.training.augment import augment

NEWEST = 3
"""A sequence's label is what its newest vectors show: 0.6 s."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Views:
    """Several augmented views of each still: features (N, V, 512), static probabilities (N, V, 7), labels (N,)."""

    features: Floats
    probabilities: Floats
    labels: npt.NDArray[np.int64]


def views(engine: Engine, crops: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], count: int, seed: int) -> Views:
    """Run the static network on ``count`` augmented views of each crop (N, 112, 112, 3)."""
    features, probabilities = [], []
    for i, crop in enumerate(crops):
        rng = np.random.default_rng([seed, i])
        outputs = engine.run(np.stack([augment(crop, rng) for _ in range(count)]))
        features.append(outputs["features"])
        probabilities.append(outputs["probabilities"])
    return Views(np.stack(features).astype(np.float32), np.stack(probabilities).astype(np.float32), labels)


def course(rng: np.random.Generator) -> Floats:
    """Return how much of the second still each of ten instants shows, 0 to 1: (10,)."""
    kind = rng.choice(["stay", "onset", "offset", "apex", "switch"], p=[0.4, 0.3, 0.1, 0.1, 0.1])
    t = np.arange(LENGTH, dtype=np.float32)
    top = rng.uniform(0.6, 1.0)
    if kind == "stay":
        return np.full(LENGTH, top if rng.random() < 0.3 else 1.0, np.float32)
    middle, width = rng.uniform(1, 9), rng.uniform(0.3, 1.5)
    rise = top / (1 + np.exp(-(t - middle) / width))
    if kind == "onset":
        curve = rise
    elif kind == "offset":
        curve = top - rise
    elif kind == "apex":
        curve = top * np.exp(-(((t - middle) / (1.5 * width + 1)) ** 2))
    else:
        curve = np.where(t >= middle, 1.0, 0.0)
    return np.asarray(curve, np.float32)


def make(stills: Views, count: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Make sequences.

    Returns
    -------
    features (count, 10, 512), soft labels (count, 7), static probabilities (count, 10, 7): blended in the same way
    """
    rng = np.random.default_rng(seed)
    by_class = [np.flatnonzero(stills.labels == c) for c in range(len(BASIC))]
    present = [c for c in range(len(BASIC)) if len(by_class[c])]
    features = np.empty((count, LENGTH, stills.features.shape[2]), np.float32)
    probabilities = np.empty((count, LENGTH, len(BASIC)), np.float32)
    labels = np.zeros((count, len(BASIC)), np.float32)
    for n in range(count):
        # Half of the changes start from a neutral face, the others from any.
        first = NEUTRAL if NEUTRAL in present and rng.random() < 0.5 else int(rng.choice(present))
        second = int(rng.choice(present))
        a, b = int(rng.choice(by_class[first])), int(rng.choice(by_class[second]))
        amount = course(rng)
        show = rng.integers(0, stills.features.shape[1], (2, LENGTH))
        if rng.random() < 0.15:  # a face just found: its first vector fills the window
            start = int(rng.integers(1, LENGTH))
            amount[:start], show[:, :start] = amount[start], show[:, start : start + 1]
        for t in range(1, LENGTH):
            if rng.random() < 0.08:  # a dropped frame: its neighbour stands in
                amount[t], show[:, t] = amount[t - 1], show[:, t - 1]
        share = amount[:, None]
        features[n] = (1 - share) * stills.features[a, show[0]] + share * stills.features[b, show[1]]
        probabilities[n] = (1 - share) * stills.probabilities[a, show[0]] + share * stills.probabilities[b, show[1]]
        newest = float(amount[-NEWEST:].mean())
        labels[n, first] += 1 - newest
        labels[n, second] += newest
    return features, labels, probabilities

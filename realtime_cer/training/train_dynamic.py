"""Train the dynamic network on sequences made from stills, with the features of the exported static network."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from torch import Tensor
from torch.nn import functional as F

from realtime_cer import metrics
from realtime_cer.inference.engine import load
from realtime_cer.labels import BASIC
from realtime_cer.models import export
from realtime_cer.models.dynamic import Dynamic
from realtime_cer.models.static import FEATURES
from realtime_cer.perception.dynamic import LENGTH
from realtime_cer.training import batches, corpora, loop, recipe
from realtime_cer.training.batches import Batch
from realtime_cer.training.command import count, data_folder, run
from realtime_cer.training.corpora.corpus import Corpus
from realtime_cer.training.corpora.faces import validation
from realtime_cer.training.crops import crops
from realtime_cer.training.runlog import data_row
from realtime_cer.training.sequences import NEWEST, Views, make, views
from realtime_cer.training.temperature import fit_temperature

OURS = {
    "length": (1500, "steps"),
    "batch": 128,
    "precision": "float32",
    "optimiser": "adamw",
    "rate": 1e-3,
    "weight_decay": 0.05,
    "schedule": "fall",
    "warmup": 100,
    "decay": 0.6,
    "smoothing": 0.05,
    "mixup": 0.0,
    "average": 0.995,
    "keep": "best",
    "check_every": 250,
}
"""The recipe of the shipped weights."""

PUBLISHED = {
    **OURS,
    "length": (30, "epochs"),
    "optimiser": "adam",
    "rate": 1e-4,
    "weight_decay": 0.0,
    "schedule": "restarts",
    "restarts": 5,
    "smoothing": 0.1,
    "mixup": 0.2,
    "average": 0.0,
}
"""The paper's: Adam, cosine annealing with 5 warm restarts, MixUp, label smoothing. The rest it does not tell."""

_PARTS = ("train", "validation", "held-out")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the flags."""
    p = recipe.flags("train_dynamic", __doc__, "runs/dynamic")
    p.add_argument("--views", type=count(1), default=4, help="augmented views of each still")
    p.add_argument("--pool", type=count(1), default=40_000, help="sequences made for training")
    return recipe.parse(p, {"ours": OURS, "published": PUBLISHED}, arguments)


def stills(a: argparse.Namespace) -> dict[str, Corpus]:
    """Read the lists of RAF-DB's parts: ``train``, ``validation``, ``held-out``."""
    known, held_out = corpora.load("raf-db", a.data, "train"), corpora.load("raf-db", a.data, "held-out")
    chosen = validation(known)
    parts = (known.select(~chosen), known.select(chosen), held_out)
    return {name: _some(part, a.seed) for name, part in zip(_PARTS, parts, strict=True)}


def _some(corpus: Corpus, seed: int, limit: int = 900) -> Corpus:
    """Keep at most ``limit`` stills of each class: sequences draw the classes evenly anyway."""
    order = np.random.default_rng(seed).permutation(len(corpus))
    kept = [order[corpus.labels[order] == c][:limit] for c in range(len(BASIC))]
    return corpus.select(np.sort(np.concatenate(kept)))


def train(a: argparse.Namespace) -> tuple[Dynamic, dict[str, Any]]:
    """Train, or go on; fit the temperature; compare with what the static network alone would say."""
    engine = load("static", "cpu", a.engines, a.threads)
    parts = stills(a)
    data = [data_row(corpus, name) for name, corpus in parts.items()]
    hashes = {"static_sha256": engine.manifest.sha256}
    plan = recipe.plan(a, "dynamic", a.out, a.pool, data, ("valid_uar", "valid_accuracy"), **hashes)
    recipe.begin(a, plan, data)

    def look(name: str) -> Views:
        return views(engine, crops(parts[name]), parts[name].labels, a.views, a.seed * 10 + _PARTS.index(name))

    features, labels, _ = make(look("train"), a.pool, a.seed)
    labels = labels * np.float32(1 - a.smoothing) + np.float32(a.smoothing / len(BASIC))
    valid, valid_labels, _ = make(look("validation"), 4000, a.seed + 1)
    even = np.ones(len(features))

    def batch(step: int) -> Batch:
        chosen = batches.draw(even, a.batch, step, a.seed)
        made = torch.from_numpy(features[chosen]), torch.from_numpy(labels[chosen])
        return batches.mixup(made, a.mixup, np.random.default_rng([a.seed, 99, step]))

    def check(network: Dynamic) -> dict[str, float]:
        truth, guess = valid_labels.argmax(1), logits_of(network, valid).argmax(1)
        return {"valid_uar": metrics.uar(truth, guess), "valid_accuracy": metrics.accuracy(truth, guess)}

    torch.manual_seed(a.seed)
    network = Dynamic()
    if a.start:
        loop.start(network, a.start)
    kept = loop.fit(network, plan, batch, lambda n, b: F.cross_entropy(n.logits(b[0]).float(), b[1]), check).cpu()
    kept.temperature.fill_(fit_temperature(logits_of(kept, valid), torch.from_numpy(valid_labels)))
    found = {"recipe": a.recipe, "steps": plan.steps, "held_out_sequences": compare(kept, look("held-out"), a.seed + 2)}
    return kept, found


@torch.inference_mode()
def logits_of(network: Dynamic, features: npt.NDArray[np.float32]) -> Tensor:
    """Return the logits (N, 7) of many sequences (N, 10, 512)."""
    device = network.temperature.device
    parts = (torch.from_numpy(features[i : i + 512]).to(device) for i in range(0, len(features), 512))
    return torch.cat([network.logits(x) for x in parts]).cpu()


def compare(network: Dynamic, held_out: Views, seed: int, count: int = 5000) -> dict[str, Any]:
    """Measure on sequences of unseen stills, beside the static ones' mean, last, and newest three's mean."""
    features, labels, probabilities = make(held_out, count, seed)
    truth = labels.argmax(1)
    logits = logits_of(network, features)
    ours = torch.softmax(logits / network.temperature, 1).numpy()
    said = {"dynamic": ours, "static_mean": probabilities.mean(1), "static_last": probabilities[:, -1]}
    said["static_newest"] = probabilities[:, -NEWEST:].mean(1)
    found: dict[str, Any] = {"sequences": count, "made_of": "stills of RAF-DB that no training saw"}
    for name, p in said.items():
        found[f"{name}_accuracy"] = metrics.accuracy(truth, p.argmax(1))
        found[f"{name}_uar"] = metrics.uar(truth, p.argmax(1))
        # Cross-entropy with the soft label: how honest the mixture is.
        found[f"{name}_cross_entropy"] = float(-(labels * np.log(p + 1e-7)).sum(1).mean())
        Console().print(f"{name}: accuracy {found[f'{name}_accuracy']:.3f}, UAR {found[f'{name}_uar']:.3f}")
    found["dynamic_ece_uncalibrated"] = metrics.calibration_error(logits.softmax(1).numpy(), truth)
    found["dynamic_ece"] = metrics.calibration_error(ours, truth)
    return found


def ship(network: Dynamic, folder: Path) -> None:
    """Write ``dynamic.onnx``."""
    export.export(network, torch.rand(2, LENGTH, FEATURES), "features", ("probabilities",), folder / "dynamic.onnx")


def describe(network: Dynamic, folder: Path, found: Mapping[str, Any]) -> None:
    """Write ``dynamic.toml``."""
    export.write_manifest(
        folder / "dynamic.onnx",
        licence="non-commercial research (trained on RAF-DB, through the static network)",
        temperature=float(network.temperature),
        normalisation="none: takes the static network's features as they are, oldest first",
        inputs=[("features", "float32", ("batch", LENGTH, FEATURES))],
        outputs=[("probabilities", "float32", ("batch", len(BASIC)))],
        metrics=found,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line: train, export, note the figures in its manifest."""
    a = parse(arguments)

    def work() -> None:
        a.data = data_folder(a.data)
        network, found = train(a)
        recipe.finish(network, a, ship, describe, found)

    return run("train_dynamic", work)


if __name__ == "__main__":
    raise SystemExit(main())

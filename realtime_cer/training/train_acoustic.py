"""Train the acoustic network: a head on the first layers of Whisper-base's frozen encoder, on RAVDESS and nEMO."""

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
from realtime_cer.errors import Refused
from realtime_cer.labels import BASIC
from realtime_cer.models import export
from realtime_cer.models.acoustic import LAYERS, SAMPLES, Acoustic, Head, load_whisper
from realtime_cer.training import batches, corpora, loop, recipe
from realtime_cer.training.batches import Batch
from realtime_cer.training.command import count, data_folder, number, run
from realtime_cer.training.corpora.corpus import need_classes
from realtime_cer.training.corpora.splits import folds as deal
from realtime_cer.training.encoded import MAKERS, States, gather
from realtime_cer.training.runlog import data_row
from realtime_cer.training.temperature import fit_temperature
from realtime_cer.training.unseen import Unseen, write_unseen

CORPORA = ("ravdess", "nemo")

OURS = {
    "length": (600, "steps"),
    "batch": 64,
    "optimiser": "adamw",
    "rate": 5e-4,
    "weight_decay": 0.05,
    "schedule": "fall",
    "warmup": 100,
    "decay": 0.6,
    "smoothing": 0.1,
    "mixup": 0.3,
    "average": 0.995,
    "balance": "drawing",
    "windows": "ours",
    # To choose the best, speakers must be set aside, and there are few.
    "keep": "last",
}
"""The recipe of the shipped weights."""

PUBLISHED = {
    **OURS,
    "length": (100, "epochs"),
    "batch": 24,
    "optimiser": "adam",
    "rate": 1e-4,
    "weight_decay": 0.0,
    "schedule": "restarts",
    "restarts": 9,
    "smoothing": 0.2,
    "average": 0.0,
    "balance": "loss",
    "windows": "published",
    "keep": "best",
}
"""The paper's: Adam, warm restarts every 10 epochs, weighted classes, MixUp, smoothing, one change of each window."""

Mask = npt.NDArray[np.bool_]
Rows = list[dict[str, Any]]
"""What ``data.json`` holds."""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the flags."""
    p = recipe.flags("train_acoustic", __doc__, "runs/acoustic")
    p.add_argument("--layers", type=count(1), default=LAYERS, help="of Whisper-base's encoder")
    p.add_argument("--windows", choices=tuple(MAKERS), help="how training windows are made")
    p.add_argument("--views", type=count(0), nargs=2, default=(8, 2), help="windows made of a clip of RAVDESS, nEMO")
    p.add_argument("--balance", choices=("drawing", "loss"), help="where rare classes count more")
    p.add_argument("--share", type=number(0, 1), default=0.65, help="of RAVDESS in a batch, where drawing balances")
    p.add_argument("--folds", type=count(3), default=5, help="of unseen speakers, which measure and calibrate")
    return recipe.parse(p, {"ours": OURS, "published": PUBLISHED}, arguments)


def drawing(data: States, a: argparse.Namespace) -> npt.NDArray[np.float64]:
    """Return how often each window is drawn: even, or balanced over classes and corpora."""
    if a.balance == "loss":
        return np.ones(len(data.labels))
    weights = np.zeros(len(data.labels))
    for name, share in zip(CORPORA, (a.share, 1 - a.share), strict=True):
        here = data.corpora == name
        balanced = batches.balance(data.labels[here], 1.0)
        weights[here] = balanced / balanced.sum() * share
    return weights


def fit(a: argparse.Namespace, data: States, train: Mask, valid: Mask, name: str, rows: Rows) -> Head:
    """Train a head on the marked windows; ``valid`` ones measure it while it goes, and choose where asked to."""
    index = np.flatnonzero(train)
    soft, weights = batches.smoothed(data.labels, a.smoothing), drawing(data, a)[index]
    counts = np.bincount(data.labels[index], minlength=len(BASIC))
    classes = torch.from_numpy(counts.mean() / counts).float() if a.balance == "loss" else None
    plan = recipe.plan(a, name, a.out / name, len(index), rows, ("valid_uar",) if valid.any() else ())
    recipe.begin(a, plan, rows)

    def make(step: int) -> Batch:
        chosen = index[batches.draw(weights, a.batch, step, a.seed)]
        made = torch.from_numpy(data.values[chosen].astype(np.float32)), torch.from_numpy(soft[chosen])
        return batches.mixup(made, a.mixup, np.random.default_rng([a.seed, 7, step]))

    def loss(head: Head, batch: Batch) -> Tensor:
        weight = None if classes is None else classes.to(batch[1].device)
        return F.cross_entropy(head(batch[0]).float(), batch[1], weight)

    torch.manual_seed(a.seed)
    head = Head()
    if a.start:
        loop.start(head, a.start)

    def check(head: Head) -> dict[str, float]:
        return {"valid_uar": metrics.uar(data.labels[valid], logits_of(head, data, valid).argmax(1))}

    return loop.fit(head, plan, make, loss, check).cpu()


@torch.inference_mode()
def logits_of(head: Head, data: States, chosen: Mask) -> Tensor:
    """Return the logits of the marked windows: (M, 7)."""
    index, device = np.flatnonzero(chosen), head.fc2.weight.device
    parts = (data.values[index[i : i + 256]].astype(np.float32) for i in range(0, len(index), 256))
    return torch.cat([head(torch.from_numpy(x).to(device)) for x in parts]).cpu()


def cross_validate(a: argparse.Namespace, data: States, folds: npt.NDArray[np.int64], rows: Rows) -> Tensor:
    """Return the logits of every window (M, 7), by a head that was trained without its fold of speakers.

    Where the best is kept, the fold after it chooses, and is not trained on either.
    """
    logits = torch.zeros(len(data.labels), len(BASIC))
    for fold in range(a.folds):
        unseen, valid = folds == fold, chooses(a, folds, (fold + 1) % a.folds)
        head = fit(a, data, ~unseen & ~valid, valid & data.plain, f"fold{fold}", rows)
        logits[torch.from_numpy(unseen)] = logits_of(head, data, unseen)
    return logits


def chooses(a: argparse.Namespace, folds: npt.NDArray[np.int64], fold: int) -> Mask:
    """Mark the fold whose speakers choose the best network; none, where the last is kept."""
    return np.asarray(folds == (fold if a.keep == "best" else -1))


def calibrated(logits: Tensor, labels: npt.NDArray[np.int64], folds: npt.NDArray[np.int64]) -> Tensor:
    """Return probabilities (M, 7), each fold's at the temperature of the other folds."""
    p, truth = torch.zeros_like(logits), torch.from_numpy(labels)
    for fold in np.unique(folds):
        here = torch.from_numpy(folds == fold)
        p[here] = torch.softmax(logits[here] / fit_temperature(logits[~here], truth[~here]), 1)
    return p


def report(a: argparse.Namespace, data: States, logits: Tensor, folds: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Measure what the folds said of clips of unseen speakers, and write it to ``unseen.npz``."""
    before, after = (p.numpy() for p in (logits.softmax(1), calibrated(logits, data.labels, folds)))
    found: dict[str, Any] = {}
    for name in CORPORA:
        here = data.plain & (data.corpora == name)
        truth = data.labels[here]
        found[f"{name}_cross_validated"] = {
            "n": int(here.sum()),
            "folds": a.folds,
            "uar": metrics.uar(truth, after[here].argmax(1)),
            "accuracy": metrics.accuracy(truth, after[here].argmax(1)),
            "ece_uncalibrated": metrics.calibration_error(before[here], truth),
            "ece": metrics.calibration_error(after[here], truth),
            "how": f"scripts/train_acoustic --recipe {a.recipe}; speakers unseen, temperature of the other folds",
        }
        told = ", ".join(f"{k} {v:.3f}" for k, v in found[f"{name}_cross_validated"].items() if isinstance(v, float))
        Console().print(f"{name}, {a.folds} folds of unseen speakers: {told}")
    plain = data.plain
    said = Unseen(after[plain], data.labels[plain], data.speakers[plain], data.corpora[plain])
    write_unseen(a.out / "unseen.npz", said)
    return found


def train(a: argparse.Namespace) -> tuple[Acoustic, dict[str, Any]]:
    """Cross-validate, fit the temperature on the folds' unseen speakers, then train on all training speakers."""
    parts = [need_classes(corpora.load(n, a.data, "train"), corpora.READERS[n].classes) for n in CORPORA]
    rows = [data_row(corpus, "train") for corpus in parts]
    data = gather(list(zip(parts, a.views, strict=True)), a.layers, a.windows, a.seed, recipe.device_of(a))
    people = np.char.add(np.char.add(data.corpora, ":"), data.speakers)
    if len(np.unique(people)) < a.folds:
        raise Refused(f"{a.folds} folds of {len(np.unique(people))} speakers: give fewer with --folds, or more corpora")
    folds = deal(people, a.folds)
    logits = cross_validate(a, data, folds, rows)
    found = {"recipe": a.recipe, **report(a, data, logits, folds)}
    network = Acoustic(a.layers)
    load_whisper(network.encoder)
    valid = chooses(a, folds, 0)
    network.head.load_state_dict(fit(a, data, ~valid, valid & data.plain, "all", rows).state_dict())
    # Made windows too: at run time sound is soiled as they are.
    network.temperature.fill_(fit_temperature(logits, torch.from_numpy(data.labels)))
    return network.eval(), found


def ship(network: Acoustic, folder: Path) -> None:
    """Write ``acoustic.onnx``."""
    export.export(network, torch.randn(2, SAMPLES), "waveform", ("probabilities",), folder / "acoustic.onnx")


def describe(network: Acoustic, folder: Path, found: Mapping[str, Any]) -> None:
    """Write ``acoustic.toml``."""
    export.write_manifest(
        folder / "acoustic.onnx",
        licence="non-commercial research (trained on RAVDESS and nEMO, CC BY-NC-SA 4.0);"
        " starting point Whisper-base, MIT",
        temperature=float(network.temperature),
        normalisation="inside the graph: zero mean, one loudness (any gain gives the same), log-mel spectrum",
        inputs=[("waveform", "float32", ("batch", SAMPLES))],
        outputs=[("probabilities", "float32", ("batch", len(BASIC)))],
        metrics=found,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line: train, export, measure what was exported, note the figures in its manifest."""
    a = parse(arguments)

    def work() -> None:
        a.data = data_folder(a.data)
        a.views = tuple(a.views)
        measured = recipe.measurable(CORPORA, a.data)
        network, found = train(a)
        recipe.finish(network, a, ship, describe, found, measured)

    return run("train_acoustic", work)


if __name__ == "__main__":
    raise SystemExit(main())

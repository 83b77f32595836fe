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
from realtime_cer.inference.engine import Engine, load
from realtime_cer.inference.manifest import engines_folder
from realtime_cer.labels import BASIC
from realtime_cer.models import export
from realtime_cer.models.dynamic import LENGTH, Dynamic
from realtime_cer.models.static import FEATURES
from realtime_cer.training import corpora, loop
from realtime_cer.training.command import Parser, count, data_folder, run
from realtime_cer.training.corpora.corpus import Corpus
from realtime_cer.training.crops import crops
from realtime_cer.training.sequences import NEWEST, Views, make, views
from realtime_cer.training.train_static import validation


def parser() -> argparse.ArgumentParser:
    """Return the flags, whose defaults are the recipe of the shipped weights."""
    p = Parser(prog="train_dynamic", description=__doc__)
    p.add_argument("--data", type=Path, help="folder of the corpora (default: REALTIME_CER_DATA)")
    p.add_argument("--out", type=Path, default=Path("runs/dynamic"), help="checkpoint and log; resumed if there")
    p.add_argument("--engines", type=Path, default=engines_folder(), help="holds the static network, gets this one")
    p.add_argument("--views", type=count(1), default=4, help="augmented views of each still")
    p.add_argument("--pool", type=int, default=40_000, help="sequences made for training")
    p.add_argument("--steps", type=int, default=1500)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--rate", type=float, default=1e-3)
    p.add_argument("--weight-decay", type=float, default=0.05)
    p.add_argument("--warmup", type=int, default=100, help="steps")
    p.add_argument("--decay", type=float, default=0.6, help="last share of the steps, over which the rate falls")
    p.add_argument("--smoothing", type=float, default=0.05)
    p.add_argument("--average", type=float, default=0.995, help="decay of the averaged weights")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    return p


def stills(a: argparse.Namespace, engine: Engine, part: str) -> Views:
    """Look at the stills of RAF-DB's ``train``, ``validation`` or ``held-out`` part through the static network."""
    corpus = corpora.load("raf-db", a.data, "held-out" if part == "held-out" else "train")
    if part != "held-out":
        chosen = validation(corpus)
        corpus = corpus.select(chosen if part == "validation" else ~chosen)
    corpus = _some(corpus, a.seed)
    seed = a.seed * 10 + ("train", "validation", "held-out").index(part)
    return views(engine, crops(corpus), corpus.labels, a.views, seed)


def _some(corpus: Corpus, seed: int, limit: int = 900) -> Corpus:
    """Keep at most ``limit`` stills of each class: sequences draw the classes evenly anyway."""
    order = np.random.default_rng(seed).permutation(len(corpus))
    kept = [order[corpus.labels[order] == c][:limit] for c in range(len(BASIC))]
    return corpus.select(np.sort(np.concatenate(kept)))


def train(a: argparse.Namespace) -> tuple[Dynamic, dict[str, Any]]:
    """Train, or go on; fit the temperature; compare with what the static network alone would say."""
    torch.set_num_threads(a.threads)
    engine = load("static", "cpu", a.engines, a.threads)
    features, labels, _ = make(stills(a, engine, "train"), a.pool, a.seed)
    labels = labels * (1 - a.smoothing) + a.smoothing / len(BASIC)
    valid, valid_labels, _ = make(stills(a, engine, "validation"), 4000, a.seed + 1)
    tensors = torch.from_numpy(features), torch.from_numpy(labels)
    even = np.ones(len(features))

    def batch(step: int) -> tuple[Tensor, Tensor]:
        chosen = torch.from_numpy(loop.draw(even, a.batch, step, a.seed))
        return tensors[0][chosen], tensors[1][chosen]

    def check(network: Dynamic) -> dict[str, float]:
        guess = logits_of(network, valid).argmax(1).numpy()
        return {"valid_accuracy": metrics.accuracy(valid_labels.argmax(1), guess)}

    torch.manual_seed(a.seed)
    settings = {k: v for k, v in vars(a).items() if k not in ("data", "out", "engines", "threads")}
    plan = loop.Plan(
        name="dynamic",
        out=a.out,
        settings={**settings, "static": engine.manifest.sha256},
        steps=a.steps,
        rate=a.rate,
        weight_decay=a.weight_decay,
        warmup=a.warmup,
        decay=a.decay,
        average=a.average,
        seed=a.seed,
        check_every=250,
    )
    best = loop.fit(Dynamic(), plan, batch, lambda n, b: F.cross_entropy(n.logits(b[0]), b[1]), check)
    best.temperature.fill_(loop.fit_temperature(logits_of(best, valid), torch.from_numpy(valid_labels)))
    return best, compare(best, stills(a, engine, "held-out"), a.seed + 2)


@torch.inference_mode()
def logits_of(network: Dynamic, features: npt.NDArray[np.float32]) -> Tensor:
    """Return the logits (N, 7) of many sequences (N, 10, 512)."""
    return torch.cat([network.logits(torch.from_numpy(features[i : i + 512])) for i in range(0, len(features), 512)])


def compare(network: Dynamic, held_out: Views, seed: int, count: int = 5000) -> dict[str, Any]:
    """Measure on sequences of unseen stills, beside the static ones' mean, last, and newest three's mean."""
    features, labels, probabilities = make(held_out, count, seed)
    truth = labels.argmax(1)
    ours = torch.softmax(logits_of(network, features) / network.temperature, 1).numpy()
    said = {"dynamic": ours, "static_mean": probabilities.mean(1), "static_last": probabilities[:, -1]}
    said["static_newest"] = probabilities[:, -NEWEST:].mean(1)
    found: dict[str, Any] = {"sequences": count, "made_of": "stills of RAF-DB that no training saw"}
    for name, p in said.items():
        found[f"{name}_accuracy"] = metrics.accuracy(truth, p.argmax(1))
        found[f"{name}_uar"] = metrics.uar(truth, p.argmax(1))
        # Cross-entropy with the soft label: how honest the mixture is.
        found[f"{name}_cross_entropy"] = float(-(labels * np.log(p + 1e-7)).sum(1).mean())
        Console().print(f"{name}: accuracy {found[f'{name}_accuracy']:.3f}, UAR {found[f'{name}_uar']:.3f}")
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
    a = parser().parse_args(arguments)

    def work() -> None:
        a.data = data_folder(a.data)
        network, found = train(a)
        ship(network, a.engines)
        describe(network, a.engines, {"held_out_sequences": found})

    return run("train_dynamic", work)


if __name__ == "__main__":
    raise SystemExit(main())

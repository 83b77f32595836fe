"""Train the static network on RAF-DB and FER+ (votes as soft labels)."""

import argparse
import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from realtime_cer.inference.manifest import engines_folder
from realtime_cer.labels import BASIC
from realtime_cer.models import export
from realtime_cer.models.static import FEATURES, Static, load_imagenet
from realtime_cer.training import corpora, loop
from realtime_cer.training.augment import augment
from realtime_cer.training.command import Parser, count, data_folder, run
from realtime_cer.training.corpora.corpus import fraction, need_classes
from realtime_cer.training.corpora.faces import VALIDATION
from realtime_cer.training.crops import crops
from realtime_cer.training.evaluate import figures

_MEASURED = ("raf-db", "ferplus", "raf-ce")

Crops = npt.NDArray[np.uint8]
Soft = npt.NDArray[np.float32]


def parser() -> argparse.ArgumentParser:
    """Return the flags, whose defaults are the recipe of the shipped weights."""
    p = Parser(prog="train_static", description=__doc__)
    p.add_argument("--data", type=Path, help="folder of the corpora (default: REALTIME_CER_DATA)")
    p.add_argument("--out", type=Path, default=Path("runs/static"), help="checkpoint and log; resumed if there")
    p.add_argument("--engines", type=Path, default=engines_folder(), help="folder for the exported network")
    p.add_argument("--steps", type=int, default=3140, help="may be changed when resuming")
    p.add_argument("--batch", type=count(2), default=64, help="half RAF-DB, half FER+")
    p.add_argument("--rate", type=float, default=8e-4)
    p.add_argument("--weight-decay", type=float, default=0.02)
    p.add_argument("--warmup", type=int, default=150, help="steps")
    p.add_argument("--decay", type=float, default=0.331, help="last share of the steps, over which the rate falls")
    p.add_argument("--size", type=int, default=96, help="side of the crops before the rate falls, then 112")
    p.add_argument("--smoothing", type=float, default=0.1, help="of RAF-DB's labels; FER+ has votes")
    p.add_argument("--balance", type=float, default=0.4, help="power of the class count in sampling")
    p.add_argument("--mixup", type=float, default=0.2, help="alpha; 0 for none")
    p.add_argument("--average", type=float, default=0.998, help="decay of the averaged weights")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--save-every", type=int, default=100, help="steps")
    p.add_argument("--check-every", type=int, default=500, help="steps")
    p.add_argument("--scratch", action="store_true", help="start from random weights instead of ImageNet's")
    return p


def validation(corpus: corpora.Corpus) -> npt.NDArray[np.bool_]:
    """Mark the part of RAF-DB that fits the temperature: neither trained on nor held out for measuring."""
    share = np.array([fraction(str(group)) for group in corpus.groups])
    return (share >= VALIDATION[0]) & (share < VALIDATION[1]) & ~corpus.held_out


def sources(data: Path, smoothing: float) -> tuple[list[tuple[Crops, Soft, npt.NDArray[np.int64]]], Crops, Tensor]:
    """Load the training pictures of both corpora with their soft labels, and the validation part of RAF-DB."""
    raf = corpora.load("raf-db", data, "train")
    chosen = validation(raf)
    valid, raf = raf.select(chosen), need_classes(raf.select(~chosen))
    fer = need_classes(corpora.load("ferplus", data, "train"))
    assert fer.votes is not None
    soft = np.eye(len(BASIC), dtype=np.float32)[raf.labels] * (1 - smoothing) + smoothing / len(BASIC)
    both = [(crops(raf), soft, raf.labels), (crops(fer), fer.votes, fer.labels)]
    return both, crops(valid), torch.from_numpy(valid.labels)


def batch(
    both: list[tuple[Crops, Soft, npt.NDArray[np.int64]]],
    weights: list[npt.NDArray[np.float64]],
    step: int,
    a: argparse.Namespace,
) -> tuple[Tensor, Tensor, float]:
    """Make batch ``step``: crops (B, S, S, 3) uint8, soft labels (B, 7), MixUp's share."""
    size = a.size if step < a.steps * (1 - a.decay) else 112
    pictures: list[Crops] = []
    labels: list[Soft] = []
    for number, ((images, soft, _), weight) in enumerate(zip(both, weights, strict=True)):
        for i in loop.draw(weight, a.batch // len(both), step, a.seed * 10 + number):
            rng = np.random.default_rng([a.seed, number, step, int(i), len(pictures)])
            pictures.append(augment(images[i], rng, size))
            labels.append(soft[i])
    rng = np.random.default_rng([a.seed, 99, step])
    share = float(rng.beta(a.mixup, a.mixup)) if a.mixup else 1.0
    return torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.stack(labels)), max(share, 1 - share)


def forward(network: Static, pictures: Tensor, labels: Tensor, share: float) -> Tensor:
    """Return the loss of a batch, mixed with itself in another order."""
    if share < 1:
        order = torch.randperm(len(pictures))
        mixed = torch.lerp(pictures[order].float(), pictures.float(), share)
        pictures, labels = mixed, torch.lerp(labels[order], labels, share)
    with torch.autocast("cpu", torch.bfloat16):
        logits, _ = network.logits(pictures)
    return F.cross_entropy(logits.float(), labels)


@torch.inference_mode()
def logits_of(network: Static, pictures: Crops, size: int = 64) -> Tensor:
    """Return the logits (N, 7) of many crops."""
    return torch.cat(
        [network.logits(torch.from_numpy(pictures[i : i + size]))[0] for i in range(0, len(pictures), size)]
    )


def train(a: argparse.Namespace) -> Static:
    """Train, or go on from the checkpoint in ``--out``; return the averaged network, its temperature fitted."""
    torch.set_num_threads(a.threads)
    both, valid, valid_labels = sources(a.data, a.smoothing)
    weights = [loop.balance(labels, a.balance) for _, _, labels in both]
    torch.manual_seed(a.seed)
    network = Static()
    if not a.scratch:
        load_imagenet(network)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def check(trained: Static) -> dict[str, float]:
        right = logits_of(trained, valid).argmax(1) == valid_labels
        recall = [
            right[valid_labels == c].float().mean().item() for c in range(len(BASIC)) if (valid_labels == c).any()
        ]
        return {"valid_accuracy": right.float().mean().item(), "valid_uar": float(np.mean(recall))}

    best = loop.fit(network, plan(a), lambda step: batch(both, weights, step, a), lambda n, b: forward(n, *b), check)
    best.temperature.fill_(loop.fit_temperature(logits_of(best, valid), valid_labels))
    return best


def plan(a: argparse.Namespace) -> loop.Plan:
    """Return the flags as the training loop takes them."""
    free = ("data", "out", "threads", "save_every", "check_every", "engines")
    return loop.Plan(
        name="static",
        out=a.out,
        settings={k: v for k, v in vars(a).items() if k not in free},
        steps=a.steps,
        rate=a.rate,
        weight_decay=a.weight_decay,
        warmup=a.warmup,
        decay=a.decay,
        average=a.average,
        seed=a.seed,
        check_every=a.check_every,
        save_every=a.save_every,
    )


def ship(network: Static, folder: Path) -> None:
    """Write ``static.onnx``, batch norms folded."""
    plain = copy.deepcopy(network).eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    example = torch.zeros(2, 112, 112, 3, dtype=torch.uint8)
    export.export(export.folded(plain), example, "crop", ("probabilities", "features"), folder / "static.onnx")


def describe(network: Static, folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write ``static.toml``."""
    export.write_manifest(
        folder / "static.onnx",
        licence="non-commercial research (trained on RAF-DB, and on FER+: votes MIT, pictures of FER2013 for research);"
        " starting point EfficientNet-lite0 ImageNet weights, Apache-2.0",
        temperature=float(network.temperature),
        normalisation="inside the graph: (crop - 127) / 128, RGB",
        inputs=[("crop", "uint8", ("batch", 112, 112, 3))],
        outputs=[("probabilities", "float32", ("batch", len(BASIC))), ("features", "float32", ("batch", FEATURES))],
        metrics=metrics,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line: train, export, measure what was exported, note the figures in its manifest."""
    a = parser().parse_args(arguments)

    def work() -> None:
        a.data = data_folder(a.data)
        for name in _MEASURED:  # what is missing is better known now than after hours
            need_classes(corpora.load(name, a.data, "held-out"))
        network = train(a)
        ship(network, a.engines)
        describe(network, a.engines, {"steps": a.steps})
        held_out = {name: figures(name, a.data, "held-out", a.engines) for name in _MEASURED}
        describe(network, a.engines, {"steps": a.steps, **held_out})

    return run("train_static", work)


if __name__ == "__main__":
    raise SystemExit(main())

"""Train the acoustic network: a head on the first layers of Whisper-base's frozen encoder, on RAVDESS and nEMO."""

import argparse
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from realtime_cer import metrics
from realtime_cer.inference.manifest import engines_folder
from realtime_cer.labels import BASIC
from realtime_cer.models import export
from realtime_cer.models.acoustic import LAYERS, SAMPLES, Acoustic, Encoder, Head, load_whisper
from realtime_cer.training import corpora, loop
from realtime_cer.training.command import Parser, data_folder, run
from realtime_cer.training.corpora.corpus import Corpus, cache_folder, need_classes
from realtime_cer.training.corpora.speech import read_sound
from realtime_cer.training.evaluate import figures
from realtime_cer.training.windows import placed, windows

_CHUNK = 16

Mask = npt.NDArray[np.bool_]


def parser() -> argparse.ArgumentParser:
    """Return the flags, whose defaults are the recipe of the shipped weights."""
    p = Parser(prog="train_acoustic", description=__doc__)
    p.add_argument("--data", type=Path, help="folder of the corpora (default: REALTIME_CER_DATA)")
    p.add_argument("--out", type=Path, default=Path("runs/acoustic"), help="checkpoints and logs; resumed if there")
    p.add_argument("--engines", type=Path, default=engines_folder(), help="folder for the exported network")
    p.add_argument("--layers", type=int, default=LAYERS, help="of Whisper-base's encoder")
    p.add_argument("--views", type=int, nargs=2, default=(8, 2), help="windows made of each clip of RAVDESS and nEMO")
    p.add_argument("--share", type=float, default=0.65, help="share of RAVDESS in a batch")
    p.add_argument("--folds", type=int, default=4, help="speaker-disjoint folds that measure and calibrate")
    p.add_argument("--steps", type=int, default=600)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--rate", type=float, default=5e-4)
    p.add_argument("--weight-decay", type=float, default=0.05)
    p.add_argument("--warmup", type=int, default=100, help="steps")
    p.add_argument("--decay", type=float, default=0.6, help="last share of the steps, over which the rate falls")
    p.add_argument("--smoothing", type=float, default=0.1)
    p.add_argument("--mixup", type=float, default=0.3, help="alpha; 0 for none")
    p.add_argument("--average", type=float, default=0.995, help="decay of the averaged weights")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    return p


@dataclass(frozen=True)
class States:
    """The encoder's last state of windows (M, 100, 512) float16, and each one's clip, label, speaker, sampling weight.

    ``plain`` marks windows as they are at evaluation; the others are made for training.
    """

    values: npt.NDArray[np.float16]
    labels: npt.NDArray[np.int64]
    speakers: npt.NDArray[np.str_]
    weights: npt.NDArray[np.float64]
    plain: npt.NDArray[np.bool_]


def encode(corpus: Corpus, layers: int, views: int, seed: int) -> npt.NDArray[np.float16]:
    """Return the states of every clip's plain window and of ``views`` made ones: (N, 1 + views, 100, 512), cached."""
    stats = "\n".join(f"{path.name}:{path.stat().st_size}" for path in corpus.paths)
    key = hashlib.sha256(f"2|{layers}|{views}|{seed}|{stats}".encode()).hexdigest()[:16]
    file = cache_folder() / "states" / f"{corpus.name}-{key}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        encoder = Encoder(layers).eval()
        load_whisper(encoder)
        shape = (len(corpus), 1 + views, *encoder(torch.zeros(1, SAMPLES)).shape[1:])
        made = np.lib.format.open_memmap(part, "w+", np.float16, shape)
        for i, path in enumerate(track(corpus.paths, description=f"encoding {corpus.name}", transient=True)):
            samples = read_sound(path)
            rngs = [np.random.default_rng([seed, i, view]) for view in range(views)]
            batch = np.stack([windows(samples)[0], *(placed(samples, rng) for rng in rngs)])
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
                states = [
                    encoder(torch.from_numpy(x)).float() for x in np.split(batch, range(_CHUNK, len(batch), _CHUNK))
                ]
            made[i] = torch.cat(states).numpy()
        made.flush()
        del made
        part.replace(file)
    return np.load(file, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]


def states(a: argparse.Namespace) -> States:
    """Load the training part of both corpora and encode it."""
    values, labels, speakers, weights, plain = [], [], [], [], []
    for name, views, share in zip(("ravdess", "nemo"), a.views, (a.share, 1 - a.share), strict=True):
        corpus = need_classes(corpora.load(name, a.data, "train"), corpora.READERS[name].classes)
        made = encode(corpus, a.layers, views, a.seed)
        values.append(made.reshape(-1, *made.shape[2:]))
        labels.append(np.repeat(corpus.labels, 1 + views))
        speakers.append(np.repeat(np.char.add(f"{name}:", corpus.groups), 1 + views))
        balanced = loop.balance(labels[-1], 1.0)
        weights.append(balanced / balanced.sum() * share)
        plain.append(np.tile(np.arange(1 + views) == 0, len(corpus)))
    return States(
        np.concatenate(values),
        *(np.concatenate(x) for x in (labels, speakers, weights, plain)),
    )


def fold_of(speakers: npt.NDArray[np.str_], folds: int) -> npt.NDArray[np.int64]:
    """Deal the speakers out to folds, evenly for each corpus."""
    order = {s: i % folds for i, s in enumerate(sorted(set(speakers.tolist())))}
    return np.array([order[s] for s in speakers.tolist()], np.int64)


def fit(
    a: argparse.Namespace, data: States, train: npt.NDArray[np.bool_], test: npt.NDArray[np.bool_], name: str
) -> Head:
    """Train a head on the marked windows; measure it on the others while it goes."""
    index = np.flatnonzero(train)
    targets = np.eye(len(BASIC), dtype=np.float32)[data.labels] * (1 - a.smoothing) + a.smoothing / len(BASIC)
    weights = data.weights[index] / data.weights[index].mean()

    def make(step: int) -> tuple[Tensor, Tensor]:
        chosen = index[loop.draw(weights, a.batch, step, a.seed)]
        x = torch.from_numpy(data.values[chosen].astype(np.float32))
        y = torch.from_numpy(targets[chosen])
        rng = np.random.default_rng([a.seed, 7, step])
        share = float(rng.beta(a.mixup, a.mixup)) if a.mixup else 1.0
        order = torch.from_numpy(rng.permutation(len(chosen)))
        return torch.lerp(x[order], x, max(share, 1 - share)), torch.lerp(y[order], y, max(share, 1 - share))

    def loss(head: Head, batch: tuple[Tensor, Tensor]) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            logits = head(batch[0])
        return F.cross_entropy(logits.float(), batch[1])

    def check(head: Head) -> dict[str, float]:
        if not test.any():
            return {}
        return {"uar": metrics.uar(data.labels[test], logits_of(head, data, test).argmax(1).numpy())}

    torch.manual_seed(a.seed)
    return loop.fit(Head(), plan(a, name), make, loss, check)


@torch.inference_mode()
def logits_of(head: Head, data: States, chosen: npt.NDArray[np.bool_]) -> Tensor:
    """Return the logits of the marked windows: (M, 7)."""
    index = np.flatnonzero(chosen)
    parts = [data.values[index[i : i + 256]].astype(np.float32) for i in range(0, len(index), 256)]
    return torch.cat([head(torch.from_numpy(x)) for x in parts])


def plan(a: argparse.Namespace, name: str) -> loop.Plan:
    """Return the flags as the training loop takes them."""
    return loop.Plan(
        name=name,
        out=a.out / name,
        settings={k: v for k, v in vars(a).items() if k not in ("data", "out", "engines", "threads")},
        steps=a.steps,
        rate=a.rate,
        weight_decay=a.weight_decay,
        warmup=a.warmup,
        decay=a.decay,
        average=a.average,
        seed=a.seed,
        check_every=500,
        free=(),
    )


def train(a: argparse.Namespace) -> tuple[Acoustic, dict[str, Any]]:
    """Cross-validate, fit the temperature on the folds' unseen speakers, then train on all training speakers."""
    torch.set_num_threads(a.threads)
    data = states(a)
    logits = torch.zeros(len(data.labels), len(BASIC))
    folds = fold_of(data.speakers, a.folds)
    for fold in range(a.folds):
        unseen = (folds == fold) & data.plain
        head = fit(a, data, folds != fold, unseen, f"fold{fold}")
        logits[torch.from_numpy(folds == fold)] = logits_of(head, data, folds == fold)
    found: dict[str, Any] = {}
    for name in ("ravdess", "nemo"):
        chosen = data.plain & np.char.startswith(data.speakers, name)
        guess = logits[torch.from_numpy(chosen)].argmax(1).numpy()
        found[f"{name}_cross_validated_uar"] = metrics.uar(data.labels[chosen], guess)
        Console().print(f"{name}, {a.folds} folds of unseen speakers: UAR {found[f'{name}_cross_validated_uar']:.3f}")
    network = Acoustic(a.layers)
    load_whisper(network.encoder)
    everyone = np.ones(len(data.labels), bool)
    network.head.load_state_dict(fit(a, data, everyone, ~everyone, "all").state_dict())
    # Made windows too: at run time sound is soiled as they are.
    network.temperature.fill_(loop.fit_temperature(logits, torch.from_numpy(data.labels)))
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
    a = parser().parse_args(arguments)

    def work() -> None:
        a.data = data_folder(a.data)
        a.views = tuple(a.views)
        for name in ("ravdess", "nemo"):  # what is missing is better known now than after the training
            corpora.load(name, a.data, "held-out")
        network, found = train(a)
        ship(network, a.engines)
        describe(network, a.engines, found)
        held_out = {name: figures(name, a.data, "held-out", a.engines) for name in ("ravdess", "nemo")}
        describe(network, a.engines, {**found, **held_out})

    return run("train_acoustic", work)


if __name__ == "__main__":
    raise SystemExit(main())

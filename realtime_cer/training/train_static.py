"""Train the static network on RAF-DB and FER+ (votes as soft labels)."""

import argparse
import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from realtime_cer import metrics
from realtime_cer.errors import Refused
from realtime_cer.inference.engine import Engine, load
from realtime_cer.labels import BASIC
from realtime_cer.models import export
from realtime_cer.models.static import FEATURES, Static, load_imagenet
from realtime_cer.perception.align import CROP_SIZE
from realtime_cer.rules import compound
from realtime_cer.training import batches, corpora, loop, recipe
from realtime_cer.training.augment import augment
from realtime_cer.training.batches import Batch
from realtime_cer.training.command import count, data_folder, number, run
from realtime_cer.training.corpora.corpus import need_classes
from realtime_cer.training.corpora.doubles import without_doubles
from realtime_cer.training.corpora.faces import validation
from realtime_cer.training.crops import crops
from realtime_cer.training.runlog import data_row
from realtime_cer.training.temperature import fit_temperature

OURS = {
    "length": (3140, "steps"),
    "batch": 64,
    "optimiser": "adamw",
    "rate": 8e-4,
    "weight_decay": 0.02,
    "schedule": "fall",
    "warmup": 150,
    "decay": 0.331,
    "size": 96,
    "smoothing": 0.1,
    "votes": True,
    "mixup": 0.2,
    "balance": 0.4,
    "average": 0.998,
    "keep": "best",
}
"""The first cycle of the shipped weights."""

SECOND = {
    **OURS,
    "length": (2800, "steps"),
    "rate": 4e-4,
    "warmup": 50,
    "decay": 0.98,
    "size": CROP_SIZE,
    "balance": 0.5,
    "share": 0.625,
    "distil": 0.4,
    "keep": "last",
    "blend": 0.5,
    "seed": 2,
}
"""Their second cycle: ``--recipe second --start`` the first one's checkpoint ``--teacher`` the first one's network."""

PUBLISHED = {
    **OURS,
    "length": (30, "epochs"),
    "optimiser": "adam",
    "rate": 1e-4,
    "weight_decay": 0.0,
    "schedule": "restarts",
    "restarts": 5,
    "size": CROP_SIZE,
    "votes": False,
    "balance": 0.0,
    "average": 0.0,
}
"""The paper's: Adam, cosine annealing with 5 warm restarts, MixUp, label smoothing. The rest it does not tell."""

Pictures = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Faces:
    """Crops (N, 112, 112, 3), labels (N,) into the corpus's classes, and what is taught of them (N, 7)."""

    pictures: Pictures
    labels: npt.NDArray[np.int64]
    soft: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sources:
    """What is trained on; what chooses the best network and its temperature; compound faces, only measured on."""

    train: tuple[Faces, ...]
    valid: Faces
    compound: Faces | None
    data: list[dict[str, Any]]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the flags."""
    p = recipe.flags("train_static", __doc__, "runs/static")
    p.add_argument("--share", type=number(0, 1), default=0.5, help="of RAF-DB in a batch; the rest is FER+")
    p.add_argument("--size", type=count(32), help="side of the crops before the rate falls, then 112")
    p.add_argument("--balance", type=number(0), help="rare classes are drawn more: power of the class count")
    p.add_argument("--votes", action=argparse.BooleanOptionalAction, help="FER+ is taught by votes, not by majority")
    p.add_argument("--scratch", action="store_true", help="start from random weights instead of ImageNet's")
    p.add_argument(
        "--teacher", type=Path, metavar="DIR", help="folder of a static network whose opinion softens labels"
    )
    p.add_argument("--distil", type=number(0, 1), default=0.4, help="the teacher's share of a label")
    p.add_argument("--blend", type=number(0, 1), default=0.0, help="share of --start's weights in the result")
    p.add_argument("--raf-ce", action=argparse.BooleanOptionalAction, default=True, help="measure on it at each check")
    a = recipe.parse(p, {"ours": OURS, "second": SECOND, "published": PUBLISHED}, arguments)
    if a.blend and not a.start:
        p.error("--blend, which the second recipe sets, needs --start with the checkpoint of the first")
    return a


def sources(a: argparse.Namespace) -> Sources:
    """Load the pictures and make their soft labels."""
    raf = corpora.load("raf-db", a.data, "train")
    valid, raf = raf.select(validation(raf)), need_classes(raf.select(~validation(raf)))
    fer = need_classes(corpora.load("ferplus", a.data, "train"))
    parts = [(raf, "train"), (valid, "validation"), (fer, "train")]
    if a.raf_ce:
        unseen = corpora.load("raf-ce", a.data)
        # A full copy of RAF-DB shows some of its pictures: what is zero-shot must never have been seen.
        parts[0] = (need_classes(without_doubles(raf, unseen)), "train")
        parts.append((unseen, "all"))
    seen = [Faces(crops(c), c.labels, batches.smoothed(c.labels, a.smoothing)) for c, _ in parts]
    if a.votes:
        assert fer.votes is not None
        seen[2] = replace(seen[2], soft=fer.votes)
    return Sources(
        (seen[0], seen[2]), seen[1], seen[3] if a.raf_ce else None, [data_row(corpus, part) for corpus, part in parts]
    )


def teacher_of(a: argparse.Namespace) -> Engine:
    """Load the network whose opinion softens the labels."""
    engine: Engine = load("static", "cpu", a.teacher, a.threads)
    wanted = (CROP_SIZE, CROP_SIZE, 3)
    if engine.manifest.inputs[0].shape[1:] != wanted:
        raise Refused(f"the static network in {a.teacher} is no teacher: it does not take crops of {wanted}")
    return engine


def softened(faces: Faces, teacher: Engine, share: float) -> Faces:
    """Mix the teacher's probabilities into the soft labels."""
    starts = track(range(0, len(faces.pictures), 64), description="the teacher looks", transient=True)
    said = np.concatenate([teacher.run(faces.pictures[i : i + 64])["probabilities"] for i in starts])
    return replace(faces, soft=((1 - share) * faces.soft + share * said).astype(np.float32))


def batch(train: tuple[Faces, ...], step: int, size: int, a: argparse.Namespace) -> Batch:
    """Make batch ``step``: crops (B, size, size, 3), soft labels (B, 7)."""
    parts = (round(a.batch * a.share), a.batch - round(a.batch * a.share))
    pictures: list[Pictures] = []
    labels = []
    for source, (faces, part) in enumerate(zip(train, parts, strict=True)):
        weights = batches.balance(faces.labels, a.balance)
        for i in batches.draw(weights, part, step, a.seed * 10 + source):
            rng = np.random.default_rng([a.seed, source, step, int(i), len(pictures)])
            pictures.append(augment(faces.pictures[i], rng, size))
            labels.append(faces.soft[i])
    made = torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.stack(labels))
    return batches.mixup(made, a.mixup, np.random.default_rng([a.seed, 99, step]))


@torch.inference_mode()
def logits_of(network: Static, pictures: Pictures, size: int = 64) -> Tensor:
    """Return the logits (N, 7) of many crops, averaged with those of their mirror images, as the network is shipped."""
    device = network.temperature.device
    parts = (torch.from_numpy(pictures[i : i + size]).to(device) for i in range(0, len(pictures), size))
    return torch.cat([(network.logits(x)[0] + network.logits(x.flip(2))[0]) / 2 for x in parts]).cpu()


def check(network: Static, data: Sources) -> dict[str, float]:
    """Measure on the validation part and, beside it, the plain sum of probabilities on compound faces."""
    guess = logits_of(network, data.valid.pictures).argmax(1)
    found = {
        "valid_uar": metrics.uar(data.valid.labels, guess),
        "valid_accuracy": metrics.accuracy(data.valid.labels, guess),
    }
    if data.compound:
        p = logits_of(network, data.compound.pictures).softmax(1)
        found["raf_ce_f1"] = metrics.macro_f1(data.compound.labels, compound(p, "none").argmax(1))
    return found


def train(a: argparse.Namespace) -> tuple[Static, dict[str, Any]]:
    """Train, or go on from the checkpoint in ``--out``; fit the temperature. Returns also how it was trained."""
    teacher = teacher_of(a) if a.teacher else None
    data = sources(a)
    measures = ("valid_uar", "valid_accuracy", *(["raf_ce_f1"] if a.raf_ce else []))
    hashes = {"teacher_sha256": teacher.manifest.sha256} if teacher else {}
    samples = sum(len(faces.labels) for faces in data.train)
    plan = recipe.plan(a, "static", a.out, samples, data.data, measures, **hashes)
    recipe.begin(a, plan, data.data)
    train = tuple(softened(faces, teacher, a.distil) for faces in data.train) if teacher else data.train
    falls = plan.steps * (1 - a.decay)

    torch.manual_seed(a.seed)
    network = Static()
    if a.start:
        loop.start(network, a.start)
    elif not a.scratch:
        load_imagenet(network)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch types no such call
    kept = loop.fit(
        network,
        plan,
        lambda step: batch(train, step, a.size if step < falls else CROP_SIZE, a),
        lambda n, b: F.cross_entropy(n.logits(b[0])[0].float(), b[1]),
        lambda n: check(n, data),
    ).cpu()
    if a.blend:
        blend(kept, a.start, a.blend)
    kept.temperature.fill_(fit_temperature(logits_of(kept, data.valid.pictures), torch.from_numpy(data.valid.labels)))
    return kept, {"recipe": a.recipe, "steps": plan.steps}


def blend(network: Static, path: Path, share: float) -> None:
    """Mix the averaged weights of another run into a network's: what both cycles agree on is what generalises."""
    other = Static()
    loop.start(other, path)
    for mine, theirs in zip(network.state_dict().values(), other.state_dict().values(), strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(theirs, share)


def ship(network: Static, folder: Path) -> None:
    """Write ``static.onnx``, batch norms folded."""
    plain = copy.deepcopy(network).eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch types no such call
    example = torch.zeros(2, CROP_SIZE, CROP_SIZE, 3, dtype=torch.uint8)
    export.export(export.folded(plain), example, "crop", ("probabilities", "features"), folder / "static.onnx")


def describe(network: Static, folder: Path, found: Mapping[str, Any]) -> None:
    """Write ``static.toml``."""
    export.write_manifest(
        folder / "static.onnx",
        licence="non-commercial research (trained on RAF-DB, and on FER+: votes MIT, pictures of FER2013 for research);"
        " starting point EfficientNet-lite0 ImageNet weights, Apache-2.0",
        temperature=float(network.temperature),
        normalisation="inside the graph: (crop - 127) / 128, RGB; averaged with the mirror image",
        inputs=[("crop", "uint8", ("batch", CROP_SIZE, CROP_SIZE, 3))],
        outputs=[("probabilities", "float32", ("batch", len(BASIC))), ("features", "float32", ("batch", FEATURES))],
        metrics=found,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line: train, export, measure what was exported, note the figures in its manifest."""
    a = parse(arguments)

    def work() -> None:
        a.data = data_folder(a.data)
        measured = recipe.measurable(("raf-db", "ferplus", *(["raf-ce"] if a.raf_ce else [])), a.data)
        network, how = train(a)
        recipe.finish(network, a, ship, describe, how, measured)

    return run("train_static", work)


if __name__ == "__main__":
    raise SystemExit(main())

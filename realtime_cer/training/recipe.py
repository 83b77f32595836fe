"""What the training scripts share: flags, the recipe that gives their defaults, the plan, and what follows a run."""

import argparse
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from rich.console import Console
from torch import nn

from realtime_cer.errors import Refused
from realtime_cer.inference.manifest import engines_folder, sha256
from realtime_cer.training import corpora, loop, schedule
from realtime_cer.training.command import Parser, count, number
from realtime_cer.training.corpora.corpus import need_classes
from realtime_cer.training.evaluate import figures
from realtime_cer.training.runlog import versions, write_json

N = TypeVar("N", bound=nn.Module)

Recipe = Mapping[str, Any]
"""Defaults of flags, by the flags' names."""

# These change where a run happens and what is told of it, not what is learned. Files are compared by their hashes.
_NOT_COMPARED = ("data", "out", "engines", "device", "threads", "check_every", "save_every", "keep", "start", "teacher")


class _Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Tells each default, but for those that would tell nothing."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None:
            return action.help
        if isinstance(action.default, tuple):
            return f"{action.help} (default: {' '.join(map(str, action.default))})"
        return super()._get_help_string(action)


def flags(prog: str, description: str | None, out: str) -> argparse.ArgumentParser:
    """Return the flags of every training script; a recipe gives the defaults of what is learned and how."""
    p = Parser(prog=prog, description=description, formatter_class=_Defaults)
    p.add_argument("--data", type=Path, help="folder of the corpora (or REALTIME_CER_DATA)")
    p.add_argument("--out", type=Path, default=Path(out), help="checkpoint, log and settings; a run there is resumed")
    p.add_argument("--engines", type=Path, default=engines_folder(), help="folder for the exported network")
    p.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU, if there is one")
    p.add_argument("--precision", choices=("bf16", "float32"), default="bf16", help="bf16 is mixed precision")
    p.add_argument("--threads", type=count(1), default=2, help="of the CPU")
    p.add_argument("--seed", type=count(0), default=1, help="of everything that is drawn")
    p.add_argument("--start", type=Path, metavar="FILE", help="begin with the averaged weights of this checkpoint")
    p.add_argument("--steps", dest="length", type=_length("steps"), metavar="N", help="how long: batches")
    p.add_argument("--epochs", dest="length", type=_length("epochs"), metavar="N", help="or: passes over the data")
    p.add_argument("--batch", type=count(2), help="samples in a step")
    p.add_argument("--optimiser", choices=tuple(loop.OPTIMISERS), help="torch's, with its defaults")
    p.add_argument("--rate", type=number(0), help="highest learning rate")
    p.add_argument("--weight-decay", type=number(0), help="as the optimiser takes it")
    p.add_argument(
        "--schedule", choices=("fall", "restarts"), help="of the rate: one fall at the end, or warm restarts"
    )
    p.add_argument("--warmup", type=count(0), default=0, help="steps over which the rate rises (fall)")
    p.add_argument("--decay", type=number(0, 1), default=1.0, help="last share of the steps, in which it falls (fall)")
    p.add_argument("--restarts", type=count(0), default=5, help="how often the rate jumps up again (restarts)")
    p.add_argument(
        "--floor", type=number(0, 0.99), default=0.0, help="lowest rate, as a share of the highest (restarts)"
    )
    p.add_argument("--smoothing", type=number(0, 1), help="share of a label spread over all classes")
    p.add_argument("--mixup", type=number(0), help="alpha of its Beta distribution; 0 for none")
    p.add_argument("--average", type=number(0, 1), help="decay of the averaged weights; 0 for none")
    p.add_argument("--keep", choices=("best", "last"), help="best mean recall on the validation part, or the last")
    p.add_argument("--check-every", type=count(1), default=500, help="steps")
    p.add_argument("--save-every", type=count(1), default=100, help="steps")
    return p


def _length(unit: str) -> Callable[[str], tuple[int, str]]:
    return lambda text: (count(1)(text), unit)


def parse(p: argparse.ArgumentParser, recipes: Mapping[str, Recipe], arguments: list[str] | None) -> argparse.Namespace:
    """Read the flags; what was not given has the value of the recipe."""
    first = Parser(prog=p.prog, add_help=False)
    for one in (first, p):
        one.add_argument("--recipe", choices=tuple(recipes), default="ours", help="where these defaults come from")
    p.set_defaults(**recipes[first.parse_known_args(arguments)[0].recipe])
    return p.parse_args(arguments)


def device_of(a: argparse.Namespace) -> torch.device:
    """Return the device of the flags, the CPU's threads set.

    Raises
    ------
    Refused
        A GPU is asked for and there is none.
    """
    torch.set_num_threads(a.threads)
    if a.device == "cuda" and not torch.cuda.is_available():
        raise Refused("torch finds no CUDA device here: give --device cpu, or install torch's build for CUDA")
    return torch.device("cuda" if a.device != "cpu" and torch.cuda.is_available() else "cpu")


def plan(
    a: argparse.Namespace,
    name: str,
    out: Path,
    samples: int,
    data: Iterable[Mapping[str, Any]],
    measures: tuple[str, ...],
    **files: str,
) -> loop.Plan:
    """Return the flags as the training loop takes them.

    Parameters
    ----------
    samples : how many there are in an epoch
    data : rows of ``runlog.data_row``; a run goes on with the same data alone
    measures : what is measured; the best network is chosen by the first
    files : hashes of other files that the run depends on
    """
    device = device_of(a)
    length, unit = a.length
    steps = length if unit == "steps" else max(length * samples // a.batch, 1)
    if a.schedule == "fall":
        factor = partial(schedule.fall, steps=steps, warmup=a.warmup, decay=a.decay)
    else:
        factor = partial(schedule.restarts, steps=steps, count=a.restarts, floor=a.floor)
    if a.start:
        files["start_sha256"] = _hash(a.start)
    settings = {k: v for k, v in vars(a).items() if k not in _NOT_COMPARED}
    return loop.Plan(
        name=name,
        out=out,
        settings=settings | files | {f"{row['name']} {row['part']}": row["sha256"] for row in data},
        steps=steps,
        rate_at=lambda step: a.rate * factor(step),
        measures=measures,
        optimiser=a.optimiser,
        weight_decay=a.weight_decay,
        average=a.average,
        seed=a.seed,
        keep=a.keep,
        check_every=a.check_every,
        save_every=a.save_every,
        # Before the rate falls a run may still become longer.
        free=("length", "decay") if a.schedule == "fall" else (),
        device=device,
        bf16=a.precision == "bf16",
        workers=1 if device.type == "cpu" else min(os.cpu_count() or 1, 8),
    )


def _hash(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise Refused(f"cannot start from {path}: {error.strerror}") from None


def begin(a: argparse.Namespace, plan: loop.Plan, data: Sequence[Mapping[str, Any]]) -> None:
    """Write ``settings.json`` and ``data.json``, unless ``--out`` holds a run with other settings: that is refused."""
    loop.resume(plan)
    given = {k: str(v) if isinstance(v, Path) else v for k, v in vars(a).items()}
    device = torch.cuda.get_device_name(plan.device) if plan.device.type == "cuda" else "cpu"
    hashes = {k: v for k, v in plan.settings.items() if k not in given}
    about = {"steps": plan.steps, "device": device, "versions": versions()}
    write_json(a.out / "settings.json", {"recipe": a.recipe, "flags": given, "hashes": hashes, **about})
    write_json(a.out / "data.json", data)


def measurable(names: Sequence[str], data: Path) -> list[str]:
    """Return the corpora that have a held-out part; say so where one has none.

    What is missing is better known before the training than after it.

    Raises
    ------
    CorpusError
        A corpus is not there, or a class has no file in its held-out part.
    """
    there = []
    for name in names:
        corpus = corpora.load(name, data)
        if corpus.held_out.any():
            need_classes(corpus.select(corpus.held_out), corpora.READERS[name].classes)
            there.append(name)
        else:
            Console().print(f"{name}: its held-out part is not here, so it will not be measured")
    return there


def finish(
    network: N,
    a: argparse.Namespace,
    ship: Callable[[N, Path], None],
    describe: Callable[[N, Path, Mapping[str, Any]], None],
    found: Mapping[str, Any],
    measured: Sequence[str] = (),
) -> None:
    """Export the network, measure what was exported on held-out parts, note the figures in its manifest.

    Parameters
    ----------
    found : figures that are known already
    measured : corpora to measure on
    """
    ship(network, a.engines)
    describe(network, a.engines, found)
    held_out = {name: figures(name, a.data, "held-out", a.engines) for name in measured}
    describe(network, a.engines, {**found, **held_out})

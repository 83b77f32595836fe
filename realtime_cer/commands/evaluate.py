"""Measure the networks on a corpus, or on everything that is there, into one report."""

import argparse
import contextlib
import json
import os
import shlex
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from rich.console import Console

from realtime_cer.capture.media import open_media
from realtime_cer.commands.console import Talk
from realtime_cer.config import DEFAULT_PROFILE, Config, load_weights
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.inference.manifest import engines_folder
from realtime_cer.inference.profile import read_profile
from realtime_cer.pipeline.offline import decide
from realtime_cer.pipeline.steps import load_perception
from realtime_cer.records import Decision
from realtime_cer.training.command import Parser, count, data_folder, run
from realtime_cer.training.evaluate import MEASURED, measure, show
from realtime_cer.training.page import page
from realtime_cer.training.pictures import confusion_picture
from realtime_cer.training.report import Wanted, draw, gather
from realtime_cer.training.timelines import timelines_picture
from realtime_cer.whole import whole

_EXAMPLES = """examples:
  scripts/evaluate --corpus raf-db --data DIR --part held-out --json figures.json
  scripts/evaluate --corpus raf-ce --data DIR --picture confusion.png
  scripts/evaluate --report report --data DIR --part held-out"""


def parser() -> argparse.ArgumentParser:
    """Return the flags."""
    p = Parser(
        prog="evaluate", description=__doc__, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--corpus", choices=MEASURED, help="which one; a report takes all that are there unless one is named"
    )
    p.add_argument("--data", type=Path, help="the corpus, or a folder that holds it (default: REALTIME_CER_DATA)")
    p.add_argument(
        "--part", choices=("all", "held-out"), default="all", help="all that is there, or what our training never saw"
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    p.add_argument("--picture", type=Path, metavar="FILE", help="draw the confusion matrix there (PNG)")
    p.add_argument("--engines", type=Path, metavar="DIR", help="other networks than the shipped ones")
    p.add_argument("--threads", type=count(1), default=0, help="CPU threads (default: all cores)")
    report = p.add_argument_group("one report on everything")
    report.add_argument("--report", type=Path, metavar="DIR", help="write report.md, report.json and pictures there")
    report.add_argument("--probabilities", type=Path, metavar="FILE", help="what all models said: fit_fusion --store")
    report.add_argument(
        "--voices", type=Path, metavar="FILE", help="what folds of unseen speakers said: train_acoustic"
    )
    report.add_argument(
        "--weights",
        action="append",
        metavar="FILE|NAME",
        help="fusion weights, again for more; the first draws the clip",
    )
    report.add_argument("--clip", type=Path, metavar="FILE", help="the clip of the timelines (default: the demo's)")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    flags = parser()
    a = flags.parse_args(arguments)
    if not a.report and not a.corpus:
        flags.error("give --corpus NAME, or --report DIR")
    if not a.report and (a.probabilities or a.voices or a.weights or a.clip):
        flags.error("--probabilities, --voices, --weights and --clip need --report DIR")
    if a.report and (a.json or a.picture):
        flags.error("--report DIR writes figures and pictures itself: leave out --json and --picture")
    return run("evaluate", lambda: _report(a) if a.report else _one(a))


def _one(a: argparse.Namespace) -> None:
    report = measure(a.corpus, data_folder(a.data), a.part, a.engines, a.threads)
    show(report, Console())
    if a.json:
        _write(a.json, json.dumps(report, indent=1) + "\n")
    if a.picture:
        confusion_picture(report, a.picture)


def _report(a: argparse.Namespace) -> None:
    console = Talk(stderr=True)
    weights = tuple(load_weights(name) for name in a.weights or [read_profile(DEFAULT_PROFILE).weights])
    _usable(a.report)
    with contextlib.ExitStack() as stack:
        clip = a.clip or stack.enter_context(as_file(files("realtime_cer") / "assets" / "demo.mp4"))
        open_media(clip)  # a clip that cannot be read is refused before the work, not after it
        wanted = Wanted(
            data=data_folder(a.data),
            weights=weights,
            corpora=(a.corpus,) if a.corpus else MEASURED,
            part=a.part,
            probabilities=a.probabilities,
            voices=a.voices,
            engines=a.engines,
            threads=a.threads,
        )
        report = gather(wanted, console)
        draw(report, weights, a.report)
        if a.engines is None:  # a clip goes through the profile's networks, which these would not be
            report["clip"] = _timelines(clip, weights[0], a.report / "timelines.png")
    command = _command(a)
    _write(a.report / "report.json", json.dumps({"command": command, **report}, indent=1) + "\n")
    _write(a.report / "report.md", page(report, command, _card(a.report)))
    console.print(f"report: {a.report / 'report.md'}")


def _timelines(clip: Path, weights: FusionWeights, picture: Path) -> dict[str, Any]:
    rule = read_profile(DEFAULT_PROFILE).rule
    decisions = _decided(clip, weights, Config(rule=rule))
    title = f"{clip.name}: compound expressions, rule {rule.removeprefix('rule')}, weights {weights.name}"
    timelines_picture(decisions, weights, rule, title, picture)
    told = {"file": clip.name, "decisions": len(decisions), "rule": rule, "weights": weights.name}
    return {**told, "picture": picture.name}


def _decided(clip: Path, weights: FusionWeights, config: Config) -> Sequence[Decision]:
    """Every decision on a clip, as ``run`` takes them."""
    with contextlib.closing(load_perception(config)) as perception:
        return list(decide(open_media(clip).items(grid_fps=5), config, weights, perception))


def _command(a: argparse.Namespace) -> str:
    """The command line with names only: folders of this machine are nobody else's business."""
    words = ["scripts/evaluate", "--report", a.report.name or "DIR", "--data", "DIR", "--part", a.part]
    if a.corpus:
        words += ["--corpus", a.corpus]
    for flag, path in (("--probabilities", a.probabilities), ("--voices", a.voices), ("--clip", a.clip)):
        words += [flag, path.name] if path else []
    for name in a.weights or []:
        words += ["--weights", Path(name).name]
    if a.engines:
        words += ["--engines", a.engines.name]
    return shlex.join(words)


def _card(folder: Path) -> str | None:
    """Relative link to the model card, from a report that lies in the same checkout."""
    card = engines_folder() / "MODEL_CARD.md"
    inside = card.is_file() and folder.resolve().is_relative_to(card.parents[1])
    return Path(os.path.relpath(card, folder.resolve())).as_posix() if inside else None


def _usable(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise Refused(f"{folder} is a file: give a folder with --report")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"cannot write {folder}: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    if not path.name:
        raise Refused(f"cannot write {path}: give a file with --json")
    try:
        with whole(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}") from None

"""Measure the shipped networks, as the program runs them, on a corpus."""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table

from realtime_cer import metrics
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights, fuse
from realtime_cer.inference.engine import Engine, load
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.rules import RULES, Rule, compound
from realtime_cer.training import corpora
from realtime_cer.training.command import Parser, data_folder, run
from realtime_cer.training.corpora.corpus import Corpus, need_classes
from realtime_cer.training.corpora.speech import read_sound
from realtime_cer.training.crops import crops
from realtime_cer.training.pictures import confusion_picture
from realtime_cer.training.windows import windows

DEFAULT_RULE: Rule = "none"
_BATCH = 32

Floats = npt.NDArray[np.float64]


def measure(name: str, data: Path, part: str = "all", engines: Path | None = None, threads: int = 0) -> dict[str, Any]:
    """Measure on a corpus what ``scripts/evaluate`` reports.

    Picture corpora measure the static network, speech corpora the acoustic one. RAF-CE measures the rules on the static
    network's probabilities, the other models missing.
    """
    corpus = need_classes(corpora.load(name, data, part), corpora.READERS[name].classes)
    engine = load("static" if corpus.kind == "faces" else "acoustic", "cpu", engines, threads or os.cpu_count() or 1)
    p = (faces if corpus.kind == "faces" else voices)(engine, corpus)
    report: dict[str, Any] = {"corpus": name, "part": part, "n": len(corpus)}
    if corpus.classes == COMPOUND:
        report |= _rules(p, corpus)
    else:
        report |= _figures(corpus.labels, p.argmax(1), corpus.classes)
        report["ece"] = metrics.calibration_error(p, corpus.labels)
    report["speakers" if corpus.kind == "speech" else "pictures"] = len(set(corpus.groups.tolist()))
    report["engines"] = {engine.manifest.name: {"sha256": engine.manifest.sha256, "backend": engine.backend}}
    return report


def faces(engine: Engine, corpus: Corpus) -> Floats:
    """Return the static network's probabilities of every picture: (N, 7)."""
    pictures = crops(corpus)
    starts = track(range(0, len(pictures), _BATCH), description=f"static on {corpus.name}", transient=True)
    return np.concatenate([engine.run(pictures[i : i + _BATCH])["probabilities"] for i in starts]).astype(np.float64)


def voices(engine: Engine, corpus: Corpus) -> Floats:
    """Return the acoustic network's probabilities of every clip, the mean over its windows: (N, 7)."""
    paths = track(corpus.paths, description=f"acoustic on {corpus.name}", transient=True)
    means = [engine.run(windows(read_sound(path)))["probabilities"].mean(0) for path in paths]
    return np.stack(means).astype(np.float64)


def figures(name: str, data: Path, part: str, engines: Path) -> dict[str, float | int | str]:
    """Return the main figures of a corpus, as a manifest keeps them."""
    report = measure(name, data, part, engines)
    kept = {k: report[k] for k in ("n", "accuracy", "uar", "f1", "ece") if report[k] is not None}
    by_rule = {f"f1_{name}": values["f1"] for name, values in report.get("rules", {}).items()}
    return kept | by_rule | {"how": f"scripts/evaluate --corpus {name} --part {part}"}


def _rules(p: Floats, corpus: Corpus) -> dict[str, Any]:
    scores = np.zeros((len(p), len(MODELS), p.shape[1]))
    scores[:, MODELS.index("static")] = p
    present = np.array([model == "static" for model in MODELS])
    fused, _ = fuse(scores, FusionWeights.equal(), np.broadcast_to(present, scores.shape[:2]))
    guesses = {rule: compound(fused, rule).argmax(1) for rule in RULES}
    rules = {
        rule: {"f1": metrics.macro_f1(corpus.labels, guess), "accuracy": metrics.accuracy(corpus.labels, guess)}
        for rule, guess in guesses.items()
    }
    top = _figures(corpus.labels, guesses[DEFAULT_RULE], corpus.classes)
    return top | {"ece": None, "rules": rules, "default_rule": DEFAULT_RULE}


def _figures(truth: npt.NDArray[np.int64], guess: npt.NDArray[np.int64], classes: tuple[str, ...]) -> dict[str, Any]:
    count = len(classes)
    recall = metrics.recalls(truth, guess, count)
    interval = {
        "accuracy": metrics.bootstrap(lambda i: metrics.accuracy(truth[i], guess[i], count), len(truth)),
        "uar": metrics.bootstrap(lambda i: metrics.uar(truth[i], guess[i], count), len(truth)),
        "f1": metrics.bootstrap(lambda i: metrics.macro_f1(truth[i], guess[i], count), len(truth)),
    }
    return {
        "accuracy": metrics.accuracy(truth, guess, count),
        "uar": metrics.uar(truth, guess, count),
        "f1": metrics.macro_f1(truth, guess, count),
        "kappa": metrics.kappa(truth, guess, count),
        "interval95": {k: list(v) for k, v in interval.items()},
        "recall": {c: None if np.isnan(r) else float(r) for c, r in zip(classes, recall, strict=True)},
        "classes": list(classes),
        "confusion": metrics.confusion(truth, guess, count).tolist(),
    }


def show(report: Mapping[str, Any], console: Console) -> None:
    """Print a report as a small table."""
    table = Table(title=f"{report['corpus']}, {report['part']}: {report['n']} files")
    table.add_column("")
    table.add_column("%", justify="right")
    table.add_column("95 % interval", justify="right")
    for key, told in (("accuracy", "accuracy"), ("uar", "mean recall (UAR)"), ("f1", "macro F1")):
        low, high = report["interval95"][key]
        table.add_row(told, f"{100 * report[key]:.1f}", f"{100 * low:.1f} to {100 * high:.1f}")
    if report["ece"] is not None:
        table.add_row("calibration error", f"{100 * report['ece']:.1f}", "")
    for rule, values in report.get("rules", {}).items():
        table.add_row(f"F1, rule {rule}", f"{100 * values['f1']:.1f}", "")
    table.add_section()
    for name, value in report["recall"].items():
        table.add_row(f"recall {name}", "no files" if value is None else f"{100 * value:.1f}", "")
    console.print(table)


def parser() -> argparse.ArgumentParser:
    """Return the flags."""
    p = Parser(prog="evaluate", description=__doc__)
    p.add_argument("--corpus", required=True, choices=corpora.NAMES)
    p.add_argument("--data", type=Path, help="the corpus, or a folder that holds it (default: REALTIME_CER_DATA)")
    p.add_argument(
        "--part", choices=("all", "held-out"), default="all", help="all that is there, or what our training never saw"
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    p.add_argument("--picture", type=Path, metavar="FILE", help="draw the confusion matrix there (PNG)")
    p.add_argument("--engines", type=Path, metavar="DIR", help="other networks than the shipped ones")
    p.add_argument("--threads", type=int, default=0, help="CPU threads (default: all cores)")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    a = parser().parse_args(arguments)

    def work() -> None:
        report = measure(a.corpus, data_folder(a.data), a.part, a.engines, a.threads)
        show(report, Console())
        if a.json:
            _write(a.json, report)
        if a.picture:
            confusion_picture(report, a.picture)

    return run("evaluate", work)


def _write(path: Path, report: Mapping[str, Any]) -> None:
    if not path.name:
        raise Refused(f"cannot write {path}: give a file with --json")
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}") from None


if __name__ == "__main__":
    raise SystemExit(main())

"""Measure the shipped networks, as the program runs them, on a corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from realtime_cer import metrics
from realtime_cer.config import DEFAULT_PROFILE
from realtime_cer.fusion import FusionWeights, fuse
from realtime_cer.inference.profile import read_profile
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.rules import RULES, Rule, compound
from realtime_cer.training import corpora
from realtime_cer.training.bygroup import groupings
from realtime_cer.training.corpora import faces, speech
from realtime_cer.training.corpora.corpus import Corpus, CorpusError, need_classes
from realtime_cer.training.corpora.doubles import copies
from realtime_cer.training.predictions import Predictions, predict

MEASURED = (*faces.READERS, *speech.READERS)
"""The corpora of pictures or sound alone; films come as stored probabilities."""

FEW_SPEAKERS = 5
"""Of fewer speakers than this, drawing whole speakers anew tells nothing: clips are drawn instead."""

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_HELD_OUT = {
    "ravdess": f"actors {speech.RAVDESS_HELD_OUT[0]} to {speech.RAVDESS_HELD_OUT[-1]}",
    "nemo": f"speakers {' and '.join(speech.NEMO_HELD_OUT)}",
    "ferplus": "FER2013Valid and FER2013Test",
    "affectnet": "the validation part",
    "crema-d": "a fifth of the actors, by a hash of their numbers",
    "savee": f"speaker {' and '.join(speech.SAVEE_HELD_OUT)}",
    "iemocap": f"speakers {' and '.join(speech.IEMOCAP_HELD_OUT)}",
}


def measure(name: str, data: Path, part: str = "all", engines: Path | None = None, threads: int = 0) -> dict[str, Any]:
    """Measure on a corpus what ``scripts/evaluate`` reports.

    Picture corpora measure the static network, speech corpora the acoustic one. RAF-CE measures the rules on the static
    network's probabilities, the other models missing.
    """
    corpus = need_classes(part_of(name, data, part), corpora.READERS[name].classes)
    said = predict(corpus, engines, threads)
    people = speakers(corpus)
    report: dict[str, Any] = {"corpus": name, "part": part, "n": len(corpus), "held_out": int(corpus.held_out.sum())}
    if corpus.classes == COMPOUND:
        present = np.array([model == "static" for model in MODELS])
        scores = np.where(present[:, None], said.probabilities[:, None], 0)
        fused, _ = fuse(scores, FusionWeights.equal(), np.broadcast_to(present, scores.shape[:2]))
        default = read_profile(DEFAULT_PROFILE).rule
        report |= figures_of(corpus.labels, compound(fused, default).argmax(1), COMPOUND, people)
        report |= {"ece": None, "rules": compare_rules(fused, corpus.labels, default), "default_rule": default}
    else:
        guess = said.probabilities.argmax(1)
        report |= figures_of(corpus.labels, guess, corpus.classes, people)
        report |= {"ece": metrics.calibration_error(said.probabilities, corpus.labels)}
        report["calibration"] = _calibration(said, corpus, people)
        report["groups"] = by_group(corpus, guess)
        if part == "held-out" and corpus.kind == "faces":
            report["without_copies"] = without_copies(corpus, guess, data)
    report["speakers" if corpus.kind == "speech" else "pictures"] = len(set(corpus.groups.tolist()))
    report["interval_by"] = "file" if people is None else "speaker"
    manifest = said.engine.manifest
    report["engines"] = {manifest.name: {"sha256": manifest.sha256, "backend": said.engine.backend}}
    return report


def figures(name: str, data: Path, part: str, engines: Path) -> dict[str, float | int | str]:
    """Return the main figures of a corpus, as a manifest keeps them."""
    report = measure(name, data, part, engines)
    kept = {k: report[k] for k in ("n", "accuracy", "uar", "f1", "ece") if report[k] is not None}
    by_rule = {f"f1_{rule}": values["f1"] for rule, values in report.get("rules", {}).items()}
    return kept | by_rule | {"how": f"scripts/evaluate --corpus {name} --part {part}"}


def part_of(name: str, data: Path, part: str) -> Corpus:
    """Read a corpus's lists, all or what training never saw; a held-out part that is not there is named."""
    corpus = corpora.load(name, data)
    if part == "all":
        return corpus
    if not corpus.held_out.any():
        told = _HELD_OUT.get(name, "a share of the pictures, by a hash of their names")
        raise CorpusError(f"{name}: the held-out part is {told}, of which nothing is in {data}: add it there")
    return corpus.select(corpus.held_out)


def speakers(corpus: Corpus) -> npt.NDArray[np.str_] | None:
    """Whom to draw anew for an interval: speakers, where a speech corpus has enough of them, or None for files."""
    enough = corpus.kind == "speech" and len(set(corpus.groups.tolist())) >= FEW_SPEAKERS
    return corpus.groups if enough else None


def compare_rules(fused: Floats, labels: Indices, default: Rule) -> dict[str, Any]:
    """Hold every rule against compound labels, and against the default rule on the same files.

    Parameters
    ----------
    fused : (N, 7) fused probabilities
    labels : (N,) indices into ``labels.COMPOUND``
    """
    usual = compound(fused, default).argmax(1)
    found: dict[str, Any] = {}
    for rule in RULES:
        guess = compound(fused, rule).argmax(1)
        interval = metrics.intervals(labels, guess, len(COMPOUND))
        found[rule] = {
            "f1": metrics.macro_f1(labels, guess, len(COMPOUND)),
            "uar": metrics.uar(labels, guess, len(COMPOUND)),
            "accuracy": metrics.accuracy(labels, guess, len(COMPOUND)),
            "interval95": {name: list(ends) for name, ends in interval.items()},
        }
        if rule != default:
            beyond = metrics.differences(labels, guess, usual, len(COMPOUND))["f1"]
            found[rule]["f1_beyond_default"] = {"value": beyond.value, "interval95": [beyond.low, beyond.high]}
    return found


def figures_of(
    truth: Indices, guess: Indices, classes: tuple[str, ...], groups: npt.NDArray[np.str_] | None = None
) -> dict[str, Any]:
    """Return what is told of guesses: the figures, their intervals, recall of each class, confusion."""
    count = len(classes)
    recall, kappa = metrics.recalls(truth, guess, count), metrics.kappa(truth, guess, count)
    return {
        "accuracy": metrics.accuracy(truth, guess, count),
        "uar": metrics.uar(truth, guess, count),
        "f1": metrics.macro_f1(truth, guess, count),
        "kappa": None if np.isnan(kappa) else kappa,
        "interval95": {k: list(v) for k, v in metrics.intervals(truth, guess, count, groups).items()},
        "recall": {c: None if np.isnan(r) else float(r) for c, r in zip(classes, recall, strict=True)},
        "classes": list(classes),
        "confusion": metrics.confusion(truth, guess, count).tolist(),
    }


def calibration_of(p: Floats, truth: Indices, groups: npt.NDArray[np.str_] | None = None) -> dict[str, Any]:
    """Return whether probabilities (N, 7) mean what they say: error, scores, and the reliability curve."""
    curve = metrics.reliability(p, truth)
    return {
        "ece": curve.error,
        "interval95": list(metrics.calibration_interval(p, truth, groups)),
        "brier": metrics.brier(p, truth),
        "nll": metrics.log_loss(p, truth),
        "reliability": {
            "counts": curve.counts.tolist(),
            "confidence": _or_none(curve.confidence),
            "accuracy": _or_none(curve.accuracy),
        },
    }


def by_group(corpus: Corpus, guess: Indices) -> dict[str, Any]:
    """Return accuracy and mean recall for each group of people, where the corpus tells of any."""
    found: dict[str, Any] = {}
    for kind, names in groupings(corpus).items():
        for name in sorted(set(names.tolist())):
            here = names == name
            truth, said = corpus.labels[here], guess[here]
            interval = metrics.intervals(truth, said, len(corpus.classes))
            found.setdefault(kind, {})[name] = {
                "n": int(here.sum()),
                "accuracy": metrics.accuracy(truth, said, len(corpus.classes)),
                "uar": metrics.uar(truth, said, len(corpus.classes)),
                "interval95": {k: list(interval[k]) for k in ("accuracy", "uar")},
            }
    return found


def without_copies(corpus: Corpus, guess: Indices, data: Path) -> dict[str, Any] | None:
    """Return the figures without files that are also, byte for byte, in the part trained on; None if there are none."""
    whole = corpora.load(corpus.name, data)
    copied = copies(corpus, whole.select(~whole.held_out))
    if not copied.any() or copied.all():
        return None
    truth, said, count = corpus.labels[~copied], guess[~copied], len(corpus.classes)
    figures = {"accuracy": metrics.accuracy, "uar": metrics.uar, "f1": metrics.macro_f1}
    return {"copies": int(copied.sum())} | {name: figure(truth, said, count) for name, figure in figures.items()}


def _calibration(said: Predictions, corpus: Corpus, people: npt.NDArray[np.str_] | None) -> dict[str, Any]:
    manifest = said.engine.manifest
    return {
        "network": manifest.name,
        "temperature": manifest.temperature,
        "before": calibration_of(said.uncalibrated, corpus.labels, people),
        "after": calibration_of(said.probabilities, corpus.labels, people),
    }


def _or_none(values: Floats) -> list[float | None]:
    """Numbers for JSON, which knows no NaN."""
    return [None if np.isnan(value) else float(value) for value in values]


def show(report: Mapping[str, Any], console: Console) -> None:
    """Print a report as a small table."""
    table = Table(title=f"{report['corpus']}, {report['part']}: {report['n']} files")
    table.add_column("")
    table.add_column("%", justify="right")
    table.add_column("95 % interval", justify="right")
    for key, told in (("accuracy", "accuracy"), ("uar", "mean recall (UAR)"), ("f1", "macro F1")):
        table.add_row(told, f"{100 * report[key]:.1f}", _between(report["interval95"][key]))
    if report.get("without_copies"):
        rest = report["without_copies"]
        told = f"accuracy without {rest['copies']} that training saw too"
        table.add_row(told, f"{100 * rest['accuracy']:.1f}", "")
    if report["ece"] is not None:
        after = report["calibration"]["after"]
        table.add_row("calibration error", f"{100 * report['ece']:.1f}", _between(after["interval95"]))
        table.add_row("  at temperature 1", f"{100 * report['calibration']['before']['ece']:.1f}", "")
    for rule, values in report.get("rules", {}).items():
        table.add_row(
            f"F1, rule {rule.removeprefix('rule')}", f"{100 * values['f1']:.1f}", _between(values["interval95"]["f1"])
        )
    table.add_section()
    for name, value in report["recall"].items():
        table.add_row(f"recall {name}", "no files" if value is None else f"{100 * value:.1f}", "")
    console.print(table)


def _between(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"

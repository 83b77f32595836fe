"""Fit the fusion weights W, and v if asked, on stored probabilities or on pairs of faces and voices made here."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from realtime_cer import metrics
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights, weights_toml
from realtime_cer.labels import BASIC, MODELS
from realtime_cer.metrics.figures import recalls_of
from realtime_cer.training import stored
from realtime_cer.training.command import Parser, count, data_folder, number, run
from realtime_cer.training.fusion_search import (
    DRAWS,
    EMOTIONS,
    Samples,
    fit_classes,
    fit_models,
    flat_draws,
    guesses,
    mean_recall,
)
from realtime_cer.whole import whole

_CHOICES = {",".join(MODELS[:n]): n for n in (3, 2)}
_PUBLISHED = {3: ("avcer-7cl", "avcer-8cl"), 2: ("avcer-video",)}
_HALVES = ("fitted_half", "unseen_half")

Figures = dict[str, float | list[float]]


def parser() -> argparse.ArgumentParser:
    """Return the flags."""
    p = Parser(prog="fit_fusion", description=__doc__)
    p.add_argument("--out", type=Path, required=True, metavar="FILE", help="the weights file to write (TOML)")
    p.add_argument("--data", type=Path, help="folder of the corpora (default: REALTIME_CER_DATA)")
    p.add_argument("--probabilities", type=Path, metavar="FILE", help="fit on these (.npz) instead of making pairs")
    p.add_argument(
        "--voices", type=Path, metavar="FILE", help="unseen.npz of train_acoustic (default: ask the network)"
    )
    p.add_argument("--store", type=Path, metavar="FILE", help="keep the pairs there (.npz)")
    p.add_argument(
        "--models", choices=_CHOICES, default=next(iter(_CHOICES)), metavar="A,B,C", help=" or ".join(_CHOICES)
    )
    p.add_argument("--draws", type=count(1), default=DRAWS, help="of W")
    p.add_argument("--best", type=count(1), default=1, help="take the mean of so many best draws; 1 as published")
    p.add_argument(
        "--shrink", type=number(0, 1), default=0.0, help="share of equal weights mixed into W; 0 as published"
    )
    p.add_argument("--pairs", type=count(100), default=50_000)
    p.add_argument("--v", action=argparse.BooleanOptionalAction, default=False, help="fit v too; not for rule1")
    p.add_argument("--name", default="fitted", help="how rows and windows call the weights")
    p.add_argument("--engines", type=Path, metavar="DIR", help="other networks than the shipped ones")
    p.add_argument("--seed", type=count(0), default=1)
    p.add_argument("--threads", type=count(1), default=2)
    return p


def samples_of(given: stored.Stored, models: int) -> tuple[Samples, npt.NDArray[np.bool_]]:
    """Keep the first ``models`` models, and the samples that have any of them, marked.

    Raises
    ------
    Refused
        Other classes than the seven basic ones, or a model without a sample.
    """
    if given.classes != BASIC:
        raise Refused(f"fusion is fitted on the classes {', '.join(BASIC)}, not on {', '.join(given.classes)[:80]}")
    present = given.present[:, :models]
    absent = [name for name, there in zip(MODELS, present.sum(axis=0).tolist(), strict=False) if not there]
    if absent:
        raise Refused(f"no sample has probabilities of the {absent[0]} model; choose others with --models")
    some = np.asarray(present.any(axis=1), bool)
    return Samples(given.probabilities[some, :models], present[some], given.labels[some]), some


def fit(samples: Samples, a: argparse.Namespace) -> FusionWeights:
    """Search as published: the best of many drawn W, then, if asked, the grid of v for it.

    Shrinking W towards equal weights guards against a model that does better on these samples than it will elsewhere.
    """
    classes = fit_classes(samples, flat_draws(samples.told, a.draws, a.seed), a.best)
    classes = (1 - a.shrink) * classes + a.shrink / len(classes)
    return FusionWeights(classes, fit_models(samples, classes) if a.v else None, a.name)


def score(samples: Samples, weights: FusionWeights) -> Figures:
    """Mean recall over the six emotions and macro F1 over all seven classes, each with its 95 % bootstrap interval."""
    guess = guesses(samples, weights)
    drawn = metrics.resampled(samples.labels, guess)[:, 0]
    recall = np.nanmean(recalls_of(drawn)[:, EMOTIONS], axis=1)  # of few samples a draw may lack a class
    return {
        "mean_recall": mean_recall(samples.labels, guess),
        "mean_recall_interval95": np.nanquantile(recall, [0.025, 0.975]).tolist(),
        "macro_f1": metrics.macro_f1(samples.labels, guess),
        "macro_f1_interval95": list(metrics.intervals(samples.labels, guess)["f1"]),
    }


def compare(halves: tuple[Samples, Samples], fitted: FusionWeights) -> dict[str, dict[str, Figures]]:
    """Score the fitted weights, equal ones, each model alone and the published ones, on both halves.

    Published weights are taken with their v where v was fitted too. A model alone has nothing to say of a sample that
    lacks it: that counts as Neutral.
    """
    models = len(fitted.classes)
    rows = {"fitted": fitted, "equal": FusionWeights(np.full((models, len(BASIC)), 1 / models), None, "equal")}
    for name in _PUBLISHED[models]:
        published = FusionWeights.published(name)
        rows[name] = published if fitted.models is not None else published.without_models()
    scores = {name: {h: score(s, w) for h, s in zip(_HALVES, halves, strict=True)} for name, w in rows.items()}
    for k, name in enumerate(MODELS[:models]):
        alone = [Samples(s.probabilities, s.present & (np.arange(models) == k), s.labels) for s in halves]
        scores[name] = {h: score(s, rows["equal"]) for h, s in zip(_HALVES, alone, strict=True)}
    return scores


def document(weights: FusionWeights, scores: Mapping[str, Mapping[str, Figures]], notes: str) -> str:
    """The text of a weights file with its notes and scores; ``fusion.read_weights`` reads the weights back exactly."""
    lines = [f"notes = {json.dumps(notes, ensure_ascii=False)}", weights_toml(weights)]
    lines.append("# Mean recall over the six emotions without Neutral, macro F1 over all seven classes.")
    for name, by_half in scores.items():
        lines.append(f"[scores.{name}]")
        for half, figures in by_half.items():
            told = ", ".join(f"{key} = {json.dumps(np.round(value, 4).tolist())}" for key, value in figures.items())
            lines.append(f"{half} = {{ {told} }}")
    return "\n".join(lines) + "\n"


def show(weights: FusionWeights, scores: Mapping[str, Mapping[str, Figures]], console: Console) -> None:
    """Print the weights and how they do."""
    models = MODELS[: len(weights.classes)]
    table = Table("", *models, title=f"weights {weights.name}: which model is trusted for which emotion")
    for name, column in zip(BASIC, weights.classes.T, strict=True):
        table.add_row(name, *(f"{w:.3f}" for w in column))
    if weights.models is not None:
        table.add_row("v", *(f"{v:.3f}" for v in weights.models))
    console.print(table)
    headings = ("recall, fitted on", "recall, unseen", "F1, fitted on", "F1, unseen")
    table = Table("", *headings, title="mean recall of six emotions, macro F1 of seven classes, per cent (± 95 %)")
    for name, by_half in scores.items():
        cells = [_cell(by_half[half], figure) for figure in ("mean_recall", "macro_f1") for half in _HALVES]
        table.add_row(name, *cells)
    console.print(table)


def _cell(figures: Figures, name: str) -> str:
    low, high = np.multiply(100, figures[f"{name}_interval95"])
    return f"{np.multiply(100, figures[name]):.1f} ± {(high - low) / 2:.1f}"


def load(a: argparse.Namespace) -> stored.Stored:
    """Read the stored probabilities, or make pairs, and keep them where asked."""
    if a.probabilities:
        if a.voices or a.store:
            raise Refused("--voices and --store are for pairs made here; leave them out with --probabilities")
        return stored.read(a.probabilities)
    from realtime_cer.training import pairs  # brings torch, which reading a file does not need

    voices = pairs.read_voices(a.voices) if a.voices else None
    data = data_folder(a.data)
    if voices is None and _CHOICES[a.models] == len(MODELS):
        voices = pairs.hear(data, a.engines, a.threads)
    made = pairs.pairs(data, voices, a.engines, a.pairs, a.seed, a.threads)
    if a.store:
        stored.write(a.store, made)
    return made


def work(a: argparse.Namespace) -> None:
    """Load, split into halves, fit on the first, score on both, write."""
    if a.out.is_dir() or not a.out.name:
        raise Refused(f"cannot write {a.out}: it is a folder; give a file with --out")
    a.out.parent.mkdir(parents=True, exist_ok=True)  # better refused now than after the search
    given = load(a)
    Console().print(f"{len(given)} samples: {given.source}", soft_wrap=True, highlight=False)
    samples, some = samples_of(given, _CHOICES[a.models])
    half = given.halves(a.seed)[some]
    halves = samples.select(half == 0), samples.select(half == 1)
    for told, part in zip(("first", "second"), halves, strict=True):
        empty = [name for k, name in enumerate(BASIC) if k not in part.labels]
        if empty:
            raise Refused(f"the {told} half has no sample of class {', '.join(empty)}: more samples are needed")
    weights = fit(halves[0], a)
    scores = compare(halves, weights)
    notes = (
        f"fitted on {len(halves[0].labels)} of {len(samples.labels)} samples, the others unseen"
        f"{' (dealt out at random: they may show the same people)' if given.half is None else ''}: {given.source};"
        f" {a.draws} Dirichlet draws, {'the best' if a.best == 1 else f'mean of the best {a.best}'}, seed {a.seed}"
        f"{f', {a.shrink:g} of equal weights mixed in' if a.shrink else ''}"
        f"{', then the grid of v' if a.v else ''};"
        " intervals tell of drawing these samples anew, not of other people"
    )
    with whole(a.out) as made:
        made.write_text(document(weights, scores, notes), encoding="utf-8")
    show(weights, scores, Console())


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    a = parser().parse_args(arguments)
    return run("fit_fusion", lambda: work(a))


if __name__ == "__main__":
    raise SystemExit(main())

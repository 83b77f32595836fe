"""One report on everything that can be measured here: what is found in a folder of corpora, and in stored files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from realtime_cer.config import DEFAULT_PROFILE
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.inference.manifest import read_manifest
from realtime_cer.inference.profile import read_profile
from realtime_cer.labels import MODELS
from realtime_cer.training import stored
from realtime_cer.training.corpora.corpus import CorpusError, cache_folder
from realtime_cer.training.evaluate import MEASURED, measure
from realtime_cer.training.fusions import compare
from realtime_cer.training.pictures import confusion_picture, reliability_picture, weights_picture
from realtime_cer.training.unseen import measure_unseen


@dataclass(frozen=True, slots=True)
class Wanted:
    """What goes into a report.

    ``data`` is the folder of the corpora; ``probabilities`` are stored ones of all models, ``voices`` those of folds of
    unseen speakers; every one of ``weights`` is measured and drawn; ``engines`` is the folder of the networks.
    """

    data: Path
    weights: tuple[FusionWeights, ...]
    corpora: tuple[str, ...] = MEASURED
    part: str = "held-out"
    probabilities: Path | None = None
    voices: Path | None = None
    engines: Path | None = None
    threads: int = 0


def gather(wanted: Wanted, console: Console) -> dict[str, Any]:
    """Measure everything; a corpus that is not there, or cannot be read, is listed with the reason.

    Raises
    ------
    Refused
        Nothing at all could be measured, or a stored file cannot be used.
    """
    rule = read_profile(DEFAULT_PROFILE).rule
    unseen = measure_unseen(wanted.voices) if wanted.voices else {}
    fusions = compare(stored.read(wanted.probabilities), wanted.weights, rule) if wanted.probabilities else None
    measured: dict[str, Any] = {}
    absent: dict[str, str] = {}
    for name in wanted.corpora:
        try:
            measured[name] = measure(name, wanted.data, wanted.part, wanted.engines, wanted.threads)
            console.print(f"{name}: {measured[name]['n']} files measured")
        except CorpusError as error:
            absent[name] = without_paths(str(error).removeprefix(f"{name}: "), wanted.data)
    for name, report in unseen.items():
        measured[f"{name}, {report['part']}"] = report
    if not measured and not fusions:
        told = absent[wanted.corpora[0]] if len(absent) == 1 else f"none of {', '.join(absent)} is there"
        raise Refused(f"nothing to measure in {wanted.data}: {told}")
    manifests = [read_manifest(name, wanted.engines) for name in MODELS]
    return {
        "part": wanted.part,
        "default_rule": rule,
        "networks": {
            m.name: {"sha256": m.sha256, "temperature": m.temperature, "licence": m.licence} for m in manifests
        },
        "measured": measured,
        "absent": absent,
        "fusions": fusions,
        "calibration": _calibrations(measured, fusions),
        "weights": [
            {"name": w.name, "classes": w.classes.tolist(), "models": None if w.models is None else w.models.tolist()}
            for w in wanted.weights
        ],
    }


def _calibrations(measured: Mapping[str, Any], fusions: Mapping[str, Any] | None) -> dict[str, Any]:
    """Collect the calibration of every network, wherever it was measured."""
    of_files = {name: found["calibration"] for name, found in measured.items() if "calibration" in found}
    found = {f"{c['network']} on {name}": c for name, c in of_files.items()}
    of_stored = fusions["calibration"] if fusions else {}
    return found | {f"{model}, stored": {"network": model, "after": after} for model, after in of_stored.items()}


def draw(report: dict[str, Any], weights: Sequence[FusionWeights], folder: Path) -> None:
    """Draw every picture of a report but the clip's, and note their names in ``report["pictures"]``."""
    pictures: dict[str, Any] = {"confusion": {}, "reliability": {}, "weights": "weights.png"}
    for name, found in report["measured"].items():
        pictures["confusion"][name] = f"confusion-{slug(name)}.png"
        confusion_picture(found, folder / pictures["confusion"][name])
    for name, calibration in report["calibration"].items():
        pictures["reliability"][name] = f"reliability-{slug(name)}.png"
        reliability_picture(calibration, name, folder / pictures["reliability"][name])
    weights_picture(weights, folder / pictures["weights"])
    report["pictures"] = pictures


def slug(name: str) -> str:
    """A name as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def without_paths(text: str, data: Path) -> str:
    """Take folders of this machine out of a line, so that a report may be shown."""
    for folder, word in ((data.resolve(), "DIR"), (data, "DIR"), (cache_folder(), "the cache"), (Path.home(), "~")):
        text = text.replace(str(folder), word)
    return re.sub(r"(?<!\S)(?:[A-Za-z]:)?[\\/](?:[^\s\\/:]+[\\/])+", "", text)

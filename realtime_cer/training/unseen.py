"""What folds of unseen speakers said: every clip judged by a network that never heard its speaker."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_cer import metrics
from realtime_cer.errors import Refused
from realtime_cer.labels import BASIC
from realtime_cer.training.evaluate import calibration_of, figures_of
from realtime_cer.training.stored import arrays
from realtime_cer.whole import whole

_KEYS = ("probabilities", "labels", "speakers", "corpus")


@dataclass(frozen=True, eq=False)
class Unseen:
    """Of N clips: probabilities (N, 7), labels (N,) into ``labels.BASIC``, speakers (N,) and corpus (N,), names."""

    probabilities: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    speakers: npt.NDArray[np.str_]
    corpus: npt.NDArray[np.str_]


def write_unseen(path: Path, unseen: Unseen) -> None:
    """Write a file (``.npz``) whole or not at all."""
    with whole(path) as part, part.open("wb") as file:
        np.savez(file, **asdict(unseen))


def read_unseen(path: Path) -> Unseen:
    """Read a file that ``write_unseen`` wrote; ``corpus`` may also be one name for all clips.

    Raises
    ------
    Refused
        One line: the file cannot be read, or its arrays do not fit.
    """
    given = arrays(path, _KEYS)
    p, labels, speakers = given["probabilities"], given["labels"], given["speakers"]
    count = len(labels) if labels.ndim == 1 else 0
    if not count or p.shape != (count, len(BASIC)) or speakers.shape != (count,):
        raise Refused(f"{path}: expected probabilities (N, 7), labels (N,) and speakers (N,), with N of at least 1")
    if given["corpus"].shape not in ((), (1,), (count,)):
        raise Refused(f"{path}: corpus must be one name, or (N,) of them")
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= len(BASIC):
        raise Refused(f"{path}: labels must be whole numbers from 0 to {len(BASIC) - 1}")
    if p.dtype.kind != "f" or not np.isfinite(p).all() or (p < 0).any() or (abs(p.sum(1) - 1) > 0.01).any():
        raise Refused(f"{path}: a row is no probabilities: NaN, negative, or it does not sum to 1")
    corpus = np.broadcast_to(given["corpus"].astype(str), count)
    return Unseen(p.astype(np.float32), labels.astype(np.int64), speakers.astype(str), corpus)


def measure_unseen(path: Path) -> dict[str, dict[str, Any]]:
    """Measure the folds' probabilities, each corpus by itself; intervals draw whole speakers anew.

    Returns
    -------
    For each corpus what ``evaluate.measure`` gives

    Raises
    ------
    Refused
        As ``read_unseen``.
    """
    given = read_unseen(path)
    found = {}
    for name in sorted(set(given.corpus.tolist())):
        here = given.corpus == name
        truth, people, said = given.labels[here], given.speakers[here], given.probabilities[here].astype(np.float64)
        found[name] = {
            "corpus": name,
            "part": "unseen speakers",
            "n": int(here.sum()),
            **figures_of(truth, said.argmax(1), BASIC, people),
            "ece": metrics.calibration_error(said, truth),
            "calibration": {"network": "acoustic", "after": calibration_of(said, truth, people)},
            "groups": {},
            "speakers": len(set(people.tolist())),
            "interval_by": "speaker",
        }
    return found

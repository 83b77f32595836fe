"""What a run writes down beside its weights: settings, hashes of the data, the log and its curves."""

import csv
import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from realtime_cer import __version__
from realtime_cer.training.corpora import Corpus
from realtime_cer.whole import whole


def fingerprint(corpus: Corpus) -> str:
    """Return a SHA-256 over the names, sizes and labels of a corpus's files, in order of names.

    A name is the file's and its folder's: the same wherever the corpus lies.
    """
    lines = sorted(
        f"{path.parent.name}/{path.name}:{path.stat().st_size}:{label}"
        for path, label in zip(corpus.paths, corpus.labels.tolist(), strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def data_row(corpus: Corpus, part: str) -> dict[str, Any]:
    """Describe a part of a corpus: name, part, how many files, of each class, and their fingerprint."""
    counts = dict(zip(corpus.classes, corpus.counts().tolist(), strict=True))
    return {"name": corpus.name, "part": part, "n": len(corpus), "classes": counts, "sha256": fingerprint(corpus)}


def versions() -> dict[str, str]:
    """Return the versions that a run depends on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "realtime_cer": __version__,
    }


def write_json(path: Path, content: Any) -> None:
    """Write a file whole or not at all."""
    with whole(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


class RunLog:
    """``log.csv`` with a row for each step, and the same for TensorBoard, where that is installed.

    ``first`` is the step a resumed run goes on from: rows after it are dropped, because they will be written again.
    """

    def __init__(self, folder: Path, measures: Sequence[str], first: int = 0):
        self._columns = ("step", "loss", "rate", *measures, "seconds")
        self._path = folder / "log.csv"
        kept = [row for row in read_log(self._path) if int(row["step"]) <= first]
        with whole(self._path) as part, part.open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, self._columns, extrasaction="ignore")
            rows.writeheader()
            rows.writerows(kept)
        self._file = self._path.open("a", newline="", encoding="utf-8", buffering=1)
        self._rows = csv.DictWriter(self._file, self._columns)
        self._board = _board(folder / "tensorboard", first)

    def row(self, step: int, values: Mapping[str, float]) -> None:
        """Write what is known of a step: loss, rate, seconds, and the measures where it was checked."""
        self._rows.writerow({"step": step} | {k: f"{v:.6g}" for k, v in values.items()})
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Finish both, and draw ``curves.png`` beside them."""
        self._file.close()
        if self._board is not None:
            self._board.close()
        draw_curves(self._path, self._path.with_name("curves.png"))


def _board(folder: Path, first: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        Console(stderr=True).print("tensorboard is not installed: log.csv alone is written")
        return None
    return SummaryWriter(str(folder), purge_step=first + 1)


def read_log(path: Path) -> list[dict[str, str]]:
    """Read the rows of a ``log.csv``; none if it is not there."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        # A row that was being written when the machine went down is not whole.
        return [row for row in csv.DictReader(file) if None not in row.values()]


def draw_curves(log: Path, path: Path) -> None:
    """Draw the loss, the learning rate and what was measured of a ``log.csv`` over the steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = read_log(log)
    if not rows:
        return
    measures = [name for name in rows[0] if name not in ("step", "loss", "rate", "seconds")]
    panels = [("loss", ["loss"]), ("learning rate", ["rate"]), *([("measured", measures)] if measures else [])]
    figure, axes = plt.subplots(len(panels), 1, figsize=(7, 2.4 * len(panels)), sharex=True, layout="constrained")
    for axis, (title, names) in zip(axes, panels, strict=True):
        for name in names:
            points = np.array([(float(row["step"]), float(row[name])) for row in rows if row[name]]).reshape(-1, 2)
            axis.plot(*points.T, ".-" if title == "measured" else "-", linewidth=1, label=name)
        axis.set_ylabel(title)
        axis.grid(alpha=0.3)
    if measures:
        axes[-1].legend(fontsize=8)
    axes[-1].set_xlabel("step")
    figure.savefig(path, dpi=110)
    plt.close(figure)

"""What the three networks said of labelled samples, kept in a file: fusion is fitted and measured on it."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_cer.errors import Refused
from realtime_cer.labels import BASIC, MODELS
from realtime_cer.whole import whole

_KEYS = ("probabilities", "present", "labels", "classes", "source")


@dataclass(frozen=True, eq=False)
class Stored:
    """Probabilities of N samples.

    Attributes
    ----------
    probabilities : (N, 3, 7) float32 in the order of ``labels.MODELS`` and ``labels.BASIC``; NaN where absent
    present : (N, 3) bool
    labels : (N,) int64 into ``classes``
    classes : names of the labels
    source : how they were made, in words
    half : (N,) int8, 0 or 1, or None: two halves that share no person, film or picture, where the maker knows

    Raises
    ------
    ValueError
        Other shapes, no samples, labels without a class, or rows of a present model that are no probabilities.
    """

    probabilities: npt.NDArray[np.float32]
    present: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    source: str
    half: npt.NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        count = len(self.labels) if self.labels.ndim else 0
        wanted = {
            "probabilities": (count, len(MODELS), len(BASIC)),
            "present": (count, len(MODELS)),
            "labels": (count,),
        }
        for name, shape in {**wanted, **({} if self.half is None else {"half": (count,)})}.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must be {shape}, not {getattr(self, name).shape}")
        if not count:
            raise ValueError("it holds no samples")
        if self.labels.min() < 0 or self.labels.max() >= len(self.classes):
            raise ValueError(f"labels must be 0 to {len(self.classes) - 1}")
        if self.half is not None and not np.isin(self.half, (0, 1)).all():
            raise ValueError("half must be 0 or 1")
        rows = self.probabilities[self.present]
        if not (np.isfinite(rows).all() and (rows >= 0).all() and (abs(rows.sum(axis=1) - 1) < 0.01).all()):
            raise ValueError("a row of a present model is no probabilities: NaN, negative, or not summing to 1")

    def __len__(self) -> int:
        return len(self.labels)

    def halves(self, seed: int) -> npt.NDArray[np.int8]:
        """Which half each sample belongs to: as the maker said, or else dealt out, class by class."""
        return dealt(self.labels, seed) if self.half is None else self.half


def dealt(labels: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int8]:
    """Deal samples out to two halves, 0 and 1, each class evenly: (N,)."""
    order = np.random.default_rng(seed).permutation(len(labels))
    half = np.zeros(len(labels), np.int8)
    for label in np.unique(labels):
        half[order[labels[order] == label][1::2]] = 1
    return half


def write(path: Path, stored: Stored) -> None:
    """Write a file (``.npz``) whole or not at all."""
    given: dict[str, Any] = {key: getattr(stored, key) for key in _KEYS}
    if stored.half is not None:
        given["half"] = stored.half
    with whole(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **given)


def read(path: Path) -> Stored:
    """Read a file that ``write`` wrote.

    Raises
    ------
    Refused
        One line that names the file and what is wrong with it.
    """
    given = arrays(path, _KEYS, optional=("half",))
    for key, kind in (("probabilities", "f"), ("present", "b"), ("labels", "iu"), ("classes", "U"), ("half", "iu")):
        if key in given and given[key].dtype.kind not in kind:
            raise Refused(
                f"{path}: {key} are of type {given[key].dtype}; scripts/fit_fusion --store writes such a file"
            )
    try:
        return Stored(
            given["probabilities"].astype(np.float32),
            given["present"],
            given["labels"].astype(np.int64),
            tuple(given["classes"].ravel().tolist()),
            str(given["source"]),
            given["half"].astype(np.int8) if "half" in given else None,
        )
    except ValueError as error:
        raise Refused(f"{path}: {error}") from None


def arrays(path: Path, keys: Sequence[str], optional: Sequence[str] = ()) -> dict[str, npt.NDArray[Any]]:
    """Read an ``.npz`` that holds exactly these arrays; no pickle is ever loaded.

    Raises
    ------
    Refused
        One line: no such file, another kind of file, or missing and unknown keys.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise ValueError
        with loaded as file:
            absent = [key for key in keys if key not in file]
            unknown = sorted(set(file) - {*keys, *optional})
            if absent or unknown:
                told = f"lacks {absent[0]!r}" if absent else f"has an unknown key {unknown[0]!r}"
                raise Refused(f"{path} {told}; it must hold {', '.join(keys)}")
            return {key: file[key] for key in file}
    except OSError as error:
        raise Refused(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, zipfile.BadZipFile):
        # NumPy's own words would advise to load a pickle.
        raise Refused(f"{path} is no file of arrays (.npz), or one that is damaged or holds objects") from None

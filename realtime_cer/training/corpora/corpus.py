"""What a corpus is to us, where its folder is found, and the errors it can have."""

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from realtime_cer.errors import Refused
from realtime_cer.labels import BASIC


class CorpusError(Refused):
    """A corpus that cannot be used as it is; the message is one line for the user."""


UNLABELLED = -1
"""The label of a film of which nobody has told us what it shows."""


@dataclass(frozen=True)
class Corpus:
    """Media files, or parts of them, and their labels; every array has one entry for each.

    ``kind`` is faces (pictures), speech (sound files) or films (pictures and mostly sound too); ``labels`` (N,) are
    indices into ``classes``; ``groups`` (N,) name the speaker, where one is known; ``held_out`` (N,) marks what
    training never sees; ``votes`` (N, 7) are label distributions, where taggers voted; ``spans`` (N, 2) are start and
    end in seconds, where an entry is a part of its file: then a path may come many times.
    """

    name: str
    kind: str
    paths: tuple[Path, ...]
    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[np.str_]
    held_out: npt.NDArray[np.bool_]
    votes: npt.NDArray[np.float32] | None = None
    classes: tuple[str, ...] = BASIC
    aligned: bool = False
    spans: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def select(self, mask: npt.NDArray[Any]) -> "Corpus":
        """Keep the entries of a boolean mask, or those of an array of indices."""
        index = np.flatnonzero(mask) if mask.dtype == bool else mask
        return replace(
            self,
            paths=tuple(self.paths[i] for i in index),
            labels=self.labels[index],
            groups=self.groups[index],
            held_out=self.held_out[index],
            votes=None if self.votes is None else self.votes[index],
            spans=None if self.spans is None else self.spans[index],
        )

    def span(self, index: int) -> tuple[float, float] | None:
        """Return start and end of an entry in seconds; None where it is the whole file."""
        return None if self.spans is None else (float(self.spans[index, 0]), float(self.spans[index, 1]))

    def counts(self) -> npt.NDArray[np.int64]:
        """How many entries each class has."""
        return np.bincount(self.labels[self.labels != UNLABELLED], minlength=len(self.classes))


@dataclass(frozen=True)
class Reader:
    """How a corpus is recognised and read.

    ``marks`` are paths (glob patterns) of which at least one lies in the corpus folder;
    ``expected`` says in words which file that is; ``classes`` are those of which the corpus has files; a ``named``
    corpus has nothing of its own to be known by, so its folder must bear its name.
    """

    read: Callable[[Path], Corpus]
    marks: tuple[str, ...]
    expected: str
    classes: tuple[str, ...] = BASIC
    named: bool = False


def build(
    name: str,
    kind: str,
    rows: Sequence[tuple[Path, int, str, bool]],
    *,
    classes: tuple[str, ...] = BASIC,
    votes: npt.NDArray[np.float32] | None = None,
    aligned: bool = False,
    spans: Sequence[tuple[float, float]] | None = None,
) -> Corpus:
    """Make a corpus of rows of path, label, group, held out; refuse an empty one."""
    if not rows:
        raise CorpusError(f"{name}: no labelled files found")
    return Corpus(
        name=name,
        kind=kind,
        paths=tuple(row[0] for row in rows),
        labels=np.array([row[1] for row in rows], np.int64),
        groups=np.array([row[2] for row in rows]),
        held_out=np.array([row[3] for row in rows], bool),
        votes=votes,
        classes=classes,
        aligned=aligned,
        spans=None if spans is None else np.array(spans, np.float64),
    )


def need_classes(corpus: Corpus, wanted: Sequence[str] | None = None) -> Corpus:
    """Refuse a corpus in which one of the wanted classes has no file: training on it would go wrong silently."""
    counts = corpus.counts()
    missing = [c for c, n in zip(corpus.classes, counts, strict=True) if not n and (wanted is None or c in wanted)]
    if missing:
        raise CorpusError(f"{corpus.name}: no file of class {', '.join(missing)}")
    return corpus


def fraction(key: str) -> float:
    """Spread a name evenly over [0, 1): the same on every machine, whatever else is in the folder."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


def cache_folder() -> Path:
    """Return the folder for unpacked corpora and aligned pictures: the user's cache, never the project."""
    return Path(os.environ.get("REALTIME_CER_CACHE") or platformdirs.user_cache_dir("realtime_cer"))


def locate(name: str, data: Path, reader: Reader) -> Path:
    """Find the corpus's folder in what the user gave: itself, a folder around it, or a folder with its tar."""
    if not data.exists():
        raise CorpusError(f"{name}: no such folder: {data}")
    if data.is_file():
        if tarfile.is_tarfile(data):
            return _marked(name, _unpack(name, data), reader)
        raise CorpusError(f"{name}: not a folder: {data}")
    found = _search(name, data, reader, depth=3)
    if found is not None:
        return found
    tars = sorted([*data.glob(f"{name}.tar*"), *data.glob(f"*/{name}.tar*")])
    if tars:
        return _marked(name, _unpack(name, tars[0]), reader)
    raise CorpusError(f"{name}: {reader.expected} not found in {data}")


def _search(name: str, folder: Path, reader: Reader, depth: int) -> Path | None:
    plain = _letters(name)
    if (not reader.named or plain in _letters(folder.resolve().name)) and any(
        next(folder.glob(mark), None) is not None for mark in reader.marks
    ):
        return folder
    if depth == 0:
        return None
    try:
        with os.scandir(folder) as entries:  # asks the disc nothing of each file: there may be 400,000 pictures
            children = sorted(Path(entry) for entry in entries if entry.is_dir())
    except OSError as error:
        raise CorpusError(f"{name}: cannot look into {folder}: {error.strerror}") from None
    # A folder with the corpus's own name first: marks of two corpora may look alike.
    children.sort(key=lambda p: plain not in _letters(p.name))
    for child in children:
        found = _search(name, child, reader, depth - 1)
        if found is not None:
            return found
    return None


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def _marked(name: str, folder: Path, reader: Reader) -> Path:
    found = _search(name, folder, reader, depth=3)
    if found is None:
        raise CorpusError(f"{name}: {reader.expected} not found in {folder}")
    return found


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack plain files and folders that stay inside the folder."""
    if hasattr(tarfile, "data_filter"):  # since 3.11.4
        archive.extractall(folder, filter="data")
        return
    for member in archive.getmembers():
        inside = folder.resolve() in (folder / member.name).resolve().parents
        if inside and (member.isfile() or member.isdir()):
            archive.extract(member, folder)


def _unpack(name: str, tar: Path) -> Path:
    """Unpack once: into a temporary folder, then renamed, so that a broken-off run leaves nothing half."""
    stat = tar.stat()
    key = hashlib.sha256(f"{tar.resolve()}|{stat.st_size}|{stat.st_mtime_ns}".encode()).hexdigest()[:12]
    target = cache_folder() / "corpora" / f"{name}-{key}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=target.parent))
    try:
        with tarfile.open(tar) as archive:
            _extract(archive, made)
        made.rename(target)
    except (tarfile.TarError, EOFError) as error:
        raise CorpusError(f"{name}: cannot unpack {tar}: {error}") from None
    except OSError as error:
        if not target.is_dir():  # otherwise another process was faster
            raise CorpusError(f"{name}: cannot unpack {tar}: {error}") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target

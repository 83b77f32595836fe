"""Picture corpora: RAF-DB, RAF-CE, FER+, CK+48 and AffectNet."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import track

from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.training.corpora import classes
from realtime_cer.training.corpora.classes import label_of, occurring
from realtime_cer.training.corpora.corpus import Corpus, CorpusError, Reader, build, fraction
from realtime_cer.training.corpora.lists import count_of, first_folder, first_line, lines_of, rows_of

HELD_OUT = 0.10
"""Share of RAF-DB's training part that our training never sees."""

VALIDATION = (0.10, 0.14)
"""Share of RAF-DB, as a range of the same hash, that fits the temperature and may choose the best step."""

_AFFECTNET_COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)


def raf_db(folder: Path) -> Corpus:
    """Read RAF-DB's basic part, aligned pictures. Held out: test entries, and 10 % of the others by a hash."""
    lists = folder / "EmoLabel" / "list_patition_label.txt"
    images = folder / "Image" / "aligned"
    rows = []
    for where, name, value in _pairs("raf-db", lists):
        label = label_of(classes.RAF_DB, value, f"raf-db: {where}: label")
        stem = Path(name).stem
        path = images / f"{stem}_aligned.jpg"
        if label is not None and path.is_file():
            rows.append((path, label, stem, stem.startswith("test") or fraction(stem) < HELD_OUT))
    if not rows:
        raise CorpusError(f"raf-db: none of the pictures listed in {lists} is in {images}")
    return build("raf-db", "faces", rows, aligned=True)


def validation(corpus: Corpus) -> npt.NDArray[np.bool_]:
    """Mark RAF-DB's validation part, (N,): neither trained on nor held out for measuring."""
    share = np.array([fraction(str(group)) for group in corpus.groups])
    return (share >= VALIDATION[0]) & (share < VALIDATION[1]) & ~corpus.held_out


def raf_ce(folder: Path) -> Corpus:
    """Read RAF-CE's seven compound classes of the challenge. All of it is held out: the method is zero-shot."""
    lists = folder / "RAFCE_emolabel.txt"
    images = folder / "aligned"
    rows = []
    for where, name, value in _pairs("raf-ce", lists):
        label = label_of(classes.RAF_CE, value, f"raf-ce: {where}: label", COMPOUND)
        path = images / f"{Path(name).stem}_aligned.jpg"
        if label is not None and path.is_file():
            rows.append((path, label, Path(name).stem, True))
    if not rows:
        raise CorpusError(f"raf-ce: none of the pictures listed in {lists} is in {images}")
    return build("raf-ce", "faces", rows, classes=COMPOUND, aligned=True)


def ferplus(folder: Path) -> Corpus:
    """Read FER+ where one of our seven classes has more votes than any other column. Held out: Valid and Test."""
    table = folder / "fer2013new.csv"
    folders = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}
    rows, votes = [], []
    for where, row in rows_of("ferplus", table, ["Usage", "Image name", *classes.FERPLUS]):
        if row["Usage"] not in folders:
            raise CorpusError(f"ferplus: {where}: usage {row['Usage']!r} is none of {', '.join(folders)}")
        if not row["Image name"]:
            continue
        ours, others = np.zeros(len(BASIC), np.float32), [0]
        for column, name in classes.FERPLUS.items():
            count = count_of("ferplus", where, row[column], "count of votes")
            if name is None:
                others.append(count)
            else:
                ours[BASIC.index(name)] = count
        best = int(ours.argmax())
        path = folder / folders[row["Usage"]] / row["Image name"]
        if (ours == ours[best]).sum() == 1 and ours[best] > max(others) and path.is_file():
            rows.append((path, best, path.stem, row["Usage"] != "Training"))
            votes.append(ours / ours.sum())
    if not rows:
        raise CorpusError(f"ferplus: none of the pictures listed in {table} is in {folder}/FER2013*")
    return build("ferplus", "faces", rows, votes=np.stack(votes))


def ck48(folder: Path) -> Corpus:
    """Read CK+48, contempt left out. We never train on it, so all of it is held out."""
    rows = []
    for name, label in classes.CK48.items():
        for path in sorted((folder / name).glob("*.png")):
            if label is not None:
                rows.append((path, BASIC.index(label), path.stem.split("_")[0], True))
    return build("ck48", "faces", rows)


def affectnet(folder: Path) -> Corpus:
    """Read AffectNet's manually annotated pictures. Held out: the validation part; the test part was never released.

    Two releases are known: ``Manually_Annotated_file_lists/training.csv`` and ``validation.csv`` with the pictures in
    ``Manually_Annotated_Images``, and ``train_set`` and ``val_set`` with ``images/N.jpg``, ``annotations/N_exp.npy``.
    """
    tables = (folder / "Manually_Annotated_file_lists").is_dir()
    found = _affectnet_tables(folder) if tables else _affectnet_arrays(folder)
    rows = []
    for where, path, value, held_out in track(found, description="listing affectnet", transient=True):
        label = label_of(classes.AFFECTNET, value, f"affectnet: {where}: expression")
        if label is not None and path.is_file():
            rows.append((path, label, path.stem, held_out))
    if not rows:
        raise CorpusError(f"affectnet: none of the pictures that the labels in {folder} name is there")
    return build("affectnet", "faces", rows)


def _affectnet_tables(folder: Path) -> Iterator[tuple[str, Path, int, bool]]:
    images = first_folder(
        folder / "Manually_Annotated_Images",
        folder / "Manually_Annotated" / "Manually_Annotated_Images",
        folder / "Manually_Annotated_compressed" / "Manually_Annotated_Images",
    )
    if not images.is_dir():
        raise CorpusError(f"affectnet: no folder {images}")
    for part, held_out in (("training", False), ("validation", True)):
        table = folder / "Manually_Annotated_file_lists" / f"{part}.csv"
        if not table.is_file():
            continue
        # The validation list came without a line of column names at times.
        headed = first_line("affectnet", table).startswith(_AFFECTNET_COLUMNS[0])
        wanted = (_AFFECTNET_COLUMNS[0], "expression")
        for where, row in rows_of("affectnet", table, wanted, names=None if headed else _AFFECTNET_COLUMNS):
            value = count_of("affectnet", where, row["expression"], "number of an expression")
            yield where, images / row[_AFFECTNET_COLUMNS[0]], value, held_out


def _affectnet_arrays(folder: Path) -> Iterator[tuple[str, Path, int, bool]]:
    for part, held_out in (("train_set", False), ("val_set", True)):
        for file in sorted((folder / part / "annotations").glob("*_exp.npy")):
            try:
                value = int(np.load(file, allow_pickle=False).item())
            except (OSError, ValueError, EOFError) as error:
                raise CorpusError(f"affectnet: cannot read {file}: {error}") from None
            yield str(file), folder / part / "images" / f"{file.name.removesuffix('_exp.npy')}.jpg", value, held_out


def _pairs(name: str, lists: Path) -> list[tuple[str, str, int]]:
    """Read lines of ``NAME NUMBER``: where, name, number."""
    pairs = []
    for number, line in enumerate(lines_of(name, lists), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or not words[1].lstrip("-").isdigit():
            raise CorpusError(f"{name}: {lists}:{number}: expected 'NAME NUMBER', got {line[:60]!r}")
        pairs.append((f"{lists}:{number}", words[0], int(words[1])))
    if not pairs:
        raise CorpusError(f"{name}: {lists} is empty")
    return pairs


READERS: dict[str, Reader] = {
    "raf-db": Reader(raf_db, ("EmoLabel/list_patition_label.txt",), "EmoLabel/list_patition_label.txt"),
    "raf-ce": Reader(raf_ce, ("RAFCE_emolabel.txt",), "RAFCE_emolabel.txt", COMPOUND),
    "ferplus": Reader(ferplus, ("fer2013new.csv",), "fer2013new.csv"),
    "ck48": Reader(
        ck48,
        ("surprise/*.png", "happy/*.png"),
        "folders anger, disgust, fear, happy, sadness, surprise with .png",
        occurring(classes.CK48),
    ),
    "affectnet": Reader(
        affectnet,
        (
            "Manually_Annotated_file_lists/training.csv",
            "Manually_Annotated_file_lists/validation.csv",
            "train_set/annotations",
            "val_set/annotations",
        ),
        "Manually_Annotated_file_lists/training.csv or train_set/annotations/N_exp.npy",
    ),
}

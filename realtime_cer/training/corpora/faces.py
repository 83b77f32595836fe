"""Picture corpora: RAF-DB, RAF-CE, FER+ and CK+48."""

import csv
from pathlib import Path

import numpy as np

from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.training.corpora.corpus import Corpus, CorpusError, Reader, build, fraction

HELD_OUT = 0.10
"""Share of RAF-DB's training part that our training never sees."""

VALIDATION = (0.10, 0.14)
"""Share of RAF-DB, as a range of the same hash, that fits the temperature and nothing else."""

_RAF_DB = dict(
    zip(range(1, 8), ("Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral"), strict=True)
)
_RAF_CE = {
    0: "Happily Surprised",
    2: "Sadly Fearful",
    3: "Sadly Angry",
    4: "Sadly Surprised",
    7: "Fearfully Surprised",
    9: "Angrily Surprised",
    11: "Disgustedly Surprised",
}
_RAF_CE_CLASSES = 14
_FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")
_FERPLUS_BASIC = ("Neutral", "Happiness", "Surprise", "Sadness", "Anger", "Disgust", "Fear")
_FERPLUS_OTHER = ("contempt", "unknown", "NF")
_CK48 = {
    "anger": "Anger",
    "disgust": "Disgust",
    "fear": "Fear",
    "happy": "Happiness",
    "sadness": "Sadness",
    "surprise": "Surprise",
}


def raf_db(folder: Path) -> Corpus:
    """Read RAF-DB's basic part, aligned pictures. Held out: test entries, and 10 % of the others by a hash."""
    lists = folder / "EmoLabel" / "list_patition_label.txt"
    images = folder / "Image" / "aligned"
    rows = []
    for where, name, value in _pairs("raf-db", lists):
        if value not in _RAF_DB:
            raise CorpusError(f"raf-db: {where}: label {value} is not 1 to 7")
        stem = Path(name).stem
        path = images / f"{stem}_aligned.jpg"
        if path.is_file():
            held_out = stem.startswith("test") or fraction(stem) < HELD_OUT
            rows.append((path, BASIC.index(_RAF_DB[value]), stem, held_out))
    if not rows:
        raise CorpusError(f"raf-db: none of the pictures listed in {lists} is in {images}")
    return build("raf-db", "faces", rows, aligned=True)


def raf_ce(folder: Path) -> Corpus:
    """Read RAF-CE's seven compound classes of the challenge. All of it is held out: the method is zero-shot."""
    lists = folder / "RAFCE_emolabel.txt"
    images = folder / "aligned"
    rows = []
    for where, name, value in _pairs("raf-ce", lists):
        if not 0 <= value < _RAF_CE_CLASSES:
            raise CorpusError(f"raf-ce: {where}: label {value} is not 0 to 13")
        path = images / f"{Path(name).stem}_aligned.jpg"
        if value in _RAF_CE and path.is_file():
            rows.append((path, COMPOUND.index(_RAF_CE[value]), Path(name).stem, True))
    if not rows:
        raise CorpusError(f"raf-ce: none of the pictures listed in {lists} is in {images}")
    return build("raf-ce", "faces", rows, classes=COMPOUND, aligned=True)


def ferplus(folder: Path) -> Corpus:
    """Read FER+ where one of our seven classes has more votes than any other column. Held out: Valid and Test."""
    table = folder / "fer2013new.csv"
    folders = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}
    rows, votes = [], []
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            wanted = ["Usage", "Image name", *_FERPLUS, *_FERPLUS_OTHER]
            absent = [c for c in wanted if c not in (reader.fieldnames or [])]
            if absent:
                raise CorpusError(f"ferplus: {table}: no column {', '.join(absent)}")
            for number, row in enumerate(reader, start=2):
                if row["Usage"] not in folders:
                    raise CorpusError(f"ferplus: {table}:{number}: usage {row['Usage']!r} is not known")
                if not (row["Image name"] or "").strip():
                    continue
                ours = np.array([_vote(table, number, row[c]) for c in _FERPLUS])
                others = [_vote(table, number, row[c]) for c in _FERPLUS_OTHER]
                best = int(ours.argmax())
                path = folder / folders[row["Usage"]] / row["Image name"].strip()
                if (ours == ours[best]).sum() > 1 or ours[best] <= max(others) or not path.is_file():
                    continue
                rows.append((path, BASIC.index(_FERPLUS_BASIC[best]), path.stem, row["Usage"] != "Training"))
                distribution = np.zeros(len(BASIC), np.float32)
                distribution[[BASIC.index(c) for c in _FERPLUS_BASIC]] = ours / ours.sum()
                votes.append(distribution)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"ferplus: cannot read {table}: {error}") from None
    if not rows:
        raise CorpusError(f"ferplus: none of the pictures listed in {table} is in {folder}/FER2013*")
    return build("ferplus", "faces", rows, votes=np.stack(votes))


def ck48(folder: Path) -> Corpus:
    """Read CK+48, contempt left out. We never train on it, so all of it is held out."""
    rows = []
    for name, label in _CK48.items():
        for path in sorted((folder / name).glob("*.png")):
            rows.append((path, BASIC.index(label), path.stem.split("_")[0], True))
    return build("ck48", "faces", rows)


def _vote(table: Path, number: int, text: str | None) -> int:
    try:
        value = int(text or "")
    except ValueError:
        value = -1
    if value < 0:
        raise CorpusError(f"ferplus: {table}:{number}: {text!r} is no count of votes")
    return value


def _pairs(name: str, lists: Path) -> list[tuple[str, str, int]]:
    """Read lines of ``NAME NUMBER``: where, name, number."""
    try:
        lines = lists.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{name}: cannot read {lists}: {error}") from None
    pairs = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or not words[1].lstrip("-").isdigit():
            raise CorpusError(f"{name}: {lists}:{number}: expected 'NAME NUMBER', got {line[:60]!r}")
        pairs.append((f"{lists}:{number}", words[0], int(words[1])))
    if not pairs:
        raise CorpusError(f"{name}: {lists} is empty")
    return pairs


READERS = {
    "raf-db": Reader(raf_db, ("EmoLabel/list_patition_label.txt",), "EmoLabel/list_patition_label.txt"),
    "raf-ce": Reader(raf_ce, ("RAFCE_emolabel.txt",), "RAFCE_emolabel.txt", COMPOUND),
    "ferplus": Reader(ferplus, ("fer2013new.csv",), "fer2013new.csv"),
    "ck48": Reader(
        ck48,
        ("surprise/*.png", "happy/*.png"),
        "folders anger, disgust, fear, happy, sadness, surprise with .png",
        tuple(_CK48.values()),
    ),
}

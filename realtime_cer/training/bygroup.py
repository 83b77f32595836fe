"""Groups that a corpus tells of: sex, age and race as its taggers saw them, how strongly an emotion is acted."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from realtime_cer.training.corpora.corpus import Corpus, CorpusError

Names = npt.NDArray[np.str_]

# RAF-DB's own words for the three numbers after the five landmarks of an annotation file.
_RAF_DB = {
    "sex": ("male", "female", "unsure"),
    "race": ("Caucasian", "African-American", "Asian"),
    "age": ("0 to 3", "4 to 19", "20 to 39", "40 to 69", "70 and more"),
}
_LANDMARK_LINES = 5


def groupings(corpus: Corpus) -> dict[str, Names]:
    """Name the group of every file, for each way in which the corpus tells groups apart: (N,) each.

    Empty where a corpus tells nothing; RAF-DB tells only where its ``Annotation/manual`` folder is there.

    Raises
    ------
    CorpusError
        A list of the corpus that should tell cannot be read.
    """
    read = _READERS.get(corpus.name)
    return read(corpus) if read and len(corpus) else {}


def _ravdess(corpus: Corpus) -> dict[str, Names]:
    """Odd actors are men, even ones women; the fourth number of a name is the intensity."""
    codes = [path.stem.split("-") for path in corpus.paths]
    return {
        "sex": np.array(["male" if int(code[6]) % 2 else "female" for code in codes]),
        "intensity": np.array([{"01": "normal", "02": "strong"}.get(code[3], "unknown") for code in codes]),
    }


def _nemo(corpus: Corpus) -> dict[str, Names]:
    table = corpus.paths[0].parents[1] / "data.tsv"
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"nemo: cannot read {table}: {error}") from None
    if not rows or "gender" not in rows[0]:
        return {}
    sex = {(row["speaker_id"] or "").strip(): (row["gender"] or "unknown").strip() for row in rows}
    return {"sex": np.array([sex.get(speaker, "unknown") for speaker in corpus.groups])}


def _raf_db(corpus: Corpus) -> dict[str, Names]:
    folder = corpus.paths[0].parents[2] / "Annotation" / "manual"
    if not folder.is_dir():
        return {}
    rows = [_attributes(folder / f"{path.stem.removesuffix('_aligned')}_manu_attri.txt") for path in corpus.paths]
    return {name: np.array([row[i] for row in rows]) for i, name in enumerate(_RAF_DB)}


def _attributes(path: Path) -> list[str]:
    """Sex, race and age of one picture; "unknown" for a picture without annotation."""
    if not path.is_file():
        return ["unknown"] * len(_RAF_DB)
    try:
        words = path.read_text(encoding="utf-8").split("\n")[_LANDMARK_LINES:]
        numbers = [int(word) for word in " ".join(words).split()]
        if any(number < 0 for number in numbers):
            raise ValueError
        return [names[number] for names, number in zip(_RAF_DB.values(), numbers, strict=True)]
    except (OSError, ValueError, IndexError):
        raise CorpusError(f"raf-db: {path}: expected five landmarks, then sex, race and age as numbers") from None


_READERS: dict[str, Callable[[Corpus], dict[str, Names]]] = {"ravdess": _ravdess, "nemo": _nemo, "raf-db": _raf_db}

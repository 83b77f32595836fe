"""Film corpora: RAVDESS, CREMA-D and SAVEE as films, RAMAS, AffWild2, AFEW, MELD and C-EXPR-DB.

An entry is a clip of one label. Where frames or seconds are labelled, it is a run of equal labels: a span of its file.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.progress import track

from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.training.corpora import classes
from realtime_cer.training.corpora.classes import label_of, occurring
from realtime_cer.training.corpora.corpus import UNLABELLED, Corpus, CorpusError, Reader, build
from realtime_cer.training.corpora.frames import PICTURES_FPS, film_length
from realtime_cer.training.corpora.lists import count_of, files_in, first_folder, lines_of, rows_of
from realtime_cer.training.corpora.speech import SOUNDS, Row, crema_d_rows, ravdess_rows, savee_rows

VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".flv", ".webm", ".mpg")

RAMAS_HELD_OUT = ("22dec",)
"""RAMAS's file names tell the day of the recording and not the actor: the day that our training never sees."""

_SECOND = 1.0
_FEWEST_VOTES = 2

Run = tuple[int, float, float]


def ravdess_films(folder: Path) -> Corpus:
    """Read RAVDESS's films of speech, ``Actor_NN/01-01-EE-II-SS-RR-AA.mp4``, with sound; the same actors held out."""
    return build("ravdess-films", "films", ravdess_rows(files_in(folder, "Actor_*/", VIDEOS), "01"))


def crema_d_films(folder: Path) -> Corpus:
    """Read CREMA-D's films, ``VideoFlash/1001_DFA_ANG_XX.flv``; the same actors held out."""
    return build("crema-d-films", "films", crema_d_rows(files_in(folder, "VideoFlash/", VIDEOS)))


def savee_films(folder: Path) -> Corpus:
    """Read SAVEE's films, ``AudioVisualClip/DC/a1.avi``; the same man held out."""
    return build("savee-films", "films", savee_rows(files_in(folder, "AudioVisualClip/*/", VIDEOS)))


def ramas(folder: Path) -> Corpus:
    """Read RAMAS: seconds that at least two annotators label alike, and more of them than otherwise.

    ``Annotations_by_files/NAME_ann.csv`` has a line for each annotator and second: ``Time``, a column of 0 or 1 for
    each emotion, social traits, the annotator. The films are ``Data/Video_close/NAME*``, or for their sound alone
    ``Data/Audio/NAME_mic.wav``; which of them, tells ``kind``.
    """
    close = files_in(folder, "Data/Video_close/", VIDEOS)
    kind = "films" if close else "speech"
    media = close or files_in(folder, "Data/Audio/", SOUNDS)
    rows: list[Row] = []
    spans = []
    for table in sorted((folder / "Annotations_by_files").glob("*_ann.csv")):
        name = table.stem.removesuffix("_ann")
        path = next((p for p in media if p.stem == name or p.stem.startswith(f"{name}_")), None)
        if path is None:
            continue
        day = name.partition("_")[0]
        for label, start, end in _voted_runs(table):
            rows.append((path, label, day, day in RAMAS_HELD_OUT))
            spans.append((start, end))
    if not rows:
        raise CorpusError(f"ramas: none of the films annotated is in {folder}/Data/Video_close or Data/Audio")
    return build("ramas", kind, rows, spans=spans)


def _voted_runs(table: Path) -> list[Run]:
    votes: dict[float, Counter[str]] = defaultdict(Counter)
    for where, row in rows_of("ramas", table, ("Time", *classes.RAMAS)):
        try:
            numbers = {column: float(text) for column, text in row.items()}
        except ValueError:
            raise CorpusError(f"ramas: {where}: expected a time and a 0 or 1 for each emotion") from None
        votes[numbers.pop("Time")].update({column for column, marked in numbers.items() if marked > 0})
    runs: list[Run] = []
    for t in sorted(votes):
        best = votes[t].most_common(2)
        if not best or best[0][1] < _FEWEST_VOTES or (len(best) > 1 and best[1][1] == best[0][1]):
            continue
        label = label_of(classes.RAMAS, best[0][0], f"ramas: {table}: emotion")
        if label is None:
            continue
        if runs and runs[-1][0] == label and t - runs[-1][2] < _SECOND / 2:
            runs[-1] = (label, runs[-1][1], t + _SECOND)
        else:
            runs.append((label, t, t + _SECOND))
    return runs


def affwild2(folder: Path) -> Corpus:
    """Read AffWild2's expression labels, runs of frames of equal label. Held out: the validation part.

    ``EXPR*/Train_Set/NAME.txt`` and ``Validation_Set``: a line of class names, then a number for each frame. The
    films are ``videos/NAME.mp4``, also in ``batch1``, ``batch2`` or ``new_vids``; where a film is missing, or NAME ends
    in ``_left`` or ``_right`` and tells which of two people is meant, ``cropped_aligned/NAME`` with a picture a frame.
    """
    places = ("videos/", "videos/*/", "batch*/", "new_vids/", "")
    films = {path.stem: path for where in reversed(places) for path in files_in(folder, where, VIDEOS)}
    rows: list[Row] = []
    spans = []
    parts = [(_part(folder, "Train_Set"), False), (_part(folder, "Validation_Set"), True)]
    found = [(lists, held_out) for part, held_out in parts if part for lists in sorted(part.glob("*.txt"))]
    for lists, held_out in track(found, description="listing affwild2", transient=True):
        path = films.get(lists.stem, folder / "cropped_aligned" / lists.stem)
        if not path.exists():
            continue
        rate = PICTURES_FPS if path.is_dir() else film_length(path)[0]
        person = lists.stem.removesuffix("_left").removesuffix("_right")
        for label, start, end in frame_runs("affwild2", lists, classes.AFFWILD2, BASIC, rate):
            rows.append((path, label, person, held_out))
            spans.append((start, end))
    if not rows:
        raise CorpusError(f"affwild2: none of the films labelled is in {folder}/videos or cropped_aligned")
    return build("affwild2", "films", rows, spans=spans)


def frame_runs(
    name: str, lists: Path, table: Mapping[int, str | None], ours: tuple[str, ...], rate: float
) -> list[Run]:
    """Read the labels of a film's frames as the ABAW challenges write them: runs of label, start and end in seconds.

    The first line names the classes and must have ours, in our order; frame i of ``rate`` a second lasts from
    i / rate to (i + 1) / rate. Frames whose label the table leaves out are in no run.
    """
    lines = lines_of(name, lists)
    header = [word.strip().replace("_", " ").title() for word in (lines or [""])[0].split(",")]
    if header[: len(ours)] != list(ours):
        raise CorpusError(f"{name}: {lists}:1: expected the classes {','.join(ours)}, got {', '.join(header)[:80]!r}")
    labels = []
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            where = f"{name}: {lists}:{number}"
            code = -1 if line.strip() == "-1" else count_of(name, f"{lists}:{number}", line.strip(), "frame's label")
            labels.append(label_of(table, code, f"{where}: label", ours))
    return _runs(labels, rate)


def _runs(labels: Sequence[int | None], rate: float) -> list[Run]:
    runs, first = [], 0
    for label, equal in itertools.groupby(labels):
        count = len(list(equal))
        if label is not None:
            runs.append((label, first / rate, (first + count) / rate))
        first += count
    return runs


def _part(folder: Path, part: str) -> Path | None:
    found = (path for depth in ("", "*/", "*/*/") for path in sorted(folder.glob(f"{depth}EXPR*/{part}")))
    return next(found, None)


def afew(folder: Path) -> Corpus:
    """Read AFEW: ``Train_AFEW/Angry/000046280.avi``, ``Val_AFEW``. Held out: the validation part, of other films."""
    rows = []
    for part, held_out in (("Train_AFEW", False), ("Val_AFEW", True)):
        for name in classes.AFEW:
            for path in files_in(folder, f"{part}/{name}/", VIDEOS):
                label = label_of(classes.AFEW, name, f"afew: {path}: emotion")
                if label is not None:
                    rows.append((path, label, path.stem, held_out))
    return build("afew", "films", rows)


def meld(folder: Path) -> Corpus:
    """Read MELD: ``train_sent_emo.csv`` and ``train_splits/diaD_uttU.mp4``; held out: its dev and test parts.

    The official parts are of other dialogues, but not of other speakers: six of them speak in all parts.
    """
    clips = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
    rows: list[Row] = []
    for part, name in clips.items():
        tables = [t for t in (folder / f"{part}_sent_emo.csv", folder / part / f"{part}_sent_emo.csv") if t.is_file()]
        if not tables:
            continue
        films = first_folder(folder / name, folder / part / name)
        for where, row in rows_of("meld", tables[0], ("Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")):
            label = label_of(classes.MELD, row["Emotion"].lower(), f"meld: {where}: emotion")
            dialogue = count_of("meld", where, row["Dialogue_ID"], "number of a dialogue")
            utterance = count_of("meld", where, row["Utterance_ID"], "number of an utterance")
            path = films / f"dia{dialogue}_utt{utterance}.mp4"
            if label is not None and path.is_file():
                rows.append((path, label, row["Speaker"], part != "train"))
    if not rows:
        raise CorpusError(f"meld: none of the clips listed is in {folder}/train_splits or the other parts' folders")
    return build("meld", "films", rows)


def c_expr_db(folder: Path) -> Corpus:
    """Read C-EXPR-DB's films, ``videos/NAME.mp4``. All of it is held out: the method is zero-shot.

    The challenges hand them out without labels: then each film is one entry, `UNLABELLED`. With
    ``annotations/NAME.txt``, written as AffWild2's labels are, the entries are runs of frames of equal label.
    """
    rows: list[Row] = []
    spans = []
    for path in files_in(folder, "videos/", VIDEOS) or files_in(folder, "", VIDEOS):
        rate, seconds = film_length(path)
        lists = folder / "annotations" / f"{path.stem}.txt"
        runs = (
            frame_runs("c-expr-db", lists, classes.C_EXPR_DB, COMPOUND, rate)
            if lists.is_file()
            else [(UNLABELLED, 0.0, seconds)]
        )
        rows += [(path, label, path.stem, True) for label, _, _ in runs]
        spans += [(start, end) for _, start, end in runs]
    return build("c-expr-db", "films", rows, classes=COMPOUND, spans=spans)


READERS: dict[str, Reader] = {
    "ravdess-films": Reader(ravdess_films, ("Actor_*/01-01-*",), "Actor_NN/01-01-EE-II-SS-RR-AA.mp4"),
    "crema-d-films": Reader(
        crema_d_films,
        ("VideoFlash/1[0-9]*_*_*_*",),
        "VideoFlash/1001_DFA_ANG_XX.flv",
        occurring(classes.CREMA_D),
    ),
    "savee-films": Reader(savee_films, ("AudioVisualClip/[DJK][CEKL]/*",), "AudioVisualClip/DC/a1.avi"),
    "ramas": Reader(ramas, ("Annotations_by_files/*_ann.csv",), "Annotations_by_files/NAME_ann.csv"),
    "affwild2": Reader(
        affwild2,
        tuple(f"{d}EXPR*/{part}/*.txt" for d in ("", "*/", "*/*/") for part in ("Train_Set", "Validation_Set")),
        "EXPR_Recognition_Challenge/Train_Set/NAME.txt",
    ),
    "afew": Reader(afew, ("Train_AFEW", "Val_AFEW"), "Train_AFEW/Angry/NNNNNNNNN.avi"),
    "meld": Reader(
        meld,
        tuple(f"{d}{part}_sent_emo.csv" for part in ("train", "dev", "test") for d in ("", f"{part}/")),
        "train_sent_emo.csv",
    ),
    "c-expr-db": Reader(
        c_expr_db,
        ("videos/*.mp4", "videos/*.avi", "*.mp4", "*.avi"),
        "a folder C-EXPR-DB with videos/NAME.mp4",
        COMPOUND,
        named=True,
    ),
}

"""Speech corpora: RAVDESS, EMO-DB, nEMO, TESS, CREMA-D, SAVEE and IEMOCAP; any sound format, read at 16 kHz mono."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import soxr

from realtime_cer.records import SAMPLE_RATE, Floats
from realtime_cer.training.corpora import classes
from realtime_cer.training.corpora.classes import label_of, occurring
from realtime_cer.training.corpora.corpus import Corpus, CorpusError, Reader, build, fraction
from realtime_cer.training.corpora.lists import files_in, lines_of, rows_of

SOUNDS = (".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a")

RAVDESS_HELD_OUT = ("21", "22", "23", "24")
"""Actors that our training never hears: two men (odd), two women (even). On the others we measure by five folds."""

NEMO_HELD_OUT = ("WR0", "MK0")
"""nEMO speakers that our training never hears: a man and a woman."""

CREMA_D_HELD_OUT = 0.2
"""Share of CREMA-D's 91 actors that our training never hears, by a hash of the actor's number."""

SAVEE_HELD_OUT = ("KL",)
"""The one of SAVEE's four men whom our training never hears."""

IEMOCAP_HELD_OUT = ("Ses05F", "Ses05M")
"""The pair of IEMOCAP's last session, whom our training never hears."""

Row = tuple[Path, int, str, bool]

_TURN = re.compile(r"\[\s*[\d.]+\s*-\s*[\d.]+\s*\]\s+((Ses\d\d)\w+)_([FM])(\w+)\s+(\w+)\s")


def ravdess(folder: Path) -> Corpus:
    """Read RAVDESS speech: ``Actor_NN/03-01-EE-II-SS-RR-AA``, sound only. Song (channel 02) is left out."""
    return build("ravdess", "speech", ravdess_rows(files_in(folder, "Actor_*/", SOUNDS), "03"))


def ravdess_rows(paths: Iterable[Path], modality: str) -> list[Row]:
    """Read RAVDESS's file names; modality 01 is picture and sound, 02 picture, 03 sound."""
    rows = []
    for path in paths:
        code = path.stem.split("-")
        if len(code) == 7 and code[:2] == [modality, "01"]:
            label = label_of(classes.RAVDESS, code[2], f"ravdess: {path}: emotion")
            if label is not None:
                rows.append((path, label, code[6], code[6] in RAVDESS_HELD_OUT))
    return rows


def emo_db(folder: Path) -> Corpus:
    """Read EMO-DB: ``wav/03a01Fa.wav``, the sixth letter is the emotion; boredom is dropped."""
    rows = []
    for path in files_in(folder, "wav/", SOUNDS):
        label = label_of(classes.EMO_DB, path.stem[5:6], f"emo-db: {path}: sixth letter")
        if label is not None:
            rows.append((path, label, path.stem[:2], True))
    return build("emo-db", "speech", rows)


def nemo(folder: Path) -> Corpus:
    """Read nEMO: ``data.tsv`` and ``samples/SPK_emotion_N``; the samples may be in another format than listed."""
    table = folder / "data.tsv"
    there = {path.stem.strip(): path for path in files_in(folder, "samples/", SOUNDS)}
    rows = []
    for where, row in rows_of("nemo", table, ("file_id", "emotion", "speaker_id"), tabs=True):
        label = label_of(classes.NEMO, row["emotion"], f"nemo: {where}: emotion")
        path = there.get(Path(row["file_id"]).stem)
        if label is not None and path is not None:
            rows.append((path, label, row["speaker_id"], row["speaker_id"] in NEMO_HELD_OUT))
    if not rows:
        raise CorpusError(f"nemo: none of the samples listed in {table} is in {folder / 'samples'}")
    return build("nemo", "speech", rows)


def tess(folder: Path) -> Corpus:
    """Read TESS: ``OAF_back_angry`` in any folders. We never train on it, so all of it is held out."""
    rows = []
    # The widely shared archive holds the folder inside itself: each clip counts once.
    for path in {path.stem.lower(): path for path in reversed(files_in(folder, "**/", SOUNDS))}.values():
        words = path.stem.split("_")
        if len(words) >= 3 and words[0].upper() in ("OAF", "YAF", "OA", "YA"):
            label = label_of(classes.TESS, words[-1].lower(), f"tess: {path}: emotion")
            if label is not None:
                rows.append((path, label, words[0][:2].upper(), True))
    return build("tess", "speech", rows)


def crema_d(folder: Path) -> Corpus:
    """Read CREMA-D: ``AudioWAV/1001_DFA_ANG_XX.wav``: actor, sentence, emotion, strength."""
    return build("crema-d", "speech", crema_d_rows(files_in(folder, "AudioWAV/", SOUNDS)))


def crema_d_rows(paths: Iterable[Path]) -> list[Row]:
    """Read CREMA-D's file names."""
    rows = []
    for path in paths:
        words = path.stem.split("_")
        if len(words) == 4 and words[0].isdecimal():
            label = label_of(classes.CREMA_D, words[2], f"crema-d: {path}: emotion")
            if label is not None:
                rows.append((path, label, words[0], fraction(f"crema-d {words[0]}") < CREMA_D_HELD_OUT))
    return rows


def savee(folder: Path) -> Corpus:
    """Read SAVEE: ``AudioData/DC/a01.wav``, or all in one folder, ``DC_a01.wav``."""
    sounds = [path for where in ("AudioData/*/", "*/", "") for path in files_in(folder, where, SOUNDS)]
    return build("savee", "speech", savee_rows(sounds))


def savee_rows(paths: Iterable[Path]) -> list[Row]:
    """Read SAVEE's file names."""
    rows = []
    for path in paths:
        name = re.fullmatch(r"(?:(DC|JE|JK|KL)_)?([a-z]{1,2})\d{1,2}", path.stem)
        speaker = name and (name[1] or path.parent.name)
        if name and speaker in ("DC", "JE", "JK", "KL"):
            label = label_of(classes.SAVEE, name[2], f"savee: {path}: emotion")
            if label is not None:
                rows.append((path, label, speaker, speaker in SAVEE_HELD_OUT))
    return rows


def iemocap(folder: Path) -> Corpus:
    """Read IEMOCAP's turns: ``SessionN/dialog/EmoEvaluation/DIALOG.txt`` and ``SessionN/sentences/wav/DIALOG``."""
    rows = []
    for lists in sorted(folder.glob("Session[1-5]/dialog/EmoEvaluation/Ses*.txt")):
        session = lists.parents[2]
        there = {path.stem: path for path in files_in(session, f"sentences/wav/{lists.stem}/", SOUNDS)}
        for number, line in enumerate(lines_of("iemocap", lists), start=1):
            if not line.startswith("["):  # the raters' own lines follow each turn
                continue
            where = f"iemocap: {lists}:{number}"
            turn = _TURN.match(line)
            if turn is None:
                raise CorpusError(f"{where}: expected '[START - END] TURN EMOTION [V, A, D]', got {line[:60]!r}")
            dialog, pair, sex, count, emotion = turn.groups()
            label = label_of(classes.IEMOCAP, emotion, f"{where}: emotion")
            path = there.get(f"{dialog}_{sex}{count}")
            if label is not None and path is not None:
                rows.append((path, label, pair + sex, pair + sex in IEMOCAP_HELD_OUT))
    if not rows:
        raise CorpusError(f"iemocap: none of the turns listed is in {folder}/Session*/sentences/wav")
    return build("iemocap", "speech", rows)


def read_sound(path: Path, span: tuple[float, float] | None = None) -> Floats:
    """Read the sound of a file of any kind, a film too, as (n,) float32, 16 kHz mono, in [-1, 1].

    Raises
    ------
    CorpusError
        The file cannot be read or has no sound, or none in the span (start and end in seconds).
    """
    blocks, rate = [], SAMPLE_RATE
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = container.streams.audio[0]
            rate = stream.rate
            to_float = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
            for frame in _frames(container, to_float):
                blocks.append(frame.to_ndarray().mean(axis=0))
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        raise CorpusError(f"cannot read sound {path}: {error or type(error).__name__}") from None
    samples = np.concatenate(blocks) if blocks else np.zeros(0)
    if span is not None:
        samples = samples[round(span[0] * rate) : round(span[1] * rate)]
    if not len(samples):
        part = "" if span is None else f" from {span[0]:.2f} to {span[1]:.2f} s"
        raise CorpusError(f"cannot read sound {path}: it holds no samples{part}")
    if rate != SAMPLE_RATE:
        samples = soxr.resample(samples, rate, SAMPLE_RATE)
    return samples.astype(np.float32)


def _frames(container: av.container.InputContainer, to_float: av.AudioResampler) -> Iterator[av.AudioFrame]:
    for frame in container.decode(audio=0):
        yield from to_float.resample(frame)
    yield from to_float.resample(None)


def _marks(stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}{suffix}" for suffix in SOUNDS)


READERS: dict[str, Reader] = {
    "ravdess": Reader(ravdess, _marks("Actor_*/03-01-*"), "Actor_NN/03-01-EE-II-SS-RR-AA.wav"),
    "emo-db": Reader(emo_db, _marks("wav/[01][0-9][ab][0-9][0-9][A-Z]*"), "wav/03a01Fa.wav", occurring(classes.EMO_DB)),
    "nemo": Reader(nemo, ("data.tsv",), "data.tsv", occurring(classes.NEMO)),
    "tess": Reader(
        tess,
        tuple(f"{d}{s}_*_*{x}" for s in ("OAF", "YAF") for x in (*SOUNDS, ".WAV") for d in ("", "*/", "*/*/")),
        "OAF_word_emotion.wav",
    ),
    "crema-d": Reader(
        crema_d, _marks("AudioWAV/1[0-9]*_*_*_*"), "AudioWAV/1001_DFA_ANG_XX.wav", occurring(classes.CREMA_D)
    ),
    "savee": Reader(
        savee,
        (*_marks("AudioData/[DJK][CEKL]/*"), *_marks("[DJK][CEKL]/[adfhns]*"), *_marks("[DJK][CEKL]_[adfhns]*")),
        "AudioData/DC/a01.wav or DC_a01.wav",
    ),
    "iemocap": Reader(
        iemocap, ("Session[1-5]/dialog/EmoEvaluation/Ses*.txt",), "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    ),
}

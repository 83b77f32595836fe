"""Speech corpora: RAVDESS, EMO-DB, nEMO and TESS; any sound format, read at 16 kHz mono."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import av
import numpy as np
import soxr

from realtime_cer.labels import BASIC
from realtime_cer.records import SAMPLE_RATE, Floats
from realtime_cer.training.corpora.corpus import Corpus, CorpusError, Reader, build

SOUNDS = (".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a")

RAVDESS_HELD_OUT = ("17", "18", "19", "20")
"""Actors that our training never hears: two men (odd), two women (even)."""

NEMO_HELD_OUT = ("WR0", "MK0")
"""nEMO speakers that our training never hears: a man and a woman."""

# RAVDESS: calm counts as neutral.
_RAVDESS = {
    "01": "Neutral",
    "02": "Neutral",
    "03": "Happiness",
    "04": "Sadness",
    "05": "Anger",
    "06": "Fear",
    "07": "Disgust",
    "08": "Surprise",
}
_EMO_DB = {"W": "Anger", "E": "Disgust", "A": "Fear", "F": "Happiness", "T": "Sadness", "N": "Neutral", "L": None}
_NEMO = {
    "anger": "Anger",
    "fear": "Fear",
    "happiness": "Happiness",
    "neutral": "Neutral",
    "sadness": "Sadness",
    "surprised": "Surprise",
}
_TESS = {
    "angry": "Anger",
    "disgust": "Disgust",
    "fear": "Fear",
    "happy": "Happiness",
    "neutral": "Neutral",
    "ps": "Surprise",
    "sad": "Sadness",
}


def ravdess(folder: Path) -> Corpus:
    """Read RAVDESS speech: ``Actor_NN/03-01-EE-II-SS-RR-AA``, sound only. Song (channel 02) is left out."""
    rows = []
    for path in _sounds(folder, "Actor_*/"):
        code = path.stem.split("-")
        if len(code) != 7 or code[:2] != ["03", "01"]:
            continue
        if code[2] not in _RAVDESS:
            raise CorpusError(f"ravdess: {path}: emotion {code[2]} is not 01 to 08")
        rows.append((path, BASIC.index(_RAVDESS[code[2]]), code[6], code[6] in RAVDESS_HELD_OUT))
    return build("ravdess", "speech", rows)


def emo_db(folder: Path) -> Corpus:
    """Read EMO-DB: ``wav/03a01Fa.wav``, the sixth letter is the emotion; boredom is dropped."""
    rows = []
    for path in _sounds(folder, "wav/"):
        letter = path.stem[5:6]
        if letter not in _EMO_DB:
            raise CorpusError(f"emo-db: {path}: sixth letter {letter!r} is none of {''.join(_EMO_DB)}")
        emotion = _EMO_DB[letter]
        if emotion:
            rows.append((path, BASIC.index(emotion), path.stem[:2], True))
    return build("emo-db", "speech", rows)


def nemo(folder: Path) -> Corpus:
    """Read nEMO: ``data.tsv`` and ``samples/SPK_emotion_N``; the samples may be in another format than listed."""
    table = folder / "data.tsv"
    rows = []
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            absent = [c for c in ("file_id", "emotion", "speaker_id") if c not in (reader.fieldnames or [])]
            if absent:
                raise CorpusError(f"nemo: {table}: no column {', '.join(absent)}")
            there = {path.stem.strip(): path for path in _sounds(folder, "samples/")}
            for number, row in enumerate(reader, start=2):
                if row["emotion"] not in _NEMO:
                    raise CorpusError(f"nemo: {table}:{number}: emotion {row['emotion']!r} is not known")
                path = there.get(Path(row["file_id"].strip()).stem)
                if path is not None:
                    speaker = row["speaker_id"].strip()
                    rows.append((path, BASIC.index(_NEMO[row["emotion"]]), speaker, speaker in NEMO_HELD_OUT))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"nemo: cannot read {table}: {error}") from None
    if not rows:
        raise CorpusError(f"nemo: none of the samples listed in {table} is in {folder / 'samples'}")
    return build("nemo", "speech", rows)


def tess(folder: Path) -> Corpus:
    """Read TESS: ``OAF_back_angry`` in any folders; ps is pleasant surprise."""
    rows = []
    # The widely shared archive holds the folder inside itself: each clip counts once.
    for path in {path.stem.lower(): path for path in reversed(_sounds(folder, "**/"))}.values():
        words = path.stem.split("_")
        if len(words) < 3 or words[0].upper() not in ("OAF", "YAF", "OA", "YA"):
            continue
        if words[-1].lower() not in _TESS:
            raise CorpusError(f"tess: {path}: emotion {words[-1]!r} is not known")
        rows.append((path, BASIC.index(_TESS[words[-1].lower()]), words[0][:2].upper(), True))
    return build("tess", "speech", rows)


def read_sound(path: Path) -> Floats:
    """Read a sound file of any kind as (n,) float32, 16 kHz mono, in [-1, 1]."""
    blocks, rate = [], SAMPLE_RATE
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            rate = stream.rate
            to_float = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
            for frame in _frames(container, to_float):
                blocks.append(frame.to_ndarray().mean(axis=0))
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        raise CorpusError(f"cannot read sound {path}: {error or type(error).__name__}") from None
    samples = np.concatenate(blocks) if blocks else np.zeros(0)
    if not len(samples):
        raise CorpusError(f"cannot read sound {path}: it holds no samples")
    if rate != SAMPLE_RATE:
        samples = soxr.resample(samples, rate, SAMPLE_RATE)
    return samples.astype(np.float32)


def _frames(container: av.container.InputContainer, to_float: av.AudioResampler) -> Iterator[av.AudioFrame]:
    for frame in container.decode(audio=0):
        yield from to_float.resample(frame)
    yield from to_float.resample(None)


def _sounds(folder: Path, where: str) -> list[Path]:
    return sorted(p for p in folder.glob(f"{where}*") if p.suffix.lower() in SOUNDS and p.name[0] != ".")


def _marks(stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}{suffix}" for suffix in SOUNDS)


def _some(table: Mapping[str, str | None]) -> tuple[str, ...]:
    return tuple(sorted({name for name in table.values() if name}))


READERS = {
    "ravdess": Reader(ravdess, _marks("Actor_*/03-01-*"), "Actor_NN/03-01-EE-II-SS-RR-AA.wav"),
    "emo-db": Reader(emo_db, _marks("wav/[01][0-9][ab][0-9][0-9][A-Z]*"), "wav/03a01Fa.wav", _some(_EMO_DB)),
    "nemo": Reader(nemo, ("data.tsv",), "data.tsv", _some(_NEMO)),
    "tess": Reader(
        tess,
        tuple(f"{d}{s}_*_*{x}" for s in ("OAF", "YAF") for x in (*SOUNDS, ".WAV") for d in ("", "*/", "*/*/")),
        "OAF_word_emotion.wav",
    ),
}

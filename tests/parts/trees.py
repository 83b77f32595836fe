"""Corpora made small, in their official layouts: a few tiny files each, media that can be read where they are read."""

import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from realtime_cer.quiet import cv2

FERPLUS_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
AFFECTNET_HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
)
MELD_HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
RAMAS_HEADER = "Time,Angry,Sad,Disgusted,Happy,Scared,Surprised,Neutral,Domination,Submission,Shame,Tiredness,ID"
EXPRESSIONS = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"
COMPOUND_EXPRESSIONS = (
    "Fearfully_Surprised,Happily_Surprised,Sadly_Surprised,Disgustedly_Surprised,"
    "Angrily_Surprised,Sadly_Fearful,Sadly_Angry,Other"
)


def picture(path: Path, size: int = 100, grey: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((size, size, 3), grey, np.uint8))


def noise(path: Path, seed: int, size: int = 100) -> None:
    """A picture that is like no other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (10, 10, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC))


def sound(path: Path, seconds: float = 0.5, rate: int = 16000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(int(seconds * rate)) / rate
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((8000 * np.sin(2 * np.pi * 300 * t)).astype("<i2").tobytes())


def text(path: Path, lines: Iterable[object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def empty(folder: Path, *names: str) -> Path:
    """Files that stand for media which a reader of lists does not open."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def raf_db(folder: Path, names: tuple[str, ...] = ("train_00001", "test_0001")) -> Path:
    stems = [(f"{name}{label}", label) for name in names for label in range(1, 8)]
    for stem, _ in stems:
        picture(folder / "Image" / "aligned" / f"{stem}_aligned.jpg")
    text(folder / "EmoLabel" / "list_patition_label.txt", [f"{stem}.jpg {label}" for stem, label in stems])
    return folder


def ferplus(folder: Path, rows: list[str]) -> Path:
    for part in ("FER2013Train", "FER2013Valid"):
        for i in range(9):
            picture(folder / part / f"fer{i:07d}.png", 48)
    text(folder / "fer2013new.csv", [FERPLUS_HEADER, *rows])
    return folder


def affectnet_tables(folder: Path, codes: Iterable[object] = range(11)) -> Path:
    """The first release: one picture of each expression in each part; the validation list without column names."""
    for part in ("training", "validation"):
        rows = [f"{part[:3]}/{code}.jpg,8,8,80,80,{'31.5;42.0;' * 67}5;6,{code},-0.2,0.4" for code in codes]
        text(
            folder / "Manually_Annotated_file_lists" / f"{part}.csv",
            [AFFECTNET_HEADER, *rows] if part == "training" else rows,
        )
        for code in codes:
            picture(folder / "Manually_Annotated_Images" / part[:3] / f"{code}.jpg")
    return folder


def affectnet_arrays(folder: Path) -> Path:
    """The later release: the labels are strings in arrays."""
    for part in ("train_set", "val_set"):
        (folder / part / "annotations").mkdir(parents=True)
        for code in range(8):
            picture(folder / part / "images" / f"{code + 100}.jpg")
            np.save(folder / part / "annotations" / f"{code + 100}_exp.npy", np.array(str(code)))
            np.save(folder / part / "annotations" / f"{code + 100}_val.npy", np.array("-0.3"))
    return folder


def iemocap(folder: Path, emotions: tuple[str, ...]) -> Path:
    """A dialogue in the first and in the last session, whose turns the woman and the man take in turn."""
    for session in (1, 5):
        dialog = f"Ses0{session}F_script01_1b"
        lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
        for i, emotion in enumerate(emotions):
            turn = f"{dialog}_{'FM'[i % 2]}{i:03d}"
            lines += [f"[{i}.2901 - {i + 1}.2357]\t{turn}\t{emotion}\t[2.5000, 2.5000, 2.5000]"]
            lines += ["C-E2:\tNeutral;\t()", "A-E3:\tval 3; act 2; dom  2;\t()", ""]
            empty(folder, f"Session{session}/sentences/wav/{dialog}/{turn}.wav")
        text(folder / f"Session{session}" / "dialog" / "EmoEvaluation" / f"{dialog}.txt", lines)
        text(folder / f"Session{session}" / "dialog" / "EmoEvaluation" / "Categorical" / f"{dialog}_e1_cat.txt", ["x"])
    return folder


def ramas(folder: Path, name: str, seconds: list[list[str]]) -> Path:
    """For each second the marks of some annotators."""
    columns = RAMAS_HEADER.split(",")[1:-1]
    rows = [
        f"{t + 0.36},{','.join(str(int(mark == column)) for column in columns)},{annotator}"
        for t, marks in enumerate(seconds)
        for annotator, mark in enumerate(marks)
    ]
    text(folder / "Annotations_by_files" / f"{name}_ann.csv", [RAMAS_HEADER, *rows])
    return empty(folder, f"Data/Audio/{name}_mic.wav")


def meld(folder: Path, emotions: tuple[str, ...]) -> Path:
    parts = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
    for part, clips in parts.items():
        rows = [
            f'{i},"Oh, well.",{("Ross", "Monica")[i % 2]},{emotion},neutral,7,{i},2,4,"00:00:01,200","00:00:02,500"'
            for i, emotion in enumerate(emotions)
        ]
        text(folder / ("train" if part == "train" else "") / f"{part}_sent_emo.csv", [MELD_HEADER, *rows])
        empty(folder, *(f"{clips}/dia7_utt{i}.mp4" for i in range(len(emotions))))
    return folder

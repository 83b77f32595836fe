"""Readers on small trees in the official layouts, on their tars, on what can be wrong, and on the real corpora."""

import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest

from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.quiet import cv2
from realtime_cer.training import corpora
from realtime_cer.training.corpora import CorpusError
from realtime_cer.training.corpora.corpus import fraction, need_classes
from realtime_cer.training.corpora.speech import read_sound
from realtime_cer.training.crops import crops

FERPLUS_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_CER_CACHE", str(tmp_path_factory.mktemp("cache")))


def picture(path: Path, size: int = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((size, size, 3), 90, np.uint8))


def sound(path: Path, seconds: float = 0.5, rate: int = 16000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(int(seconds * rate)) / rate
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((8000 * np.sin(2 * np.pi * 300 * t)).astype("<i2").tobytes())


def raf_db(folder: Path, names: tuple[str, ...] = ("train_00001", "test_0001")) -> Path:
    lines = []
    for name in names:
        for label in range(1, 8):
            stem = f"{name}{label}"
            picture(folder / "Image" / "aligned" / f"{stem}_aligned.jpg")
            lines.append(f"{stem}.jpg {label}")
    (folder / "EmoLabel").mkdir(parents=True)
    (folder / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_raf_db(tmp_path: Path) -> None:
    corpus = corpora.load("raf-db", raf_db(tmp_path / "basic"))
    assert corpus.counts().tolist() == [2] * 7
    label = dict(zip([p.name for p in corpus.paths], corpus.labels.tolist(), strict=True))
    assert BASIC[label["train_000011_aligned.jpg"]] == "Surprise"
    assert BASIC[label["train_000017_aligned.jpg"]] == "Neutral"
    assert crops(corpus).shape == (14, 112, 112, 3)


def test_raf_db_held_out_is_all_test_entries_and_the_same_tenth_of_the_others(tmp_path: Path) -> None:
    corpus = corpora.load("raf-db", raf_db(tmp_path), "held-out")
    names = {p.stem.removesuffix("_aligned") for p in corpus.paths}
    assert {n for n in names if n.startswith("test")} == {f"test_0001{i}" for i in range(1, 8)}
    assert {n for n in names if n.startswith("train")} == {
        f"train_00001{i}" for i in range(1, 8) if fraction(f"train_00001{i}") < 0.1
    }


def test_a_test_part_alone(tmp_path: Path) -> None:
    folder = raf_db(tmp_path, names=("test_0001",))
    assert len(corpora.load("raf-db", folder)) == len(corpora.load("raf-db", folder, "held-out")) == 7
    with pytest.raises(CorpusError, match="nothing to read in part 'train'"):
        corpora.load("raf-db", folder, "train")


def test_found_in_a_folder_around_it_and_in_its_tar(tmp_path: Path) -> None:
    folder = raf_db(tmp_path / "made" / "raf-db")
    assert len(corpora.load("raf-db", tmp_path / "made")) == 14
    (tmp_path / "data" / "faces").mkdir(parents=True)
    with tarfile.open(tmp_path / "data" / "faces" / "raf-db.tar", "w") as tar:
        tar.add(folder, "raf-db")
    corpus = corpora.load("raf-db", tmp_path / "data")
    assert len(corpus) == 14
    assert corpora.cache_folder() in corpus.paths[0].parents
    assert corpora.load("raf-db", tmp_path / "data").paths == corpus.paths
    # Nothing half unpacked is left beside it.
    assert len(list((corpora.cache_folder() / "corpora").iterdir())) == 1


def test_a_truncated_tar_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    folder = raf_db(tmp_path / "raf-db")
    with tarfile.open(tmp_path / "whole.tar", "w") as tar:
        tar.add(folder, "raf-db")
    (tmp_path / "data").mkdir()
    whole = (tmp_path / "whole.tar").read_bytes()
    (tmp_path / "data" / "raf-db.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorpusError, match="cannot unpack"):
        corpora.load("raf-db", tmp_path / "data")
    assert not list((corpora.cache_folder() / "corpora").iterdir())


def test_raf_ce_keeps_the_seven_compound_classes_of_the_challenge(tmp_path: Path) -> None:
    for label in range(14):
        picture(tmp_path / "aligned" / f"{label:04d}_aligned.jpg")
    lines = [f"{label:04d}.jpg {label}" for label in range(14)]
    (tmp_path / "RAFCE_emolabel.txt").write_text("\n".join(lines))
    corpus = corpora.load("raf-ce", tmp_path)
    names = {p.name[:4]: COMPOUND[i] for p, i in zip(corpus.paths, corpus.labels, strict=True)}
    assert names == {
        "0000": "Happily Surprised",
        "0002": "Sadly Fearful",
        "0003": "Sadly Angry",
        "0004": "Sadly Surprised",
        "0007": "Fearfully Surprised",
        "0009": "Angrily Surprised",
        "0011": "Disgustedly Surprised",
    }


def ferplus(folder: Path, rows: list[str]) -> Path:
    for part in ("FER2013Train", "FER2013Valid"):
        for i in range(9):
            picture(folder / part / f"fer{i:07d}.png", 48)
    (folder / "fer2013new.csv").write_text("\n".join([FERPLUS_HEADER, *rows]) + "\n")
    return folder


def test_ferplus_counts_where_one_of_ours_has_most_votes(tmp_path: Path) -> None:
    rows = [
        "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0",  # neutral
        "Training,fer0000001.png,5,0,0,0,5,0,0,0,0,0",  # tie of ours
        "Training,fer0000002.png,4,0,0,0,0,0,0,4,2,0",  # tie with contempt
        "Training,fer0000003.png,3,0,0,0,0,0,0,0,5,2",  # unknown
        "Training,,10,0,0,0,0,0,0,0,0,0",  # no face
        "Training,fer0000099.png,10,0,0,0,0,0,0,0,0,0",  # no such file
        "PublicTest,fer0000004.png,0,0,0,0,0,2,6,2,0,0",  # fear
    ]
    corpus = corpora.load("ferplus", ferplus(tmp_path, rows))
    assert [p.name for p in corpus.paths] == ["fer0000000.png", "fer0000004.png"]
    assert [BASIC[i] for i in corpus.labels] == ["Neutral", "Fear"]
    assert corpus.held_out.tolist() == [False, True]
    assert corpus.votes is not None
    assert corpus.votes[0].tolist() == pytest.approx([0.4, 0.3, 0.2, 0, 0, 0.1, 0])
    assert corpus.votes[1].tolist() == pytest.approx([0, 0, 0.25, 0.75, 0, 0, 0])


def test_ferplus_without_a_face_takes_the_picture_as_it_is(tmp_path: Path) -> None:
    corpus = corpora.load("ferplus", ferplus(tmp_path, ["PublicTest,fer0000004.png,0,0,0,0,0,2,6,2,0,0"]))
    made = crops(corpus, processes=1)
    assert made.shape == (1, 112, 112, 3)
    assert np.ptp(made) == 0


def test_ck48(tmp_path: Path) -> None:
    for name in ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"):
        picture(tmp_path / "CK+48" / name / f"S010_{name}.png", 48)
    corpus = corpora.load("ck48", tmp_path)
    assert sorted(BASIC[i] for i in corpus.labels) == sorted(set(BASIC) - {"Neutral"})


def test_ravdess(tmp_path: Path) -> None:
    for code in range(1, 9):
        sound(tmp_path / "Actor_18" / f"03-01-{code:02d}-01-01-01-18.wav")
    sound(tmp_path / "Actor_01" / "03-01-02-01-01-01-01.wav")
    sound(tmp_path / "Actor_01" / "03-02-02-01-01-01-01.wav")  # song
    corpus = corpora.load("ravdess", tmp_path)
    assert corpus.counts().tolist() == [3, 1, 1, 1, 1, 1, 1]
    assert corpus.groups.tolist() == ["01", *["18"] * 8]
    assert corpora.load("ravdess", tmp_path, "held-out").groups.tolist() == ["18"] * 8


def test_emo_db(tmp_path: Path) -> None:
    for letter in "WLEAFTN":
        sound(tmp_path / "wav" / f"03a01{letter}a.wav")
    corpus = corpora.load("emo-db", tmp_path)
    emotion = {p.stem[5]: BASIC[i] for p, i in zip(corpus.paths, corpus.labels, strict=True)}
    assert emotion == {
        "W": "Anger",
        "E": "Disgust",
        "A": "Fear",
        "F": "Happiness",
        "T": "Sadness",
        "N": "Neutral",
    }


def test_nemo_takes_samples_of_another_format_than_listed(tmp_path: Path) -> None:
    names = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
    rows = ["file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage"]
    for name in names:
        sound(tmp_path / "samples" / f"WR0_{name}_1.wav")
        rows.append(f'WR0_{name}_1.flac\t{name}\t"Tak\ttak\t        WR0\tmale\t23')
    (tmp_path / "data.tsv").write_text("\n".join(rows) + "\n")
    corpus = corpora.load("nemo", tmp_path, "held-out")
    assert sorted(BASIC[i] for i in corpus.labels) == sorted(set(BASIC) - {"Disgust"})
    assert set(corpus.groups.tolist()) == {"WR0"}


def test_tess(tmp_path: Path) -> None:
    for name in ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad"):
        sound(tmp_path / "TESS data" / f"OAF_{name}" / f"OAF_back_{name}.wav")
    corpus = corpora.load("tess", tmp_path)
    assert sorted(corpus.labels.tolist()) == list(range(7))
    assert BASIC[corpus.labels[[p.stem for p in corpus.paths].index("OAF_back_ps")]] == "Surprise"


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_any_sample_rate(tmp_path: Path, rate: int) -> None:
    sound(tmp_path / "a.wav", 0.5, rate)
    samples = read_sound(tmp_path / "a.wav")
    assert samples.dtype == np.float32
    assert abs(len(samples) - 8000) <= 80
    assert np.abs(samples).max() == pytest.approx(8000 / 32768, rel=0.05)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("raf-db", "EmoLabel/list_patition_label.txt"),
        ("raf-ce", "RAFCE_emolabel.txt"),
        ("ferplus", "fer2013new.csv"),
        ("ck48", "folders anger"),
        ("ravdess", "Actor_NN"),
        ("emo-db", "wav/03a01Fa.wav"),
        ("nemo", "data.tsv"),
        ("tess", "OAF_word_emotion.wav"),
    ],
)
def test_an_empty_folder_names_what_was_expected(tmp_path: Path, name: str, expected: str) -> None:
    with pytest.raises(CorpusError) as refused:
        corpora.load(name, tmp_path)
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)
    with pytest.raises(CorpusError, match="no such folder"):
        corpora.load(name, tmp_path / "nowhere")


def test_labels_out_of_range_are_refused(tmp_path: Path) -> None:
    folder = raf_db(tmp_path / "a")
    lists = folder / "EmoLabel" / "list_patition_label.txt"
    lists.write_text(lists.read_text() + "train_000011.jpg 8\n")
    with pytest.raises(CorpusError, match=r":15: label 8 is not 1 to 7"):
        corpora.load("raf-db", folder)
    lists.write_text("train_000011.jpg five\n")
    with pytest.raises(CorpusError, match="expected 'NAME NUMBER'"):
        corpora.load("raf-db", folder)
    with pytest.raises(CorpusError, match="is no count of votes"):
        corpora.load("ferplus", ferplus(tmp_path / "b", ["Training,fer0000000.png,x,0,0,1,3,2,0,0,0,0"]))
    with pytest.raises(CorpusError, match="usage 'Foo'"):
        corpora.load("ferplus", ferplus(tmp_path / "c", ["Foo,fer0000000.png,1,0,0,1,3,2,0,0,0,0"]))
    sound(tmp_path / "d" / "Actor_01" / "03-01-09-01-01-01-01.wav")
    with pytest.raises(CorpusError, match="emotion 09"):
        corpora.load("ravdess", tmp_path / "d")
    sound(tmp_path / "e" / "wav" / "03a01Xa.wav")
    with pytest.raises(CorpusError, match="sixth letter 'X'"):
        corpora.load("emo-db", tmp_path / "e")


def test_lists_without_media_and_empty_lists_are_refused(tmp_path: Path) -> None:
    folder = raf_db(tmp_path)
    for path in (folder / "Image" / "aligned").iterdir():
        path.unlink()
    with pytest.raises(CorpusError, match="none of the pictures listed"):
        corpora.load("raf-db", folder)
    (folder / "EmoLabel" / "list_patition_label.txt").write_text("")
    with pytest.raises(CorpusError, match="is empty"):
        corpora.load("raf-db", folder)


def test_unreadable_media_are_named(tmp_path: Path) -> None:
    corpus = corpora.load("raf-db", raf_db(tmp_path))
    corpus.paths[3].write_bytes(b"no picture")
    with pytest.raises(CorpusError, match=corpus.paths[3].name):
        crops(corpus)
    broken = tmp_path / "a.wav"
    for content in (b"", b"no sound", b"RIFF\x00\x00\x00\x00WAVE"):
        broken.write_bytes(content)
        with pytest.raises(CorpusError, match=r"cannot read sound .*a\.wav"):
            read_sound(broken)


def test_an_empty_class_is_named(tmp_path: Path) -> None:
    corpus = corpora.load("raf-db", raf_db(tmp_path))
    with pytest.raises(CorpusError, match="no file of class Anger"):
        need_classes(corpus.select(corpus.labels != BASIC.index("Anger")))


def test_the_real_corpora(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REALTIME_CER_CACHE")  # unpack them once, not for every test run
    raf = corpora.load("raf-db", data)
    assert raf.counts().min() > 50
    held_out = corpora.load("raf-db", data, "held-out")
    train = corpora.load("raf-db", data, "train")
    assert len(held_out) + len(train) == len(raf)
    assert not set(held_out.paths) & set(train.paths)
    assert 0.08 < len(held_out) / len(raf) < 0.12
    assert corpora.load("raf-ce", data).counts().min() > 50
    fer = corpora.load("ferplus", data, "held-out")
    assert {p.parent.name for p in fer.paths} == {"FER2013Valid"}
    for name, people in (("ravdess", 20), ("nemo", 9)):
        speech = corpora.load(name, data)
        assert len(set(speech.groups.tolist())) == people
        unseen = set(corpora.load(name, data, "held-out").groups.tolist())
        assert not unseen & set(corpora.load(name, data, "train").groups.tolist())
        samples = read_sound(speech.paths[0])
        assert 1 < len(samples) / 16000 < 6
        assert 0.001 < samples.std() < 0.3

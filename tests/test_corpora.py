"""Readers on small trees in the official layouts, on their tars, on what can be wrong, and on the real corpora."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from parts.trees import (
    affectnet_arrays,
    affectnet_tables,
    empty,
    ferplus,
    iemocap,
    picture,
    raf_db,
    sound,
    text,
)

from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.training import corpora
from realtime_cer.training.corpora import CorpusError
from realtime_cer.training.corpora.corpus import fraction, need_classes
from realtime_cer.training.corpora.speech import read_sound
from realtime_cer.training.crops import crops


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_CER_CACHE", str(tmp_path_factory.mktemp("cache")))


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
        sound(tmp_path / "Actor_22" / f"03-01-{code:02d}-01-01-01-22.wav")
    sound(tmp_path / "Actor_01" / "03-01-02-01-01-01-01.wav")
    sound(tmp_path / "Actor_01" / "03-02-02-01-01-01-01.wav")  # song
    corpus = corpora.load("ravdess", tmp_path)
    assert corpus.counts().tolist() == [3, 1, 1, 1, 1, 1, 1]
    assert corpus.groups.tolist() == ["01", *["22"] * 8]
    assert corpora.load("ravdess", tmp_path, "held-out").groups.tolist() == ["22"] * 8


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


def test_affectnet_in_both_releases_without_contempt_and_without_faces(tmp_path: Path) -> None:
    for folder in (affectnet_tables(tmp_path / "tables"), affectnet_arrays(tmp_path / "arrays")):
        corpus = corpora.load("affectnet", folder)
        assert corpus.counts().tolist() == [2] * 7
        names = [BASIC[i] for i in corpus.labels[~corpus.held_out]]
        assert names == ["Neutral", "Happiness", "Sadness", "Surprise", "Fear", "Disgust", "Anger"]
        parts = {part for p in corpora.load("affectnet", folder, "held-out").paths for part in p.parts}
        assert parts & {"val", "val_set"}
        assert not parts & {"tra", "train_set"}
        assert all(p.is_file() for p in corpus.paths)


def test_affectnet_names_what_is_missing_or_wrong(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"training.csv:3: expression 11 is none of 0, 1"):
        corpora.load("affectnet", affectnet_tables(tmp_path / "range", [3, 11]))
    with pytest.raises(CorpusError, match=r"training.csv:2: 'happy' is no number of an expression"):
        corpora.load("affectnet", affectnet_tables(tmp_path / "word", ["happy"]))
    text(tmp_path / "bare" / "Manually_Annotated_file_lists" / "training.csv", [])
    with pytest.raises(CorpusError, match=r"no folder .*Manually_Annotated_Images"):
        corpora.load("affectnet", tmp_path / "bare")
    folder = affectnet_arrays(tmp_path / "arrays")
    (folder / "val_set" / "annotations" / "103_exp.npy").write_bytes(b"no array")
    with pytest.raises(CorpusError, match=r"cannot read .*103_exp\.npy"):
        corpora.load("affectnet", folder)


def test_crema_d_holds_out_actors_not_files(tmp_path: Path) -> None:
    codes = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
    actors = range(1001, 1092)
    empty(tmp_path, *(f"AudioWAV/{actor}_DFA_{code}_XX.wav" for actor in actors for code in codes))
    corpus = corpora.load("crema-d", tmp_path)
    assert corpus.counts().tolist() == [91, 91, 91, 91, 91, 91, 0]
    unseen = set(corpora.load("crema-d", tmp_path, "held-out").groups.tolist())
    assert not unseen & set(corpora.load("crema-d", tmp_path, "train").groups.tolist())
    assert 12 <= len(unseen) <= 24
    need_classes(corpus, corpora.READERS["crema-d"].classes)
    empty(tmp_path, "AudioWAV/1001_DFA_JOY_XX.wav")
    with pytest.raises(CorpusError, match=r"1001_DFA_JOY_XX\.wav: emotion 'JOY' is none of ANG, DIS"):
        corpora.load("crema-d", tmp_path)


@pytest.mark.parametrize("layout", ["AudioData/{}/{}", "{}/{}", "{}_{}"])
def test_savee_in_folders_and_in_one(tmp_path: Path, layout: str) -> None:
    codes = ("a", "d", "f", "h", "n", "sa", "su")
    speakers = ("DC", "JE", "JK", "KL")
    empty(tmp_path, *(layout.format(s, f"{code}{i:02d}.wav") for s in speakers for code in codes for i in (1, 2)))
    corpus = corpora.load("savee", tmp_path)
    assert corpus.counts().tolist() == [8] * 7
    first = [BASIC[i] for i in corpus.labels[corpus.groups == "DC"]][::2]
    assert first == ["Anger", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"]
    assert set(corpora.load("savee", tmp_path, "held-out").groups.tolist()) == {"KL"}


def test_iemocap_takes_excitement_for_happiness_and_the_last_pair_for_the_end(tmp_path: Path) -> None:
    folder = iemocap(tmp_path, ("neu", "exc", "hap", "fru", "xxx", "oth", "ang", "sad", "sur", "fea", "dis"))
    corpus = corpora.load("iemocap", folder)
    assert corpus.counts().tolist() == [2, 2, 2, 2, 4, 2, 2]
    assert set(corpus.groups.tolist()) == {"Ses01F", "Ses01M", "Ses05F", "Ses05M"}
    assert set(corpora.load("iemocap", folder, "held-out").groups.tolist()) == {"Ses05F", "Ses05M"}
    spoken = dict(zip([p.stem for p in corpus.paths], corpus.groups.tolist(), strict=True))
    assert spoken["Ses01F_script01_1b_M001"] == "Ses01M"
    lists = folder / "Session1" / "dialog" / "EmoEvaluation" / "Ses01F_script01_1b.txt"
    lists.write_text(lists.read_text().replace("\tneu\t", "\tbor\t"))
    with pytest.raises(CorpusError, match=r"script01_1b\.txt:3: emotion 'bor' is none of neu"):
        corpora.load("iemocap", folder)
    lists.write_text("[1.0 - 2.0]\tSes01F\n")
    with pytest.raises(CorpusError, match=r"script01_1b\.txt:1: expected '\[START"):
        corpora.load("iemocap", folder)


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
        ("affectnet", "Manually_Annotated_file_lists/training.csv"),
        ("crema-d", "AudioWAV/1001_DFA_ANG_XX.wav"),
        ("savee", "AudioData/DC/a01.wav"),
        ("iemocap", "dialog/EmoEvaluation/Ses01F_impro01.txt"),
        ("ravdess-films", "Actor_NN/01-01"),
        ("crema-d-films", "VideoFlash/1001_DFA_ANG_XX.flv"),
        ("savee-films", "AudioVisualClip/DC/a1.avi"),
        ("ramas", "Annotations_by_files/NAME_ann.csv"),
        ("affwild2", "Train_Set/NAME.txt"),
        ("afew", "Train_AFEW/Angry"),
        ("meld", "train_sent_emo.csv"),
        ("c-expr-db", "a folder C-EXPR-DB"),
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
    with pytest.raises(CorpusError, match=r":15: label 8 is none of 1, 2, 3, 4, 5, 6, 7"):
        corpora.load("raf-db", folder)
    lists.write_text("train_000011.jpg five\n")
    with pytest.raises(CorpusError, match="expected 'NAME NUMBER'"):
        corpora.load("raf-db", folder)
    with pytest.raises(CorpusError, match="is no count of votes"):
        corpora.load("ferplus", ferplus(tmp_path / "b", ["Training,fer0000000.png,x,0,0,1,3,2,0,0,0,0"]))
    with pytest.raises(CorpusError, match="usage 'Foo'"):
        corpora.load("ferplus", ferplus(tmp_path / "c", ["Foo,fer0000000.png,1,0,0,1,3,2,0,0,0,0"]))
    sound(tmp_path / "d" / "Actor_01" / "03-01-09-01-01-01-01.wav")
    with pytest.raises(CorpusError, match=r"Actor_01/03-01-09.*emotion '09' is none of 01, 02"):
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
        samples = read_sound(speech.paths[0])
        assert 1 < len(samples) / 16000 < 6
        assert 0.001 < samples.std() < 0.3
    unseen = set(corpora.load("nemo", data, "held-out").groups.tolist())
    assert not unseen & set(corpora.load("nemo", data, "train").groups.tolist())
    # The last four actors are not at hand: we train on all that are, and measure by folds.
    assert len(set(corpora.load("ravdess", data, "train").groups.tolist())) == 20

"""Readers of film corpora on small trees in the official layouts, and the pictures and the sound of a span."""

from pathlib import Path

import numpy as np
import pytest
from parts.clips import number_of, write_clip
from parts.trees import COMPOUND_EXPRESSIONS, EXPRESSIONS, empty, meld, picture, ramas, text

from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.training import corpora
from realtime_cer.training.corpora import CorpusError
from realtime_cer.training.corpora.corpus import UNLABELLED, Corpus, need_classes
from realtime_cer.training.corpora.frames import film_length, read_film
from realtime_cer.training.corpora.speech import read_sound


def film(path: Path, fps: float = 25, seconds: float = 2.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.2 * np.sin(np.arange(int(seconds * 16_000)) * 0.05)[None].astype(np.float32)
    return write_clip(path, times=[n / fps for n in range(round(seconds * fps))], sounds=[("aac", 16_000, tone)])


def told(corpus: Corpus) -> list[tuple[str, str, float, float]]:
    """File, class and span, to a tenth of a second, of every entry: a header states its rate not much better."""
    assert corpus.spans is not None
    spans = corpus.spans.round(1).tolist()
    return [(p.name, corpus.classes[i], *span) for p, i, span in zip(corpus.paths, corpus.labels, spans, strict=True)]


def test_acted_films_hold_out_the_speakers_of_their_sound(tmp_path: Path) -> None:
    empty(
        tmp_path,
        *(f"rav/Actor_{a}/{m}-{c}-05-01-01-01-{a}.mp4" for a in (20, 21) for m in ("01", "02") for c in ("01", "02")),
    )
    ravdess = corpora.load("ravdess-films", tmp_path)
    assert [p.name for p in ravdess.paths] == ["01-01-05-01-01-01-20.mp4", "01-01-05-01-01-01-21.mp4"]
    assert ravdess.held_out.tolist() == [False, True]
    actors = range(1001, 1020)
    empty(
        tmp_path,
        *(
            f"cre/{where}/{a}_DFA_SAD_XX{x}"
            for a in actors
            for where, x in (("AudioWAV", ".wav"), ("VideoFlash", ".flv"))
        ),
    )
    spoken, filmed = (corpora.load(name, tmp_path) for name in ("crema-d", "crema-d-films"))
    assert filmed.kind == "films"
    assert filmed.held_out.tolist() == spoken.held_out.tolist()
    assert 0 < filmed.held_out.sum() < len(filmed)
    empty(tmp_path, *(f"sav/AudioVisualClip/{who}/su{n}.avi" for who in ("DC", "KL") for n in (1, 12)))
    savee = corpora.load("savee-films", tmp_path)
    assert [BASIC[i] for i in savee.labels] == ["Surprise"] * 4
    assert savee.groups[savee.held_out].tolist() == ["KL", "KL"]


def test_ramas_takes_seconds_that_most_annotators_label_alike(tmp_path: Path) -> None:
    seconds = [
        ["Angry", "Angry", "Sad"],
        ["Angry", "Angry", "Angry"],
        ["Angry", "Sad", "Domination"],  # one each
        ["Angry", "Angry", "Sad", "Sad"],  # a tie
        ["Scared", "Scared", "Submission"],
        ["Happy", "Happy"],
    ]
    ramas(tmp_path, "10dec_O11_1", seconds)
    ramas(tmp_path, "22dec_D2_1", [["Disgusted", "Disgusted"]])
    ramas(tmp_path, "22dec_D2_10", [["Neutral", "Neutral"]])
    corpus = corpora.load("ramas", tmp_path)
    assert corpus.kind == "speech"  # its films are not there
    assert told(corpus) == [
        ("10dec_O11_1_mic.wav", "Anger", 0.4, 2.4),
        ("10dec_O11_1_mic.wav", "Fear", 4.4, 5.4),
        ("10dec_O11_1_mic.wav", "Happiness", 5.4, 6.4),
        ("22dec_D2_10_mic.wav", "Neutral", 0.4, 1.4),
        ("22dec_D2_1_mic.wav", "Disgust", 0.4, 1.4),
    ]
    assert corpus.groups.tolist() == ["10dec"] * 3 + ["22dec"] * 2
    assert told(corpora.load("ramas", tmp_path, "held-out"))[0][0] == "22dec_D2_10_mic.wav"
    empty(tmp_path, "Data/Video_close/10dec_O11_1_close.avi")
    films = corpora.load("ramas", tmp_path)
    assert films.kind == "films"
    assert {p.name for p in films.paths} == {"10dec_O11_1_close.avi"}
    table = tmp_path / "Annotations_by_files" / "10dec_O11_1_ann.csv"
    table.write_text(table.read_text().replace("Scared", "Afraid"))
    with pytest.raises(CorpusError, match=r"10dec_O11_1_ann\.csv: no column Scared"):
        corpora.load("ramas", tmp_path)


def labels_of(folder: Path, name: str, codes: list[int], part: str = "Train_Set", header: str = EXPRESSIONS) -> Path:
    return text(folder / "annotations" / "EXPR_Recognition_Challenge" / part / f"{name}.txt", [header, *codes])


def test_affwild2_gives_runs_of_equal_frames(tmp_path: Path) -> None:
    film(tmp_path / "videos" / "batch1" / "1-30-1280x720.mp4", fps=25)
    labels_of(tmp_path, "1-30-1280x720", [0] * 10 + [-1] * 5 + [4] * 20 + [7] * 5 + [6] * 10)
    # Two people in one film: only the pictures tell who is meant.
    film(tmp_path / "videos" / "batch1" / "135-24.mp4")
    labels_of(tmp_path, "135-24_left", [5] * 30, "Validation_Set")
    labels_of(tmp_path, "135-24_right", [1] * 30, "Validation_Set")
    for n in range(1, 31):
        picture(tmp_path / "cropped_aligned" / "135-24_left" / f"{n:05d}.jpg", 16, grey=n * 8)
    corpus = corpora.load("affwild2", tmp_path)
    assert told(corpus) == [
        ("1-30-1280x720.mp4", "Neutral", 0.0, 0.4),
        ("1-30-1280x720.mp4", "Happiness", 0.6, 1.4),
        ("1-30-1280x720.mp4", "Surprise", 1.6, 2.0),
        ("135-24_left", "Sadness", 0.0, 1.0),
    ]
    assert corpus.groups.tolist() == ["1-30-1280x720"] * 3 + ["135-24"]
    assert corpus.held_out.tolist() == [False, False, False, True]
    greys = [int(shown.mean()) for _, shown in read_film(corpus.paths[3], corpus.span(3))]
    assert greys == pytest.approx([8 * n for n in (1, 7, 13, 19, 25)], abs=2)
    # 0.6 to 1.4 s at 5 a second: frames 15, 20, 25, 30 of 25 a second.
    shown = list(read_film(corpus.paths[1], corpus.span(1)))
    assert [number_of(one) for _, one in shown] == [15, 20, 25, 30]
    assert [t for t, _ in shown] == pytest.approx([0.6, 0.8, 1.0, 1.2])
    assert len(read_sound(corpus.paths[1], corpus.span(1))) == pytest.approx(0.8 * 16_000, rel=0.01)


def test_frame_labels_of_other_classes_or_out_of_range_are_refused(tmp_path: Path) -> None:
    film(tmp_path / "videos" / "a.mp4")
    lists = labels_of(tmp_path, "a", [0, 8])
    with pytest.raises(CorpusError, match=r"a\.txt:3: label 8 is none of -1, 0, 1"):
        corpora.load("affwild2", tmp_path)
    text(lists, [EXPRESSIONS, 0, "happy"])
    with pytest.raises(CorpusError, match=r"a\.txt:3: 'happy' is no frame's label"):
        corpora.load("affwild2", tmp_path)
    text(lists, ["Neutral,Happiness,Sadness,Surprise,Fear,Disgust,Anger", 0])  # another order would go unseen
    with pytest.raises(CorpusError, match=r"a\.txt:1: expected the classes Neutral,Anger"):
        corpora.load("affwild2", tmp_path)
    text(lists, [EXPRESSIONS, -1, 7])
    with pytest.raises(CorpusError, match="none of the films labelled"):
        corpora.load("affwild2", tmp_path)
    text(lists, [EXPRESSIONS, 0])
    (tmp_path / "videos" / "a.mp4").write_bytes(b"no film")
    with pytest.raises(CorpusError, match=r"cannot read film .*a\.mp4") as refused:
        corpora.load("affwild2", tmp_path)
    assert "\n" not in str(refused.value)


def test_afew(tmp_path: Path) -> None:
    names = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
    empty(
        tmp_path,
        *(f"{part}/{name}/00{i}124680.avi" for part in ("Train_AFEW", "Val_AFEW") for i, name in enumerate(names)),
    )
    empty(tmp_path, "Train_AFEW/AlignedFaces_LBPTOP_Points/Faces/000046280/000.jpg")
    corpus = corpora.load("afew", tmp_path)
    assert corpus.counts().tolist() == [2] * 7
    assert {p.parts[-3] for p in corpora.load("afew", tmp_path, "held-out").paths} == {"Val_AFEW"}
    assert BASIC[corpus.labels[[p.parent.name for p in corpus.paths].index("Sad")]] == "Sadness"


def test_meld(tmp_path: Path) -> None:
    names = ("neutral", "anger", "disgust", "fear", "joy", "sadness", "surprise")
    folder = meld(tmp_path, names)
    (folder / "train_splits" / "dia7_utt6.mp4").unlink()  # some clips are missing in the release too
    corpus = corpora.load("meld", folder)
    assert corpus.counts().tolist() == [3, 3, 3, 3, 3, 3, 2]
    assert len(corpora.load("meld", folder, "held-out")) == 14
    assert set(corpus.groups.tolist()) == {"Ross", "Monica"}
    assert [p.name for p in corpora.load("meld", folder, "train").paths] == [f"dia7_utt{i}.mp4" for i in range(6)]
    table = folder / "dev_sent_emo.csv"
    table.write_text(table.read_text().replace(",joy,", ",bliss,"))
    with pytest.raises(CorpusError, match=r"dev_sent_emo\.csv:6: emotion 'bliss' is none of neutral"):
        corpora.load("meld", folder)
    table.write_text("Utterance,Emotion\n")
    with pytest.raises(CorpusError, match=r"dev_sent_emo\.csv: no column Speaker, Dialogue_ID, Utterance_ID"):
        corpora.load("meld", folder)


def test_c_expr_db_with_and_without_labels(tmp_path: Path) -> None:
    film(tmp_path / "C-EXPR-DB" / "videos" / "1.mp4")
    film(tmp_path / "C-EXPR-DB" / "videos" / "2.mp4")
    corpus = corpora.load("c-expr-db", tmp_path)
    assert corpus.classes == COMPOUND
    assert corpus.labels.tolist() == [UNLABELLED] * 2
    assert corpus.counts().tolist() == [0] * 7
    assert corpus.spans is not None
    assert corpus.spans == pytest.approx(np.array([[0, 2], [0, 2]]), abs=0.1)
    with pytest.raises(CorpusError, match="no file of class Fearfully Surprised"):
        need_classes(corpus)
    text(tmp_path / "C-EXPR-DB" / "annotations" / "2.txt", [COMPOUND_EXPRESSIONS, *[1] * 25, *[7] * 5, *[6] * 20])
    labelled = corpora.load("c-expr-db", tmp_path)
    assert told(labelled)[1:] == [("2.mp4", "Happily Surprised", 0.0, 1.0), ("2.mp4", "Sadly Angry", 1.2, 2.0)]
    assert labelled.held_out.all()
    assert labelled.select(labelled.labels == 6).span(0) == pytest.approx((1.2, 2.0), abs=0.02)
    # Films alone say nothing of their corpus: the folder must be called so.
    film(tmp_path / "other" / "videos" / "1.mp4", seconds=0.2)
    with pytest.raises(CorpusError, match="a folder C-EXPR-DB"):
        corpora.load("c-expr-db", tmp_path / "other")


@pytest.mark.parametrize("fps", [12.0, 24.0, 29.97, 60.0])
def test_a_grid_instant_gets_the_first_picture_at_or_after_it(tmp_path: Path, fps: float) -> None:
    path = film(tmp_path / "a.mp4", fps=fps)
    shown = list(read_film(path))
    assert [number_of(one) for _, one in shown] == [int(np.ceil(k * fps / 5 - 0.01)) for k in range(10)]
    assert film_length(path)[0] == pytest.approx(fps, rel=0.03)
    assert next(iter(read_film(path)))[1].shape == (240, 320, 3)


def test_instants_without_a_picture_are_left_out(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "gap.mp4", times=[n / 25 for n in range(50) if not 12 <= n < 33])
    # 0.6 to 1.2 s have no picture within half a step; 1.32 s is the first that comes after, too late for 1.2.
    assert [round(t, 2) for t, _ in read_film(path)] == [0.0, 0.2, 0.4, 1.4, 1.6, 1.8]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", seconds=1)
    with pytest.raises(CorpusError, match=r"cannot read film .*a\.mp4: it holds no pictures from 5\.00 to 6\.00 s"):
        list(read_film(path, (5.0, 6.0)))
    with pytest.raises(CorpusError, match=r"cannot read sound .*a\.mp4: it holds no samples from 5\.00 to 6\.00 s"):
        read_sound(path, (5.0, 6.0))
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    for read in (read_film, film_length):
        with pytest.raises(CorpusError, match=r"cannot read film .*a\.mp4"):
            list(read(path))  # type: ignore[operator]
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="it holds no pictures"):
        list(read_film(tmp_path / "empty"))


def test_a_film_at_hand(data: Path) -> None:
    path = data / "clips" / "ravdess_01-01-01-01-01-01-01.mp4"
    rate, seconds = film_length(path)
    shown = list(read_film(path))
    assert rate == pytest.approx(29.97, abs=0.01)
    assert len(shown) == pytest.approx(seconds * 5, abs=1)
    assert shown[0][1].shape == (720, 1280, 3)
    assert 0.5 < len(read_sound(path, (1.0, 2.0))) / 16_000 <= 1.0

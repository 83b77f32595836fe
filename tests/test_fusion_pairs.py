"""Pairs of a face and a voice to fit fusion weights on: who is paired with whom, and from which corpora."""

import shutil
import subprocess
import sys
import tomllib
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from realtime_cer.errors import Refused
from realtime_cer.labels import BASIC
from realtime_cer.quiet import cv2
from realtime_cer.training import pairs, stored
from realtime_cer.training.corpora.corpus import fraction
from realtime_cer.training.fit_fusion import main
from realtime_cer.training.pairs import Faces, Voices, paired, read_voices

ROOT = Path(__file__).parents[1]
FEAR = BASIC.index("Fear")
Floats = npt.NDArray[np.floating]


def named(side: int, labels: npt.NDArray[np.int64]) -> Floats:
    """Probabilities that tell by their first two entries of which label and half they are."""
    p = np.zeros((len(labels), 7), np.float32)
    p[:, 0] = (labels + 1) / 100
    p[:, 1] = side / 10
    p[:, 2] = 1 - p[:, 0] - p[:, 1]
    return p


def voices(speakers: int, classes: Sequence[int] = range(7), corpus: str = "ravdess") -> Voices:
    labels = np.tile(np.array(classes), speakers)
    who = np.repeat(np.arange(speakers), len(classes))
    p = np.zeros((len(labels), 7), np.float32)
    p[:, 0], p[:, 1] = (labels + 1) / 100, who / 100
    p[:, 2] = 1 - p[:, 0] - p[:, 1]
    return Voices(p, labels, np.char.add("s", who.astype(str)), np.full(len(labels), corpus), "of a test")


def faces() -> list[Faces]:
    labels = np.arange(21) % 7
    return [Faces(named(side, labels), named(side, labels), labels) for side in (0, 1)]


def test_pairs_have_one_label_and_halves_share_no_speaker() -> None:
    one = paired(faces(), voices(6), 700, 1, "made stills")
    assert one.present.all()
    assert one.classes == BASIC
    np.testing.assert_array_equal(np.bincount(one.labels), 100)
    for model in range(3):
        np.testing.assert_allclose(one.probabilities[:, model, 0], (one.labels + 1) / 100, atol=1e-6)
    assert one.half is not None
    np.testing.assert_allclose(one.probabilities[:, 0, 1], one.half / 10, atol=1e-6)
    heard = [set((one.probabilities[one.half == side, 2, 1] * 100).round().tolist()) for side in (0, 1)]
    # A B B A: men and women, whose numbers alternate in RAVDESS, are parted evenly.
    assert heard == [{0, 3, 4}, {1, 2, 5}]
    assert "no still and no speaker is in both halves" in one.source
    assert "same label" in one.source
    again = paired(faces(), voices(6), 700, 1, "made stills")
    np.testing.assert_array_equal(again.probabilities, one.probabilities)


def test_faces_of_a_class_without_any_voice_stay_alone() -> None:
    one = paired(faces(), voices(4, range(1, 7)), 140, 1, "made stills")
    np.testing.assert_array_equal(one.present[:, 2], one.labels != 0)
    assert one.present[:, :2].all()
    none = paired(faces(), None, 140, 1, "made stills")
    assert not none.present[:, 2].any()
    assert "without voices" in none.source


def test_two_speakers_of_whom_one_lacks_a_class_are_not_held_apart() -> None:
    given = voices(2, (*range(7), *range(7)))
    one = paired(faces(), given.select((given.speakers != "s1") | (given.labels != FEAR)), 140, 1, "made stills")
    assert "no speaker" not in one.source
    lacking = faces()
    lacking[1] = Faces(
        *(x[lacking[1].labels != FEAR] for x in (lacking[1].static, lacking[1].dynamic, lacking[1].labels))
    )
    with pytest.raises(Refused, match="a half has no face of class Fear"):
        paired(lacking, given, 140, 1, "made stills")


def test_voices_come_from_corpora_that_hold_every_class(tmp_path: Path) -> None:
    whole, part = voices(4), voices(5, range(6), "nemo")
    both = {
        key: np.concatenate([getattr(whole, key), getattr(part, key)])
        for key in ("probabilities", "labels", "speakers", "corpus")
    }
    np.savez(tmp_path / "unseen.npz", **both)
    found = read_voices(tmp_path / "unseen.npz")
    assert set(found.corpus.tolist()) == {"ravdess"}
    assert "of ravdess" in found.told
    np.testing.assert_array_equal(found.probabilities, whole.probabilities)
    np.savez(tmp_path / "unseen.npz", **{key: values[28:] for key, values in both.items()})
    assert "of nemo (Surprise: no voice)" in read_voices(tmp_path / "unseen.npz").told
    for key, wrong, told in (
        ("probabilities", both["probabilities"][:, :6], r"\(N, 7\)"),
        ("probabilities", np.full_like(both["probabilities"], np.nan), "NaN"),
        ("labels", both["labels"] + 1, "0 to 6"),
        ("speakers", both["speakers"][1:], r"speakers \(N,\)"),
    ):
        np.savez(tmp_path / "unseen.npz", **{**both, key: wrong})
        with pytest.raises(Refused, match=told):
            read_voices(tmp_path / "unseen.npz")


def corpora_tree(folder: Path) -> Path:
    """RAF-DB and FER+ in their layouts, with pictures of every part: those that may be used and those that may not."""
    rng = np.random.default_rng(0)
    raf, fer = folder / "raf-db", folder / "ferplus"
    (raf / "Image" / "aligned").mkdir(parents=True)
    (raf / "EmoLabel").mkdir()
    stems = [f"train_{n:05d}" for n in range(4000)]
    valid = [s for s in stems if 0.10 <= fraction(s) < 0.14][:14]
    other = [s for s in stems if not 0.10 <= fraction(s) < 0.14][:14]
    lines = []
    for n, stem in enumerate([*valid, *other, *(f"test_{n:04d}" for n in range(7))]):
        picture = rng.integers(0, 256, (100, 100, 3), np.uint8)
        cv2.imwrite(str(raf / "Image" / "aligned" / f"{stem}_aligned.jpg"), picture)
        lines.append(f"{stem}.jpg {n % 7 + 1}")
    (raf / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines))
    rows = ["Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"]
    for usage, where in (("Training", "Train"), ("PublicTest", "Valid"), ("PrivateTest", "Test")):
        (fer / f"FER2013{where}").mkdir(parents=True)
        for n in range(7):
            cv2.imwrite(str(fer / f"FER2013{where}" / f"fer{where}{n}.png"), rng.integers(0, 256, (48, 48), np.uint8))
            rows.append(f"{usage},fer{where}{n}.png,{','.join('9' if k == n else '0' for k in range(7))},0,0,1")
    (fer / "fer2013new.csv").write_text("\n".join(rows))
    return folder


def test_stills_are_of_the_validation_parts_alone(tmp_path: Path) -> None:
    raf, fer = pairs.stills(corpora_tree(tmp_path))
    assert len(raf) == 14
    assert all(0.10 <= fraction(path.stem.removesuffix("_aligned")) < 0.14 for path in raf.paths)
    assert {path.parent.name for path in fer.paths} == {"FER2013Valid"}
    assert len(fer) == 7
    folder = tmp_path / "ferplus"
    shutil.copy(folder / "FER2013Train" / "ferTrain3.png", folder / "FER2013Valid" / "ferValid2.png")
    left = {path.name for path in pairs.stills(tmp_path)[1].paths}
    assert left == {f"ferValid{n}.png" for n in range(7) if n != 2}


def sound(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.random.default_rng(0).normal(0, 3000, 8000).astype("<i2").tobytes())


def test_by_default_only_speakers_are_heard_whom_training_never_heard(tmp_path: Path) -> None:
    for emotion in range(1, 9):
        sound(tmp_path / "ravdess" / "Actor_01" / f"03-01-{emotion:02d}-01-01-01-01.wav")
    names = [f"{who}_{e}_1" for who in ("WR0", "MK0", "BR0") for e in ("anger", "fear", "happiness", "neutral")]
    for name in names:
        sound(tmp_path / "nemo" / "samples" / f"{name}.wav")
    rows = [f"{name}.wav\t{name.split('_')[1]}\t{name.split('_')[0]}" for name in names]
    (tmp_path / "nemo" / "data.tsv").write_text("\n".join(["file_id\temotion\tspeaker_id", *rows]) + "\n")
    heard = pairs.hear(tmp_path, None, 2)
    assert set(heard.speakers.tolist()) == {"WR0", "MK0"}
    assert "nemo (Disgust, Sadness, Surprise: no voice)" in heard.told
    for name in names[:8]:
        (tmp_path / "nemo" / "samples" / f"{name}.wav").unlink()
    with pytest.raises(Refused, match="no held-out speaker of RAVDESS or nEMO"):
        pairs.hear(tmp_path, None, 2)


def test_the_command_makes_pairs_keeps_them_and_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    # Cutting crops is tested elsewhere; the networks and the sequences are the real ones.
    monkeypatch.setattr(pairs, "crops", lambda corpus: rng.integers(0, 256, (len(corpus), 112, 112, 3), np.uint8))
    unheard = voices(4)
    keys = ("probabilities", "labels", "speakers", "corpus")
    np.savez(tmp_path / "unseen.npz", **{key: getattr(unheard, key) for key in keys})
    flags = ["--data", str(corpora_tree(tmp_path / "data")), "--voices", str(tmp_path / "unseen.npz")]
    flags += ["--store", str(tmp_path / "pairs.npz"), "--pairs", "700", "--draws", "50"]
    out = tmp_path / "w.toml"
    assert main([*flags, "--out", str(out)]) == 0
    kept = stored.read(tmp_path / "pairs.npz")
    assert len(kept) == 700
    assert kept.present.all()
    assert kept.half is not None
    assert kept.source in tomllib.loads(out.read_text(encoding="utf-8"))["notes"]
    assert "pairs of faces and voices with the same label" in kept.source
    # Fitted again on what was kept, by the script and from another folder, the weights are the same.
    command = [sys.executable, str(ROOT / "scripts" / "fit_fusion"), "--probabilities", "pairs.npz", "--draws", "50"]
    done = subprocess.run([*command, "--out", "2.toml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Surprise" in done.stdout
    assert (tmp_path / "2.toml").read_bytes() == out.read_bytes()

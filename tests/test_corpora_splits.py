"""Folds of unseen speakers, pictures that two corpora share, and the list of what a folder holds."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.trees import empty, raf_db, text

from realtime_cer.quiet import cv2
from realtime_cer.training import corpora
from realtime_cer.training.corpora.doubles import NEAR, distances, fingerprints, without_doubles
from realtime_cer.training.corpora.overview import main
from realtime_cer.training.corpora.splits import folds

ACTORS = [f"{n:02d}" for n in range(1, 21)]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_CER_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.mark.parametrize("prefix", ["", "ravdess:"])
def test_each_of_five_folds_of_ravdess_has_two_men_and_two_women(prefix: str) -> None:
    dealt = folds([prefix + actor for actor in ACTORS], 5)
    for fold in range(5):
        sexes = Counter(int(actor) % 2 for actor, at in zip(ACTORS, dealt, strict=True) if at == fold)
        assert sexes == {0: 2, 1: 2}


def test_folds_of_two_corpora_are_even_in_each() -> None:
    others = [f"nemo:{name}" for name in "ABCDEFGHI"]
    speakers = [f"ravdess:{actor}" for actor in ACTORS] + others
    dealt = folds(speakers, 5)
    assert Counter(dealt[:20].tolist()) == dict.fromkeys(range(5), 4)
    assert max(Counter(dealt[20:].tolist()).values()) == 2
    assert sorted(Counter(dealt.tolist()).values()) == [5, 6, 6, 6, 6]


@given(st.lists(st.sampled_from(ACTORS), min_size=1), st.integers(1, 6), st.randoms())
def test_folds_part_speakers_and_know_no_order_of_files(groups: list[str], n: int, random: object) -> None:
    people = len(set(groups))
    if n > people:
        with pytest.raises(ValueError, match=f"{n} folds of {people} speakers"):
            folds(groups, n)
        return
    dealt = dict(zip(groups, folds(groups, n).tolist(), strict=True))
    assert [dealt[g] for g in groups] == folds(groups, n).tolist()
    assert dict(zip(groups[::-1], folds(groups[::-1], n).tolist(), strict=True)) == dealt
    sizes = Counter(dealt.values())
    assert set(sizes) == set(range(n))
    assert max(sizes.values()) - min(sizes.values()) <= 1


def face(path: Path, seed: int, quality: int = 95, size: int = 100) -> None:
    blobs = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
    made = cv2.resize(cv2.resize(blobs, (100, 100), interpolation=cv2.INTER_CUBIC), (size, size))
    assert cv2.imwrite(str(path), made, [cv2.IMWRITE_JPEG_QUALITY, quality])


def test_pictures_that_another_corpus_shows_again_are_left_out(tmp_path: Path) -> None:
    raf_db(tmp_path / "db")
    known = corpora.load("raf-db", tmp_path / "db")
    for seed, path in enumerate(known.paths):
        face(path, seed)
    (tmp_path / "ce" / "aligned").mkdir(parents=True)
    text(tmp_path / "ce" / "RAFCE_emolabel.txt", [f"{n:04d}.jpg {label}" for n, label in enumerate((0, 2, 3))])
    for n, (seed, quality, size) in enumerate([(3, 60, 100), (5, 75, 90), (99, 95, 100)]):
        face(tmp_path / "ce" / "aligned" / f"{n:04d}_aligned.jpg", seed, quality, size)
    kept = without_doubles(known, corpora.load("raf-ce", tmp_path / "ce"))
    assert set(known.paths) - set(kept.paths) == {known.paths[3], known.paths[5]}


def test_a_fingerprint_survives_a_smaller_file_and_tells_faces_apart(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REALTIME_CER_CACHE")
    ours, others = (corpora.load(name, data) for name in ("raf-db", "raf-ce"))
    sample = ours.select(np.arange(0, len(ours), 12))
    # What RAF-CE shows again was left out of the copy at hand.
    assert distances(fingerprints(sample), fingerprints(others)).min() > NEAR
    assert len(without_doubles(sample, others)) == len(sample)


def test_the_list_tells_counts_and_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raf_db(tmp_path / "raf-db")
    empty(tmp_path, "crema/AudioWAV/1001_DFA_JOY_XX.wav", "savee/DC_a01.wav", "savee/KL_su01.wav")
    assert main(["--data", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = {line.split()[0]: line.split()[1:] for line in lines if line}
    assert table["raf-db"][:1] + table["raf-db"][2:] == ["14", "14", *["2"] * 7, "0"]
    assert table["savee"] == ["2", "1", "2", "0", "1", "0", "0", "0", "0", "1", "0"]
    assert any(line.startswith("crema-d: ") and "emotion 'JOY'" in line for line in lines)
    assert any(line.startswith("meld: train_sent_emo.csv not found") for line in lines)
    assert main(["--data", str(tmp_path), "--corpus", "meld"]) == 2
    assert "no corpus that can be read" in capsys.readouterr().err


def test_the_script_refuses_in_one_line() -> None:
    script = Path(__file__).parents[1] / "scripts" / "corpora"
    done = subprocess.run([sys.executable, script, "--data", "/nowhere"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["corpora: no such folder: /nowhere; give --data DIR"]

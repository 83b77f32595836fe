"""The command that measures, end to end: on small made corpora, on what is wrong with them, on a real held-out part."""

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from realtime_cer.commands.evaluate import main
from realtime_cer.inference.manifest import read_manifest
from realtime_cer.inference.profile import read_profile
from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.quiet import cv2
from realtime_cer.rules import RULES

ROOT = Path(__file__).parents[1]


def raf_db(folder: Path, count: int = 2) -> Path:
    rng = np.random.default_rng(0)
    lines = []
    (folder / "Image" / "aligned").mkdir(parents=True)
    for label in range(1, 8):
        for i in range(count):
            stem = f"test_{label}{i:03d}"
            picture = rng.integers(0, 256, (100, 100, 3), np.uint8)
            cv2.imwrite(str(folder / "Image" / "aligned" / f"{stem}_aligned.jpg"), picture)
            lines.append(f"{stem}.jpg {label}")
    (folder / "EmoLabel").mkdir()
    (folder / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines))
    return folder


def raf_ce(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    (folder / "aligned").mkdir(parents=True)
    for label in range(14):
        cv2.imwrite(str(folder / "aligned" / f"{label:04d}_aligned.jpg"), rng.integers(0, 256, (100, 100, 3), np.uint8))
    (folder / "RAFCE_emolabel.txt").write_text("\n".join(f"{label:04d}.jpg {label}" for label in range(14)))
    return folder


def emo_db(folder: Path) -> Path:
    (folder / "wav").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i, letter in enumerate("WLEAFTN"):
        with wave.open(str(folder / "wav" / f"03a01{letter}a.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            # One clip is longer than a window.
            file.writeframes(rng.normal(0, 3000, 20000 + 50000 * (i == 0)).astype("<i2").tobytes())
    return folder


def run(tmp_path: Path, *arguments: str) -> dict[str, object]:
    assert main([*arguments, "--json", str(tmp_path / "out.json")]) == 0
    report: dict[str, object] = json.loads((tmp_path / "out.json").read_text())
    return report


def test_raf_db(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = tmp_path / "raf" / "confusion.png"
    arguments = ["--part", "held-out", "--picture", str(drawn)]
    report = run(tmp_path, "--corpus", "raf-db", "--data", str(raf_db(tmp_path / "raf")), *arguments)
    assert cv2.imread(str(drawn)) is not None
    assert report["n"] == 14
    assert report["classes"] == list(BASIC)
    assert np.sum(report["confusion"]) == 14
    assert report["accuracy"] == pytest.approx(np.trace(report["confusion"]) / 14)
    for key in ("accuracy", "uar", "f1", "ece"):
        assert 0 <= report[key] <= 1  # type: ignore[operator]
    assert set(report["recall"]) == set(BASIC)  # type: ignore[call-overload]
    assert report["engines"]["static"]["sha256"] == read_manifest("static").sha256  # type: ignore[index]
    assert "accuracy" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.json", "raf"]


def test_raf_ce_measures_the_rules(tmp_path: Path) -> None:
    report = run(tmp_path, "--corpus", "raf-ce", "--data", str(raf_ce(tmp_path / "ce")))
    assert report["n"] == 7
    assert report["classes"] == list(COMPOUND)
    rules = report["rules"]
    assert isinstance(rules, dict)
    assert set(rules) == set(RULES) >= {"none", "rule1", "rule2"}
    assert report["default_rule"] == read_profile("default").rule
    default = rules.pop(report["default_rule"])
    assert (report["f1"], report["accuracy"]) == (default["f1"], default["accuracy"])
    for found in (default, *rules.values()):
        assert found["interval95"]["f1"][0] <= found["interval95"]["f1"][1]
    for found in rules.values():
        assert found["f1_beyond_default"]["value"] == pytest.approx(found["f1"] - default["f1"])


def test_speech(tmp_path: Path) -> None:
    report = run(tmp_path, "--corpus", "emo-db", "--data", str(emo_db(tmp_path / "emo")))
    assert report["n"] == 6
    assert report["recall"]["Surprise"] is None  # type: ignore[index]
    assert set(report["engines"]) == {"acoustic"}  # type: ignore[call-overload]
    calibration = report["calibration"]
    assert isinstance(calibration, dict)
    assert calibration["temperature"] == read_manifest("acoustic").temperature
    assert calibration["after"]["ece"] == report["ece"] != calibration["before"]["ece"]
    assert sum(calibration["after"]["reliability"]["counts"]) == 6
    assert report["interval_by"] == "file"  # one speaker


def ravdess(folder: Path, actors: range, emotions: range = range(1, 9)) -> Path:
    rng = np.random.default_rng(0)
    for actor in actors:
        (folder / f"Actor_{actor:02d}").mkdir(parents=True)
        for emotion in emotions:
            name = f"03-01-{emotion:02d}-{1 + emotion % 2:02d}-01-01-{actor:02d}.wav"
            with wave.open(str(folder / f"Actor_{actor:02d}" / name), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(16000)
                file.writeframes(rng.normal(0, 3000, 8000).astype("<i2").tobytes())
    return folder


def test_a_held_out_part_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ravdess(tmp_path / "ravdess", range(1, 3))
    assert main(["--corpus", "ravdess", "--data", str(folder), "--part", "held-out"]) == 2
    error = capsys.readouterr().err
    assert "actors 21 to 24" in error
    assert error.count("\n") == 1


def test_speech_of_many_speakers_is_drawn_by_speaker_and_told_by_group(tmp_path: Path) -> None:
    report = run(tmp_path, "--corpus", "ravdess", "--data", str(ravdess(tmp_path / "ravdess", range(1, 6))))
    assert report["interval_by"] == "speaker"
    groups = report["groups"]
    assert isinstance(groups, dict)
    assert {name: g["n"] for name, g in groups["sex"].items()} == {"male": 24, "female": 16}
    assert {name: g["n"] for name, g in groups["intensity"].items()} == {"normal": 20, "strong": 20}


@pytest.mark.parametrize("wrong", ["nowhere", "empty", "label", "picture", "class", "sound", "json"])
def test_refused_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    folder, name, expected = tmp_path / "made", "raf-db", ""
    arguments: list[str] = []
    if wrong == "nowhere":
        expected = "no such folder"
    elif wrong == "empty":
        folder.mkdir()
        expected = "EmoLabel/list_patition_label.txt"
    elif wrong == "sound":
        name, expected = "emo-db", "03a01Fa.wav"
        (emo_db(folder) / "wav" / "03a01Fa.wav").write_bytes(b"nothing")
    else:
        raf_db(folder)
        lists = folder / "EmoLabel" / "list_patition_label.txt"
        if wrong == "label":
            lists.write_text(lists.read_text().replace(" 7", " 9"))
            expected = "label 9 is none of"
        elif wrong == "picture":
            (folder / "Image" / "aligned" / "test_1000_aligned.jpg").write_bytes(b"nothing")
            expected = "test_1000_aligned.jpg"
        elif wrong == "class":
            lists.write_text("\n".join(x for x in lists.read_text().splitlines() if not x.endswith(" 6")))
            expected = "no file of class Anger"
        else:
            (tmp_path / "file").write_text("")
            arguments = ["--json", str(tmp_path / "file" / "out.json")]
            expected = "cannot write"
    assert main(["--corpus", name, "--data", str(folder), *arguments]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert "Traceback" not in error


def test_the_script_from_another_folder(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "evaluate"), "--corpus", "raf-ce", "--data"]
    done = subprocess.run([*command, str(raf_ce(tmp_path / "ce"))], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "F1, rule 2" in done.stdout
    environment = {k: v for k, v in os.environ.items() if k != "REALTIME_CER_DATA"}
    for bad in ([], ["--corpus", "fer"], ["--corpus", "raf-db"], ["--corpus", "raf-db", "--clip", "a.mp4"]):
        done = subprocess.run([*command[:2], *bad], cwd=tmp_path, capture_output=True, text=True, env=environment)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1


def test_the_script_cuts_crops_with_workers(tmp_path: Path) -> None:
    """Pictures that are not aligned are cut in other processes, which import the script again."""
    rng = np.random.default_rng(0)
    for name in ("anger", "disgust", "fear", "happy", "sadness", "surprise", "contempt"):
        folder = tmp_path / "ck" / name
        folder.mkdir(parents=True)
        for n in range(2):
            cv2.imwrite(str(folder / f"S{n:03d}_00{n}_0000001{n}.png"), rng.integers(0, 255, (48, 48), np.uint8))
    command = [sys.executable, str(ROOT / "scripts" / "evaluate"), "--corpus", "ck48", "--data", str(tmp_path / "ck")]
    environment = os.environ | {"REALTIME_CER_CACHE": str(tmp_path / "cache")}
    report = tmp_path / "r.json"
    done = subprocess.run(
        [*command, "--json", str(report)], capture_output=True, text=True, env=environment, timeout=90
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(report.read_text(encoding="utf-8"))["n"] == 12


@pytest.mark.parametrize(("corpus", "figure", "floor"), [("raf-db", "accuracy", 0.80), ("raf-ce", "f1", 0.40)])
def test_promised_figures(data: Path, tmp_path: Path, corpus: str, figure: str, floor: float) -> None:
    report = run(tmp_path, "--corpus", corpus, "--data", str(data), "--part", "held-out")
    assert report[figure] >= floor  # type: ignore[operator]
    if report["ece"] is not None:
        assert report["ece"] <= 0.15  # type: ignore[operator]

"""``run`` on real media files, by the real command line in this process."""

import contextlib
import csv
import json
from pathlib import Path

import numpy as np
import pytest
from parts.clips import write_clip

from realtime_cer.cli import main
from realtime_cer.commands import run
from realtime_cer.errors import EngineFault
from realtime_cer.labels import BASIC, COMPOUND, MODELS
from realtime_cer.quiet import cv2

FILES = ["decisions.csv", "decisions.jsonl", "summary.json", "timeline.png"]


def speech(seconds: float, rate: int) -> np.ndarray:
    """Sound that a detector takes for speech only by its loudness: here it need not."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * t) * (1 + np.sin(2 * np.pi * 4 * t)) / 2)[None].astype(np.float32)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a real face at 24 fps, with sound."""
    path = tmp_path_factory.mktemp("clip") / "face.mp4"
    times = [n / 24 for n in range(48)]
    return write_clip(path, size=(400, 400), times=times, sounds=[("aac", 44_100, speech(2, 44_100))])


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "decisions.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_film_becomes_a_folder_of_results(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "deep" / "results"
    assert main(["run", str(clip), "--out", str(out), "--rule", "rule2", "--weights", "avcer-7cl"]) == 0
    assert sorted(path.name for path in out.iterdir()) == FILES
    rows = rows_of(out)
    assert [row["seq"] for row in rows] == list(range(10))
    for row in rows:
        assert row["t"] == pytest.approx(row["seq"] * 0.2)
        assert list(row["basic"]) == list(BASIC)
        assert list(row["compound"]) == list(COMPOUND)
        assert set(row["models"]) == set(MODELS)
        assert row["models"]["static"] is not None
        assert row["models"]["dynamic"] is not None
        assert row["face"] is not None
        assert (row["label"] is None) != (row["reason"] is None)
        assert sum(row["contributions"].values()) == pytest.approx(1, abs=1e-5)
        assert (row["rule"], row["weights"], row["engine"]["static"]) == ("rule2", "avcer-7cl", "cpu")
    with (out / "decisions.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(line["static_Surprise"]) for line in table] == [row["models"]["static"]["Surprise"] for row in rows]
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["decisions"] == 10
    assert summary["decided"] + summary["abstained"] == 10
    assert sum(summary["labels"].values()) == summary["decided"]
    assert summary["source"]["width"] == 400
    assert len(summary["networks"]["static"]) == 64
    assert summary["settings"]["rule"] == "rule2"
    picture = cv2.imread(str(out / "timeline.png"))
    assert picture.shape[1] >= 1000
    assert "10 decisions" in capsys.readouterr().err


def test_the_same_file_gives_the_same_rows(clip: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert main(["run", str(clip), "--out", str(tmp_path / name)]) == 0
    assert rows_of(tmp_path / "a") == rows_of(tmp_path / "b")


def test_results_are_not_overwritten_unless_told(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "summary.json"
    kept.write_text("precious", encoding="utf-8")
    assert main(["run", str(clip), "--out", str(tmp_path)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert kept.read_text(encoding="utf-8") == "precious"
    # A refused input loses nothing either, though overwriting was allowed.
    assert main(["run", str(tmp_path / "none.mp4"), "--out", str(tmp_path), "--overwrite"]) == 2
    assert kept.read_text(encoding="utf-8") == "precious"
    corrected, replaced = tmp_path / "annotations.eaf", tmp_path / "subtitles.vtt"
    for path in (corrected, replaced):
        path.write_text("of an earlier run", encoding="utf-8")
    capsys.readouterr()
    assert main(["run", str(clip), "--out", str(tmp_path), "--overwrite", "--annotations", "vtt"]) == 0
    assert json.loads(kept.read_text(encoding="utf-8"))["decisions"] == 10
    assert corrected.read_text(encoding="utf-8") == "of an earlier run"
    assert replaced.read_text(encoding="utf-8") != "of an earlier run"
    assert earlier_told(capsys) == ["annotations.eaf"]


def earlier_told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    [line] = [line for line in capsys.readouterr().err.splitlines() if "of earlier results in" in line]
    return line.partition("left as they are: ")[2].partition(";")[0].split(", ")


@pytest.mark.parametrize("fault", [None, EngineFault("static", "it is gone")], ids=["interrupted", "a fault"])
def test_what_a_run_did_not_come_to_write_is_told_of_too(
    clip: Path,
    tmp_path: Path,
    fault: Exception | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def analyse(*arguments: object, **options: object) -> dict[str, object]:
        if fault is not None:
            raise fault
        counts: dict[str, object] = {"labels": {COMPOUND[0]: 0}, "reasons": {}, "decisions": 0, "abstained": 0}
        return {**counts, "duration_s": 0, "wall_s": 0, "interrupted": True}

    monkeypatch.setattr(run, "analyse", analyse)
    monkeypatch.setattr(run, "load_perception", lambda config, notice: contextlib.ExitStack())
    for name in ("annotations.eaf", "report.html"):
        (tmp_path / name).touch()
    words = ["run", str(clip), "--out", str(tmp_path), "--overwrite", "--annotations", "eaf,vtt"]
    assert main(words) == (2 if fault else 130)
    assert earlier_told(capsys) == ["annotations.eaf", "report.html"]


def test_sound_alone_is_analysed_with_a_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_clip(tmp_path / "only.mp4", size=None, sounds=[("aac", 22_050, speech(2, 22_050))])
    assert main(["run", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "sound-only" in capsys.readouterr().err
    rows = rows_of(tmp_path / "out")
    assert len(rows) >= 10
    assert all(row["models"]["static"] is None and row["face"] is None for row in rows)


def test_a_film_without_sound_is_analysed_with_a_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_clip(tmp_path / "mute.mp4", size=(400, 400), times=[n / 25 for n in range(25)])
    assert main(["run", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "picture-only" in capsys.readouterr().err
    assert all(row["models"]["acoustic"] is None for row in rows_of(tmp_path / "out"))


def test_a_film_cut_off_in_the_middle_keeps_what_was_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = write_clip(tmp_path / "whole.mkv", size=(400, 400), times=[n / 25 for n in range(75)])
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 9 // 10])
    assert main(["run", str(cut), "--out", str(tmp_path / "out")]) == 0
    assert "cut" in capsys.readouterr().err
    assert 3 <= len(rows_of(tmp_path / "out")) < 15


def test_realtime_pace_takes_as_long_as_the_film_and_says_the_same(clip: Path, tmp_path: Path) -> None:
    assert main(["run", str(clip), "--out", str(tmp_path / "a"), "--pace", "realtime"]) == 0
    assert main(["run", str(clip), "--out", str(tmp_path / "b")]) == 0
    assert rows_of(tmp_path / "a") == rows_of(tmp_path / "b")
    walls = [json.loads((tmp_path / name / "summary.json").read_text())["wall_s"] for name in ("a", "b")]
    assert walls[0] >= 1.9
    assert walls[1] < walls[0]


@pytest.mark.parametrize("words", [["--always-decide"], ["--voice", "mouth"]])
def test_switches_are_obeyed(clip: Path, tmp_path: Path, words: list[str]) -> None:
    assert main(["run", str(clip), "--out", str(tmp_path), *words]) == 0
    rows = rows_of(tmp_path)
    if "--always-decide" in words:
        assert all(row["label"] == max(row["compound"], key=row["compound"].get) for row in rows)
    settings = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["settings"]
    assert settings["always_decide"] == ("--always-decide" in words)
    assert settings["voice"]["source"] == ("mouth" if "mouth" in words else "silero")


def test_real_people_are_recognised_in_the_clips(data: Path, tmp_path: Path) -> None:
    """A woman who cries for nine seconds and then smiles: the change must show."""
    out = tmp_path / "out"
    assert main(["run", str(data / "clips" / "crying_640x360.mp4"), "--out", str(out)]) == 0
    rows = rows_of(out)
    happy = [row["models"]["static"]["Happiness"] for row in rows if row["models"]["static"]]
    sad = [row["models"]["static"]["Sadness"] for row in rows if row["models"]["static"]]
    assert np.mean(sad[10:25]) > 0.4 > np.mean(happy[10:25])
    assert np.mean(happy[60:]) > 0.7
    assert any(row["label"] == "Happily Surprised" for row in rows[60:])

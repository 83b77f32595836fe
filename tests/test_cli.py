"""Refusals: exit code 2, one clear line on stderr, no traceback, nothing on stdout."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from realtime_cer.cli import main

HELP = [[], ["live"], ["run"], ["demo"], ["devices"], ["doctor"]]


@pytest.mark.parametrize("command", HELP, ids=lambda words: " ".join(words) or "all")
def test_help_is_there_with_examples(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "usage: realtime-cer" in text
    if command and command[0] in ("live", "run"):
        assert "examples:" in text


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.strip().splitlines()
    assert len(lines) == 1, said.err
    assert lines[0].startswith("realtime-cer: ")
    return lines[0]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "COMMAND"),
        (["dance"], "dance"),
        (["live", "--foo"], "--foo"),
        (["live", "--duration", "-3"], "-3"),
        (["live", "--duration", "soon"], "soon"),
        (["live", "--rule", "rule9"], "rule9"),
        (["live", "--engine", "tensorrt", "--camera", "none", "--microphone", "none"], "no camera and no microphone"),
        (["live", "--camera", "none", "--microphone", "none"], "--camera"),
        (["live", "--camera", "77", "--microphone", "none"], "77"),
        (["live", "--camera", "/dev/video77", "--microphone", "none"], "/dev/video77"),
        (["live", "--camera", "none.mp4", "--microphone", "none"], "none.mp4"),
        (["live", "--camera", "http://127.0.0.1:9/", "--microphone", "none"], "127.0.0.1:9"),
        (["live", "--camera", "none", "--microphone", "No Such Microphone"], "No Such Microphone"),
        (["run"], "FILE"),
        (["run", "x.mp4"], "--out"),
        (["run", "none.mp4", "--out", "o"], "none.mp4"),
        (["run", ".", "--out", "o"], "folder"),
        (["run", "none.mp4", "--out", "o", "--config", "none.toml"], "none.toml"),
        (["run", "none.mp4", "--out", "o", "--weights", "avcer"], "avcer-8cl"),
        (["run", "none.mp4", "--out", "o", "--weights", "w.toml"], "w.toml"),
    ],
)
def test_bad_words_are_refused_in_one_line(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert named in refused(words, capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"this is no film\n" * 100, bytes(range(256)) * 50])
def test_files_that_are_no_media_are_refused(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    assert "film.mp4" in refused(["run", str(path), "--out", str(tmp_path / "out")], capsys)
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], portrait_clip: Path
) -> None:
    (tmp_path / "file").touch()
    assert "is a file" in refused(["run", str(portrait_clip), "--out", str(tmp_path / "file")], capsys)
    line = refused(["run", str(portrait_clip), "--out", "/proc/results"], capsys)
    assert "/proc/results" in line
    assert "--out" in line


def test_a_named_engine_that_is_not_there_fails_loudly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], portrait_clip: Path
) -> None:
    words = ["run", str(portrait_clip), "--out", str(tmp_path / "out"), "--engine", "tensorrt"]
    assert "tensorrt" in refused(words, capsys)


def test_an_unknown_profile_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], portrait_clip: Path) -> None:
    words = ["run", str(portrait_clip), "--out", str(tmp_path / "out"), "--profile", "mine"]
    assert "mine" in refused(words, capsys)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_was_analysed(number: int, tmp_path: Path, portrait_clip: Path) -> None:
    words = ["run", str(portrait_clip), "--out", str(tmp_path / "out"), "--pace", "realtime"]
    process = subprocess.Popen([sys.executable, "-m", "realtime_cer", *words], stderr=subprocess.PIPE, text=True)
    rows = tmp_path / "out" / "decisions.jsonl"
    until = time.monotonic() + 30
    while not (rows.exists() and rows.read_text().count("\n") >= 3):
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert (tmp_path / "out" / "summary.json").exists()
    assert (tmp_path / "out" / "timeline.png").exists()


def test_a_reader_that_leaves_is_no_fault(portrait_clip: Path) -> None:
    command = f"{sys.executable} -m realtime_cer live --camera {portrait_clip} --headless | head -n 2"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.stdout.count("\n") == 2
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_live_run_ends_within_two_seconds_of_a_signal(portrait_clip: Path) -> None:
    words = ["live", "--camera", str(portrait_clip), "--headless"]
    process = subprocess.Popen(
        [sys.executable, "-m", "realtime_cer", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    begun = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert time.monotonic() - begun < 2
    assert process.returncode == 130
    assert said == ""

"""Refusals: exit code 2, one clear line on stderr, no traceback, nothing on stdout."""

import argparse
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime_cer.cli import main
from realtime_cer.commands.parser import build_parser
from realtime_cer.rules import RULES


def commands(parser: argparse.ArgumentParser) -> Iterator[list[str]]:
    """The words of every command, and of what it is divided into."""
    yield parser.prog.split()[1:]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from commands(one)


@pytest.mark.parametrize("command", list(commands(build_parser())), ids=lambda words: " ".join(words) or "all")
def test_help_is_there_with_examples(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: {' '.join(['realtime-cer', *command])}" in text
    assert ("examples:" if command else "Start with: realtime-cer demo") in text
    assert " ".join(["  realtime-cer", *command]) in text.partition("examples:")[2] or not command


def test_every_example_is_one_of_a_command_that_is_there_with_flags_that_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser, seen = build_parser(), 0
    for command in commands(parser):
        with pytest.raises(SystemExit):
            main([*command, "--help"])
        for line in capsys.readouterr().out.partition("examples:")[2].splitlines():
            words = re.split(r" {3,}| > |    ", line.strip())[0]
            if words.startswith("realtime-cer "):
                parser.parse_args(shlex.split(words)[1:])
                seen += 1
    assert seen > 40


def test_every_rule_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    assert f"--rule {{{','.join(RULES)}}}" in capsys.readouterr().out


def test_doctor_starts_where_numpy_is_broken(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('numpy is broken')", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    words = [sys.executable, "-m", "realtime_cer", "doctor", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 1
    # OpenCV prints its own words about it before.
    assert "numpy" in json.loads(done.stdout.splitlines()[-1])["failed"]


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
        (["live", "--foo"], "unrecognized arguments: --foo; see realtime-cer live --help"),
        (["live", "--foo", "3", "--camera", "0"], "--foo 3; see realtime-cer live --help"),
        (["--foo", "live"], "--foo; see realtime-cer --help"),
        (["sessions", "list", "x", "--foo"], "--foo; see realtime-cer sessions list --help"),
        (["live", "--notice", "n.txt"], "add --kiosk, or leave --notice out"),
        (["live", "--kiosk", "--headless", "--notice", "n.txt"], "leave out --headless, or --notice"),
        (["live", "--kiosk", "--no-window", "--notice", "n.txt"], "leave out --no-window, or --notice"),
        (["live", "--head"], "--head"),
        (["live", "--camera", "No Such Camera", "--microphone", "none"], "No Such Camera"),
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
        (["run", "none.mp4", "--out", "o", "--alignment", "left"], "left"),
        (["run", "none.mp4", "--out", "o", "--profile", "mine"], "import-avcer"),
        (["doctor", "--profile", "../mine"], "'../mine'"),
        (["import-avcer"], "DIR"),
        (["engines"], "build|list|clear|verify"),
        (["engines", "burn"], "burn"),
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


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_a_full_disk_is_one_line_and_what_was_written_is_kept(tmp_path: Path, portrait_clip: Path) -> None:
    # A limit on the size of files stands for the full disk: writing fails in the same place.
    command = f"trap '' XFSZ; ulimit -f 8; exec {sys.executable} -m realtime_cer run {portrait_clip} --out {tmp_path}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "what was written is kept" in done.stderr.splitlines()[-1]
    assert (tmp_path / "decisions.jsonl").stat().st_size > 1000


@pytest.mark.parametrize("words", ["devices", "doctor"])
def test_a_reader_that_left_before_the_first_word_is_no_fault_either(words: str) -> None:
    command = f"{sys.executable} -m realtime_cer {words} | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_is_no_text_and_names_with_brackets_are_taken(tmp_path: Path, portrait_clip: Path) -> None:
    clip = os.fsencode(tmp_path) + b"/b\xff.mp4"
    shutil.copy(portrait_clip, clip)
    out = tmp_path / "out[x]"
    words = ["run", os.fsdecode(clip), "--out", str(out)]
    done = subprocess.run([sys.executable, "-m", "realtime_cer", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"results: {out}/decisions.jsonl" in done.stderr
    assert (out / "timeline.png").exists()


@pytest.mark.parametrize(("encoding", "told"), [("utf-8", b"M\xc3\xbcller\\udcff"), ("ascii", b"M\\xfcller\\udcff")])
def test_names_that_the_terminal_has_no_letters_for_are_printed_as_numbers(
    encoding: str, told: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path / "Müller") + b"\xff"))
    session = folder / "session"
    try:
        session.mkdir(parents=True)
    except OSError:
        pytest.skip("this file system holds only names that are text")

    def printed(*words: str) -> bytes:
        out = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding, write_through=True))
        assert main(["sessions", "list", *words]) == 0
        return out.getvalue()

    assert told in printed(str(folder))
    (session / "session.json").write_text('{"format": 1, "ended": "2026-05-04T10:30:00+02:00"}')
    [one] = json.loads(printed("--json", str(folder)))
    assert one["folder"] == str(session)


@pytest.mark.skipif(os.name != "posix" or shutil.which("setpriv") is None, reason="no setpriv to give up rights with")
def test_what_may_not_be_read_is_refused_in_one_line(tmp_path: Path, portrait_clip: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0)
    less = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    for words in (
        ["run", f"{closed}/x.mp4", "--out", "/tmp/o"],
        ["live", "--camera", f"{closed}/x.mp4"],
        ["run", str(portrait_clip), "--out", "/tmp/o", "--weights", f"{closed}/w"],
        ["run", "x" * 300 + ".mp4", "--out", "/tmp/o"],
    ):
        command = [*less, sys.executable, "-m", "realtime_cer", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_the_demo_replaces_no_results_that_were_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "summary.json").write_text("precious", encoding="utf-8")
    assert "--overwrite" in refused(["demo", "--out", str(tmp_path)], capsys)
    assert (tmp_path / "summary.json").read_text(encoding="utf-8") == "precious"


def test_an_unknown_profile_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], portrait_clip: Path) -> None:
    words = ["run", str(portrait_clip), "--out", str(tmp_path / "out"), "--profile", "mine"]
    assert "no profile 'mine'; choose default" in refused(words, capsys)
    assert not (tmp_path / "out").exists()


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
    command = f"{sys.executable} -m realtime_cer live --camera {portrait_clip} --headless --engine cpu | head -n 2"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.stdout.count("\n") == 2
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_live_run_ends_within_two_seconds_of_a_signal(portrait_clip: Path) -> None:
    words = ["live", "--camera", str(portrait_clip), "--headless", "--engine", "cpu"]
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

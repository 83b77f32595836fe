"""The supervising parent: what it starts again, when, and what it tells; in the end with the real program."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from parts.mjpeg import MjpegServer, numbered_jpegs
from parts.supervised import CRASH, program, supervise

from realtime_cer.cli import main
from realtime_cer.commands import kiosk
from realtime_cer.commands.child import Child, Ending
from realtime_cer.commands.heart import HOPELESS, RESTART, UNREAD
from realtime_cer.commands.parser import build_parser
from realtime_cer.config import Config


def test_the_wait_grows_to_a_minute_and_is_short_again_after_ten_minutes_of_health() -> None:
    waits = kiosk.Waits()
    course = [*[5.0] * 8, 599.0, 600.0, 0.0]
    after = [waits.after(replace(CRASH, decided_s=seconds)) for seconds in course]
    assert after == [1, 2, 4, 8, 16, 32, 60, 60, 60, 1, 2]


def test_a_refusal_ends_it_only_before_anything_was_decided(endings: list[Ending], logs: Path) -> None:
    refused = Ending(2, "ended with exit code 2")
    endings[:] = [refused]
    assert supervise() == 2
    assert not logs.exists()
    endings[:] = [CRASH, refused, Ending(RESTART, "ended with exit code 75"), CRASH, Ending(0, "ended")]
    assert supervise() == 0
    assert [line.rsplit(";", 1)[1] for line in logs.read_text(encoding="utf-8").splitlines() if ";" in line] == [
        " it is started again in 1 s",
        " it is started again in 2 s",
        " it is started again in 4 s",
    ]


def test_a_program_that_is_started_again_has_what_is_left_of_the_time(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--duration counts from the first decision, whatever crashed since; before one nothing of it is gone."""
    now = time.monotonic()
    died = Ending(1, "ended with exit code 1")
    script = [died, replace(CRASH, began=now - 20), replace(CRASH, began=now - 1), replace(died, code=RESTART)]
    given: list[list[str]] = []

    def once(command: Sequence[str], systemd: kiosk.Systemd, again: bool, gave_up: int) -> Ending:
        given.append(list(command))
        return script[len(given) - 1]

    monkeypatch.setattr(kiosk, "_once", once)
    clock = iter([now, now + 10, now + 39.9])
    monkeypatch.setattr(kiosk, "_sleep", lambda seconds, systemd: None)
    monkeypatch.setattr(kiosk, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    words = ["live", "--kiosk", "--duration", "60"]
    assert kiosk.run_kiosk(words, Config(), camera=None, duration_s=60.0) == 0
    told = [build_parser().parse_args(command[3:]).duration for command in given]
    assert told == [60, 60, pytest.approx(40), pytest.approx(30)]


def test_a_program_is_told_that_it_had_decided_before(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = [Ending(1, "ended with exit code 1"), CRASH, replace(CRASH, decided=False), Ending(0, "ended")]
    told: list[bool] = []

    def once(command: Sequence[str], systemd: kiosk.Systemd, again: bool, gave_up: int) -> Ending:
        told.append(again)
        return script.pop(0)

    monkeypatch.setattr(kiosk, "_once", once)
    monkeypatch.setattr(kiosk, "_sleep", lambda seconds, systemd: None)
    assert supervise() == 0
    assert told == [False, False, True, True]
    for again in told[1:3]:
        with Child(program("sys.exit(10 * pulse.again + pulse.gave_up)"), again=again, gave_up=7) as child:
            assert child.watch().code == (17 if again else 7)


WISHING = """
import signal
asked = []
signal.signal(signal.SIGUSR1, lambda *_: asked.append(1))
for _ in range(500):
    if asked:
        sys.exit(0)
    time.sleep(0.02)
sys.exit(2)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs SIGUSR1")
def test_the_wish_for_the_moment_just_gone_reaches_the_program_and_never_ends_it(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent is asked all the time, from before there is anybody in the program who hears it."""

    def ask(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)

    monkeypatch.setattr(kiosk.Systemd, "tell", ask)
    monkeypatch.setattr(kiosk, "Child", lambda words, look, **told: Child(program(WISHING), ask))
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # where the parent does not care, the test alone must fail
    try:
        assert kiosk.run_kiosk(["live", "--kiosk"], Config(), camera=None) == 0
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not logs.exists()


def test_one_that_gave_up_is_followed_at_once_by_one_that_bears_its_loss_for_longer(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "video is lost: only starting again helps\n"
    hopeless = Ending(HOPELESS, "ended with exit code 70", said, decided=True, decided_s=60.0)
    stuck = Ending(None, "cannot be ended and is left behind", decided=True, decided_s=90.0)
    healthy = replace(hopeless, decided_s=2000.0)
    script = [hopeless, hopeless, stuck, healthy, replace(CRASH, decided_s=0.0), Ending(0, "ended")]
    told: list[int] = []
    waited: list[float] = []

    def once(command: Sequence[str], systemd: kiosk.Systemd, again: bool, gave_up: int) -> Ending:
        told.append(gave_up)
        return script.pop(0)

    monkeypatch.setattr(kiosk, "_once", once)
    monkeypatch.setattr(kiosk, "_sleep", lambda seconds, systemd: waited.append(seconds))
    assert supervise() == 0
    assert told == [0, 1, 2, 3, 1, 0]
    assert waited == [0, 0, 1, 0, 1]
    text = logs.read_text(encoding="utf-8")
    assert text.count("the program gave up; it is started again at once") == 3
    assert text.count("video is lost") == 3


def test_without_a_reader_of_its_rows_a_kiosk_ends_and_says_so(
    endings: list[Ending], logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endings[:] = [CRASH, Ending(UNREAD, "ended with exit code 74", decided=True)]
    assert supervise() == 1
    assert capsys.readouterr().err.endswith("whoever read the rows has gone: the kiosk ends\n")


def test_a_reader_that_goes_ends_the_real_kiosk_with_one_line(logs: Path) -> None:
    words = ["live", "--kiosk", "--headless", "--microphone", "none", "--engine", "cpu", "--camera"]
    with MjpegServer(numbered_jpegs(20, 480, 480), fps=25) as camera:
        process = subprocess.Popen(
            [sys.executable, "-m", "realtime_cer", *words, camera.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"REALTIME_CER_LOGS": str(logs.parent)},
        )
        assert process.stdout is not None
        try:
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(15) == 1
            assert process.stderr is not None
            assert process.stderr.read().endswith("realtime-cer: whoever read the rows has gone: the kiosk ends\n")
        finally:
            process.kill()


def test_what_is_refused_at_once_is_said_once(logs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["live", "--kiosk", "--headless", "--camera", "none", "--microphone", "none"]) == 2
    [line] = capfd.readouterr().err.splitlines()
    assert line.startswith("realtime-cer: no camera and no microphone")
    assert main(["live", "--kiosk", "--clap"]) == 2
    assert main(["live", "--kiosk", "--rule", "rule9"]) == 2
    assert not logs.exists()


def test_the_real_program_comes_back_after_a_crash_and_ends_with_its_parent(logs: Path) -> None:
    words = ["live", "--kiosk", "--headless", "--microphone", "none", "--engine", "cpu", "--camera"]
    with MjpegServer(numbered_jpegs(20, 480, 480), fps=25) as camera:
        url = camera.url.replace("//", "//me:secret@")
        process = subprocess.Popen(
            [sys.executable, "-m", "realtime_cer", *words, url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"REALTIME_CER_LOGS": str(logs.parent)},
        )
        assert process.stdout is not None
        try:
            for _ in range(3):
                process.stdout.readline()
            [first] = psutil.Process(process.pid).children()
            first.send_signal(signal.SIGSEGV)
            while json.loads(process.stdout.readline())["seq"] != 0:
                pass
            [second] = psutil.Process(process.pid).children()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=8)
        finally:
            process.kill()
    assert process.returncode == 130
    assert not second.is_running()
    assert "the program was ended by SIGSEGV; it is started again in 1 s" in said
    text = logs.read_text(encoding="utf-8")
    assert "Thread 0x" in text
    assert "secret" not in text

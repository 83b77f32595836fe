"""Whether there is a screen, and the real command on a real one, in processes of their own."""

import ctypes
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts.clips import click, write_clip

from realtime_cer.ui import screen

# Whether there is a screen.


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    screen.screen_available.cache_clear()
    yield monkeypatch
    screen.screen_available.cache_clear()


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays are found so on Linux only")


@linux
def test_no_display_is_said_in_words(asked: pytest.MonkeyPatch) -> None:
    assert screen.screen_available() == "no screen: neither DISPLAY nor WAYLAND_DISPLAY is set"


@linux
def test_a_display_that_does_not_answer(asked: pytest.MonkeyPatch) -> None:
    asked.setenv("DISPLAY", ":987")
    asked.setenv("WAYLAND_DISPLAY", "wayland-987")
    reason = screen.screen_available()
    assert reason == "no screen: DISPLAY=:987 and WAYLAND_DISPLAY=wayland-987 does not answer"


@linux
def test_a_display_that_never_answers(asked: pytest.MonkeyPatch) -> None:
    asked.setenv("DISPLAY", ":987")
    asked.setattr(screen, "_ANSWER_S", 0.1)
    asked.setattr(screen, "_x11", lambda: time.sleep(1) or True)
    assert screen.screen_available() == "no screen: DISPLAY=:987 does not answer"


@linux
def test_a_missing_library_comes_with_its_install_line(asked: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError("libEGL.so.1: cannot open shared object file: No such file or directory")

    asked.setenv("DISPLAY", ":987")
    asked.setattr(ctypes, "CDLL", absent)
    reason = screen.screen_available() or ""
    assert reason.startswith("no window: libEGL.so.1 is missing; sudo apt-get install --no-install-recommends libegl1 ")


@linux
def test_a_platform_without_a_display_is_taken_as_wished(asked: pytest.MonkeyPatch) -> None:
    asked.setenv("QT_QPA_PLATFORM", "offscreen")
    assert screen.screen_available() is None


# A real X server, in processes of their own.


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    if shutil.which("Xvfb") is None:
        pytest.skip("no Xvfb: apt-get install xvfb")
    theirs, ours = os.pipe()
    command = ["Xvfb", "-displayfd", str(ours), "-screen", "0", "1280x720x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[ours], stderr=subprocess.DEVNULL)
    os.close(ours)
    try:
        assert select.select([theirs], [], [], 10)[0], "Xvfb does not start"
        number = os.read(theirs, 16).decode().strip()
        env = {k: v for k, v in os.environ.items() if k not in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
        yield process, env | {"DISPLAY": f":{number}"}
    finally:
        os.close(theirs)
        process.kill()
        process.wait()


PRESSED = """
import sys, time
from PyQt6.QtCore import QTimer, Qt
from PyQt6.QtTest import QTest
from realtime_cer import cli
from realtime_cer.ui import app, window

class Driven(window.Window):
    def __init__(self, *given):
        super().__init__(*given)
        self._waiting = QTimer(self)
        self._waiting.timeout.connect(self._look)
        self._waiting.start(20)

    def _look(self):
        if self.picture.frame is not None and self.control.snapshot().decisions >= 5:
            print("quit", time.monotonic(), self.picture.frame.picture.shape, self.app_name(), flush=True)
            QTest.keyClick(self, Qt.Key.Key_Q)

    def app_name(self):
        from PyQt6.QtGui import QGuiApplication
        return QGuiApplication.platformName()

app.Window = Driven
code = cli.main(sys.argv[1:])
print("over", time.monotonic(), flush=True)
sys.exit(code)
"""


def clip(folder: Path) -> Path:
    path = folder / "clip.mp4"
    write_clip(path, times=[n / 25 for n in range(500)], sounds=[("aac", 16_000, click(20.0, 16_000, 1.0))])
    return path


def test_the_real_command_on_a_real_display_ends_within_two_seconds_of_q(
    server: tuple[subprocess.Popen[bytes], dict[str, str]], tmp_path: Path
) -> None:
    words = ["live", "--camera", str(clip(tmp_path)), "--engine", "cpu"]
    env = server[1] | {"REALTIME_CER_CONFIG": str(tmp_path / "config")}  # nothing was chosen before
    done = subprocess.run(
        [sys.executable, "-c", PRESSED, *words], capture_output=True, text=True, timeout=60, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    quitting, over = (line.split() for line in done.stdout.splitlines())
    assert quitting[0] == "quit"
    assert quitting[-1] == "xcb"
    assert float(over[1]) - float(quitting[1]) < 2


def test_a_display_that_dies_ends_with_one_line_and_whole_rows(
    server: tuple[subprocess.Popen[bytes], dict[str, str]], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "realtime_cer", "demo", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=server[1])
    table = tmp_path / "decisions.jsonl"
    until = time.monotonic() + 20
    while time.monotonic() < until and not (table.is_file() and table.read_text(encoding="utf-8").count("\n") >= 5):
        time.sleep(0.1)
    assert process.poll() is None
    server[0].kill()
    _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert said == "realtime-cer: the display has gone, and the window with it\n"
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    assert [row["seq"] for row in rows] == list(range(len(rows)))
    assert len(rows) >= 5

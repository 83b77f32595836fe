"""The first start with real devices, and what is remembered of it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.films import wait_for
from parts.mjpeg import MjpegServer, numbered_jpegs

from realtime_cer.capture.camera import open_camera
from realtime_cer.capture.remembered import Remembered, read_remembered, remembered_file, write_remembered
from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.cli import main
from realtime_cer.commands import live
from realtime_cer.commands import wizard as command
from realtime_cer.commands.wizard import Rehearsal, pick_sources
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.records import AudioBlock, read_only
from realtime_cer.ui.text import GERMAN


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REALTIME_CER_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


class Tone:
    """A microphone that hums, and counts who has it open."""

    name = "hum"
    counters = Counters()
    status = SourceStatus("live", "", 0.0)
    open_now = most = 0

    def items(self, stop: threading.Event) -> Iterator[AudioBlock]:
        """A tone, every 20 ms."""
        while not stop.wait(0.02):
            yield AudioBlock(time.monotonic(), read_only(np.full(320, 0.1, np.float32)))

    def close(self) -> None:
        """Count it out."""
        Tone.open_now -= 1


def test_a_real_camera_and_a_tone_are_tried_out_and_let_go() -> None:
    def opened_by(kind: Any, name: str) -> Any:
        if kind == "camera":
            return open_camera(name, wait=True)
        Tone.open_now += 1
        Tone.most = max(Tone.most, Tone.open_now)
        return Tone()

    with MjpegServer(numbered_jpegs(20), fps=25) as server:
        with Rehearsal(lambda kind: (server.url,) if kind == "camera" else ("a", "b"), opened_by) as rehearsal:
            rehearsal.search()
            wait_for(lambda: rehearsal.found is not None)
            assert rehearsal.found == {"camera": (server.url,), "microphone": ("a", "b")}
            rehearsal.pick("camera", server.url)
            rehearsal.pick("microphone", "a")
            wait_for(lambda: rehearsal.snapshot().frame is not None and rehearsal.snapshot().sound is not None)
            sound = rehearsal.snapshot().sound
            assert sound is not None
            assert sound.level_db == pytest.approx(-20.0, abs=0.01)
            rehearsal.pick("microphone", "b")
            rehearsal.pick("microphone", "a")
            wait_for(lambda: rehearsal.snapshot().sound is not None)
            assert [one.kind for one in rehearsal.snapshot().sources] == ["camera", "microphone"]
            rehearsal.pick("camera", None)
            assert rehearsal.snapshot().frame is None or len(rehearsal.snapshot().sources) == 1
        wait_for(lambda: Tone.open_now == 0)
        assert Tone.most == 1  # two programs, or two of our threads, cannot have one device


def test_a_sound_system_that_hangs_keeps_no_camera_from_being_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def names(kind: str) -> tuple[str, ...]:
        if kind == "microphone":
            go_on.wait(20)
        return ("Front",)

    monkeypatch.setattr(command, "_FIND_S", 0.05)
    try:
        with Rehearsal(names, lambda kind, name: pytest.fail(name)) as rehearsal:
            rehearsal.search()
            wait_for(lambda: rehearsal.found is not None)
            assert rehearsal.found == {"camera": ("Front",), "microphone": ()}
    finally:
        go_on.set()


# What is remembered.


def test_what_was_picked_is_read_back(folder: Path) -> None:
    said: list[str] = []
    assert read_remembered(said.append) is None
    write_remembered(Remembered(camera="Front", microphone=None))
    assert remembered_file() == folder / "devices.json"
    assert read_remembered(said.append) == Remembered(camera="Front", microphone=None)
    assert said == []
    remembered_file().write_text('{"camera": 3}')
    assert read_remembered(said.append) is None
    assert len(said) == 1
    assert "pick them anew" in said[0]


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REALTIME_CER_CONFIG", str(tmp_path / "file"))
    with pytest.raises(Refused, match="REALTIME_CER_CONFIG"):
        write_remembered(Remembered(camera=None, microphone=None))


def test_remembered_devices_are_taken_without_a_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "names_of", lambda kind: ("Front",) if kind == "camera" else ("Array",))
    assert pick_sources(ask=False) == (None, None)
    write_remembered(Remembered(camera="Front", microphone=None))
    assert pick_sources(ask=True) == ("Front", "none")
    write_remembered(Remembered(camera="Front", microphone="Headset"))
    assert pick_sources(ask=True) == ("Front", None)
    assert "microphone Headset, as picked before, is not there; pick another with --wizard" in capsys.readouterr().err


def test_what_is_remembered_is_waited_for_where_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "names_of", lambda kind: ())
    write_remembered(Remembered(camera="Front", microphone="Headset"))
    assert pick_sources(ask=False, wait=True) == ("Front", "Headset")
    write_remembered(Remembered(camera=None, microphone="Headset"))
    assert pick_sources(ask=False, wait=True) == ("none", "Headset")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("flags", [{"wait": True}, {"kiosk": True, "wait": False}, {"wait": False}])
def test_live_waits_for_it_with_the_flag_and_in_a_kiosk(
    monkeypatch: pytest.MonkeyPatch, flags: dict[str, bool]
) -> None:
    asked: list[bool] = []

    def picked(*, wait: bool, **rest: object) -> tuple[None, None]:
        asked.append(wait)
        raise Refused("enough")

    monkeypatch.setattr(command, "pick_sources", picked)
    monkeypatch.setattr(live, "loading", lambda config: nullcontext(Future()))
    monkeypatch.setattr(live, "apart", lambda: None)
    with pytest.raises(Refused, match="enough"):
        live.run_live(Config(), camera=None, microphone=None, headless=True, duration_s=None, **flags)
    assert asked == [any(flags.values())]


def test_a_sound_system_that_does_not_say_what_there_is_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    go_on = threading.Event()

    def names(kind: str) -> tuple[str, ...]:
        go_on.wait(5)
        return ("Headset",)

    monkeypatch.setattr(command, "names_of", names)
    monkeypatch.setattr(command, "_FIND_S", 0.05)
    write_remembered(Remembered(camera=None, microphone="Headset"))
    try:
        assert pick_sources(ask=True) == ("none", None)
    finally:
        go_on.set()
    assert "microphone Headset, as picked before, cannot be looked for" in capsys.readouterr().err


def test_a_remembered_microphone_is_there_under_a_new_number_of_its_card(monkeypatch: pytest.MonkeyPatch) -> None:
    name, card = "C920: USB Audio (hw:1,0)", "C920: USB Audio (hw:{},0)"
    write_remembered(Remembered(camera=None, microphone=name))
    monkeypatch.setattr(command, "names_of", lambda kind: ("default", card.format(2)))
    assert pick_sources(ask=True) == ("none", name)
    monkeypatch.setattr(command, "names_of", lambda kind: (card.format(2), card.format(3)))
    assert pick_sources(ask=True) == ("none", None)  # which of them it is, nobody knows


def test_to_be_asked_again_needs_a_screen_and_no_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("realtime_cer.ui.screen.screen_available", lambda: "no screen: none")
    with pytest.raises(Refused, match="instead of --wizard"):
        pick_sources(ask=True, again=True)
    assert pick_sources(ask=True) == (None, None)
    assert main(["live", "--wizard", "--camera", "0"]) == 2
    assert "leave out the flags" in capsys.readouterr().err


SESSION = """
import sys, threading, time
from realtime_cer.commands import wizard
from realtime_cer.commands.wizard import pick_sources
wizard.names_of = lambda kind: (sys.argv[1],) if kind == "camera" else ()
from PyQt6.QtCore import QTimer, Qt
from PyQt6.QtTest import QTest
from realtime_cer.ui.app import application
from realtime_cer.ui.wizard import Wizard
app = application()
def act():
    for window in app.topLevelWidgets():
        if isinstance(window, Wizard) and window.picture.frame is not None:
            titles.add(window.windowTitle())
            QTest.keyClick(window, Qt.Key.Key_Return)
titles = set()
timer = QTimer()
timer.timeout.connect(act)
timer.start(50)
print(pick_sources(ask=True, language="de"))
print(pick_sources(ask=True))
print(*titles)
print([t.name for t in threading.enumerate() if t.name.startswith("try-")])
"""


def test_the_whole_of_it_once_with_a_real_camera(folder: Path) -> None:
    """A window, a picture from the network, Enter; the second time nobody is asked."""
    with MjpegServer(numbered_jpegs(20), fps=25) as server:
        env = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
        done = subprocess.run(
            [sys.executable, "-c", SESSION, server.url], capture_output=True, text=True, timeout=90, env=env
        )
    assert done.returncode == 0, done.stderr
    first, second, title, left = done.stdout.splitlines()
    assert first == second == repr((server.url, "none"))
    assert GERMAN.wizard.title in title
    assert left == "[]"

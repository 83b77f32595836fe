"""The kiosk's real window, driven with real key presses, over made moments; and the whole program."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.kiosk import Room
from parts.mjpeg import MjpegServer, numbered_jpegs
from parts.moments import plain
from pytestqt.qtbot import QtBot

from realtime_cer.cli import main
from realtime_cer.commands.heart import RESTART
from realtime_cer.config import KioskConfig
from realtime_cer.kiosk.daily import LEAST_S
from realtime_cer.kiosk.posing import POSE_S, READY_S
from realtime_cer.kiosk.room import Room as Counts
from realtime_cer.kiosk.room import read_room, room_file, write_room
from realtime_cer.perception.gesture import gape
from realtime_cer.ui.kiosk.dream import EACH_S, curves, leader
from realtime_cer.ui.kiosk.window import KioskWindow
from realtime_cer.ui.moment import Looks

QtCore = pytest.importorskip("PyQt6.QtCore")
QtGui = pytest.importorskip("PyQt6.QtGui")
Key = QtCore.Qt.Key
PURPLE = (200, 20, 180)
CHORD = QtCore.Qt.KeyboardModifier.ControlModifier | QtCore.Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REALTIME_CER_ROOM", str(tmp_path / "room"))
    return tmp_path / "room"


class Kiosk:
    """A window before which people come and go; its picture is purple all over."""

    def __init__(self, qtbot: QtBot, config: KioskConfig | None = None, notice: str | None = None) -> None:
        self.room = Room(plain(PURPLE))
        self.wall = datetime(2026, 3, 2, 12, 0)
        booth = self.room.booth(config, notice)
        self.window = KioskWindow(
            self.room.control, "test", "none", "equal", Looks(language="en"), booth, self.room.clock, lambda: self.wall
        )
        self.qtbot = qtbot
        qtbot.addWidget(self.window)
        self.window.resize(1280, 720)
        self.window.show()
        qtbot.waitExposed(self.window)

    @property
    def state(self) -> str:
        """What is shown."""
        return self.window.visit.state

    def play(self, seconds: float, face: int | None = 1, opening: float = 0.0) -> str:
        """Let time pass with somebody in view, or nobody."""
        self.room.opening = opening
        for _ in range(round(seconds / 0.2)):
            self.room.pass_s(0.2, face)
            if self.window.isVisible():
                self.window.look()
        return self.state

    def press(self, key: Any, chord: Any = QtCore.Qt.KeyboardModifier.NoModifier) -> str:
        """Press a key."""
        self.qtbot.keyClick(self.window, key, chord)
        return self.state

    def purple(self) -> float:
        """Share of the window that shows the camera's picture."""
        image = self.window.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB32)
        pixels = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
        pixels = pixels.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width(), :3].astype(int)
        return float((np.abs(pixels - PURPLE).max(axis=-1) < 12).mean())


@pytest.fixture
def kiosk(qtbot: QtBot, qapp: object) -> Iterator[Kiosk]:
    made = Kiosk(qtbot)
    yield made
    made.window.close()


def test_no_picture_and_nothing_recognised_is_there_before_somebody_agrees(kiosk: Kiosk) -> None:
    assert kiosk.play(1.0, None) == "attract"
    assert kiosk.purple() == 0
    assert kiosk.play(2.0) == "notice"
    assert kiosk.purple() == 0
    assert kiosk.window.live is kiosk.window.picture is None
    for key in (Key.Key_P, Key.Key_Y, Key.Key_D, Key.Key_F12, Key.Key_Question, Key.Key_C):
        assert kiosk.press(key) == "notice"
    assert kiosk.press(Key.Key_Space) == "live"
    assert kiosk.purple() > 0.1
    assert kiosk.window.live is not None
    assert kiosk.room.forgotten == 1  # what was seen before they agreed is not shown after


def test_an_open_mouth_agrees_as_the_key_does(kiosk: Kiosk) -> None:
    kiosk.play(2.0)
    assert kiosk.play(1.0, opening=0.7) == "notice"
    assert kiosk.window.notice.consent > 0.4
    assert kiosk.play(1.2, opening=0.7) == "live"


def test_whoever_leaves_is_wiped_and_taken_off_the_screen(kiosk: Kiosk) -> None:
    kiosk.play(2.0)
    kiosk.press(Key.Key_Return)
    kiosk.play(2.0)
    assert kiosk.play(8.0, None) == "attract"
    assert kiosk.room.forgotten == 2
    assert kiosk.window.live is None
    assert kiosk.purple() == 0


def test_forget_me_works_in_every_state(kiosk: Kiosk) -> None:
    kiosk.press(Key.Key_F)
    assert kiosk.room.forgotten == 1
    kiosk.play(2.0)
    assert kiosk.press(Key.Key_F) == "forgotten"
    kiosk.play(6.0)
    kiosk.press(Key.Key_Space)
    assert kiosk.press(Key.Key_P) == "pose"
    kiosk.play(0.2)
    assert kiosk.purple() > 0.1
    posing = kiosk.window.pose.posing
    assert posing.row is not None
    assert kiosk.press(Key.Key_F) == "forgotten"
    assert posing.row is None
    assert kiosk.room.forgotten == 4
    assert kiosk.purple() == 0
    assert kiosk.window.pose is None


def test_a_pose_is_counted_when_its_visitor_says_so(kiosk: Kiosk) -> None:
    kiosk.play(2.0)
    kiosk.press(Key.Key_Space)
    kiosk.press(Key.Key_P)
    assert kiosk.window.pose is not None
    posing = kiosk.window.pose.posing
    kiosk.press(Key.Key_Y)  # not asked yet
    kiosk.play(READY_S + POSE_S + 0.6)
    assert posing.phase == "confirm"
    pair = (posing.asked, posing.said)
    kiosk.press(Key.Key_Y)
    assert {(a, s) for a, row in enumerate(read_room().counts) for s, n in enumerate(row) if n} == {pair}
    assert kiosk.window.pose.room == read_room()
    kiosk.play(READY_S + POSE_S + 3.0)
    assert posing.phase == "confirm"
    kiosk.press(Key.Key_N)
    assert (read_room().total, read_room().left_out) == (1, 1)
    assert kiosk.press(Key.Key_P) == "live"
    assert kiosk.window.pose is None


def test_nobody_who_answers_ends_the_game(kiosk: Kiosk) -> None:
    kiosk.play(2.0)
    kiosk.press(Key.Key_Space)
    kiosk.press(Key.Key_P)
    assert kiosk.play(READY_S + POSE_S + 17.0) == "live"
    assert not room_file().exists()


def test_a_damaged_matrix_is_shown_to_the_operator_and_never_written_over(qtbot: QtBot, qapp: object) -> None:
    room_file().parent.mkdir()
    room_file().write_text("{")
    kiosk = Kiosk(qtbot)
    kiosk.play(1.0, None)
    assert "is damaged" in kiosk.window.attract.trouble
    kiosk.play(2.0)
    kiosk.press(Key.Key_Space)
    kiosk.press(Key.Key_P)
    kiosk.play(READY_S + POSE_S + 0.6)
    kiosk.press(Key.Key_Y)
    assert room_file().read_text() == "{"


def test_only_the_chord_closes_it(kiosk: Kiosk) -> None:
    closed: list[bool] = []
    kiosk.window.closed.connect(lambda: closed.append(True))
    for key in (Key.Key_Escape, Key.Key_F11, Key.Key_Q):
        kiosk.press(key)
    kiosk.press(Key.Key_Q, QtCore.Qt.KeyboardModifier.ControlModifier)
    kiosk.press(Key.Key_Q, QtCore.Qt.KeyboardModifier.ShiftModifier)
    kiosk.press(Key.Key_F4, QtCore.Qt.KeyboardModifier.AltModifier)
    assert kiosk.window.isVisible()
    assert kiosk.window.cursor().shape() == QtCore.Qt.CursorShape.BlankCursor
    kiosk.press(Key.Key_Q, CHORD)
    assert closed == [True]
    assert not kiosk.window.isVisible()


def test_the_live_window_inside_has_no_keys_and_no_mouse(kiosk: Kiosk) -> None:
    kiosk.play(2.0)
    kiosk.press(Key.Key_Space)
    live = kiosk.window.live
    assert live is not None
    assert live.testAttribute(QtCore.Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    for key in (Key.Key_Space, Key.Key_F12, Key.Key_D, Key.Key_Q):
        kiosk.press(key)
    assert not kiosk.room.control.paused
    assert not live.meters.isVisible()
    assert kiosk.window.isVisible()


def test_it_tests_itself_and_starts_anew_only_while_nobody_is_there(kiosk: Kiosk) -> None:
    kiosk.play(30.0, None)
    assert kiosk.room.tests == 0
    kiosk.play(40.0, None)
    assert kiosk.room.tests == 1
    kiosk.play(2.0)
    kiosk.room.clock.now += 2 * LEAST_S
    kiosk.wall = datetime(2026, 3, 3, 4, 0, 30)
    kiosk.play(2.0)
    assert kiosk.room.restarts == 0
    kiosk.play(80.0, None)
    assert kiosk.room.restarts == 1
    assert not kiosk.window.isVisible()


def test_the_operators_own_notice_is_shown_and_all_of_it_fits(qtbot: QtBot, qapp: object) -> None:
    own = "Welcome\n\n" + "\n\n".join("Long words of the museum's lawyers. " * 9 for _ in range(10))
    kiosk = Kiosk(qtbot, notice=own)
    kiosk.play(2.0)
    kiosk.window.grab()
    assert kiosk.window.notice.accessibleName().startswith("Welcome Long words")


def test_without_the_question_it_shows_people_at_once(qtbot: QtBot, qapp: object) -> None:
    assert Kiosk(qtbot, KioskConfig(consent=False)).play(2.0) == "live"


def test_the_dream_is_shares_and_its_leader_leads() -> None:
    t = np.linspace(0, 200, 2001)
    values = curves(t)
    np.testing.assert_allclose(values.sum(axis=0), 1)
    firm = [(moment, *leader(moment)) for moment in t.tolist()]
    clear = [(n, best) for n, (_, best, strength) in enumerate(firm) if strength > 0.5]
    assert all(values[:, n].argmax() == best for n, best in clear)
    assert {best for _, best in clear} == set(range(7))
    # One moment looks the same in whatever span it is drawn, so nothing jumps.
    np.testing.assert_allclose(curves(np.linspace(50, 80, 31))[:, 0], curves(np.array([50.0, 51.0]))[:, 0], rtol=1e-3)
    assert leader(0.49 * EACH_S)[0] != leader(0.51 * EACH_S)[0]


def test_a_mouth_is_measured_by_its_height_over_its_width() -> None:
    points = np.zeros((478, 2), np.float32)
    assert gape(points) == 0
    points[[78, 308]] = (100, 200), (140, 200)
    points[[13, 14]] = (120, 190), (120, 214)
    assert gape(points) == pytest.approx(0.6)
    assert gape(points * 3) == pytest.approx(0.6)


def test_the_matrix_is_exported_as_a_table_and_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    for words in ([], ["--out", str(tmp_path)], ["--out", str(tmp_path), "--clear"]):
        assert main(["kiosk-matrix", *words]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        [line] = captured.err.splitlines()
        assert "nothing is counted yet" in line
    write_room(Counts().plus((2, 2)).plus((2, 7)).plus(None))
    assert main(["kiosk-matrix"]) == 0
    assert capsys.readouterr().out == read_room().table()
    assert main(["kiosk-matrix", "--out", str(tmp_path / "out"), "--clear"]) == 0
    assert (tmp_path / "out" / "kiosk-matrix.csv").read_text().splitlines()[3].endswith("0,0,1,0,0,0,0,1")
    assert (tmp_path / "out" / "kiosk-matrix.png").read_bytes().startswith(b"\x89PNG")
    assert read_room() == Counts()
    write_room(Counts().plus(None))
    assert main(["kiosk-matrix", "--clear"]) == 0
    assert read_room() == Counts()


SESSION = """
import sys
from pathlib import Path
from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtTest import QTest
from realtime_cer.commands.live import run_live
from realtime_cer.config import Config, KioskConfig
from realtime_cer.kiosk.daily import Daily
from realtime_cer.sinks.keeper import Keeper
from realtime_cer.ui.app import application
from realtime_cer.ui.kiosk.window import KioskWindow
CHORD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
CONFIG = Config(kiosk=KioskConfig(record=True, notice=Path(sys.argv[2])))
SOURCES = {"camera": sys.argv[1], "microphone": "none", "wait": True, "keep": Path(sys.argv[3])}
Keeper.forget = lambda keeper: print("forgotten", flush=True)
app = application()
def act():
    for window in app.topLevelWidgets():
        if isinstance(window, KioskWindow) and window.isVisible() and window.control.snapshot().frame is not None:
            print(window.isFullScreen(), window.visit.state, window.live, flush=True)
            if leave:
                QTest.keyClick(window, Qt.Key.Key_F)
                QTest.keyClick(window, Qt.Key.Key_Q, CHORD)
            else:
                Daily.restart = lambda *given: True
            timer.stop()
timer = QTimer()
timer.timeout.connect(act)
for leave in (True, False):
    timer.start(50)
    print(run_live(CONFIG, **SOURCES, headless=False, duration_s=None, kiosk=True))
"""


def test_the_whole_program_ends_with_the_chord_and_asks_for_its_daily_restart(tmp_path: Path) -> None:
    (tmp_path / "notice.txt").write_text("We keep moments.")
    with MjpegServer(numbered_jpegs(20), fps=10) as server:
        env = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
        words = [sys.executable, "-c", SESSION, server.url, str(tmp_path / "notice.txt"), str(tmp_path / "kept")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=90, env=env)
    lines = done.stdout.splitlines()
    assert lines == ["True attract None", "forgotten", "0", "True attract None", str(RESTART)], done.stderr
    assert "Traceback" not in done.stderr

"""The real window over a session that is played, driven with real key presses and clicks."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.clips import number_of
from parts.replayed import FPS, decided, write_session
from pytestqt.qtbot import QtBot

from realtime_cer.cli import main
from realtime_cer.commands.replay import settings_by_row
from realtime_cer.commands.replaywindow import ReplayDesk
from realtime_cer.commands.rows import open_rows
from realtime_cer.config import Config
from realtime_cer.labels import COMPOUND
from realtime_cer.records import SAMPLE_RATE, Decision
from realtime_cer.sessions.player import Player
from realtime_cer.sessions.timeline import Wish, timeline
from realtime_cer.sinks.tables import read_rows
from realtime_cer.ui import words
from realtime_cer.ui.keys import BINDINGS
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.places import arrange
from realtime_cer.ui.replay import OWN, SPEEDS, ReplayWindow
from realtime_cer.ui.text import ENGLISH, GERMAN

QtCore = pytest.importorskip("PyQt6.QtCore")
pytestmark = pytest.mark.usefixtures("own_folders")
Key, LEFT, NONE = QtCore.Qt.Key, QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.KeyboardModifier.NoModifier
SHIFT = QtCore.Qt.KeyboardModifier.ShiftModifier
ROWS = decided(Config(rule="rule2", weights="avcer-7cl"), "avcer-7cl", count=60)
FLAGS = {"rule": None, "weights": None, "always_decide": None, "without": [], "smoothing": 0.0, "compare": False}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("kept") / "session", ROWS)


@dataclass
class Open:
    """A window over a session, its player and its desk."""

    window: ReplayWindow
    player: Player
    desk: ReplayDesk
    bot: QtBot

    def press(self, key: Any, modifier: Any = NONE) -> None:
        self.bot.keyClick(self.window, key, modifier)

    def click(self, x: float, y: float) -> None:
        self.bot.mouseClick(self.window.bar, LEFT, NONE, QtCore.QPoint(round(x), round(y)))

    def until(self, so: Callable[[], object]) -> None:
        self.bot.waitUntil(lambda: bool(so()), timeout=20_000)

    def redraw(self) -> None:
        self.window.draw(self.player.snapshot())


@pytest.fixture
def opened(qtbot: QtBot, qapp: object) -> Iterator[Callable[..., Open]]:
    """Opens windows as the command does, without its loop."""
    players: list[Player] = []

    def make(place: Path, language: str = "en", **flags: Any) -> Open:
        options = argparse.Namespace(**(FLAGS | flags))
        found = open_rows(place)
        config, settings_of = settings_by_row(found.facts, options)
        first = timeline(found.rows, Wish(settings_of, options.without, options.smoothing))
        assert first is not None
        desk = ReplayDesk(found.facts, options, settings_of, "as then")
        player = Player(found.rows, first, found.film, (), desk.tell)
        players.append(player)
        player.__enter__()
        desk.attach(player)
        looks = Looks(language=language, smoothing_s=options.smoothing, mirror=False, size=(1280, 720))
        window = ReplayWindow(player, "test", config.rule, config.weights, looks, desk, compared=options.compare)
        window.resize(1280, 720)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitExposed(window)
        return Open(window, player, desk, qtbot)

    yield make
    for player in players:
        player.__exit__(None, None, None)


# What it shows.


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"rule": "rule1", "weights": "equal"},
        {"without": ["acoustic"], "always_decide": True},
        {"smoothing": 1.0, "rule": "rule3"},
    ],
)
def test_the_rows_shown_are_those_that_out_writes(
    opened: Callable[..., Open], session: Path, tmp_path: Path, flags: dict[str, Any]
) -> None:
    line = ["replay", str(session), "--out", str(tmp_path / "out"), "--smoothing", str(flags.get("smoothing", 0))]
    line += [f"--{name}={flags[name]}" for name in ("rule", "weights") if name in flags]
    line += [f"--without={name}" for name in flags.get("without", ())]
    line += ["--always-decide"] if flags.get("always_decide") else []
    assert main(line) == 0
    written = read_rows(tmp_path / "out" / "decisions.jsonl")
    it = opened(session, **flags)
    for row in [*written[::-1], *written]:
        it.player.seek(row.t)
        it.redraw()
        said = it.window.verdict.said
        if row.label is None:
            assert said.text == f"abstains: {words.reason(ENGLISH, row.reason)}"
        else:
            assert said.label == row.label
            assert said.share == pytest.approx(share_of(row), abs=1e-6)
        moment = it.window.presenter.moment(it.player.snapshot())
        assert moment.snapshot.decision is not None
        assert moment.snapshot.decision.seq == row.seq
        assert set(it.window.models.columns.missing) == {name for name, one in row.models.items() if one is None}


def share_of(row: Decision) -> float:
    """The named value as a share of all the probability there is, 0 where a verdict is held through a row without."""
    if row.compound is None or row.basic is None or row.label is None:
        return 0.0
    return row.compound[COMPOUND.index(row.label)] / sum(row.basic)


def test_the_picture_is_that_of_the_time_and_the_box_that_of_the_row(
    opened: Callable[..., Open], session: Path
) -> None:
    it = opened(session)
    faces = [row for row in ROWS if row.face is not None]
    for row in (faces[20], faces[3], faces[-1]):
        it.player.seek(row.t + 0.01)
        it.until(
            lambda row=row: (frame := it.window.picture.frame) and number_of(frame.picture) == round(row.t * FPS)  # type: ignore[misc]
        )
        it.redraw()
        x, y, wide, high = row.face or (0, 0, 0, 0)
        assert it.window.picture.overlay.box == pytest.approx((x / 320, y / 240, wide / 320, high / 240))
        assert it.window.picture.overlay.note == ""


def test_without_a_film_it_says_so(opened: Callable[..., Open], tmp_path: Path) -> None:
    bare = write_session(tmp_path / "bare", ROWS, film=False)
    assert opened(bare).window.picture.overlay.note == "this session has no film"
    assert opened(bare, language="de").window.picture.overlay.note == "dieser Mitschnitt hat keinen Film"
    short = write_session(tmp_path / "short", ROWS, seconds=2.0)
    it = opened(short)
    it.press(Key.Key_End)
    it.until(lambda: it.window.picture.overlay.note == "the film ends before here")
    it.press(Key.Key_Home)
    it.until(lambda: it.window.picture.overlay.note == "")
    (short / "film.mkv").write_bytes(b"nothing")
    broken = opened(short)
    broken.until(lambda: broken.window.picture.overlay.note == "the film cannot be read")


def test_what_rows_do_not_tell_is_put_down_to_nobody(opened: Callable[..., Open], session: Path) -> None:
    it = opened(session)
    for row in ROWS:
        it.player.seek(row.t)
        it.redraw()
        for why in it.window.models.columns.missing.values():
            assert why in ("not there", "no face"), why
    assert not it.window.sound.isVisible()
    assert not it.window.status.isVisible()


# Keys and hands.


def test_space_plays_and_stands_and_it_stands_at_the_end(opened: Callable[..., Open], session: Path) -> None:
    it = opened(session)
    assert not it.player.playing
    it.press(Key.Key_Space)
    assert it.player.playing
    it.until(lambda: it.player.position > 0.5)
    assert it.window.bar.position > 0
    it.press(Key.Key_Space)
    at = it.player.position
    assert not it.player.playing
    assert not it.window.picture.overlay.paused, "a picture that stands is no old one"
    assert it.player.position == at
    it.player.seek(11.5)
    for _ in range(5):
        it.press(Key.Key_Greater)
    assert it.player.speed == SPEEDS[-1] == 4
    it.press(Key.Key_Space)
    it.until(lambda: not it.player.playing)
    assert it.player.position == pytest.approx(12)
    assert it.window.isVisible()
    assert it.window.verdict.said.headline
    it.press(Key.Key_Less)
    assert it.player.speed == 2


def test_keys_go_where_they_say(opened: Callable[..., Open], session: Path) -> None:
    it = opened(session)
    begin, end = it.player.strip.begin, it.player.strip.end
    for key, modifier, at in (
        (Key.Key_Right, NONE, 1),
        (Key.Key_Right, SHIFT, 11),
        (Key.Key_Left, NONE, 10),
        (Key.Key_Left, SHIFT, 0),
        (Key.Key_End, NONE, end),
        (Key.Key_Home, NONE, begin),
    ):
        it.press(key, modifier)
        assert it.player.position == pytest.approx(at), key
    marks = it.player.strip.marks
    assert len(marks) >= 2
    for at in marks:
        it.press(Key.Key_BracketRight)
        assert it.player.position == at
    it.press(Key.Key_BracketRight)
    assert it.player.position == marks[-1], "there is none behind the last"
    it.press(Key.Key_BracketLeft)
    assert it.player.position == marks[-2]


def test_the_bar_is_pressed_and_dragged_to_go_there(opened: Callable[..., Open], session: Path) -> None:
    from PyQt6.QtGui import QMouseEvent
    from PyQt6.QtWidgets import QApplication

    it = opened(session)
    bar = it.window.bar
    track = bar.track()
    for share in (0.25, 0.75, 0.0, 1.0):
        it.click(track.left() + share * track.width(), track.center().y())
        assert it.player.position == pytest.approx(share * 12, abs=0.05)
        assert bar.x_of(it.player.position) == pytest.approx(track.left() + share * track.width(), abs=1)
    it.click(track.left(), track.center().y())
    it.bot.mousePress(bar, LEFT, NONE, track.center().toPoint())
    there = QtCore.QPointF(track.left() + 0.6 * track.width(), track.top() - 500)
    QApplication.sendEvent(bar, QMouseEvent(QtCore.QEvent.Type.MouseMove, there, LEFT, LEFT, NONE))
    assert it.player.position == pytest.approx(0.6 * 12, abs=0.05)
    it.bot.mouseRelease(bar, LEFT, NONE, track.center().toPoint())
    button = bar.button().center()
    it.click(button.x(), button.y())
    assert it.player.playing
    it.click(button.x(), button.y())
    assert not it.player.playing
    pace = bar.pace().center()
    for speed in (2.0, 4.0, 0.5, 1.0):
        it.click(pace.x(), pace.y())
        assert it.player.speed == speed


def test_keys_that_make_no_sense_here_do_nothing_and_are_not_listed(opened: Callable[..., Open], session: Path) -> None:
    it = opened(session)
    listed = {one.action for one in it.window.keys.bindings}
    assert {one.action for one in OWN} <= listed
    assert set(ENGLISH.replay.keys) == {one.action for one in OWN}
    foreign = {
        "record",
        "mute",
        "camera",
        "microphone",
        "calibrate",
        "choose",
        "meters",
        "moment",
        "mark",
        "pause",
        "landmarks",
        "crop",
    }
    assert not foreign & listed
    assert not foreign & set(it.window.controls.buttons)
    before = (it.player.position, it.player.wish, it.desk.state)
    for one in BINDINGS:
        if one.action in foreign - {"pause", "crop"}:
            for key in one.keys:
                it.press(key)
                assert not it.window.choices.isVisible()
                assert not it.window.meters.isVisible()
    assert (it.player.position, it.player.wish, it.desk.state) == before
    it.press(Key.Key_Question)
    assert it.window.keys.isVisible()
    assert it.window.keys.geometry().bottom() <= it.window.height()
    it.press(Key.Key_Space)
    assert not it.window.keys.isVisible()
    assert not it.player.playing
    it.press(Key.Key_D)
    assert it.window.details.isVisible()
    it.press(Key.Key_Q)
    assert not it.window.isVisible()


def test_sound_is_muted_by_key_and_button_and_why_there_is_none_stands_on_the_bar(
    opened: Callable[..., Open], session: Path, tmp_path: Path
) -> None:
    heard = write_session(tmp_path / "heard", ROWS, sound=np.zeros(12 * SAMPLE_RATE, np.float32))
    it = opened(heard)
    bar = it.window.bar
    assert (it.player.sound, bar.silence()) == ("heard", "")
    aloud = bar.grab().toImage()
    it.press(Key.Key_U)
    assert (it.player.muted, bar.silence()) == (True, "muted")
    assert bar.told().endswith("; muted")
    assert bar.grab().toImage() != aloud
    speaker = bar.speaker().center()
    it.click(speaker.x(), speaker.y())
    assert (it.player.muted, bar.silence()) == (False, "")
    it.press(Key.Key_Less)
    assert bar.silence() == "no sound at 0.5×"
    it.press(Key.Key_G)
    assert bar.silence() == "kein Ton bei 0,5×"
    dumb = opened(session)
    dumb.until(lambda: dumb.window.bar.silence() == "no sound recorded")
    assert not dumb.player.playing
    for one in (it, dumb):
        bar = one.window.bar
        for compared in (False, True):
            bar.compare(compared)
            assert not bar.speaker().intersects(bar.track())
            assert not bar.speaker().intersects(bar.pace())


# Other settings.


def test_another_rule_decides_the_session_again_and_the_bar_shows_what_differs(
    opened: Callable[..., Open], session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(session), "--no-window", "--rule", "rule1", "--weights", "equal"]) == 0
    expected = int(capsys.readouterr().out.split(" of ")[0])
    assert expected > 3
    it = opened(session)
    assert it.window.bar.differences() == "all as then"
    it.press(Key.Key_E)
    it.until(it.window.choices.isVisible)
    names = [one.name for one in it.window.choices.choices]
    assert names[0] == "as then"
    it.press(Key(Key.Key_1 + names.index("1")))
    it.until(lambda: not it.player.busy)
    it.press(Key.Key_W)
    it.press(Key(Key.Key_1 + [one.value for one in it.window.choices.choices].index("equal")))
    it.until(lambda: not it.player.busy and it.window.bar.strip is it.player.strip)
    assert it.window.bar.differences() == f"{expected} of 60 differ"
    assert it.desk.state.chosen == {"rule": "rule1", "weights": "equal"}
    it.redraw()
    assert it.window.heading.how.startswith("rule 1 · weights equal")
    ribbon = it.window.bar.grab().toImage()
    it.press(Key.Key_C)
    assert it.window.bar.compared
    assert it.window.bar.grab().toImage() != ribbon
    differ = it.player.strip.differ
    starts = [n for n in range(60) if differ[n] and not (n and differ[n - 1])]
    it.press(Key.Key_Home)
    for n in starts if starts[0] else starts[1:]:
        it.press(Key.Key_N)
        assert it.player.position == ROWS[n].t
    it.press(Key.Key_N, SHIFT)
    assert it.player.position == ROWS[starts[-2]].t


def test_smoothing_is_of_the_whole_session_and_set_by_the_same_keys(opened: Callable[..., Open], session: Path) -> None:
    it = opened(session)
    it.press(Key.Key_Plus)
    it.press(Key.Key_Plus)
    assert it.player.wish.smoothing_s == it.window.presenter.seconds == 0.6
    it.until(lambda: not it.player.busy)
    it.redraw()
    assert it.window.heading.how.endswith("smoothing 0.6 s")
    assert np.count_nonzero(it.player.strip.differ) > 3


def test_german_and_the_other_theme(opened: Callable[..., Open], session: Path) -> None:
    it = opened(session, language="de")
    assert it.window.bar.differences() == "alles wie damals"
    assert it.window.text.keys["play"] == GERMAN.replay.keys["play"]
    assert it.window.bar.told().startswith("0:00 von 0:12, 1,0×, steht: ")
    dark = it.window.bar.grab().toImage()
    it.press(Key.Key_T)
    assert it.window.bar.theme.name == "light"
    assert it.window.bar.grab().toImage() != dark
    it.press(Key.Key_G)
    assert it.window.text.language == "en"
    assert it.window.text.keys["play"] == ENGLISH.replay.keys["play"]


@pytest.mark.parametrize("size", [(200, 150), (560, 330), (720, 1280), (1280, 720), (3840, 2160)])
def test_every_size_can_be_drawn(opened: Callable[..., Open], session: Path, size: tuple[int, int]) -> None:
    it = opened(session, compare=True)
    it.window.resize(*size)
    it.window.look()
    assert not it.window.grab().isNull()
    assert it.window.bar.isVisible() == (size != (200, 150))


def test_the_bar_lies_inside_and_apart() -> None:
    for width in range(100, 4000, 171):
        for height in range(100, 2300, 171):
            places = arrange(width, height, bar=True)
            whole = QtCore.QRect(0, 0, width, height)
            assert all(whole.contains(place) for place in places.values())
            if "bar" in places:
                assert not any(places["bar"].intersects(place) for name, place in places.items() if name != "bar")
                assert not {"sound", "status"} & set(places)


# The command.

DRIVEN = """
import sys
from PyQt6.QtCore import QTimer, Qt
from PyQt6.QtTest import QTest
from realtime_cer import cli
from realtime_cer.ui import replay

class Driven(replay.ReplayWindow):
    def look(self):
        super().look()
        if self.picture.frame is not None and not self.player.playing:
            QTest.keyClick(self, Qt.Key.Key_Space)
        elif self.player.position > 0.5:
            print("shown", self.heading.title, self.bar.compared, self.verdict.said.label, flush=True)
            QTest.keyClick(self, Qt.Key.Key_Q)

replay.ReplayWindow = Driven
sys.exit(cli.main(sys.argv[1:]))
"""


def test_the_command_opens_the_window_where_there_is_a_screen(session: Path) -> None:
    words = ["replay", str(session), "--rule", "rule1", "--compare", "--without", "acoustic"]
    env = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", DRIVEN, *words], capture_output=True, text=True, timeout=120, env=env, check=False
    )
    print(f"{time.monotonic() - begun:.1f} s")
    assert done.returncode == 0, done.stderr
    assert "of 60 decisions of session differ from then" in done.stdout
    shown = done.stdout.splitlines()[-1]
    assert shown.startswith("shown session · without sound True ")
    assert "Traceback" not in done.stderr


def test_no_window_is_opened_for_files_nor_where_none_is_wanted(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime_cer.ui.screen.screen_available", lambda: None)
    monkeypatch.setattr("realtime_cer.commands.replaywindow.show_replay", lambda *_: pytest.fail("a window"))
    assert main(["replay", str(session), "--no-window"]) == 0
    assert main(["replay", str(session), "--out", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["decisions"] == 60

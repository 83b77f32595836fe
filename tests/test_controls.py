"""The controls over a real recogniser and a real window: clicked, pressed, and what comes of it in the rows."""

import errno
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.mjpeg import MjpegServer, numbered_jpegs
from parts.moments import BOXES, NOW, Double, Noted, history, moment, people
from parts.perception import tiny_perception
from parts.windows import redraw
from pytestqt.qtbot import QtBot

from realtime_cer.capture import devices
from realtime_cer.capture.devices import DeviceInfo
from realtime_cer.capture.remembered import read_remembered
from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.commands import record as recording
from realtime_cer.commands.desk import LiveDesk
from realtime_cer.commands.recording import Terms
from realtime_cer.commands.sources import ShiftedClock
from realtime_cer.config import Config, read_config
from realtime_cer.control import Choice, DeskState
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.live import Live
from realtime_cer.preferences import Preferences, preferences_file, read_preferences, write_preferences
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Frame
from realtime_cer.sinks.film import FilmWriter
from realtime_cer.sinks.keeper import Keeper
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.ui import controls_actions as hand
from realtime_cer.ui import words
from realtime_cer.ui.controls import BUTTONS, LISTS
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.text import GERMAN
from realtime_cer.ui.window import Window

QtCore = pytest.importorskip("PyQt6.QtCore")
QtGui = pytest.importorskip("PyQt6.QtGui")
Key, LEFT = QtCore.Qt.Key, QtCore.Qt.MouseButton.LeftButton
HEADING = {"title": "test", "rule": "none", "weights": "equal"}
RAW = Looks(language="en", smoothing_s=0.0, mirror=False)


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's own settings, pictures and films."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("REALTIME_CER_CONFIG", str(tmp_path / "config"))
    for kind in ("pictures", "videos"):
        monkeypatch.setattr(f"platformdirs.user_{kind}_path", lambda kind=kind: tmp_path / kind)


class Source:
    """A camera or a microphone that never ends, until it is told to."""

    def __init__(self, name: str, shade: int | None) -> None:
        self.name, self.shade = name, shade
        self.status, self.counters = SourceStatus("live", "", 0.0), Counters()
        self.released = threading.Event()

    def items(self, stop: threading.Event) -> Iterator[Frame | AudioBlock]:
        try:
            begun, n = time.monotonic(), 0
            while not stop.is_set():
                n += 1
                time.sleep(max(begun + n / 25 - time.monotonic(), 0))
                self.counters.frames += 1
                if self.shade is not None:
                    yield Frame(begun + n / 25, n, np.full((48, 64, 3), self.shade, np.uint8))
                else:
                    loud = np.sin(np.arange(SAMPLE_RATE // 25) * 0.01).astype(np.float32) / 2
                    yield AudioBlock(begun + (n - 1) / 25, loud)
        finally:
            self.released.set()

    def close(self) -> None:
        self.released.set()


class Running:
    """A recogniser over a camera and a microphone, whose rows are taken as they come."""

    def __init__(self, *, recorded: bool = False) -> None:
        config = Config()
        self.camera, self.microphone = Source("one", 100), Source("ear", None)
        perception = tiny_perception(config)
        loaded: Future[Any] = Future()
        loaded.set_result(perception)
        terms = Terms("spoken", 90.0)
        self.desk = LiveDesk(config, ShiftedClock(None), loaded, recorded=recorded, terms=terms)
        sources = [("camera", self.camera), ("microphone", self.microphone)]
        self.live = Live(config, FusionWeights.equal(), perception, sources, taps=[self.desk.tap])
        self.desk.attach(self.live)
        self.rows: list[Decision] = []
        self._taking = threading.Thread(target=self._take, daemon=True)

    def __enter__(self) -> "Running":
        self.live.__enter__()
        self._taking.start()
        self.until(lambda: len(self.rows) >= 5)
        return self

    def _take(self) -> None:
        for row in self.live.decisions():
            self.rows.append(row)

    def __exit__(self, *_: object) -> None:
        self.desk.close()
        self.live.stop()
        self._taking.join(5)
        assert [row.seq for row in self.rows] == list(range(len(self.rows))), "a decision was lost"

    def until(self, so: Callable[[], bool], most_s: float = 20.0) -> None:
        end = time.monotonic() + most_s
        while not so():
            assert time.monotonic() < end, "it did not come"
            time.sleep(0.02)

    def states(self) -> dict[str, str]:
        return {one.name: one.state for one in self.live.snapshot().sources}


# What is steered.


def test_rule_and_weights_change_between_two_decisions_and_the_rows_tell() -> None:
    with Running() as it:
        it.desk.choose("rule", "rule2")
        it.desk.choose("weights", "avcer-7cl")
        it.until(lambda: it.rows[-1].rule == "rule2" and it.rows[-1].weights == "avcer-7cl")
        assert it.desk.state.chosen["rule"] == "rule2"
        assert it.desk.state.chosen["weights"] == "avcer-7cl"
        rules = [row.rule for row in it.rows]
        assert rules == sorted(rules), "none first, then rule2 for good"
        it.desk.choose("weights", "nothing.toml")
        assert "nothing.toml" in it.desk.state.told[1]
        assert it.live.steering.settings[1].name == "avcer-7cl"


def test_another_camera_takes_the_place_of_one_and_no_decision_is_lost() -> None:
    opening, other = threading.Event(), Source("two", 200)

    def opened() -> Source:
        opening.wait(20)
        return other

    with Running() as it:
        it.live.steering.switch("two", "camera", opened, pytest.fail)
        it.until(lambda: it.states() == {"one": "live", "ear": "live", "two": "opening"})
        count = len(it.rows)
        it.until(lambda: len(it.rows) > count + 2)  # recognition goes on with the old one
        opening.set()
        it.until(it.camera.released.is_set)
        it.until(lambda: it.states() == {"ear": "live", "two": "live"})
        it.until(lambda: (frame := it.live.snapshot().frame) is not None and frame.picture[0, 0, 0] == 200)
        assert not it.microphone.released.is_set()
        assert [source for _, source in it.live.sources][-1] is other
        count = len(it.rows)
        it.until(lambda: len(it.rows) > count + 2)
    assert other.released.is_set()


def test_a_network_camera_is_opened_through_the_desk_and_its_address_is_not_written_down() -> None:
    with MjpegServer(numbered_jpegs(50)) as server, Running() as it:
        it.desk.choose("camera", server.url)
        it.until(lambda: it.states().get(server.url) == "live")
        it.until(it.camera.released.is_set)
        it.until(lambda: (frame := it.live.snapshot().frame) is not None and frame.picture.shape == (240, 320, 3))
        assert it.desk.state.chosen["camera"] == server.url
        assert read_remembered(pytest.fail) is None


def test_a_source_that_is_not_there_leaves_everything_as_it_was() -> None:
    told: list[str] = []

    def refused() -> Source:
        raise Refused("there is no camera 7: plug it in")

    with Running() as it:
        it.live.steering.switch("7", "camera", refused, told.append)
        it.until(lambda: bool(told))
        assert told == ["there is no camera 7: plug it in"]
        assert it.states() == {"one": "live", "ear": "live"}
        assert not it.camera.released.is_set()
        it.desk.choose("camera", "no such camera")
        it.until(lambda: "no such camera" in it.desk.state.told[1])


def test_the_last_wish_wins_and_the_other_camera_is_released() -> None:
    slow, late, quick = threading.Event(), Source("late", 1), Source("quick", 2)

    def wait() -> Source:
        slow.wait(20)
        return late

    with Running() as it:
        it.live.steering.switch("late", "camera", wait, pytest.fail)
        it.live.steering.switch("quick", "camera", lambda: quick, pytest.fail)
        it.until(lambda: it.states() == {"ear": "live", "quick": "live"})
        slow.set()
        it.until(late.released.is_set)
        assert it.states() == {"ear": "live", "quick": "live"}


def test_muted_sound_is_neither_shown_nor_decided_by() -> None:
    with Running() as it:
        it.until(lambda: it.rows[-1].models["acoustic"] is not None or it.live.snapshot().sound is not None)
        it.desk.mute(True)
        assert it.live.snapshot().muted
        assert it.live.snapshot().sound is None
        assert it.states()["ear"] == "muted"
        it.until(lambda: it.rows[-1].models["acoustic"] is None)
        it.desk.mute(False)
        it.until(lambda: it.live.snapshot().sound is not None)
        assert it.states()["ear"] == "live"


def test_a_recording_is_begun_and_ended_while_running(tmp_path: Path) -> None:
    with Running() as it:
        it.desk.record(True)
        it.until(lambda: it.desk.state.recording)
        count = len(it.rows)
        it.desk.choose("camera", "another")
        assert "while a recording runs" in it.desk.state.told[1]
        it.until(lambda: len(it.rows) > count + 6)
        it.desk.record(False)
        it.until(lambda: it.desk.state.told[1].startswith("recorded"))
        assert not it.desk.state.recording
    [session] = (tmp_path / "videos" / "realtime-cer").iterdir()
    rows = [json.loads(line) for line in (session / "decisions.jsonl").read_text().splitlines()]
    assert len(rows) >= 4
    assert 0 <= rows[0]["t"] < 0.25
    facts = json.loads((session / "session.json").read_text())
    assert (facts["consent"], facts["forget_after_days"]) == ("spoken", 90.0)


def test_a_recording_that_loses_its_film_is_not_shown_as_one_and_the_next_is_begun_by_one_press(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    write = FilmWriter.picture
    it = Running()  # what it sees is brought by hand, so that the disk fills when it should

    def record() -> None:
        monkeypatch.setattr(FilmWriter, "picture", write)
        it.desk.record(True)
        it.until(lambda: it.desk.state.told[1].startswith("recording to"))
        assert it.desk.state.recording

    def fill() -> None:
        monkeypatch.setattr(FilmWriter, "picture", full)
        it.desk.tap(Frame(time.monotonic() + 1, 1, np.zeros((48, 64, 3), np.uint8)))
        it.until(lambda: not it.desk.state.recording)

    record()
    fill()
    told = "the recording is not whole from now on (No space left on device); recognition goes on"
    assert it.desk.state.told[1] == told
    record()
    fill()
    it.desk.record(False)
    it.until(lambda: it.desk.state.told[1].startswith("recorded"))
    assert it.desk.state.told[1].startswith("recorded, but not whole (No space left on device): ")
    assert words.told(GERMAN, it.desk.state.told[1]).startswith("Mitschnitt beendet, nicht vollständig (der Grund")
    sessions = list((tmp_path / "videos" / "realtime-cer").iterdir())
    facts = [json.loads((one / "session.json").read_text()) for one in sessions]
    assert [one["error"] for one in facts] == ["No space left on device"] * 2
    assert all(one["ended"] for one in facts)


def test_a_run_that_is_recorded_is_shown_as_that_for_as_long_as_it_is(tmp_path: Path) -> None:
    it = Running(recorded=True)
    recorder = Recorder(new_session(tmp_path), {}, sound=False)
    it.desk.attach(it.live, recorder)
    recorder.begin(it.live.origin)
    assert it.desk.state.recording
    it.desk.record(False)
    assert "as --record asked" in it.desk.state.told[1]
    recorder.error = "the disk is gone"
    assert recorder.close()
    assert not it.desk.state.recording
    it.desk.record(True)
    assert it.desk.state.told[1].startswith("no recording is begun: that of --record is not whole (the disk is gone)")


class SlowOpening:
    """What opens recorders, held up as by a busy disk until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()
        self._open = recording.open_recorder
        monkeypatch.setattr(recording, "open_recorder", self)

    def __call__(self, *words: Any) -> Recorder:
        self.asked.set()
        assert self.go_on.wait(20)
        return self._open(*words)


def recorders() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("recorder")]


def test_a_second_press_while_a_recording_begins_begins_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = SlowOpening(monkeypatch)
    with Running() as it:
        it.desk.record(True)
        it.until(opening.asked.is_set)
        it.desk.record(True)
        time.sleep(0.1)
        opening.go_on.set()
        it.until(lambda: it.desk.state.recording)
        it.until(lambda: not any(thread.name == "recording" for thread in threading.enumerate()))
        it.desk.record(False)
        it.until(lambda: it.desk.state.told[1].startswith("recorded"))
        it.until(lambda: not recorders())
    assert len(list((tmp_path / "videos" / "realtime-cer").iterdir())) == 1


def test_a_window_that_is_closed_while_a_recording_begins_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = SlowOpening(monkeypatch)
    with Running() as it:
        it.desk.record(True)
        it.until(opening.asked.is_set)
        it.desk.close()
        opening.go_on.set()
        it.until(lambda: not any(thread.name == "recording" for thread in threading.enumerate()))
        assert not recorders()
        it.desk.record(True)
        it.until(lambda: not any(thread.name == "recording" for thread in threading.enumerate()))
        assert not it.desk.state.recording
    assert not list((tmp_path / "videos" / "realtime-cer").iterdir())


def test_a_window_that_is_closed_while_a_recording_ends_waits_for_its_films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = FilmWriter.close

    def slow(self: FilmWriter) -> None:
        time.sleep(0.5)
        close(self)

    monkeypatch.setattr(FilmWriter, "close", slow)
    with Running() as it:
        it.desk.record(True)
        it.until(lambda: it.desk.state.recording)
        count = len(it.rows)
        it.until(lambda: len(it.rows) > count + 2)
        it.desk.record(False)
        it.until(lambda: not it.desk.state.recording)
        it.desk.close()
        [session] = (tmp_path / "videos" / "realtime-cer").iterdir()
        assert json.loads((session / "session.json").read_text())["ended"] is not None


def test_the_moment_just_gone_is_held_from_the_first_press_and_kept_by_the_second(tmp_path: Path) -> None:
    kept = tmp_path / "videos" / "realtime-cer"
    with Running() as it:
        assert not it.desk.state.holding
        it.desk.keep_moment()
        it.until(lambda: it.desk.state.holding)
        assert "held in memory" in it.desk.state.told[1]
        count = len(it.rows)
        it.until(lambda: len(it.rows) > count + 6)
        assert not list(kept.iterdir()), "nothing is written before it is asked for"
        it.desk.keep_moment()
        it.until(lambda: it.desk.state.told[1].startswith("kept "))
        [session] = kept.iterdir()
        assert it.desk.state.told[1].endswith(f" s: {session}")
        it.desk.record(True)
        it.until(lambda: it.desk.state.recording)
        it.desk.keep_moment()
        it.until(lambda: len(list(kept.iterdir())) == 3)
        it.until(lambda: it.desk.state.told[1].startswith("kept "))
    facts = json.loads((session / "session.json").read_text())
    assert (facts["kept_afterwards"], facts["settings"]["rule"]) == (True, "none")
    assert (facts["consent"], facts["forget_after_days"]) == ("spoken", 90.0)
    assert (session / "film.mkv").exists()
    assert (session / "decisions.jsonl").exists()


def test_what_flags_hold_and_record_is_kept_and_marked(tmp_path: Path) -> None:
    with Running() as it:
        keeper = Keeper(tmp_path / "held", dict, it.desk.tell)
        recorder = Recorder(new_session(tmp_path / "whole"), {}, sound=False)
        recorder.begin(it.live.origin)
        it.desk.attach(it.live, recorder, keeper)
        assert it.desk.state.holding
        count = len(it.rows)
        it.until(lambda: len(it.rows) > count + 6)
        it.desk.keep_moment()
        it.until(lambda: it.desk.state.told[1].startswith("kept "))
        assert len(list((tmp_path / "held").iterdir())) == 1
        it.desk.mark()
        assert it.desk.state.told[1].startswith("marked at ")
        assert recorder.close()
        it.desk.mark()
        assert it.desk.state.told[1] == "no recording runs: nothing is marked"
    assert b"operator" in (recorder.folder / "marks.jsonl").read_bytes()
    assert not any(thread.name == "keeper" for thread in threading.enumerate())


def test_a_run_that_keeps_nobodys_picture_keeps_no_moment_either(tmp_path: Path) -> None:
    with Running() as it:
        recorder = Recorder(new_session(tmp_path), {}, sound=False, film="avatar")
        it.desk.attach(it.live, recorder)
        it.desk.keep_moment()
        assert "--no-pixels" in it.desk.state.told[1]
        assert not it.desk.state.holding
        count = it.desk.state.told[0]
        it.desk.keep(b"a picture of the window, with theirs in it")
        assert it.desk.state.told[0] == count + 1
        assert "--no-pixels" in it.desk.state.told[1]
        assert recorder.close()
    assert not (tmp_path / "pictures").exists()


def test_a_moment_that_cannot_be_kept_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "videos").write_text("a file")
    with Running() as it:
        it.desk.keep_moment()
        it.until(lambda: "realtime-cer" in it.desk.state.told[1])
        assert it.desk.state.told[1].endswith("give another folder with --keep")
        assert "\n" not in it.desk.state.told[1]
        assert not it.desk.state.holding


def test_a_moment_of_a_recording_is_marked(tmp_path: Path) -> None:
    with Running() as it:
        it.desk.mark()
        assert it.desk.state.told[1] == "no recording runs: nothing is marked"
        it.desk.record(True)
        it.until(lambda: it.desk.state.recording)
        count = len(it.rows)
        it.until(lambda: len(it.rows) > count + 6)
        it.desk.mark()
        assert it.desk.state.told[1].startswith("marked at 0:0")
        it.desk.record(False)
        it.until(lambda: it.desk.state.told[1].startswith("recorded"))
    [session] = (tmp_path / "videos" / "realtime-cer").iterdir()
    marks = [json.loads(line) for line in (session / "marks.jsonl").read_text().splitlines()]
    [mark] = [one for one in marks if one["by"] == "operator"]
    assert 0.5 < mark["t"] < 20


def test_devices_are_listed_with_the_default_first_and_looked_for_until_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = threading.Event()
    asked: list[str] = []

    def microphones() -> list[DeviceInfo]:
        asked.append("microphones")
        assert go_on.wait(20)
        return [DeviceInfo("USB", "0"), DeviceInfo("pulse", "1"), DeviceInfo("default", "2", default=True)]

    monkeypatch.setattr(devices, "microphones", microphones)
    it = Running()
    for _ in range(2):
        it.desk.find("microphone")
        assert it.desk.state.looking == {"microphone"}
    go_on.set()
    it.until(lambda: not it.desk.state.looking)
    assert asked == ["microphones"], "one that hangs is not asked again"
    assert [one.name for one in it.desk.choices("microphone")] == ["ear", "default", "USB", "pulse"]


# What is remembered.


def test_what_was_chosen_counts_where_nothing_else_is_said(tmp_path: Path) -> None:
    kept = Preferences(theme="light", smoothing_s=1.0, rule="rule2", weights="avcer-7cl")
    write_preferences(kept)
    assert read_preferences(pytest.fail) == kept
    config = kept.applied(read_config(None))
    assert (config.rule, config.weights, config.window.theme, config.window.smoothing_s) == (
        "rule2",
        "avcer-7cl",
        "light",
        1.0,
    )
    own = tmp_path / "own.toml"
    own.write_text('[window]\ntheme = "dark"\n')
    said = kept.applied(read_config(own, {"rule": "none"}))
    assert (said.rule, said.weights, said.window.theme, said.window.smoothing_s) == ("none", "avcer-7cl", "dark", 1.0)


def test_another_profile_brings_its_own_rule_and_weights() -> None:
    kept = Preferences(theme="light", rule="rule2", weights="avcer-7cl")
    with_other = kept.applied(Config(profile="avcer"))
    assert (with_other.window.theme, with_other.model_fields_set & {"rule", "weights"}) == ("light", set())
    assert kept.deciding("default", rule="none") == {"rule": "none", "profile": "default"}
    assert kept.deciding("avcer", rule="none") == {"rule": "none", "weights": None, "profile": "avcer"}


@pytest.mark.parametrize("broken", [b"", b"{", b'{"theme": "pink"}', b'{"smoothing_s": 99}', b"\xff\x00"])
def test_a_damaged_file_is_told_and_ignored(broken: bytes) -> None:
    preferences_file().parent.mkdir(parents=True)
    preferences_file().write_bytes(broken)
    told: list[str] = []
    assert read_preferences(told.append) == Preferences()
    assert len(told) == 1
    assert "is damaged" in told[0]
    write_preferences(Preferences(theme="light"))
    assert read_preferences(pytest.fail).theme == "light"


def test_the_window_settings_are_held_to_what_there_is(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    for line, named in (('theme = "pink"', "theme"), ("smoothing_s = 4", "smoothing_s"), ('languag = "de"', "languag")):
        own.write_text(f"[window]\n{line}\n")
        with pytest.raises(Refused, match=named):
            read_config(own)


# The window.


def opened(qtbot: QtBot, control: Double, desk: Noted | LiveDesk | None) -> Window:
    window = Window(control, **HEADING, looks=RAW, desk=desk)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    return window


def click(qtbot: QtBot, panel: Any, name: object) -> None:
    qtbot.mouseClick(panel, LEFT, pos=panel.targets()[name].center().toPoint())


def test_the_bar_comes_with_the_mouse_and_goes_when_nobody_moves(
    qtbot: QtBot, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand, "IDLE_S", 0.3)
    window = opened(qtbot, Double(moment(history(5))), Noted())
    assert not window.controls.isVisible()
    qtbot.mouseMove(window, QtCore.QPoint(300, 300))
    qtbot.mouseMove(window, QtCore.QPoint(310, 300))
    qtbot.waitUntil(window.controls.isVisible, timeout=5000)
    targets = window.controls.targets()
    assert list(targets) == list(BUTTONS)
    assert all(min(rect.width(), rect.height()) >= 48 for rect in targets.values())
    assert window.rect().contains(window.controls.geometry())
    qtbot.waitUntil(lambda: not window.controls.isVisible(), timeout=5000)
    qtbot.keyClick(window, Key.Key_B)
    assert window.controls.isVisible()


def test_without_a_desk_there_are_no_controls(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Double(moment(history(5))), None)
    for key in (Key.Key_B, Key.Key_V, Key.Key_U, Key.Key_R, Key.Key_S, Key.Key_E, Key.Key_H, Key.Key_X):
        qtbot.keyClick(window, key)
    assert not window.controls.isVisible()
    assert not window.choices.isVisible()


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_list_is_opened_and_chosen_from(qtbot: QtBot, qapp: object, by_hand: bool) -> None:
    desk = Noted()
    window = opened(qtbot, Double(moment(history(5))), desk)
    qtbot.keyClick(window, Key.Key_B)
    if by_hand:
        click(qtbot, window.controls, "camera")
    else:
        qtbot.keyClick(window, Key.Key_V)
    assert window.choices.isVisible()
    assert ("find", "camera") in desk.asked
    assert all(rect.height() >= 44 for rect in window.choices.targets().values())
    assert window.choices.geometry().bottom() < window.controls.geometry().top()
    if by_hand:
        click(qtbot, window.choices, "1")
    else:
        qtbot.keyClick(window, Key.Key_Down)
        qtbot.keyClick(window, Key.Key_Return)
    assert ("choose", "camera", "two") in desk.asked
    assert not window.choices.isVisible()
    assert window.controls.values["camera"] == "two"
    qtbot.keyClick(window, Key.Key_E)
    qtbot.keyClick(window, Key.Key_2)
    assert desk.chosen["rule"] == "rule1"
    qtbot.keyClick(window, Key.Key_W)
    qtbot.keyClick(window, Key.Key_Escape)
    assert not window.choices.isVisible()
    assert window.controls.isVisible()
    qtbot.keyClick(window, Key.Key_Escape)
    assert not window.controls.isVisible()


class Many(Noted):
    """A desk with as many microphones as a test wants, found or still looked for."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.names = [f"m{n}" for n in range(1, count + 1)]
        self.looking = False

    @property
    def state(self) -> DeskState:
        """As it was set."""
        return replace(super().state, looking=frozenset(["microphone"] if self.looking else []))

    def choices(self, what: str) -> tuple[Choice, ...]:
        """What there is."""
        return tuple(Choice(one, one) for one in self.names) if what == "microphone" else super().choices(what)


def turn_wheel(panel: Any, eighths: int) -> None:
    """Turn the wheel over a panel, by eighths of a degree, as Qt counts it."""
    place, none = QtCore.QPointF(20, 20), QtCore.Qt.MouseButton.NoButton
    keys, phase = QtCore.Qt.KeyboardModifier.NoModifier, QtCore.Qt.ScrollPhase.NoScrollPhase
    by = QtCore.QPoint(0, eighths)
    event = QtGui.QWheelEvent(place, panel.mapToGlobal(place), QtCore.QPoint(), by, none, keys, phase, False)
    QtCore.QCoreApplication.sendEvent(panel, event)


def test_of_a_long_list_nine_are_shown_and_keys_wheel_and_title_bring_the_others(qtbot: QtBot, qapp: object) -> None:
    desk = Many(14)
    window = opened(qtbot, Double(moment(history(5))), desk)
    view = window.choices

    def shown() -> list[str]:
        view.grab()
        return [view.choices[int(name)].name for name in view.targets()]

    def open_list() -> None:
        qtbot.keyClick(window, Key.Key_A)
        assert view.isVisible()

    def title() -> None:
        qtbot.mouseClick(view, LEFT, pos=QtCore.QPoint(20, 20))

    open_list()
    assert shown() == desk.names[:9]
    assert all(rect.height() >= 44 for rect in view.targets().values())
    for eighths in (-120, -60, -60):
        turn_wheel(view, eighths)
    assert shown() == desk.names[2:11]
    qtbot.keyClick(window, Key.Key_9)
    assert desk.chosen["microphone"] == "m11"
    open_list()
    assert (view.mark, shown()) == (10, desk.names[2:11]), "it opens where the mark is"
    title()
    assert shown() == desk.names[5:]
    title()
    assert shown() == desk.names[:9]
    click(qtbot, view, "3")
    assert desk.chosen["microphone"] == "m4"
    open_list()
    for _ in range(4):
        qtbot.keyClick(window, Key.Key_Up)
    assert shown() == desk.names[5:], "from the first on to the last"
    desk.names.insert(0, "new")
    redraw(window)
    qtbot.keyClick(window, Key.Key_Return)
    assert desk.chosen["microphone"] == "m14", "the mark stays on what it was on"


def test_an_empty_list_says_whether_anything_is_still_looked_for(qtbot: QtBot, qapp: object) -> None:
    desk = Many(0)
    desk.looking = True
    window = opened(qtbot, Double(moment(history(5))), desk)
    qtbot.keyClick(window, Key.Key_A)
    assert window.choices.accessibleName() == window.text.looking
    desk.looking = False
    redraw(window)
    assert window.choices.accessibleName() == window.text.nothing_found


def test_every_button_does_what_its_key_does(qtbot: QtBot, qapp: object) -> None:
    def state(window: Window, desk: Noted) -> tuple[object, ...]:
        return (
            *(desk.muted, desk.recording, len(desk.asked), window.choices.what, window.theme, window.isFullScreen()),
            *(window.keys.isVisible(), tuple(window.control.asked)),  # type: ignore[attr-defined]
            *(window.text.language, window.picture.landmarks, window.picture.crop),
        )

    for name in BUTTONS:
        desk = Noted()
        window = opened(qtbot, Double(people(2)), desk)
        qtbot.keyClick(window, Key.Key_B)
        before = state(window, desk)
        click(qtbot, window.controls, name)
        assert state(window, desk) != before, name
        assert (window.choices.what == name) is (name in LISTS)


def test_the_picture_goes_round_plain_landmarks_crop_and_both(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Double(moment(history(5))), Noted())
    qtbot.keyClick(window, Key.Key_B)
    said = []
    for _ in range(5):
        said.append((window.controls.values["picture"], window.picture.landmarks, window.picture.crop))
        qtbot.keyClick(window, Key.Key_P)
    both = ("both", True, True)
    assert said == [("plain", False, False), ("landmarks", True, False), ("crop", False, True), both, said[0]]


def test_every_button_is_named_set_and_apart_from_the_others(qtbot: QtBot, qapp: object) -> None:
    for size in ((800, 480), (1280, 720), (3840, 2160)):
        window = opened(qtbot, Double(moment(history(5))), Noted())
        window.resize(*size)
        qtbot.keyClick(window, Key.Key_B)
        places = list(window.controls.targets().values())
        assert all(window.controls.values[name] for name in BUTTONS), "a button says nothing"
        assert all(window.controls.rect().contains(one.toAlignedRect()) for one in places)
        assert not any(one.intersects(other) for n, one in enumerate(places) for other in places[:n])
        assert min(one.height() for one in places) >= 48


def test_smoothing_theme_language_mirror_and_size_are_remembered(qtbot: QtBot, qapp: object) -> None:
    desk = Noted()
    window = opened(qtbot, Double(moment(history(5))), desk)
    for key in (Key.Key_Plus, Key.Key_T, Key.Key_G, Key.Key_M):
        qtbot.keyClick(window, key)
    window.resize(1000, 640)
    window.close()
    kept: dict[str, object] = {}
    for one in desk.asked:
        if one[0] == "remember" and isinstance(one[1], dict):
            kept |= one[1]
    assert kept == {"smoothing_s": 0.3, "theme": "light", "language": "de", "mirror": True, "size": (1000, 640)}
    again = Window(Double(moment(())), **HEADING, looks=replace(RAW, size=(1000, 640)), desk=desk)
    qtbot.addWidget(again)
    assert (again.width(), again.height()) == (min(1000, again.width()), min(640, again.height()))


def test_a_picture_of_the_window_is_kept_and_told(qtbot: QtBot, qapp: object, tmp_path: Path) -> None:
    with Running() as it:
        window = Window(it.live, **HEADING, looks=RAW, desk=it.desk)
        qtbot.addWidget(window)
        window.show()
        qtbot.keyClick(window, Key.Key_S)
        qtbot.waitUntil(lambda: "kept as" in window.heading.told, timeout=20_000)
        [path] = (tmp_path / "pictures" / "realtime-cer").iterdir()
        assert path.read_bytes().startswith(b"\x89PNG")
        assert str(path) in window.heading.told
        qtbot.keyClick(window, Key.Key_T)
        window.close()
    assert read_preferences(pytest.fail).theme == "light"


def test_the_moment_just_gone_is_kept_by_its_key_and_told_in_the_window(
    qtbot: QtBot, qapp: object, tmp_path: Path
) -> None:
    with Running() as it:
        window = Window(it.live, **HEADING, looks=RAW, desk=it.desk)
        qtbot.addWidget(window)
        window.show()
        qtbot.keyClick(window, Key.Key_H)
        qtbot.waitUntil(lambda: "once more keeps them" in window.heading.told, timeout=20_000)
        qtbot.waitUntil(lambda: "moment" in window.controls.lit, timeout=20_000)
        assert window.controls.values["moment"] == "held"
        qtbot.keyClick(window, Key.Key_B)
        click(qtbot, window.controls, "moment")
        qtbot.waitUntil(lambda: window.heading.told.startswith("kept "), timeout=20_000)
        [session] = (tmp_path / "videos" / "realtime-cer").iterdir()
        assert window.heading.told.endswith(str(session))
        qtbot.keyClick(window, Key.Key_X)
        qtbot.waitUntil(lambda: window.heading.told == "no recording runs: nothing is marked", timeout=20_000)
        assert {"moment", "mark"} <= {one.action for one in window.keys.bindings}
        qtbot.keyClick(window, Key.Key_G)
        for key, told in (
            (Key.Key_X, "es läuft kein Mitschnitt: nichts ist markiert"),
            (Key.Key_S, "behalten als "),
            (Key.Key_H, " s behalten: "),
            (Key.Key_R, "Mitschnitt läuft: "),
        ):
            qtbot.keyClick(window, key)
            qtbot.waitUntil(lambda told=told: told in window.heading.told, timeout=20_000)
        window.close()


def test_what_is_steered_is_shown(qtbot: QtBot, qapp: object) -> None:
    with Running() as it:
        window = Window(it.live, **HEADING, looks=RAW, desk=it.desk)
        qtbot.addWidget(window)
        window.show()
        qtbot.keyClick(window, Key.Key_E)
        qtbot.keyClick(window, Key.Key_3)
        qtbot.waitUntil(lambda: window.heading.how.startswith("rule 2"), timeout=20_000)
        assert window.controls.values["rule"] == "2"
        qtbot.keyClick(window, Key.Key_U)
        assert window.controls.values["mute"] == "muted"
        qtbot.waitUntil(lambda: window.sound.hearing.level == "muted", timeout=20_000)
        assert any("muted" in text for text, _ in window.status.sources)
        window.close()


# Several faces.


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_there_is_a_card_for_each_of_several_faces(qtbot: QtBot, qapp: object, count: int) -> None:
    window = opened(qtbot, Double(people(count)), None)
    assert window.cards.isVisible() is (count > 1)
    if count == 1:
        return
    assert [one.id for one in window.cards.cards] == [10 + n for n in range(count)]
    assert [one.target for one in window.cards.cards] == [n == 1 for n in range(count)]
    assert window.cards.cards[1].evidence == "with sound · speaks 80 %"
    assert window.cards.cards[0].evidence == "picture only · speaks 10 %"
    assert len(window.picture.overlay.people) == count
    rects = list(window.cards.targets().values())
    assert all(min(rect.width(), rect.height()) >= 48 for rect in rects)
    assert all(a.right() <= b.left() for a, b in pairwise(rects))


def test_a_face_is_chosen_by_card_by_number_and_in_the_picture(qtbot: QtBot, qapp: object) -> None:
    control = Double(people(3))
    window = opened(qtbot, control, None)
    click(qtbot, window.cards, 12)
    qtbot.keyClick(window, Key.Key_1)
    qtbot.keyClick(window, Key.Key_8)  # nobody
    qtbot.keyClick(window, Key.Key_0)
    click(qtbot, window.cards, 11)  # the target: let size or place decide
    x, y, w, h = BOXES[2]
    scale = min(window.picture.width() / 640, window.picture.height() / 480)
    left, top = (window.picture.width() - 640 * scale) / 2, (window.picture.height() - 480 * scale) / 2
    place = QtCore.QPoint(round(left + (x + w / 2) * scale), round(top + (y + h / 2) * scale))
    qtbot.mouseClick(window, LEFT, pos=window.picture.pos() + place)
    assert control.asked == [("choose", 12), ("choose", 10), ("choose", None), ("choose", None), ("choose", 12)]


def test_k_learns_the_neutral_of_the_target_and_undoes_it(qtbot: QtBot, qapp: object) -> None:
    control = Double(people(1))
    window = opened(qtbot, control, None)
    qtbot.keyClick(window, Key.Key_K)
    control.now = people(1, calibrating=0.4)
    window.draw(control.snapshot())
    assert window.cards.isVisible()
    assert window.cards.cards[0].baseline == "learning neutral 40 %"
    qtbot.keyClick(window, Key.Key_K)
    control.now = people(1, calibrated=True)
    window.draw(control.snapshot())
    assert window.cards.cards[0].baseline == "calibrated"
    qtbot.keyClick(window, Key.Key_K)
    assert control.asked == [("calibrate", 10), ("uncalibrate", 10), ("uncalibrate", 10)]


def test_the_row_of_cards_outlasts_a_glance_away(qtbot: QtBot, qapp: object) -> None:
    control = Double(people(2))
    window = opened(qtbot, control, None)
    control.now = replace(people(1), t=NOW + 1)
    window.draw(control.snapshot())
    assert window.cards.isVisible()
    for t in (NOW + 3, NOW + 1, NOW - 60):  # a replay goes back, too
        control.now = replace(people(1), t=t)
        window.draw(control.snapshot())
        assert window.cards.isVisible() is (t == NOW + 1)

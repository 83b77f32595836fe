"""What is changed, recorded and kept while a real recogniser runs, and what comes of it in the rows."""

import errno
import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.mjpeg import MjpegServer, numbered_jpegs
from parts.steered import Running, Source

from realtime_cer.capture import devices
from realtime_cer.capture.devices import DeviceInfo
from realtime_cer.capture.remembered import read_remembered
from realtime_cer.commands import record as recording
from realtime_cer.errors import Refused
from realtime_cer.records import Frame
from realtime_cer.sinks.film import FilmWriter
from realtime_cer.sinks.keeper import Keeper
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.ui import words
from realtime_cer.ui.text import GERMAN

pytestmark = pytest.mark.usefixtures("own_folders")


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

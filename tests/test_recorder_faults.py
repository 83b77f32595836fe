"""What becomes of a recording whose disk fills or takes its time, and whose encoder hangs or is slow."""

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from parts.clips import number_of, numbered
from parts.films import files_no_larger_than, read_film, wait_for
from parts.recording import named, record

from realtime_cer.records import Frame
from realtime_cer.sinks import recorder as module
from realtime_cer.sinks import safe
from realtime_cer.sinks.behind import NICER
from realtime_cer.sinks.disk import Forecast
from realtime_cer.sinks.film import FilmWriter
from realtime_cer.sinks.inbox import Inbox
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.sinks.tables import read_rows
from realtime_cer.told import Told


def test_the_forecast_follows_the_rate_and_what_is_left() -> None:
    forecast = Forecast()
    assert forecast.left_s(0.0, 0, 1000) is None
    assert forecast.left_s(2.0, 20, 1000) is None, "too early to tell"
    assert forecast.left_s(5.0, 50, 1000) == pytest.approx(100)
    assert forecast.left_s(6.0, 60, 10) == pytest.approx(1.0), "others fill it too"
    for t in range(10, 200, 5):
        left = forecast.left_s(float(t), 60 + 100 * t, 6000)
    assert left == pytest.approx(60.0), "the rate is that of the last minute"
    idle = Forecast()
    idle.left_s(0.0, 5, 0)
    assert idle.left_s(10.0, 5, 0) is None


class Usage(NamedTuple):
    """As `shutil.disk_usage` gives it."""

    total: int
    used: int
    free: int


def test_a_disk_that_fills_is_told_of_and_ends_the_recording_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 10**12
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, free))
    monkeypatch.setattr(module, "_LOOK_S", 0.05)
    monkeypatch.setattr("realtime_cer.sinks.disk._LEAST_S", 0.3)
    said: list[Told] = []
    recorder = Recorder(new_session(tmp_path), {}, sound=False, notice=said.append)
    assert not recorder.recording
    origin = time.monotonic()
    recorder.begin(origin)
    k = 0

    def bring(until: Callable[[], bool]) -> None:
        nonlocal k
        deadline = time.monotonic() + 20
        while not until():
            assert time.monotonic() < deadline
            recorder.tap(Frame(origin + k / 30, k, numbered(k % 4096, 320, 240)))
            recorder.tap(named(k, origin + k / 30))
            k += 1
            time.sleep(0.01)

    bring(lambda: (recorder.folder / "film.mkv").exists() and time.monotonic() - origin > 1)
    assert said == []
    size = sum(path.stat().st_size for path in recorder.folder.iterdir())
    free = round(size / (time.monotonic() - origin) * 300)
    bring(lambda: len(said) == 1)
    assert "minutes more of recording" in said[0]
    assert recorder.recording
    free = 0
    bring(lambda: len(said) == 2)
    assert "the recording was ended" in said[1]
    wait_for(lambda: not any(thread.name == "recorder" for thread in threading.enumerate()))
    assert (recorder.recording, len(said)) == (False, 2)
    facts = json.loads((recorder.folder / "session.json").read_text())
    assert facts["ended"] is not None
    assert "less than a minute" in facts["error"]
    rows = read_rows(recorder.folder / "decisions.jsonl")
    assert len(rows) == facts["decisions"] > 20
    assert len(read_film(recorder.folder / "film.mkv").times) == facts["pictures"]
    recorder.tap(named(k, origin))  # recognition goes on, and its taps with it
    assert recorder.close()


def test_no_line_is_torn_where_a_file_cannot_grow_and_rows_go_on_when_it_can(tmp_path: Path) -> None:
    said: list[Told] = []
    recorder = Recorder(new_session(tmp_path), {}, sound=False, pictures=False, notice=said.append)
    recorder.begin(0.0)
    path = recorder.folder / "decisions.jsonl"
    for k in range(3):
        recorder.tap(named(k, k / 5))
    wait_for(lambda: path.exists() and path.read_bytes().count(b"\n") == 3)
    with files_no_larger_than(path.stat().st_size + 100):
        recorder.tap(named(3, 0.6))
        wait_for(lambda: recorder.lost["decisions"] == 1)
    recorder.tap(named(4, 0.8))
    assert recorder.recording
    assert recorder.close()
    assert recorder.error == "File too large"
    assert said == ["the recording is not whole from now on (File too large); recognition goes on"]
    assert [row.seq for row in read_rows(path)] == [0, 1, 2, 4]


def test_rows_are_written_while_the_encoder_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    write = FilmWriter.picture

    def hang(self: FilmWriter, t: float, picture: Any) -> bool:
        assert go_on.wait(30)
        return write(self, t, picture)

    monkeypatch.setattr(FilmWriter, "picture", hang)
    recorder = Recorder(new_session(tmp_path), {}, sound=False)
    recorder.begin(0.0)
    for k in range(50):
        recorder.tap(Frame(k / 5, k, numbered(k, 320, 240)))
        recorder.tap(named(k, k / 5))
    path = recorder.folder / "decisions.jsonl"
    wait_for(lambda: path.exists() and path.read_bytes().count(b"\n") == 50)
    assert not recorder.close(timeout_s=0.2)
    assert json.loads((recorder.folder / "session.json").read_text())["ended"] is None, "to be repaired"
    go_on.set()
    assert recorder.close(timeout_s=20)
    assert recorder.lost["pictures"] >= 15


def test_pictures_that_wait_for_too_long_make_room_for_newer_ones() -> None:
    late: list[int] = []
    inbox: Inbox[int | str] = Inbox({int: 10, str: 10}, {int: 0.05}, lambda item: late.append(int(item)))
    for item in (1, 2, "a", 3):
        assert inbox.put(item)
    time.sleep(0.1)
    assert inbox.put(4)
    assert [inbox.take() for _ in range(2)] == ["a", 4], "others may wait"
    assert late == [1, 2, 3]
    assert inbox.put(5)
    time.sleep(0.1)
    assert inbox.take() == 5, "late, but there is no newer one"
    for item in (6, 7):
        assert inbox.put(item)
    time.sleep(0.1)
    inbox.end()
    assert not inbox.put(8), "whoever brings it knows that nobody takes it"
    assert [inbox.take() for _ in range(3)] == [6, 7, None], "at the end all that waits is written"
    assert late == [1, 2, 3]


def test_an_encoder_that_is_slow_but_moves_is_waited_for_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, close = FilmWriter.picture, FilmWriter.close
    brought = threading.Event()

    def slow(self: FilmWriter, t: float, picture: Any) -> bool:
        assert brought.wait(20)
        time.sleep(0.04)
        return write(self, t, picture)

    def slower(self: FilmWriter) -> None:
        time.sleep(0.9)
        close(self)

    monkeypatch.setattr(FilmWriter, "picture", slow)
    monkeypatch.setattr(FilmWriter, "close", slower)
    recorder = Recorder(new_session(tmp_path), {}, sound=False, film="both")
    recorder.begin(0.0)
    for k in range(16):  # those of half a second wait for decisions, and are drawn at the end
        recorder.tap(Frame(k / 30, k, numbered(k, 320, 240)))
    brought.set()
    assert recorder.close(timeout_s=1.5), "it takes three seconds, and none of its steps so long"
    facts = json.loads((recorder.folder / "session.json").read_text())
    assert (facts["ended"] is not None, facts["pictures"], facts["lost"]) == (True, 16, {})


def test_a_slow_encoder_stays_close_behind_the_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, written = FilmWriter.picture, []
    over = threading.Event()

    def slow(self: FilmWriter, t: float, picture: Any) -> bool:
        over.wait(0.3)
        written.append(number_of(picture))
        return write(self, t, picture)

    monkeypatch.setattr(FilmWriter, "picture", slow)
    recorder = Recorder(new_session(tmp_path), {}, sound=False)
    origin = time.monotonic()
    recorder.begin(origin)
    for k in range(100):
        time.sleep(max(origin + k / 30 - time.monotonic(), 0))
        recorder.tap(Frame(origin + k / 30, k, numbered(k, 320, 240)))
    during = list(written)
    over.set()
    assert recorder.close(timeout_s=20)
    assert max(during) > 20, "as many as may wait, in their order, would take it six seconds"
    facts = json.loads((recorder.folder / "session.json").read_text())
    assert facts["pictures"] + facts["lost"]["pictures"] == 100


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a priority of its own on Linux alone")
def test_the_encoders_give_way_to_the_thread_that_began_the_recording(tmp_path: Path) -> None:
    recorder = record(tmp_path, 0.4, paced=False)
    try:
        threads = {one.name: one.native_id for one in threading.enumerate()}
        own = os.getpriority(os.PRIO_PROCESS, 0)
        film, rows = (threads[name] or 0 for name in ("recorder film", "recorder rows"))
        wait_for(lambda: os.getpriority(os.PRIO_PROCESS, film) == min(own + NICER, 19))
        assert os.getpriority(os.PRIO_PROCESS, rows) == own
    finally:
        assert recorder.close()


def test_a_disk_that_takes_its_time_does_not_hold_up_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    asked = threading.Event()

    def hang(path: Path) -> None:
        asked.set()
        assert go_on.wait(30)

    monkeypatch.setattr(safe, "sync", hang)
    recorder = Recorder(new_session(tmp_path), {}, sound=False, pictures=False)
    recorder.begin(0.0)
    try:
        for k in range(5):
            recorder.tap(named(k, k / 5))
        wait_for(asked.is_set)
        assert recorder.close()
        assert json.loads((recorder.folder / "session.json").read_text())["ended"] is not None
        assert len(read_rows(recorder.folder / "decisions.jsonl")) == 5
        assert recorder.error is None
    finally:
        go_on.set()

"""The recorder: both films, the wall clock, and what becomes of it when the disk fills, fails or hangs."""

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from parts.clips import click_at, clicks, number_of, numbered, write_clip
from parts.films import Film, files_no_larger_than, read_film, wait_for
from parts.recording import named, record

from realtime_cer.capture.media import open_media
from realtime_cer.capture.player import Player
from realtime_cer.cli import main
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Frame
from realtime_cer.sessions.repair import repair
from realtime_cer.sinks import recorder as module
from realtime_cer.sinks import safe, signals
from realtime_cer.sinks.behind import NICER
from realtime_cer.sinks.disk import Forecast
from realtime_cer.sinks.film import FilmWriter
from realtime_cer.sinks.inbox import Inbox
from realtime_cer.sinks.livefilm import LiveFilm, fitted
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.sinks.tables import read_rows
from realtime_cer.told import Told


def test_the_clean_film_holds_every_picture_as_it_came_beside_the_drawn_one(tmp_path: Path) -> None:
    recorder = record(tmp_path, 2.0, paced=False)
    assert recorder.close()
    assert (recorder.error, dict(recorder.lost)) == (None, {})
    clean, drawn = (read_film(recorder.folder / name) for name in ("film.mkv", "overlay.mkv"))
    assert [number_of(picture) for picture in clean.pictures] == [k % 30 for k in range(60)]
    assert clean.times == pytest.approx([k / 30 for k in range(60)], abs=0.002)
    assert drawn.times == clean.times
    assert drawn.pictures[0].shape[1] > clean.pictures[0].shape[1] == 320
    for film in (clean, drawn):
        assert click_at(film.sound[: film.rate], film.rate) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("film", "files"), [("clean", {"film.mkv"}), ("overlay", {"overlay.mkv"})])
def test_only_the_films_that_were_asked_for_are_made(tmp_path: Path, film: Any, files: set[str]) -> None:
    recorder = record(tmp_path, 0.6, paced=False, film=film)
    assert recorder.close()
    assert {path.name for path in recorder.folder.iterdir()} == {
        "session.json",
        "decisions.jsonl",
        "marks.jsonl",
    } | files
    assert len(read_rows(recorder.folder / "decisions.jsonl")) == 3


def test_sound_without_a_camera_is_recorded_too(tmp_path: Path) -> None:
    recorder = Recorder(new_session(tmp_path), {}, sound=True, pictures=False)
    origin = time.monotonic()
    recorder.begin(origin)
    sound = clicks(SAMPLE_RATE, [1.2], 2.0)
    for start in range(0, len(sound), 1600):
        recorder.tap(AudioBlock(origin + start / SAMPLE_RATE, sound[start : start + 1600]))
    assert recorder.close()
    film = read_film(recorder.folder / "film.mkv")
    assert film.times == []
    assert click_at(film.sound, film.rate) == pytest.approx(1.2, abs=0.02)
    assert not (recorder.folder / "overlay.mkv").exists()


def test_the_wall_clock_of_the_beginning_is_told_by_session_and_film(tmp_path: Path) -> None:
    recorder = Recorder(new_session(tmp_path), {"consent": "signed"}, sound=False)
    first = json.loads((recorder.folder / "session.json").read_text())
    assert (first["ended"], first["consent"], first["format"]) == (None, "signed", 1), (
        "it is there before anything else"
    )
    origin = time.monotonic() - 5
    before = datetime.now(UTC).timestamp() - 5
    recorder.begin(origin)
    for k in range(10):
        recorder.tap(Frame(origin + 5 + k / 10, k, numbered(k, 320, 240)))
    assert recorder.close()
    facts = json.loads((recorder.folder / "session.json").read_text())
    assert facts["started_unix"] == pytest.approx(before, abs=0.5)
    assert datetime.fromisoformat(facts["started"]).timestamp() == pytest.approx(facts["started_unix"], abs=0.002)
    film = read_film(recorder.folder / "film.mkv")
    told = datetime.fromisoformat(film.metadata["creation_time"]).timestamp()
    assert told == pytest.approx(facts["started_unix"], abs=1.0)
    assert film.times[0] == pytest.approx(5.0, abs=0.002), "start and time in the file give the wall clock"


def test_pictures_of_another_size_are_fitted_in() -> None:
    wide = np.full((90, 320, 3), 200, np.uint8)
    canvas = fitted(wide, 320, 240)
    assert canvas.shape == (240, 320, 3)
    assert (canvas[75:165] == 200).all()
    assert not canvas[:75].any()
    assert fitted(wide, 320, 90) is wide


def test_a_camera_that_comes_back_with_another_size_goes_on_in_the_film(tmp_path: Path) -> None:
    film = LiveFilm(tmp_path / "f.mkv", sound=False, drawn=False)
    film.frame(Frame(0.0, 0, numbered(1, 321, 241)))
    film.frame(Frame(0.1, 1, numbered(2, 640, 480)))
    film.close()
    assert [number_of(picture) for picture in read_film(tmp_path / "f.mkv").pictures] == [1, 2]


# Sound and picture


def flashing(tmp_path: Path, at: list[float]) -> Path:
    """A clip that is black but for a white flash, with a click in the middle of each flash."""
    times = [k / 30 for k in range(90)]

    def light(picture: Any) -> Any:
        t = times[number_of(picture)]
        return np.full_like(picture, 255 if any(a - 0.001 <= t < a + 0.099 for a in at) else 0)

    rate = 48_000
    sound = clicks(rate, at, 3.0)[None]
    return write_clip(tmp_path / "flash.mp4", times=times, stored=light, sounds=[("aac", rate, sound)])


def apart(film: Film) -> list[float]:
    """How much later each click is heard than its flash begins to be seen."""
    light = np.array([picture.mean() > 128 for picture in film.pictures])
    flashes = np.array(film.times)[np.flatnonzero(light[1:] & ~light[:-1]) + 1]
    found = []
    for flash in flashes:
        start = round((flash - 0.3) * film.rate)
        found.append(click_at(film.sound[start : start + round(0.6 * film.rate)], film.rate) - 0.3)
    return found


def test_flash_and_beep_stay_together_in_the_file_and_after_a_repair(tmp_path: Path) -> None:
    at = [0.5, 1.5, 2.3]
    player = Player(open_media(flashing(tmp_path, at)))
    recorder = Recorder(new_session(tmp_path), {}, sound=player.sounds, film="clean")
    recorder.begin(time.monotonic() - 0.05)
    for item in player.items(threading.Event()):
        recorder.tap(item)
    assert recorder.close()
    assert not recorder.lost
    found = apart(read_film(recorder.folder / "film.mkv"))
    assert len(found) == len(at)
    assert np.abs(found).max() < 0.04, found
    facts = json.loads((recorder.folder / "session.json").read_text())
    (recorder.folder / "session.json").write_text(json.dumps(facts | {"ended": None}))
    assert repair(recorder.folder) is not None
    assert apart(read_film(recorder.folder / "film.mkv")) == pytest.approx(found, abs=0.002)


# The disk


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


def test_a_mark_before_the_beginning_is_one_at_the_beginning(tmp_path: Path) -> None:
    now = 9.9
    recorder = Recorder(new_session(tmp_path), {}, sound=False, pictures=False, clock=lambda: now)
    recorder.begin(10.0)
    assert recorder.mark() == 0.0
    now = 10.5
    assert recorder.mark() == 0.5
    assert recorder.close()
    lines = (recorder.folder / "marks.jsonl").read_text().splitlines()
    assert [json.loads(line)["t"] for line in lines] == [0.0, 0.5]


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


# The command


def test_flags_of_recording_need_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--record-film", "clean"], ["--no-pixels"]):
        assert main(["live", "--headless", "--camera", "none", *words, "--keep", str(tmp_path)]) == 2
        assert "give --record DIR too" in capsys.readouterr().err
    for words in (["--consent", "yes"], ["--forget-after", "3"]):
        assert main(["live", "--headless", "--camera", "none", *words]) == 2
        assert "give --record DIR or --keep DIR too" in capsys.readouterr().err
    assert main(["live", "--record", str(tmp_path), "--forget-after", "never"]) == 2
    assert "no number of days" in capsys.readouterr().err


def test_live_keeps_consent_and_weights_and_repairs_what_was_left_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = record(tmp_path / "kept", 0.6, paced=False)
    assert left.close()
    facts = json.loads((left.folder / "session.json").read_text())
    (left.folder / "session.json").write_text(json.dumps(facts | {"ended": None}))
    clip = write_clip(tmp_path / "a.mp4", times=[k / 25 for k in range(25)])
    words = ["live", "--headless", "--camera", str(clip), "--record", str(tmp_path / "kept"), "--record-film", "clean"]
    assert main([*words, "--consent", "spoken", "--forget-after", "30", "--weights", "avcer-7cl"]) == 0
    assert f"repaired {left.folder}" in capsys.readouterr().err
    [session] = [path for path in (tmp_path / "kept").iterdir() if path != left.folder]
    facts = json.loads((session / "session.json").read_text())
    assert (facts["consent"], facts["forget_after_days"], facts["film"]) == ("spoken", 30.0, "clean")
    assert facts["fusion"]["name"] == "avcer-7cl"
    assert np.array(facts["fusion"]["classes"]).shape == (3, 7)
    made = {path.name for path in session.iterdir()}
    assert made - {"marks.jsonl"} == {"session.json", "decisions.jsonl", "film.mkv"}


# Without pixels


def head(yaw: float, pitch: float, roll: float) -> Any:
    """Landmarks of the mean head, turned by degrees, from afar."""
    y, p, r = np.radians([yaw, pitch, roll])
    around_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    around_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = np.zeros((478, 2), np.float32)
    points[signals._POINTS] = 300 + 2.3 * (around_z @ around_x @ around_y @ signals._HEAD.T)[:2].T
    return points


@pytest.mark.parametrize("turned", [(0, 0, 0), (20, 0, 0), (0, -15, 0), (0, 0, 10), (-30, 10, -15)])
def test_the_pose_of_a_turned_head_is_found(turned: tuple[float, float, float]) -> None:
    found = signals.pose_of(head(*turned))
    assert found is not None
    assert (found.yaw, found.pitch, found.roll) == pytest.approx(turned, abs=0.01)


def test_what_is_no_face_has_no_pose() -> None:
    assert signals.pose_of(np.zeros((478, 2), np.float32)) is None
    assert signals.pose_of(np.full((478, 2), np.nan, np.float32)) is None
    assert signals.pose_of(np.zeros((0, 2), np.float32)) is None


def test_pitch_is_found_in_voices_and_not_in_noise() -> None:
    t = np.arange(3200) / SAMPLE_RATE
    for hertz in (80.0, 120.0, 220.0, 400.0):
        voice = sum(np.sin(2 * np.pi * n * hertz * t + n) / n for n in range(1, 6))
        noisy = 0.2 * voice + np.random.default_rng(0).normal(0, 0.02, len(t))
        assert signals.pitch_of(noisy.astype(np.float32)) == pytest.approx(hertz, rel=0.01)
    assert signals.pitch_of(np.random.default_rng(0).normal(0, 0.1, 3200).astype(np.float32)) is None
    assert signals.pitch_of(np.zeros(3200, np.float32)) is None
    assert signals.pitch_of(np.zeros(0, np.float32)) is None


def test_without_pixels_nothing_shows_or_sounds_like_anybody(tmp_path: Path) -> None:
    demo = Path(__file__).parents[1] / "realtime_cer" / "assets" / "demo.mp4"
    words = ["live", "--headless", "--camera", str(demo), "--duration", "4", "--record", str(tmp_path / "kept")]
    assert main([*words, "--no-pixels"]) == 0
    [session] = (tmp_path / "kept").iterdir()
    assert {path.name for path in session.iterdir()} - {"marks.jsonl"} == {
        *("session.json", "decisions.jsonl", "signals.jsonl", "overlay.mkv")
    }
    rows = [json.loads(line) for line in (session / "signals.jsonl").read_text().splitlines()]
    assert [row["seq"] for row in rows] == [row.seq for row in read_rows(session / "decisions.jsonl")]
    seen = [row for row in rows if row["landmarks"]]
    assert len(seen) > len(rows) / 2
    assert all(len(row["landmarks"]) == 478 and abs(row["pose"]["roll"]) < 45 for row in seen)
    assert any(row["energy_db"] is not None and row["energy_db"] > -50 for row in rows)
    film = read_film(session / "overlay.mkv")
    assert film.pictures
    assert not film.sound.size
    shown = film.pictures[-1]
    frame = next(item for item in open_media(demo).items(sound=False) if isinstance(item, Frame)).picture
    corner = shown[: frame.shape[0] // 8, : frame.shape[1] // 8]
    assert corner.std(axis=(0, 1)).max() < 2, "the ground is even where the camera sees a room"
    assert main([*words, "--no-pixels", "--record-film", "both"]) == 2
    assert main([*words, "--no-pixels", "--keep", str(tmp_path / "moments")]) == 2
    assert not (tmp_path / "moments").exists()

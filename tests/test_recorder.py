"""The recorder: both films, the wall clock, flash and beep, and what live keeps."""

import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.clips import click_at, clicks, number_of, numbered, write_clip
from parts.films import Film, read_film
from parts.recording import record

from realtime_cer.capture.media import open_media
from realtime_cer.capture.player import Player
from realtime_cer.cli import main
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Frame
from realtime_cer.sessions.repair import repair
from realtime_cer.sinks.livefilm import LiveFilm, fitted
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.sinks.tables import read_rows


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

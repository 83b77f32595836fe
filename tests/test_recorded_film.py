"""The film of a live session: rows, pictures and sound in their places, also where the encoder or the disk fails."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from parts.clips import click, click_at, number_of, numbered, portrait, write_clip
from parts.drawn import STEADY, decision, inside, near
from parts.films import read_film

from realtime_cer import palette
from realtime_cer.cli import main
from realtime_cer.errors import Refused
from realtime_cer.labels import COMPOUND
from realtime_cer.records import AudioBlock, Frame
from realtime_cer.sinks.film import FilmWriter
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.sinks.tables import from_row, read_rows


def block(t: float, samples: Any) -> AudioBlock:
    return AudioBlock(t, np.asarray(samples, np.float32))


def test_a_session_holds_rows_pictures_and_sound_in_their_places(tmp_path: Path) -> None:
    session = new_session(tmp_path / "new" / "sessions")
    recorder = Recorder(session, {"settings": {"rule": "none"}}, sound=True, film="both")
    origin = 1000.0
    recorder.begin(origin)
    sound = click(3.0, 16_000, 1.9)[0]
    for k in range(90):
        t = k / 30
        recorder.tap(Frame(origin + t, k, numbered(k, 320, 240)))
        if k % 3 == 2:
            start = round((t - 2 / 30) * 16_000)
            recorder.tap(block(origin + start / 16_000, sound[start : start + 1600]))
        if k % 6 == 5:
            at = k // 6
            recorder.tap(decision(origin + at / 5, COMPOUND[at % 7]))
        time.sleep(0.004)
    assert recorder.close()
    assert (recorder.error, dict(recorder.lost)) == (None, {})
    rows = read_rows(session / "decisions.jsonl")
    assert [row.t for row in rows] == pytest.approx([k / 5 for k in range(15)], abs=1e-6)
    times, pictures, heard, rate, _ = read_film(session / "overlay.mkv")
    shown = [inside(picture, 320, 240) for picture in pictures]
    assert [number_of(picture) for picture in shown] == list(range(90))
    assert times == pytest.approx([k / 30 for k in range(90)], abs=0.002)
    assert click_at(heard, rate) == pytest.approx(1.9, abs=0.02)
    for number in range(90):  # the decision came after its pictures, and is drawn on them all the same
        codes = [near(shown[number][70:150, 98:102], code, 40) for code in palette.COMPOUND]
        assert np.argmax(codes) == number // 6 % 7, f"picture {number}"
    facts = (session / "session.json").read_text()
    assert '"ended": "20' in facts
    assert '"pictures": 90' in facts
    assert '"rule": "none"' in facts


def test_a_slow_encoder_costs_pictures_and_never_time_or_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = FilmWriter.picture

    def slow(self: FilmWriter, t: float, picture: Any) -> bool:
        time.sleep(0.02)
        return write(self, t, picture)

    monkeypatch.setattr(FilmWriter, "picture", slow)
    recorder = Recorder(new_session(tmp_path), {}, sound=False, film="overlay")
    recorder.begin(0.0)
    picture = portrait(320, 240)
    taken = longest = 0.0
    for k in range(150):
        before = time.perf_counter()
        recorder.tap(Frame(k / 30, k, picture))
        if k % 6 == 0:
            recorder.tap(decision(k / 30, "Sadly Angry"))
        taken += time.perf_counter() - before
        longest = max(longest, time.perf_counter() - before)
        time.sleep(0.001)
    assert taken < 0.5, "the encoder took more than three seconds for as many"
    assert longest < 0.2
    assert recorder.close()
    lost = recorder.lost["pictures"]
    assert lost > 30
    assert set(recorder.lost) == {"pictures"}
    assert len(read_rows(recorder.folder / "decisions.jsonl")) == 25
    times, *_ = read_film(recorder.folder / "overlay.mkv")
    assert len(times) == 150 - lost
    assert f'"pictures": {lost}' in (recorder.folder / "session.json").read_text()


def test_one_bad_picture_costs_one_picture(tmp_path: Path) -> None:
    recorder = Recorder(new_session(tmp_path), {}, sound=False, film="overlay")
    recorder.begin(0.0)
    for k in range(20):
        bad: Any = np.zeros((0, 0, 3), np.uint8) if k == 5 else numbered(k, 320, 240)
        recorder.tap(Frame(k / 10, k, bad))
        time.sleep(0.003)
    assert recorder.close()
    assert dict(recorder.lost) == {"pictures": 1}
    assert recorder.error
    _, pictures, _, _, _ = read_film(recorder.folder / "overlay.mkv")
    assert [number_of(inside(p, 320, 240)) for p in pictures] == [k for k in range(20) if k != 5]


def test_a_full_disk_ends_the_film_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FilmWriter, "picture", full)
    recorder = Recorder(new_session(tmp_path), {}, sound=False, film="overlay")
    recorder.begin(0.0)
    for k in range(20):
        recorder.tap(Frame(k / 10, k, portrait(320, 240)))
        recorder.tap(decision(k / 10, "Sadly Angry"))
    assert recorder.close()
    assert recorder.error == "No space left on device"
    assert recorder.lost["pictures"] == 20
    assert len(read_rows(recorder.folder / "decisions.jsonl")) == 20


def test_sound_alone_is_filled_and_pictures_alone_need_none(tmp_path: Path) -> None:
    """A microphone that went away leaves silence, so that nothing piles up for it."""
    film = FilmWriter(tmp_path / "f.mkv", (320, 240), audio_rate=16_000, live=True)
    tone = (0.5 * np.sin(np.arange(1600) / 5)).astype(np.float32)
    with film:
        for k in range(60):
            film.picture(k / 10, numbered(k, 320, 240))
            if k < 10 or k >= 50:
                film.sound(k / 10, tone)
    times, _, sound, rate, _ = read_film(tmp_path / "f.mkv")
    with av.open(str(tmp_path / "f.mkv")) as file:
        assert sum(block.samples for block in file.decode(audio=0)) / rate == pytest.approx(6.0, abs=0.05)
    assert len(times) == 60
    loud = np.convolve(np.abs(sound), np.ones(rate // 10) / (rate // 10), "same") > 0.1
    assert len(sound) / rate == pytest.approx(6.0, abs=0.05)
    assert np.flatnonzero(np.diff(loud.astype(int))) / rate == pytest.approx([1.0, 5.0], abs=0.1)


KILLED = """
import sys, time
import numpy as np
from realtime_cer.sinks.film import FilmWriter
film = FilmWriter(sys.argv[1], (320, 240), audio_rate=16000, live=True)
noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
for k in range(3000):
    film.picture(k / 30, np.roll(noise, k, 1))
    if k % 3 == 0 and k < 60:
        film.sound(k / 30, np.zeros(1600, np.float32))
    print(k / 30, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_film_opens_up_to_its_last_two_seconds(tmp_path: Path) -> None:
    path = tmp_path / "k.mkv"
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    reached = 0.0
    for line in child.stdout:
        reached = float(line)
        if reached > 6.5:
            os.kill(child.pid, signal.SIGKILL)
            break
    child.stdout.close()
    child.wait(10)
    times, _, sound, rate, _ = read_film(path)
    assert times[-1] > reached - 2
    assert len(sound) / rate > reached - 2
    assert times == pytest.approx([k / 30 for k in range(len(times))], abs=0.002)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="is a file"):
        new_session(tmp_path / "file")
    with pytest.raises(Refused, match="cannot be written"):
        new_session(tmp_path / "file" / "below")
    assert len({new_session(tmp_path) for _ in range(3)}) == 3


def test_the_recorder_ends_its_thread(tmp_path: Path) -> None:
    recorder = Recorder(new_session(tmp_path), {}, sound=True)
    recorder.tap(Frame(0.0, 0, portrait(320, 240)))
    recorder.begin(0.0)
    assert recorder.close()
    recorder.tap(Frame(0.0, 0, portrait(320, 240)))
    assert not any(thread.name == "recorder" for thread in threading.enumerate())
    assert not (recorder.folder / "overlay.mkv").exists()


def test_live_records_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rate = 48_000
    times = [k / 25 for k in range(60)]
    clip = write_clip(tmp_path / "a.mp4", size=(640, 480), times=times, sounds=[("aac", rate, click(2.4, rate, 1.5))])
    assert (
        main(
            [
                "live",
                "--headless",
                "--camera",
                str(clip),
                "--record",
                str(tmp_path / "kept"),
                "--record-film",
                "overlay",
            ]
        )
        == 0
    )
    shown = capsys.readouterr()
    (session,) = (tmp_path / "kept").iterdir()
    assert f"recorded to {session}" in shown.err
    rows, kept = [from_row(json.loads(line)) for line in shown.out.splitlines()], read_rows(session / "decisions.jsonl")
    assert len(rows) == len(kept) >= 12
    assert [row.seq for row in rows] == [row.seq for row in kept]
    assert [replace(row, t=0.0) for row in rows] == [replace(row, t=0.0) for row in kept]
    start = kept[0].t
    assert 0 <= start < 0.25
    facts = json.loads((session / "session.json").read_text())
    assert (facts["error"], facts["decisions"], facts["sources"][0]["name"]) == (None, len(kept), "a.mp4")
    written, _, sound, rate, _ = read_film(session / "overlay.mkv")
    assert len(written) == facts["pictures"] == 60 - facts["lost"].get("pictures", 0)
    begun = written[0]
    assert np.diff(written) == pytest.approx([0.04] * (len(written) - 1), abs=0.0021) or facts["lost"]
    assert click_at(sound, rate) - begun == pytest.approx(1.5, abs=0.04)


def test_live_refuses_a_folder_that_it_cannot_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_clip(tmp_path / "a.mp4", times=STEADY)
    assert main(["live", "--headless", "--camera", str(clip), "--record", str(clip)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "is a file: give a folder with --record" in shown.err

"""What is made of a session afterwards: its strongest moments, the reel of them, the film with everything drawn."""

import time
from pathlib import Path

import av
import numpy as np
import pytest
from parts.clips import click, click_at, clicks, number_of, numbered, write_clip
from parts.films import read_film
from parts.kept import small
from parts.recording import FILMS, SIZE, film_times, named, record

from realtime_cer.cli import main
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Frame
from realtime_cer.sessions.deletion import delete
from realtime_cer.sessions.folder import read_session
from realtime_cer.sessions.reel import Scene, write_reel
from realtime_cer.sinks.peaks import peaks
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session


def strong(t: float, share: float) -> Decision:
    rest = (1 - share) / 6
    return Decision(
        **{name: getattr(named(round(t * 5), t), name) for name in Decision.__slots__}
        | {"basic": (1 / 7,) * 7, "compound": (share, *[rest] * 6), "label": "Fearfully Surprised"}
    )


def test_peaks_are_the_strongest_moments_and_lie_apart() -> None:
    rows = [strong(k / 5, 0.3 + (0.5 if k in (20, 22, 90) else 0) + (0.1 if k == 22 else 0)) for k in range(200)]
    found = peaks(rows, most=2)
    assert [(peak.t, round(peak.share, 6)) for peak in found] == [(4.4, 0.9), (18.0, 0.8)]
    assert peaks([]) == []


def test_a_reel_is_cut_from_a_film_that_was_drawn_later(tmp_path: Path) -> None:
    recorder = Recorder(new_session(tmp_path), {}, sound=False, film="clean")
    recorder.begin(0.0)
    for k in range(15 * 12):
        recorder.tap(Frame(k / 15, k, numbered(k, *SIZE)))
        if k % 3 == 0:
            recorder.tap(strong(k / 15, 0.9 if k == 90 else 0.3))
        time.sleep(0.003)
    assert recorder.close()
    assert main(["sessions", "overlay", str(recorder.folder)]) == 0
    assert main(["sessions", "reel", str(recorder.folder)]) == 0
    assert film_times(recorder.folder / "reel.mkv")


def test_a_reel_shows_the_strongest_moments_with_chapters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder(new_session(tmp_path), {}, sound=True, film="clean")
    recorder.begin(0.0)
    beep = clicks(SAMPLE_RATE, [0.5], 1.0)
    for k in range(24 * 15):
        t = k / 15
        recorder.tap(Frame(t, k, numbered(k, *SIZE)))
        if k % 15 == 0:
            recorder.tap(AudioBlock(t, beep))
        if k % 3 == 0:
            recorder.tap(strong(t, 0.9 if k in (75, 270) else 0.3))
        time.sleep(0.003)
    assert recorder.close()
    assert not recorder.lost
    session = recorder.folder
    wanted = [peak for peak in read_session(session).peaks if peak.share > 0.5]
    chapters = write_reel(session / "film.mkv", [Scene(one.t, one.label) for one in wanted], tmp_path / "reel.mkv")
    assert [one.scene.t for one in chapters] == pytest.approx([5.0, 18.0], abs=0.001)
    film = read_film(tmp_path / "reel.mkv")
    numbers = [number_of(picture) for picture in film.pictures]
    jump = next(n for n in range(1, len(numbers)) if numbers[n] != numbers[n - 1] + 1)
    assert 75 in numbers[:jump]
    assert 270 in numbers[jump:]
    assert numbers[jump:] == list(range(numbers[jump], numbers[-1] + 1))
    assert film.times[jump] == pytest.approx(chapters[1].start, abs=0.01)
    for chapter, first in zip(chapters, (numbers[0], numbers[jump]), strict=True):
        second = np.ceil(first / 15 - 0.3)  # the first one whose click is in the chapter
        due = second + 0.5 - first / 15 + chapter.start
        start = round((due - 0.2) * film.rate)
        heard = click_at(film.sound[start : start + round(0.4 * film.rate)], film.rate) - 0.2
        assert heard == pytest.approx(0.0, abs=0.04)
    with av.open(str(tmp_path / "reel.mkv")) as source:
        told = source.chapters()
    assert [one["metadata"]["title"] for one in told] == [
        f"Fearfully Surprised, 0:{seconds:02} of the session" for seconds in (5, 18)
    ]
    assert main(["sessions", "reel", str(session)]) == 0
    assert (session / "reel.mkv").exists()
    assert main(["sessions", "reel", str(session)]) == 2, "it is there"
    (session / "film.mkv").unlink()
    assert main(["sessions", "reel", str(session), "--out", str(tmp_path / "other.mkv")]) == 2
    assert "holds no film" in capsys.readouterr().err
    assert delete(session) == []


def test_a_film_without_a_picture_gives_no_reel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = small(tmp_path / "session")
    write_clip(session / "film.mkv", size=None, sounds=[("aac", 16_000, click(1.0, 16_000, 0.5))])
    assert main(["sessions", "reel", str(session)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "film.mkv holds no picture to cut" in line
    assert not (session / "reel.mkv").exists()


def test_the_overlay_is_drawn_afterwards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorder = record(tmp_path, 2.0, paced=False, film="clean")
    assert recorder.close()
    session = recorder.folder
    assert main(["sessions", "overlay", str(session)]) == 0
    assert "10 decisions drawn" in capsys.readouterr().out
    clean, drawn = (read_film(session / name) for name in FILMS)
    assert drawn.times == pytest.approx(clean.times, abs=0.002)
    assert drawn.pictures[30].shape[1] > clean.pictures[30].shape[1]
    assert len(drawn.sound) == pytest.approx(len(clean.sound), rel=0.05)
    assert not list(session.glob("*.part"))
    assert main(["sessions", "overlay", str(session)]) == 2
    assert "add --overwrite" in capsys.readouterr().err
    (session / "film.mkv").unlink()
    assert main(["sessions", "overlay", str(session), "--overwrite"]) == 2
    assert "holds no film.mkv" in capsys.readouterr().err

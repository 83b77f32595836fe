"""Moments of a session: marked when they pass and by the operator, kept by a killed one, and cut into a reel."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from parts.clips import number_of, numbered
from parts.films import read_film, wait_for
from parts.recording import SIZE, named

from realtime_cer.cli import main
from realtime_cer.records import Decision
from realtime_cer.sessions.deletion import delete
from realtime_cer.sessions.folder import read_session
from realtime_cer.sessions.reel import Scene, write_reel
from realtime_cer.sessions.repair import repair
from realtime_cer.sinks.film import FilmWriter
from realtime_cer.sinks.peaks import APART_S, PeakFinder, peaks
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session

FPS = 15


def strong(t: float, share: float) -> Decision:
    """A decision that names something with this share of all the probability."""
    rest = (1 - share) / 6
    row = {name: getattr(named(round(t * 5), t), name) for name in Decision.__slots__}
    row |= {"basic": (1 / 7,) * 7, "compound": (share, *[rest] * 6), "label": "Fearfully Surprised"}
    return Decision(**row)


# What a peak is.


@pytest.mark.parametrize("seed", range(5))
def test_peaks_told_as_they_pass_are_those_found_afterwards_and_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [strong(k / 5, float(rng.uniform(0.2, 0.9))) for k in range(600)]
    finder = PeakFinder()
    passed = [one for row in rows if (one := finder.feed(row)) is not None]
    passed += [one for one in [finder.rest()] if one is not None]
    found = peaks(rows)
    assert set(found) <= set(passed)
    assert max(max(row.compound or ()) for row in rows) == pytest.approx(max(one.share for one in found))
    times = [one.t for one in passed]
    assert min(np.diff(times)) >= APART_S
    for one in found:
        near = [row for row in rows if one.t <= row.t < one.t + APART_S]
        assert max(max(row.compound or ()) for row in near) == pytest.approx(one.share), "it was surpassed"
    assert len(found) == 5 < len(passed) < 40


def test_a_peak_is_told_once_it_has_passed_also_where_nobody_is_left() -> None:
    finder = PeakFinder()
    nobody = [
        Decision(**{n: getattr(named(0, k / 5), n) for n in Decision.__slots__} | {"label": None}) for k in range(60)
    ]
    assert finder.feed(strong(0.0, 0.8)) is None
    told = [(row.t, one.t) for row in nobody if (one := finder.feed(row)) is not None]
    assert told == [(5.0, 0.0)]
    assert finder.rest() is None


# In a session.


def recorded(folder: Path, seconds: int, peak_at: float = -1.0, mark_at: float = -1.0) -> Recorder:
    """A session that is being recorded, so long by now, with a strong moment at one time, and a mark at the other."""
    t = 0.0
    recorder = Recorder(new_session(folder), {}, sound=False, clock=lambda: t)
    recorder.begin(0.0)
    for k in range(seconds * FPS):
        t = k / FPS
        if abs(t - mark_at) < 0.01:
            assert recorder.mark() == pytest.approx(mark_at, abs=0.01)
        if k % 3 == 0:
            recorder.tap(strong(t, 0.9 if abs(t - peak_at) < 0.01 else 0.3))
    return recorder


def filmed(path: Path, seconds: int) -> None:
    """A film of numbered pictures as a recorder writes it."""
    with FilmWriter(path, SIZE, live=True) as film:
        for k in range(seconds * FPS):
            film.picture(k / FPS, numbered(k, *SIZE))


KILLED = """
import os, signal, sys, time
from pathlib import Path
from test_marks import recorded
recorder = recorded(Path(sys.argv[1]), 12, 4.0, 10.0)
path = recorder.folder / "marks.jsonl"
while not path.exists() or b"operator" not in path.read_bytes():
    time.sleep(0.02)
print(recorder.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_session_has_its_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, timeout=120, env=here
    )
    assert done.returncode == -9, done.stderr
    session = Path(done.stdout.strip())
    lines = [json.loads(line) for line in (session / "marks.jsonl").read_text().splitlines()]
    assert {"t": 4.0, "by": "peak", "label": "Fearfully Surprised", "share": 0.9} in lines
    assert {"t": 10.0, "by": "operator"} in lines
    with (session / "marks.jsonl").open("ab") as file:
        file.write(b'{"t":9.1,"b')
    assert main(["sessions", "repair", str(session)]) == 0
    assert (session / "marks.torn").read_bytes() == b'{"t":9.1,"b\n'
    capsys.readouterr()
    assert main(["sessions", "show", str(session)]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    [peak] = [line for line in shown.out.splitlines() if "peak at 0:00:04" in line]
    assert "Fearfully Surprised 90%" in peak
    [mark] = [line for line in shown.out.splitlines() if "mark at 0:00:10" in line]
    assert "by the operator" in mark
    assert main(["sessions", "show", str(session), "--json"]) == 0
    assert [round(one["t"]) for one in json.loads(capsys.readouterr().out)["marks"]] == [10]
    (session / "decisions.jsonl").unlink()
    assert (4.0, 0.9) in [(one.t, one.share) for one in read_session(session).peaks], "it is told by the marks, too"
    assert delete(session) == []


def test_peaks_are_on_the_disk_while_it_is_recorded(tmp_path: Path) -> None:
    recorder = recorded(tmp_path, 12, 4.0)
    try:
        path = recorder.folder / "marks.jsonl"
        wait_for(lambda: path.exists() and b'"share":0.9' in path.read_bytes())
        assert read_session(recorder.folder).state == "recording"
    finally:
        assert recorder.close()
    told = read_session(recorder.folder).peaks
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one.t, round(one.share, 6)) for one in told] == [(one["t"], one["share"]) for one in lines]


# In a reel.


def chapters_of(film: Path) -> list[tuple[float, float, str]]:
    with av.open(str(film)) as source:
        return [
            (float(one["start"] * one["time_base"]), float(one["end"] * one["time_base"]), one["metadata"]["title"])
            for one in source.chapters()
        ]


def test_a_reel_has_chapters_for_peaks_and_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorder = recorded(tmp_path, 24, 5.0, 12.6)
    assert recorder.close()
    session = recorder.folder
    filmed(session / "film.mkv", 24)
    assert main(["sessions", "reel", str(session)]) == 0
    assert "mark 1, 0:13 of the session" in capsys.readouterr().out
    film = session / "reel.mkv"
    told = chapters_of(film)
    assert {"Fearfully Surprised, 0:05 of the session", "mark 1, 0:13 of the session"} <= {one[2] for one in told}
    assert [one[0] for one in told[1:]] == pytest.approx([one[1] for one in told[:-1]], abs=0.002)
    if shutil.which("ffprobe"):
        said = subprocess.run(
            ["ffprobe", "-v", "error", "-show_chapters", "-of", "json", str(film)],
            capture_output=True,
            check=True,
            timeout=60,
        )
        probed: list[Any] = json.loads(said.stdout)["chapters"]
        assert [one["tags"]["title"] for one in probed] == [one[2] for one in told]
        assert [float(one["start_time"]) for one in probed] == pytest.approx([one[0] for one in told], abs=0.002)
    moved = read_film(film)
    shown = {
        title: [number_of(picture) for t, picture in zip(moved.times, moved.pictures, strict=True) if a <= t < b]
        for a, b, title in told
    }
    assert 75 in shown["Fearfully Surprised, 0:05 of the session"]
    assert round(12.6 * FPS) in shown["mark 1, 0:13 of the session"]
    numbers = [number for part in shown.values() for number in part]
    assert numbers == sorted(set(numbers)), "nothing is shown twice"


@pytest.mark.parametrize(
    ("times", "named"),
    [
        ([5.0, 6.5], ["a", "b"]),  # one begins while the other is shown
        ([5.0, 5.1, 12.0], ["a and b", "c"]),  # no picture between them can be decoded alone
        ([5.0, 8.9], ["a", "b"]),
        ([0.0, 15.9], ["a", "b"]),
        ([3.0, 99.0], ["a"]),
    ],
)
def test_every_chapter_shows_its_moment_once(tmp_path: Path, times: list[float], named: list[str]) -> None:
    filmed(tmp_path / "film.mkv", 16)
    scenes = [Scene(t, name) for t, name in zip(times, "abc", strict=False)]
    chapters = write_reel(tmp_path / "film.mkv", scenes, tmp_path / "reel.mkv")
    assert [one.scene.name for one in chapters][: len(named)] == named
    film = read_film(tmp_path / "reel.mkv")
    numbers = [number_of(picture) for picture in film.pictures]
    assert numbers == sorted(set(numbers))
    for chapter in chapters[: len(named)]:
        here = [n for t, n in zip(film.times, numbers, strict=True) if chapter.start - 0.001 <= t < chapter.end]
        assert round(chapter.scene.t * FPS) in here


def test_marks_of_a_program_that_wrote_something_else_are_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = recorded(tmp_path, 1)
    assert recorder.close()
    path = recorder.folder / "marks.jsonl"
    path.write_text('{"t":0.4,"by":"operator"}\n{"t":0.5,"by":"somebody"}\n[]\n')
    assert [one.t for one in read_session(recorder.folder).marks] == [0.4]
    assert main(["sessions", "show", str(recorder.folder)]) == 0
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert f"{path}: 1 line was read; 2 lines from 2 on are torn, and left out (" in told.err
    assert "damaged" in told.out
    assert repair(recorder.folder, thorough=True) is not None
    assert path.read_text() == '{"t":0.4,"by":"operator"}\n'

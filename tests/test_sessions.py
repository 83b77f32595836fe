"""Sessions on the disk: killed ones are repaired, and all are listed, shown and deleted."""

import errno
import io
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from parts.clips import click, click_at, clicks, number_of, numbered, write_clip
from parts.films import read_film
from parts.recording import FILMS, SIZE, film_times, judge, kill_recordings, moments, named, record
from parts.replayed import decided, write_session

from realtime_cer.cli import main
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Frame
from realtime_cer.sessions.deletion import delete, forget
from realtime_cer.sessions.folder import read_facts, read_session, sessions_below
from realtime_cer.sessions.reel import Scene, write_reel
from realtime_cer.sessions.repair import repair
from realtime_cer.sinks.peaks import peaks
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.sinks.tables import read_rows, to_json


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A session of three seconds that ended in order."""
    recorder = record(tmp_path / "kept", 3.0, paced=False)
    assert recorder.close()
    assert recorder.error is None
    return recorder.folder


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A session that is being recorded."""
    recorder = Recorder(new_session(tmp_path / "kept"), {}, sound=False)
    recorder.begin(time.monotonic())
    recorder.tap(named(0, time.monotonic()))
    yield recorder.folder
    assert recorder.close()


def tell(session: Path, **told: Any) -> Path:
    """Have a session tell something else of itself."""
    facts = json.loads((session / "session.json").read_text())
    (session / "session.json").write_text(json.dumps(facts | told))
    return session


def break_off(session: Path) -> None:
    """Make a whole session look as if its program had died."""
    tell(session, ended=None)


def small(folder: Path, **told: Any) -> Path:
    """A session of one second without a film, which tells so much more."""
    return tell(write_session(folder, decided(Config(), "equal", count=5), film=False), **told)


# Killed


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_recordings_killed_at_random_moments_open_and_are_repaired(tmp_path: Path) -> None:
    sessions = kill_recordings(tmp_path, moments(seed=1, count=4, latest_s=3.0))
    for session in sessions:
        found = judge(session)
        assert found.row_lost_s < 1.0, found
        for name, lost in found.films.items():
            assert (lost is not None and lost < 2.0) or found.killed_at < 1.0, (name, found)
        rows = (session / "decisions.jsonl").read_bytes()
        before = {name: film_times(session / name) for name, lost in found.films.items() if lost is not None}
        assert read_session(session).state == "broken"
        assert main(["sessions", "repair", str(session.parent)]) == 0
        assert read_session(session).state == "whole"
        assert (session / "decisions.jsonl").read_bytes() == rows[: rows.rfind(b"\n") + 1]
        facts = read_facts(session)
        begun, ended = (datetime.fromisoformat(facts[key]) for key in ("started", "ended"))
        assert (ended - begun).total_seconds() == pytest.approx(found.killed_at, abs=2.0)
        assert facts["repaired"]["ended_estimated"] is True
        for name, times in before.items():
            assert film_times(session / name) == pytest.approx(times, abs=0.04)
            with av.open(str(session / name)) as film:
                assert film.duration, "it has no length"
        again = {path.name: path.read_bytes() for path in session.iterdir()}
        assert repair(session) is None
        assert {path.name: path.read_bytes() for path in session.iterdir()} == again


def test_torn_lines_are_put_beside_and_the_rest_is_kept(session: Path) -> None:
    break_off(session)
    path = session / "decisions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:4], b'{"t":0.8,"se\xc3\n', *lines[4:], lines[0][:40]]))
    done = repair(session)
    assert done is not None
    assert (done.torn, done.decisions) == (2, len(lines))
    assert path.read_bytes() == b"".join(lines)
    assert (session / "decisions.torn").read_bytes() == b'{"t":0.8,"se\xc3\n' + lines[0][:40] + b"\n"


@pytest.mark.parametrize("value", ['"soon"', "NaN", "null", "[]"])
def test_rows_without_a_time_are_torn_ones(session: Path, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = session / "decisions.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[0].replace('"t":0.0', f'"t":{value}')]))
    assert main(["sessions", "show", str(session)]) == 0
    assert "line 16 is torn" in capsys.readouterr().err
    assert repair(session, thorough=True) is not None
    assert path.read_text() == "".join(lines)


def test_an_interrupted_repair_is_done_again(session: Path) -> None:
    break_off(session)
    (session / "film.part").write_bytes(b"half of it")
    assert repair(session) is not None
    assert not list(session.glob("*.part"))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("killed_at", ["decisions.torn", "decisions.jsonl"])
def test_torn_lines_are_put_beside_once_however_often_a_repair_is_killed(
    session: Path, monkeypatch: pytest.MonkeyPatch, killed_at: str, whole: bool
) -> None:
    if not whole:
        break_off(session)
    path = session / "decisions.jsonl"
    lines = path.read_bytes()
    path.write_bytes(lines + b'{"t":0.8,"se')
    (session / "decisions.torn").write_bytes(b"torn before\n")
    replace = Path.replace

    def die(self: Path, target: Path) -> Path:
        if target.name == killed_at:
            raise SystemExit
        return replace(self, target)

    with monkeypatch.context() as dying:
        dying.setattr(Path, "replace", die)
        dying.setattr(Path, "unlink", lambda self, missing_ok=False: None)  # a dead program tidies nothing up
        for _ in range(2):
            with pytest.raises(SystemExit):
                repair(session, thorough=True)
    (session / ".lock").unlink(missing_ok=True)
    assert repair(session, thorough=True) is not None
    assert path.read_bytes() == lines
    assert (session / "decisions.torn").read_bytes() == b'torn before\n{"t":0.8,"se\n'
    assert not list(session.glob("*.part"))
    assert repair(session, thorough=True) is None


def test_what_a_killed_repair_of_a_whole_session_left_is_cleared_and_nothing_else(session: Path) -> None:
    for name in ("marks.part", "report.html.part"):
        (session / name).write_bytes(b"half of it")
    assert repair(session) is None
    assert repair(session, thorough=True) is not None
    assert [path.name for path in session.glob("*.part")] == ["report.html.part"], "an export is under way"


def test_a_damaged_session_json_is_kept_and_made_anew(session: Path) -> None:
    (session / "session.json").write_bytes(b'{"format": 1, "sta')
    assert repair(session) is not None
    assert (session / "session.damaged").read_bytes() == b'{"format": 1, "sta'
    assert read_session(session).state == "whole"


def test_an_empty_film_is_told_of_and_left_alone(session: Path) -> None:
    break_off(session)
    (session / "film.mkv").write_bytes(b"")
    done = repair(session)
    assert done is not None
    assert (done.unreadable, done.films) == (("film.mkv",), ("overlay.mkv",))
    assert (session / "film.mkv").read_bytes() == b""


class _Failing:
    """A film of which a disk gives so many packets, and then an error."""

    def __init__(self, film: Any, packets: int, error: Exception) -> None:
        self._film, self._packets, self._error = film, packets, error
        self.metadata, self.streams = film.metadata, film.streams

    def __enter__(self) -> "_Failing":
        return self

    def __exit__(self, *_: object) -> None:
        self._film.close()

    def demux(self) -> Iterator[Any]:
        yield from itertools.islice(self._film.demux(), self._packets)
        raise self._error


def test_a_film_is_shortened_where_it_is_torn_but_not_where_the_disk_fails(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_off(session)
    before, opened = {path.name: path.read_bytes() for path in session.iterdir()}, av.open

    def fail(error: Exception) -> None:
        def open_(path: str, *how: Any, **named: Any) -> Any:
            return opened(path, *how, **named) if how else _Failing(opened(path), 20, error)

        monkeypatch.setattr(av, "open", open_)

    fail(av.error.FFmpegError(errno.EIO, "Input/output error"))
    with pytest.raises(Refused, match=r"cannot be repaired \(Input/output error\)"):
        repair(session)
    assert {path.name: path.read_bytes() for path in session.iterdir()} == before
    fail(av.error.InvalidDataError(errno.EINVAL, "Invalid data"))
    done = repair(session)
    assert done is not None
    assert done.films == FILMS
    assert (session / "film.mkv").stat().st_size < len(before["film.mkv"])


def test_what_a_living_program_records_is_left_alone(held: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert repair(held) is None
    assert read_session(held).state == "recording"
    with pytest.raises(Refused, match="is being recorded"):
        delete(held)
    with pytest.raises(Refused, match="another program records"):
        Recorder(held, {}, sound=False)
    assert main(["sessions", "repair", str(held.parent)]) == 0
    assert "nothing to repair" in capsys.readouterr().out


def test_a_session_of_another_version_is_refused(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (session / "session.json").write_text('{"format": 2, "ended": null}')
    before = (session / "session.json").read_bytes()
    for words in (["repair", str(session)], ["show", str(session)], ["list", str(session.parent)]):
        assert main(["sessions", *words]) == 2
        told = capsys.readouterr().err
        assert "another version (format 2" in told
        assert told.count("\n") == 1
    for words in (["sessions", "export", str(session)], ["replay", str(session), "--no-window"]):
        assert main(words) == 2
        assert "another version (format 2" in capsys.readouterr().err
    assert (session / "session.json").read_bytes() == before


def test_a_full_disk_during_a_repair_leaves_everything_as_it_was(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import resource

    break_off(session)
    before = {path.name: path.read_bytes() for path in session.iterdir()}
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        code = main(["sessions", "repair", str(session)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert code == 2
    assert "cannot be repaired" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in session.iterdir()} == before
    assert repair(session) is not None


# Told


def test_sessions_are_listed_among_other_files(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = session.parent
    (folder / "notes.txt").write_text("mine")
    (folder / "holiday").mkdir()
    assert sessions_below(folder) == [session]
    assert main(["sessions", "list", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert session.name in shown
    assert "whole" in shown
    assert main(["sessions", "list", str(folder), "--json"]) == 0
    [facts] = json.loads(capsys.readouterr().out)
    assert (facts["state"], facts["decisions"], facts["length_s"]) == ("whole", 15, 3.0)
    assert sum(facts["labels"].values()) == 15
    assert facts["size"] == sum(path.stat().st_size for path in session.iterdir())


def test_one_session_is_shown_with_its_peaks(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sessions", "show", str(session)]) == 0
    shown = capsys.readouterr().out
    assert "peak at 0:00:00" in shown
    assert "film.mkv" in shown


def test_damaged_sessions_are_named_in_the_table_and_explained_beside_it(
    session: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    folder, remedy = session.parent, f" (realtime-cer sessions repair {session})"
    path = session / "decisions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:4], b'{"t":0.8,"se\xc3\n', *lines[4:], lines[0][:40]]))
    strange = folder / "strange"
    strange.mkdir()
    (strange / "session.json").write_bytes(b'{"format": 1, "sta')
    empty = folder / "void"
    empty.mkdir()
    (empty / "session.json").write_text('{"format": 1, "started": null, "ended": "2026-05-04T10:30:00+02:00"}')
    assert main(["sessions", "list", str(folder)]) == 2
    told = capsys.readouterr()
    rows = {words[1]: words[3] for line in told.out.splitlines() if len(words := line.split()) > 4 and words[0] == "│"}
    assert rows == {session.name: "damaged", "strange": "unreadable", "void": "damaged"}
    assert told.err.splitlines() == [
        f"realtime-cer: {strange / 'session.json'} is damaged: try realtime-cer sessions repair {strange}",
        f"realtime-cer: {path}: 15 lines were read; 2 lines from 5 on are torn, and left out{remedy}",
        f"realtime-cer: {empty} holds no decisions",
    ]
    assert main(["sessions", "show", str(session)]) == 0
    told = capsys.readouterr()
    assert "damaged" in told.out
    assert told.err.count("\n") == 1
    path.write_bytes(b"".join([*lines, lines[0][:40]]))
    assert main(["sessions", "show", str(session), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["troubles"] == [f"{path}: 15 lines were read; line 16 is torn, and left out{remedy}"]
    assert json.loads(told.out)["decisions"] == 15
    assert repair(session) is None, "a start of live does not read all rows"
    assert main(["sessions", "repair", str(session)]) == 0
    assert "1 torn line was put beside" in capsys.readouterr().err
    assert path.read_bytes() == b"".join(lines)
    assert (session / "decisions.torn").read_bytes() == lines[0][:40] + b"\n"
    assert read_session(session).troubles == ()


def test_a_line_that_is_being_written_is_no_trouble(held: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (held / "decisions.jsonl").open("ab") as file:
        file.write(b'{"t":0.2,')
    assert main(["sessions", "show", str(held)]) == 0
    told = capsys.readouterr()
    assert "recording" in told.out
    assert told.err == ""


def test_small_sizes_are_told_in_kilobytes(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sessions", "show", str(session)]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "session.json" in line]
    size = (session / "session.json").stat().st_size
    assert 0 < size < 5000
    assert f"{size / 1000:.1f} kB" in line


def test_what_is_no_session_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    for words in (
        ["list", str(tmp_path / "none")],
        ["list", str(tmp_path / "file")],
        ["show", str(tmp_path)],
        ["show", str(tmp_path / "file")],
        ["delete", "--yes", str(tmp_path)],
        ["repair", str(tmp_path / "none")],
    ):
        assert main(["sessions", *words]) == 2, words
        assert capsys.readouterr().err.count("\n") == 1, words
    assert main(["sessions", "list", str(tmp_path)]) == 0
    assert "no sessions" in capsys.readouterr().out


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


# Deleted


def test_deleting_overwrites_before_it_removes(session: Path, tmp_path: Path) -> None:
    names = ("session.json", "decisions.jsonl", *FILMS)
    for name in names:
        os.link(session / name, tmp_path / name)  # what a curious mind would find on the disk
    assert delete(session) == []
    assert not session.exists()
    for name in names:
        kept = (tmp_path / name).read_bytes()
        assert kept == bytes(len(kept)), name


def test_files_of_others_and_what_links_lead_to_stay(session: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious.csv"
    precious.write_text("mine")
    (session / "segments.csv").symlink_to(precious)
    (session / "notes.txt").write_text("mine too")
    assert delete(session) == ["notes.txt"]
    assert precious.read_text() == "mine"
    assert [path.name for path in session.iterdir()] == ["notes.txt"]
    (tmp_path / "link").symlink_to(session)
    with pytest.raises(Refused, match="is a link"):
        delete(tmp_path / "link")


def test_deleting_asks_unless_it_is_told_not_to(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[str] = ["no", "yes"]
    monkeypatch.setattr("builtins.input", lambda _: answers.pop(0))
    assert main(["sessions", "delete", str(session)]) == 2, "nobody could be asked"
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert main(["sessions", "delete", str(session)]) == 2
    assert session.exists()
    assert main(["sessions", "delete", str(session)]) == 0
    assert not session.exists()


def test_the_end_of_input_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(io.StringIO):
        def isatty(self) -> bool:
            return True

    session = small(tmp_path / "session")
    monkeypatch.setattr(sys, "stdin", Ended())
    assert main(["sessions", "delete", str(session)]) == 2
    assert session.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["replay", "LONG"],
        ["annotate", "LONG", "--out", "OUT"],
        *(["sessions", action, "LONG"] for action in ("list", "show", "repair", "export", "overlay", "reel")),
        ["sessions", "delete", "--yes", "LONG"],
        ["sessions", "export", "SESSION", "--media", "LONG"],
        ["sessions", "reel", "SESSION", "--out", "LONG"],
    ],
    ids=" ".join,
)
def test_paths_that_cannot_be_looked_at_are_refused_in_one_line(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    session, long = small(tmp_path / "session"), "x" * 300
    (session / "film.mkv").touch()
    places = {"LONG": tmp_path / long, "SESSION": session, "OUT": tmp_path / "out"}
    assert main([str(places.get(word, word)) for word in words]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if long in line]
    assert len(told) == 1
    assert session.exists()


@pytest.mark.parametrize(
    "words",
    [
        *(["sessions", action] for action in ("list", "show", "repair", "export", "overlay", "reel")),
        ["replay", "--no-window"],
    ],
    ids=" ".join,
)
def test_a_session_whose_days_are_over_is_deleted_by_whoever_asks_for_it(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    other = small(tmp_path / "other", forget_after_days=1e6, started="2020-01-01T00:00:00+00:00")
    over = small(tmp_path / "over", forget_after_days=30, started="2020-01-01T00:00:00+00:00")
    assert main([*words, str(over)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert "over was deleted, as was asked for when it was recorded (--forget-after): give another session" in line
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


@pytest.mark.parametrize("place", ["link", "over/decisions.jsonl"])
def test_a_session_whose_days_are_over_is_found_through_links_and_by_its_rows(tmp_path: Path, place: str) -> None:
    over = small(tmp_path / "over", forget_after_days=30, started="2020-01-01T00:00:00+00:00")
    (tmp_path / "link").symlink_to(over)
    assert main(["replay", str(tmp_path / place), "--no-window"]) == 2
    assert not over.exists()


def test_a_repair_forgets_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small(tmp_path / "over", forget_after_days=30, started="2020-01-01T00:00:00+00:00")
    small(tmp_path / "other")
    assert main(["sessions", "repair", str(tmp_path)]) == 0
    assert "over was deleted" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_nonsense_about_forgetting_stops_nobody(tmp_path: Path) -> None:
    for number, days in enumerate((float("nan"), float("inf"), 1e12, "30", None)):
        small(tmp_path / f"odd {number}", forget_after_days=days, started="2025-06-01T12:00:00")
    small(tmp_path / "young", forget_after_days=30, started="2025-12-31T12:00:00")
    over = small(tmp_path / "over", forget_after_days=30, started="2025-11-01T12:00:00")  # in no zone
    assert forget(tmp_path, datetime(2026, 1, 1).astimezone()) == [over]
    assert len(list(tmp_path.iterdir())) == 6
    assert main(["sessions", "repair", str(tmp_path / "odd 0")]) == 0


def test_sessions_are_forgotten_when_their_days_are_over(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts: dict[str, Any] = json.loads((session / "session.json").read_text())
    now = datetime.fromisoformat(facts["started"])
    assert forget(session.parent, now + timedelta(days=400)) == []
    (session / "session.json").write_text(json.dumps(facts | {"forget_after_days": 30.0}))
    assert forget(session.parent, now + timedelta(days=29)) == []
    old = (now - timedelta(days=31)).isoformat()
    (session / "session.json").write_text(json.dumps(facts | {"forget_after_days": 30.0, "started": old}))
    assert main(["sessions", "list", str(session.parent)]) == 0
    assert f"{session.name} was deleted" in capsys.readouterr().err
    assert not session.exists()


def test_rows_of_a_session_read_back(session: Path) -> None:
    rows = read_rows(session / "decisions.jsonl")
    assert [to_json(row) for row in rows] == (session / "decisions.jsonl").read_text().splitlines()
    assert SIZE == (320, 240)

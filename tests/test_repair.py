"""Sessions whose program was killed: they open, and repairing them loses nothing, however often it is broken off."""

import errno
import itertools
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import pytest
from parts.kept import tell
from parts.recording import FILMS, film_times, judge, kill_recordings, moments

from realtime_cer.cli import main
from realtime_cer.errors import Refused
from realtime_cer.sessions.deletion import delete
from realtime_cer.sessions.folder import read_facts, read_session
from realtime_cer.sessions.repair import repair
from realtime_cer.sinks.recorder import Recorder


def break_off(session: Path) -> None:
    """Make a whole session look as if its program had died."""
    tell(session, ended=None)


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

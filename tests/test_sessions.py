"""Sessions on the disk: they are listed, shown and read back, the damaged ones too."""

import json
from pathlib import Path

import pytest
from parts.recording import SIZE

from realtime_cer.cli import main
from realtime_cer.sessions.folder import read_session, sessions_below
from realtime_cer.sessions.repair import repair
from realtime_cer.sinks.tables import read_rows, to_json


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


def test_rows_of_a_session_read_back(session: Path) -> None:
    rows = read_rows(session / "decisions.jsonl")
    assert [to_json(row) for row in rows] == (session / "decisions.jsonl").read_text().splitlines()
    assert SIZE == (320, 240)

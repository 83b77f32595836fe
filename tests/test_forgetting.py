"""Sessions are deleted when somebody says so, and forgotten when their days are over; nothing else is touched."""

import io
import json
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from parts.kept import small
from parts.recording import FILMS

from realtime_cer.cli import main
from realtime_cer.errors import Refused
from realtime_cer.sessions.deletion import delete, forget


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

"""Sessions whose program was killed: their rows and films are made whole, and what is known of their end is told."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import av.error

from realtime_cer.errors import Refused
from realtime_cer.sessions.folder import FILMS, read_facts, sessions_below, started, state_of
from realtime_cer.sessions.lines import row_of, sort_lines
from realtime_cer.sessions.remux import remux
from realtime_cer.sinks.disk import hold, let_go, sync
from realtime_cer.sinks.marks import mark_of
from realtime_cer.sinks.series import step_of
from realtime_cer.sinks.session import FORMAT, MARKS, ROWS, SESSION
from realtime_cer.sinks.summary import write_summary

TORN, DAMAGED = ("decisions.torn", "marks.torn"), "session.damaged"
"""What could not be read is kept under these names."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done to one session: ``torn`` counts lines that were no rows, ``unreadable`` names empty films."""

    folder: Path
    decisions: int
    torn: int
    films: tuple[str, ...]
    unreadable: tuple[str, ...]
    ended: str


def repair_all(folder: Path, tell: Callable[[Repaired | Refused], None], *, thorough: bool = False) -> None:
    """Repair what needs it among a folder's sessions, or the session itself.

    Parameters
    ----------
    folder : a session, or what holds some
    tell : told of each that was repaired, and of each that could not be, which never stops the others
    thorough : as for ``repair``

    Raises
    ------
    Refused
        There is no such folder, or it cannot be read.
    """
    for session in sessions_below(folder):
        try:
            done = repair(session, thorough=thorough)
        except Refused as refusal:
            tell(refusal)
        else:
            if done is not None:
                tell(done)


def repair(folder: Path, *, thorough: bool = False) -> Repaired | None:
    """Finish a session that has no end; None where there is nothing to do, or another program is at it.

    Lines that are no rows are moved beside, films get an index, and the end is estimated from both. Done twice, or
    killed in between and done again, the result is the same. ``thorough`` looks for torn lines in one that has ended,
    too, for which all of them are read.

    Raises
    ------
    Refused
        It is another version's session, or cannot be written.
    """
    try:
        facts = _facts(folder)
        state = state_of(folder, facts)
        if state == "recording" or (state == "whole" and not (thorough and _torn(folder))):
            return None
        lock = hold(folder)
        if lock is None:
            return None
        try:
            return _mend(folder, facts) if state == "broken" else _mend_whole(folder, facts)
        finally:
            let_go(lock)
    except (OSError, av.error.FFmpegError) as error:
        why = getattr(error, "strerror", None) or error
        remedy = "make room there, or see that its disk works and you may write"
        raise Refused(f"{folder} cannot be repaired ({why}): {remedy}") from None


def _facts(folder: Path) -> dict[str, Any]:
    """What the session tells; where that is damaged it is kept beside, and the session begins anew."""
    path = folder / SESSION
    if path.exists():
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            path.replace(folder / DAMAGED)
    return read_facts(folder) if path.exists() else {"format": FORMAT}


def _mend(folder: Path, facts: dict[str, Any]) -> Repaired:
    for leftover in folder.glob("*.part"):
        leftover.unlink()
    (rows, torn), (_, torn_marks) = (_mend_lines(path, read) for path, read in _lines_of(folder))
    ends = {name: remux(folder / name) for name in FILMS if (folder / name).exists()}
    seconds = max([rows[-1].t + step_of(rows) if rows else 0.0, *(end or 0.0 for end in ends.values())])
    begun = started(folder, facts)
    ended = (begun + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    unreadable = tuple(name for name, end in ends.items() if end is None)
    films = tuple(name for name in ends if name not in unreadable)
    found = {
        **facts,
        "started": begun.isoformat(timespec="milliseconds"),
        "ended": ended,
        "decisions": len(rows),
        "repaired": {
            "at": datetime.now().astimezone().isoformat(timespec="seconds"),
            "ended_estimated": True,
            "torn_lines": torn + torn_marks,
            "unreadable_films": list(unreadable),
        },
    }
    write_summary(folder / SESSION, found)
    sync(folder / SESSION)
    sync(folder)
    return Repaired(folder, len(rows), torn + torn_marks, films, unreadable, ended)


def _torn(folder: Path) -> bool:
    """Whether there are lines that stand for nothing, or what a repair of lines left that was killed."""
    return any(
        _part_of(path).exists() or (path.exists() and sort_lines(path, read).torn) for path, read in _lines_of(folder)
    )


def _mend_whole(folder: Path, facts: dict[str, Any]) -> Repaired:
    for path, _ in _lines_of(folder):
        _part_of(path).unlink(missing_ok=True)  # nothing else of that kind: an export may be under way
    (rows, torn), (_, torn_marks) = (_mend_lines(path, read) for path, read in _lines_of(folder))
    return Repaired(folder, len(rows), torn + torn_marks, (), (), facts["ended"])


def _lines_of(folder: Path) -> tuple[tuple[Path, Callable[[Any], Any]], ...]:
    """The files of lines, and what reads one of each."""
    return (folder / ROWS, row_of), (folder / MARKS, mark_of)


def _part_of(path: Path) -> Path:
    return path.with_suffix(".part")


def _mend_lines(path: Path, read: Callable[[Any], T]) -> tuple[list[T], int]:
    """Put lines that ``read`` makes nothing of beside; gives what it makes of the others, and how many went."""
    if not path.exists():
        return [], 0
    found = sort_lines(path, read)
    whole = b"".join(line + b"\n" for line in found.whole)
    if whole != path.read_bytes():
        beside = path.with_suffix(".torn")
        before = beside.read_bytes() if beside.exists() else b""
        torn = b"".join(line + b"\n" for line in found.torn.values())
        if not (b"\n" + before).endswith(b"\n" + torn):  # else a repair that was killed has put them there
            _replace(beside, before + torn)
        _replace(path, whole)
    return found.values, len(found.torn)


def _replace(path: Path, data: bytes) -> None:
    """Write a file anew, whole or not at all."""
    partial = _part_of(path)
    try:
        partial.write_bytes(data)
        sync(partial)
        partial.replace(path)
        sync(path.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)

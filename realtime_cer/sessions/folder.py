"""A session's folder as it lies on the disk: what it tells of itself, and what state it is in."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from realtime_cer.errors import Refused
from realtime_cer.sessions.lines import row_of, sort_lines
from realtime_cer.sinks.disk import LOCK, hold, let_go, size_of
from realtime_cer.sinks.marks import Mark, mark_of
from realtime_cer.sinks.peaks import MOST, Peak, peaks
from realtime_cer.sinks.series import step_of
from realtime_cer.sinks.session import CLEAN, DRAWN, FORMAT, MARKS, ROWS, SESSION

FILMS = (CLEAN, DRAWN)

T = TypeVar("T")

State = Literal["whole", "recording", "broken"]
"""Ended in order, being written by a program that lives, or left behind by one that died."""


@dataclass(frozen=True, slots=True)
class Session:
    """What there is to say of one session.

    ``length_s`` is up to the end of its last decision, ``size`` all bytes of its folder, ``labels`` how many decisions
    named each expression, ``marks`` what the operator marked, and ``troubles`` tells of lines that cannot be read.
    """

    folder: Path
    facts: Mapping[str, Any]
    state: State
    size: int
    decisions: int
    length_s: float
    labels: Mapping[str, int]
    peaks: tuple[Peak, ...]
    marks: tuple[Mark, ...]
    troubles: tuple[str, ...]


@contextlib.contextmanager
def looking_at(path: Path) -> Iterator[None]:
    """Turn a path at which nobody may look, or whose name is too long, into one line.

    Raises
    ------
    Refused
        In place of ``OSError``.
    """
    try:
        yield
    except OSError as error:
        why = f"{path} cannot be looked at ({error.strerror})"
        raise Refused(f"{why}: see that you may read it, or give another") from None


def is_session(folder: Path) -> bool:
    """Whether a folder holds, or began to hold, a session."""
    return not folder.is_symlink() and folder.is_dir() and any((folder / n).exists() for n in (SESSION, LOCK))


def sessions_below(folder: Path) -> list[Path]:
    """The sessions right below a folder, by name; the folder itself where it is one.

    Raises
    ------
    Refused
        There is no such folder, or it cannot be read.
    """
    try:
        if is_session(folder):
            return [folder]
        return sorted(path for path in folder.iterdir() if is_session(path))
    except NotADirectoryError:
        raise Refused(f"{folder} is a file: give the folder that live --record has written to") from None
    except FileNotFoundError:
        raise Refused(f"{folder} does not exist: give the folder that live --record has written to") from None
    except OSError as error:
        raise Refused(f"{folder} cannot be read ({error.strerror}): see that you may read it") from None


def read_facts(folder: Path) -> dict[str, Any]:
    """What ``session.json`` tells.

    Raises
    ------
    Refused
        There is none, it cannot be read, or it is another version's.
    """
    path = folder / SESSION
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(f"{folder} holds no {SESSION}: give a session, as live --record writes it") from None
    except NotADirectoryError:
        raise Refused(f"{folder} is a file: give a session, as live --record writes it") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}): see that you may read it") from None
    except ValueError:
        raise Refused(f"{path} is damaged: try realtime-cer sessions repair {folder}") from None
    if not isinstance(facts, dict):
        raise Refused(f"{path} is no {SESSION} of this program: give another session")
    of = facts.get("format", FORMAT)
    if of != FORMAT:
        raise Refused(f"{folder} is a session of another version (format {of}, not {FORMAT}): use that version")
    return facts


def state_of(folder: Path, facts: Mapping[str, Any]) -> State:
    """Whether a session has ended, is being written, or was left behind."""
    if facts.get("ended"):
        return "whole"
    if not (folder / LOCK).exists():
        return "broken"
    try:
        lock = hold(folder)
    except OSError:
        return "broken"  # nobody can be writing where nothing can be written
    if lock is None:
        return "recording"
    let_go(lock)
    return "broken"


def read_session(folder: Path) -> Session:
    """Everything there is to say of a session; rows that cannot be read are told of, and are no fault.

    Raises
    ------
    Refused
        As ``read_facts``.
    """
    facts = read_facts(folder)
    state = state_of(folder, facts)
    rows, rows_trouble = _read(folder / ROWS, row_of, state)
    marks, marks_trouble = _read(folder / MARKS, mark_of, state)
    if not rows and rows_trouble is None and not (folder / ROWS).exists():
        rows_trouble = f"{folder} holds no decisions"
    labels = Counter(row.label for row in rows if row.label)
    return Session(
        folder,
        facts,
        state,
        size_of(folder),
        len(rows),
        rows[-1].t + step_of(rows) if rows else 0.0,
        labels,
        tuple(peaks(rows) if rows else _marked(marks)),
        tuple(sorted((one for one in marks if one.by == "operator"), key=lambda one: one.t)),
        tuple(one for one in (rows_trouble, marks_trouble) if one),
    )


def _read(path: Path, read: Callable[[Any], T], state: State) -> tuple[list[T], str | None]:
    """What the lines of a file stand for, and what to say of those that are torn; the last may be being written."""
    try:
        found = sort_lines(path, read)
    except FileNotFoundError:
        return [], None
    except OSError as error:
        return [], f"{path} cannot be read ({error.strerror})"
    return found.values, None if state == "recording" else found.notice(path)


def _marked(marks: Sequence[Mark]) -> list[Peak]:
    """The strongest peaks as they were marked, where there are no rows to find them in."""
    passed = [Peak(one.t, one.label, one.share) for one in marks if one.label is not None and one.share is not None]
    return sorted(sorted(passed, key=lambda one: -one.share)[:MOST], key=lambda one: one.t)


def started(folder: Path, facts: Mapping[str, Any]) -> datetime:
    """The wall clock at the session's 0 seconds, with its zone; guessed from the files where it is not told."""
    try:
        told = datetime.fromisoformat(facts["started"])
        return told if told.tzinfo else told.astimezone()  # without a zone it is local time
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        path = folder / ROWS
        at = (path if path.exists() else folder).stat()
        return datetime.fromtimestamp(min(at.st_mtime, at.st_ctime)).astimezone()

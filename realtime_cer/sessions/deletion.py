"""Sessions that are deleted, at once or when their time has come.

What a session says in words and numbers is overwritten before its files are removed, and so are both ends of its
films, where their index and what is needed to read them lie. That is all a program can do: drives with flash memory,
snapshots, backups and file systems that never write in place may keep what was there before.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

from realtime_cer.errors import Refused
from realtime_cer.sessions.folder import (
    FILMS,
    is_session,
    looking_at,
    read_facts,
    sessions_below,
    started,
    state_of,
)
from realtime_cer.sessions.repair import DAMAGED, TORN
from realtime_cer.sinks.annotations import FILES
from realtime_cer.sinks.disk import LOCK, hold, let_go
from realtime_cer.sinks.session import MARKS, REEL, ROWS, SESSION, SIGNALS
from realtime_cer.sinks.sessionreport import PAGE, PICTURE

OURS = (ROWS, SIGNALS, MARKS, *TORN, *FILMS, REEL, *FILES.values(), PAGE, PICTURE, DAMAGED, SESSION)
"""Every file that this program writes into a session; what tells that it is one goes last."""

_ENDS = 1 << 20
"""So many bytes at either end of a film are overwritten; smaller files are overwritten whole."""


def delete(folder: Path) -> list[str]:
    """Delete a session; gives the names of files in its folder that are not its own, and stay.

    Raises
    ------
    Refused
        It is no session, is being recorded, or cannot be deleted.
    """
    if folder.is_symlink():
        raise Refused(f"{folder} is a link: give the session itself")
    try:
        if not (folder / DAMAGED).exists():
            read_facts(folder)
        lock = hold(folder)
        if lock is None:
            raise Refused(f"{folder} is being recorded: end that first")
        try:
            for path in sorted(folder.glob("*.part")):
                _erase(path)
            for name in OURS:
                _erase(folder / name)
        finally:
            let_go(lock)
        rest = sorted(path.name for path in folder.iterdir() if path.name != LOCK)
        if not rest:
            folder.rmdir()
        return rest
    except OSError as error:
        raise Refused(f"{folder} cannot be deleted ({error.strerror}): see that you may write there") from None


def forget(folder: Path, now: datetime) -> list[Path]:
    """Delete the sessions below a folder whose days are over (``forget_after_days``); gives which.

    Those that cannot be read, or tell nonsense, tell no such number, and stay.

    Raises
    ------
    Refused
        One of them is there, but cannot be deleted.
    """
    gone = [session for session in sessions_below(folder) if _over(session, now)]
    for session in gone:
        delete(session)
    return gone


def refuse_forgotten(place: Path, now: datetime) -> None:
    """Delete the session that a place is, leads to or lies in, if its days are over; whoever asked for it is told.

    Raises
    ------
    Refused
        It was deleted, or cannot be; or nobody may look at the place.
    """
    real = Path(os.path.realpath(place))
    with looking_at(place):
        session = real if real.is_dir() else real.parent
        known = is_session(session)
    if known and forget(session, now):
        why = f"{session.name} was deleted, as was asked for when it was recorded (--forget-after)"
        raise Refused(f"{why}: give another session")


def _over(session: Path, now: datetime) -> bool:
    """Whether a session has ended and its days are over."""
    try:
        facts = read_facts(session)
        days = facts.get("forget_after_days")
        over = isinstance(days, int | float) and started(session, facts) + timedelta(days=days) < now
        return over and state_of(session, facts) != "recording"
    except (Refused, OSError, ValueError, OverflowError):  # as not a number of days, or a million years of them
        return False


def _erase(path: Path) -> None:
    """Overwrite a file with zeros and remove it; a link is removed and what it leads to is left alone."""
    if path.is_file() and not path.is_symlink():
        with path.open("r+b", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            for start in range(0, size, _ENDS):
                if path.name not in (*FILMS, REEL) or start == 0 or start >= size - 2 * _ENDS:
                    file.seek(start)
                    file.write(bytes(min(_ENDS, size - start)))
            os.fsync(file.fileno())
    path.unlink(missing_ok=True)

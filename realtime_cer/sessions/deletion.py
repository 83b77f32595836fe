"""Sessions that are deleted, at once or when their time has come.

What a session says in words and numbers is overwritten before its files are removed, and so are both ends of its
films, where their index and what is needed to read them lie. That is all a program can do: drives with flash memory,
snapshots, backups and file systems that never write in place may keep what was there before.
"""

import contextlib
import os
from datetime import datetime, timedelta
from pathlib import Path

from realtime_cer.errors import Refused
from realtime_cer.sessions.folder import FILMS, read_facts, sessions_below, started, state_of
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

    Those that cannot be read tell no such number, and stay.

    Raises
    ------
    Refused
        One of them is there, but cannot be deleted.
    """
    gone = []
    for session in sessions_below(folder):
        with contextlib.suppress(Refused):
            facts = read_facts(session)
            days = facts.get("forget_after_days")
            over = isinstance(days, int | float) and started(session, facts) + timedelta(days=days) < now
            if over and state_of(session, facts) != "recording":
                gone.append(session)
    for session in gone:
        delete(session)
    return gone


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

"""What a disk does to a recording: how long it lasts, what of it is safe, and who holds its folder. No threads."""

import contextlib
import errno
import os
import shutil
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from realtime_cer.told import Told

LOCK = ".lock"
"""In a session's folder while a living program writes there."""

_NO_FOLDERS = errno.EINVAL, errno.ENOTSUP
"""What file systems of networks and of programs say where they cannot sync a folder."""

_SPAN_S = 60.0
_LEAST_S = 3.0

_WARN_S, _END_S = 600.0, 60.0
"""How long the disk must last: a warning below the first, the end of the recording below the second."""


class Forecast:
    """How long a disk lasts, at the rate of the last minute. Pure: times and sizes in, seconds out."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def left_s(self, now: float, written: int, free: int) -> float | None:
        """Seconds until the disk is full.

        Parameters
        ----------
        now : in seconds
        written : bytes that were written so far
        free : bytes that are left, whoever takes them

        Returns
        -------
        None while the rate is not known: in the first three seconds, and while nothing is written.
        """
        self._seen.append((now, written))
        while now - self._seen[0][0] > _SPAN_S:
            self._seen.popleft()
        since, before = self._seen[0]
        if now - since < _LEAST_S or written <= before:
            return None
        return free * (now - since) / (written - before)


class Room:
    """How long there is room for what is written right into a folder.

    Parameters
    ----------
    folder : of a session
    notice : told once when there is little
    """

    def __init__(self, folder: Path, notice: Callable[[Told], object]) -> None:
        self._folder, self._notice = folder, notice
        self._forecast, self._warned = Forecast(), False

    def ends(self, now: float) -> bool:
        """Look; gives whether there is too little to go on."""
        left = self._left_s(now)
        if left is None or left >= _WARN_S:
            return False
        if left >= _END_S and not self._warned:
            self._warned = True
            self._notice(
                Told("the disk lasts for {minutes:.0f} minutes more of recording: make room", minutes=left / 60)
            )
        return left < _END_S

    def _left_s(self, now: float) -> float | None:
        try:
            return self._forecast.left_s(now, size_of(self._folder), shutil.disk_usage(self._folder).free)
        except OSError:
            return None  # whoever writes there is told


def size_of(folder: Path) -> int:
    """Bytes of the files right in a folder; what vanishes meanwhile counts nothing."""
    total = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk itself, so that a power cut does not take them.

    Raises
    ------
    OSError
        The disk fails; not where a file is not there, nor for folders on systems and file systems that cannot.
    """
    folder = path.is_dir()
    if folder and sys.platform == "win32":
        return
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if not (folder and error.errno in _NO_FOLDERS):
                raise
        finally:
            os.close(descriptor)


def hold(folder: Path) -> FileLock | None:
    """Take a session's folder for this program; None where another that lives has it.

    Whoever dies lets go. Free it with ``let_go``.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def let_go(lock: FileLock) -> None:
    """Free a folder that ``hold`` took."""
    lock.release()
    with contextlib.suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)

"""A session's folder, as it is begun: the names of its files, and the lines that are added to them."""

import os
import tempfile
from datetime import datetime
from io import FileIO
from pathlib import Path

from realtime_cer.errors import Refused

FORMAT = 1
"""Of a session's folder; another number is another version's."""

SESSION, ROWS, SIGNALS, CLEAN, DRAWN = "session.json", "decisions.jsonl", "signals.jsonl", "film.mkv", "overlay.mkv"
REEL, MARKS = "reel.mkv", "marks.jsonl"


def make_folder(folder: Path, flag: str) -> None:
    """Make a folder below which there will be sessions, and see that it can be written.

    Raises
    ------
    Refused
        It cannot; ``flag`` is where another can be given.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise Refused(f"{folder} is a file: give a folder with {flag}")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Refused(f"{folder} cannot be written ({error.strerror}): give another folder with {flag}") from None


def new_session(folder: Path, flag: str = "--record") -> Path:
    """Make a session's folder, named after the local time.

    Raises
    ------
    Refused
        It cannot be made or written; ``flag`` is where another can be given.
    """
    make_folder(folder, flag)
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    try:
        number = 1
        while True:
            session = folder / (stamp if number == 1 else f"{stamp}_{number}")
            try:
                session.mkdir()
            except FileExistsError:
                number += 1
                continue
            return session
    except OSError as error:
        raise Refused(f"{folder} cannot be written ({error.strerror}): give another folder with {flag}") from None


class Lines:
    """A file to which whole lines are added, each down to the operating system at once. It is made with the first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None

    def add(self, line: str) -> None:
        """Add one line, or nothing: of what a disk that is nearly full takes a part, that part is taken back.

        Raises
        ------
        OSError
            It cannot be written. The next line can be tried.
        """
        if self._file is None:
            self._file = self._path.open("ab", buffering=0)
        whole = os.fstat(self._file.fileno()).st_size
        rest = line.encode() + b"\n"
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(whole)
            raise

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

"""The logs of a kiosk: why its program ended, and what that logged; words alone, in small files that replace others."""

import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import platformdirs

from realtime_cer import __version__
from realtime_cer.commands.console import notice

FILE, LIVE = "kiosk.log", "live.log"

LARGEST = 1_000_000
"""Bytes in one file."""

KEPT = 4
"""Older files of ends that are kept beside the newest."""


def logs_folder() -> Path:
    """Where logs are kept: ``REALTIME_CER_LOGS``, or where the system keeps such things."""
    own = os.environ.get("REALTIME_CER_LOGS")
    return Path(own) if own else platformdirs.user_log_path("realtime_cer", appauthor=False)


class _SmallFiles(RotatingFileHandler):
    """A log in the logs' folder; one that cannot be written is told of once and never stops anything."""

    def __init__(self, name: str, kept: int) -> None:
        self.path = logs_folder() / name
        self._told = False
        super().__init__(
            self.path, maxBytes=LARGEST, backupCount=kept, encoding="utf-8", errors="backslashreplace", delay=True
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, into a folder that is made where it is missing."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            self.handleError(record)
            return
        super().emit(record)

    def close(self) -> None:
        """Close the file; what a full disk did not take is lost."""
        with contextlib.suppress(OSError):
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the library's spelling
        """Tell of a log that cannot be written."""
        if not self._told:
            self._told = True
            error = sys.exc_info()[1]
            why = getattr(error, "strerror", None) or str(error)
            notice(f"log {self.path} cannot be written ({why}): name another folder with REALTIME_CER_LOGS")


class CrashLog(_SmallFiles):
    """Writes entries.

    Parameters
    ----------
    settings : what every entry repeats; no secrets
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = json.dumps(settings, ensure_ascii=False)
        super().__init__(FILE, KEPT)

    def note(self, what: str, last: str, meters: Mapping[str, Any] | None) -> None:
        """Add an entry.

        Parameters
        ----------
        what : how it ended, and what is done about it, in one line
        last : the program's last words, stacks among them
        meters : the last that the program said of itself, if anything
        """
        when = datetime.now().astimezone().isoformat(timespec="seconds")
        lines = [
            f"{when} realtime-cer {__version__}: {what}",
            f"  settings: {self._settings}",
            f"  meters: {json.dumps(meters) if meters else 'none yet'}",
            *(f"  | {line}" for line in last.splitlines()),
        ]
        self.handle(logging.LogRecord("kiosk", logging.ERROR, "", 0, "\n".join(lines), None, None))


@contextlib.contextmanager
def logged() -> Iterator[None]:
    """Meanwhile what the package logs, the stack of a worker that hangs for one, goes into ``live.log`` as well."""
    log, file = logging.getLogger("realtime_cer"), _SmallFiles(LIVE, 1)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    log.addHandler(file)
    try:
        yield
    finally:
        log.removeHandler(file)
        file.close()

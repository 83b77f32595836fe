"""The log of a kiosk: why its program ended, in words alone, in a few small files that replace one another."""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import platformdirs

from realtime_cer import __version__
from realtime_cer.commands.console import notice

FILE = "kiosk.log"

LARGEST = 1_000_000
"""Bytes in one file."""

KEPT = 4
"""Older files that are kept beside the newest."""


def logs_folder() -> Path:
    """Where logs are kept: ``REALTIME_CER_LOGS``, or where the system keeps such things."""
    own = os.environ.get("REALTIME_CER_LOGS")
    return Path(own) if own else platformdirs.user_log_path("realtime_cer", appauthor=False)


class CrashLog(RotatingFileHandler):
    """Writes entries; a log that cannot be written is told of once and never stops anything.

    Parameters
    ----------
    settings : what every entry repeats; no secrets
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.path = logs_folder() / FILE
        self._settings = json.dumps(settings, ensure_ascii=False)
        self._told = False
        super().__init__(
            self.path, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8", errors="backslashreplace", delay=True
        )

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
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._tell(error)
            return
        self.handle(logging.LogRecord("kiosk", logging.ERROR, "", 0, "\n".join(lines), None, None))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the library's spelling
        """Tell of a log that cannot be written."""
        self._tell(sys.exc_info()[1])

    def _tell(self, error: BaseException | None) -> None:
        if not self._told:
            self._told = True
            why = getattr(error, "strerror", None) or str(error)
            notice(f"log {self.path} cannot be written ({why}): name another folder with REALTIME_CER_LOGS")

"""A folder of results: refused when it cannot or must not be written, filled row by row, finished in the end."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from realtime_cer.commands.console import notice
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.records import Decision
from realtime_cer.sinks.annotations import FILES as ANNOTATIONS
from realtime_cer.sinks.sessionreport import PAGE, PICTURE
from realtime_cer.sinks.summary import Tally, library_versions, write_summary
from realtime_cer.sinks.tables import Tables, read_rows

ALWAYS = ("decisions.jsonl", "decisions.csv", "summary.json", "timeline.png")
OVERLAY, CHALLENGE = "overlay.mkv", "challenge.txt"
FILES = (*ALWAYS, OVERLAY, CHALLENGE)
"""Every file of a folder of results; the last two only where they were asked for."""


def usable(folder: Path, names: Sequence[str], overwrite: bool) -> None:
    """Make a folder and see that these files can be written there.

    Raises
    ------
    Refused
        It is a file, holds one of them and ``overwrite`` is not set, or cannot be written.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise Refused(f"{folder} is a file: give a folder with --out")
        there = [folder / name for name in names if (folder / name).exists()]
        strange = [path for path in there if not path.is_file()]
        if strange:
            raise Refused(f"{strange[0]} is no file and cannot be replaced: give another --out")
        if there and not overwrite:
            raise Refused(f"{there[0]} is there already: add --overwrite to replace it, or give another --out")
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Refused(f"{folder} cannot be written ({error.strerror}): give another --out") from None


def tell_earlier(folder: Path, written: Sequence[str]) -> None:
    """Tell which files beside the results were not written with them; people may have corrected them, so they stay."""
    names = [name for name in (*ANNOTATIONS.values(), PAGE, PICTURE) if name not in written]
    old = ", ".join(name for name in names if os.path.exists(folder / name))  # also of a disk that is gone
    if old:
        notice(f"of earlier results in {folder}, left as they are: {old}; sessions export --overwrite replaces them")


class Results:
    """Writes the result files that every run has; what was written stays whole if it ends early.

    Parameters
    ----------
    folder : made by ``usable``
    config : the settings that the summary tells
    origin : time of the first instant; rows count from there, so that they start at 0
    """

    def __init__(self, folder: Path, config: Config, origin: float = 0.0) -> None:
        self.folder = folder
        self._config = config
        self._origin = origin
        self._tally = Tally()
        self._started = time.perf_counter()
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
        self._tables = Tables(folder)

    def __enter__(self) -> Self:
        self._tables.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # a full disk was told when a row or the summary was written
            self._tables.__exit__(kind, error, trace)

    def write(self, decision: Decision) -> None:
        """Keep one decision."""
        if self._origin:
            decision = replace(decision, t=decision.t - self._origin)
        with kept(self.folder):
            self._tables.write(decision)
        self._tally.add(decision)

    def finish(self, *, title: str, duration_s: float, hashes: dict[str, str], **facts: Any) -> dict[str, Any]:
        """Write the summary and the picture; gives the summary.

        Parameters
        ----------
        title : what the picture is called
        duration_s : of the analysed stream
        hashes : SHA-256 of every network by name
        facts : more for the summary: source, notices, alignment, interrupted
        """
        wall = time.perf_counter() - self._started
        with kept(self.folder):
            self._tables.__exit__(None, None, None)
        summary = {
            **facts,
            "duration_s": round(duration_s, 3),
            "wall_s": round(wall, 3),
            "real_time_factor": round(wall / duration_s, 4) if duration_s > 0 else None,
            **self._tally.result(),
            "settings": self._config.model_dump(mode="json"),
            "networks": hashes,
            "versions": library_versions(),
        }
        from realtime_cer.sinks.timeline import draw_timeline

        with kept(self.folder):
            write_summary(self.folder / "summary.json", summary)
            draw_timeline(self.folder / "timeline.png", read_rows(self.folder / "decisions.jsonl"), title)
        return summary


@contextlib.contextmanager
def kept(folder: Path) -> Iterator[None]:
    """Turn a disk that is full, or gone, into one line."""
    try:
        yield
    except OSError as error:
        why = f"{folder} cannot be written any more ({error.strerror})"
        raise Refused(f"{why}: make room, or give another folder; what was written is kept") from None

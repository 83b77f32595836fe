"""Records a live session: every decision, and a film with what was recognised.

One thread, which owns the encoder. Whoever brings pictures, sound and decisions never waits for it: the queue is
bounded, and what does not fit in is left out and counted. Decisions are small, so they wait where pictures do not.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import av.error

from realtime_cer.errors import Refused
from realtime_cer.records import AudioBlock, Decision, Frame
from realtime_cer.sinks.livefilm import LiveFilm
from realtime_cer.sinks.summary import library_versions, write_summary
from realtime_cer.sinks.tables import to_json

Item = Frame | AudioBlock | Decision

_MOST: dict[type[Item], int] = {Frame: 30, AudioBlock: 300, Decision: 3000}
"""How many of each may wait: a second of pictures, which are large, and long stretches of the others."""

_KINDS: dict[type[Item], str] = {Frame: "pictures", AudioBlock: "sound", Decision: "decisions"}


def new_session(folder: Path) -> Path:
    """Make a session's folder, named after the local time.

    Raises
    ------
    Refused
        It cannot be made or written.
    """
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    try:
        if folder.exists() and not folder.is_dir():
            raise Refused(f"{folder} is a file: give a folder with --record")
        folder.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            session = folder / (stamp if number == 1 else f"{stamp}_{number}")
            try:
                session.mkdir()
            except FileExistsError:
                number += 1
                continue
            write_summary(session / "session.json", {})
            return session
    except OSError as error:
        raise Refused(f"{folder} cannot be written ({error.strerror}): give another folder with --record") from None


class Recorder:
    """Writes ``session.json``, ``decisions.jsonl`` and, once there is a picture, ``overlay.mkv`` into a folder.

    Parameters
    ----------
    folder : made by ``new_session``
    facts : what ``session.json`` tells beside times and versions: devices, engines, settings
    sound : whether blocks of sound will come

    Attributes
    ----------
    lost : how many pictures, blocks of sound and decisions were left out
    error : the first thing that went wrong, in one line; None while all is well
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], *, sound: bool) -> None:
        self.folder = folder
        self.lost: Counter[str] = Counter()
        self.error: str | None = None
        self._facts = {"started": datetime.now().astimezone().isoformat(timespec="milliseconds"), **facts}
        self._film = LiveFilm(folder / "overlay.mkv", sound=sound)
        self._filming = True
        self._rows: TextIO | None = None
        self._count = 0
        self._origin = 0.0
        self._waiting: deque[Item] = deque()
        self._held: Counter[type[Item]] = Counter()
        self._ready = threading.Condition()
        self._ending = False
        self._thread: threading.Thread | None = None

    def begin(self, origin: float) -> None:
        """Start to record; ``origin`` is the time that becomes 0 in rows and film."""
        self._origin = origin
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def tap(self, item: Item) -> None:
        """Take one item, from any thread, at once; before ``begin`` and after ``close`` it is passed over."""
        kind = type(item)
        with self._ready:
            if self._thread is None or self._ending:
                return
            if self._held[kind] >= _MOST[kind]:
                self.lost[_KINDS[kind]] += 1
                return
            self._held[kind] += 1
            self._waiting.append(item)
            self._ready.notify()

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write out what waits and finish the files; False if the encoder is stuck and was left alone."""
        with self._ready:
            self._ending = True
            self._ready.notify()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._try(self._start)
        while (item := self._next()) is not None:
            self._take(item)
        while self._filming and not self._try(self._film.finish):
            self.lost["pictures"] += 1
        self._try(self._film.close)
        if self._rows is not None:
            self._try(self._rows.close)
        self._try(lambda: self._note(ended=datetime.now().astimezone().isoformat(timespec="milliseconds")))

    def _start(self) -> None:
        self._note(ended=None)
        self._rows = (self.folder / "decisions.jsonl").open("w", encoding="utf-8", newline="\n")

    def _next(self) -> Item | None:
        """The oldest item that waits; None when there will be no more."""
        with self._ready:
            while not self._waiting:
                if self._ending:
                    return None
                self._ready.wait(0.5)
            item = self._waiting.popleft()
            self._held[type(item)] -= 1
            return item

    def _take(self, item: Item) -> None:
        item = replace(item, t=item.t - self._origin)
        if isinstance(item, Decision) and not self._try(lambda: self._write_row(item)):
            self.lost["decisions"] += 1
        if self._filming:
            refused = self._film.refused
            if not self._try(lambda: self._give(item)):
                self.lost["pictures"] += 1
            if self._film.refused > refused:
                self.lost["pictures"] += self._film.refused - refused
        elif not isinstance(item, Decision):
            self.lost[_KINDS[type(item)]] += 1

    def _give(self, item: Item) -> None:
        if isinstance(item, Frame):
            self._film.frame(item)
        elif isinstance(item, AudioBlock):
            self._film.block(item)
        else:
            self._film.decision(item)

    def _write_row(self, decision: Decision) -> None:
        assert self._rows is not None
        self._rows.write(to_json(decision) + "\n")
        self._rows.flush()
        self._count += 1

    def _try(self, work: Callable[[], None]) -> bool:
        """Do something that may fail; one damaged picture is left out, a disk that fails ends the film."""
        try:
            work()
        except Exception as error:
            what = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            self.error = self.error or str(what)
            if isinstance(error, OSError | av.error.FFmpegError) and not isinstance(error, ValueError):
                self._filming = False
            return False
        return True

    def _note(self, ended: str | None) -> None:
        """Write ``session.json``: at the start what is known then, at the end all."""
        found = {
            **self._facts,
            "ended": ended,
            "decisions": self._count,
            "pictures": self._film.pictures,
            "lost": dict(self.lost),
            "error": self.error,
            "versions": library_versions(),
        }
        write_summary(self.folder / "session.json", found)

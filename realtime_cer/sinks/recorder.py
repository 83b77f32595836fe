"""Records a live session: every decision, and films, clean and with what was recognised.

Running at the same time, each in its own thread:

- recorder rows: writes every decision down to the operating system, so that nothing older than it survives the program;
- recorder film: owns the encoders (``filming``);
- recorder disk: once a second has the files on the disk itself;
- recorder: looks how long the disk lasts, and ends the others.

Whoever brings pictures, sound and decisions never waits for any of them: what waits is bounded, and what does not fit
in is left out and counted. A disk that hangs holds up neither recognition nor, but for itself, the writing of rows.
"""

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import av.error

from realtime_cer.errors import Refused
from realtime_cer.records import AudioBlock, Decision, Frame, Snapshot
from realtime_cer.sinks.avatar import draw_avatar
from realtime_cer.sinks.disk import Room, hold, let_go
from realtime_cer.sinks.filming import KINDS, Filming, Films, Item
from realtime_cer.sinks.inbox import Inbox
from realtime_cer.sinks.marks import Mark, MarkWriter
from realtime_cer.sinks.safe import Syncing
from realtime_cer.sinks.session import FORMAT, MARKS, ROWS, SESSION, SIGNALS, Lines
from realtime_cer.sinks.signals import Voice, signal_row
from realtime_cer.sinks.summary import library_versions, write_summary
from realtime_cer.sinks.tables import to_json
from realtime_cer.told import Told

_MOST_ROWS: dict[type[Item | Mark], int] = {AudioBlock: 300, Decision: 3000, Mark: 100}
"""How many of each may wait."""

_LOOK_S, _SYNC_S = 1.0, 0.5


class Recorder:
    """Writes rows, marks, films and what there is to tell of them into a folder, which it holds from now on.

    Parameters
    ----------
    folder : made by ``new_session``
    facts : what ``session.json`` tells beside times and versions: devices, engines, settings
    sound, pictures : whether blocks of sound, and pictures, will come
    film : ``film.mkv`` (clean), ``overlay.mkv`` (with what was recognised), both; or, without anybody's picture and
        voice, ``signals.jsonl`` and an ``overlay.mkv`` with an avatar
    notice : told in one line, from any thread, what becomes of the disk and of the recording until ``close``
    clock : the one by which everything is stamped

    Attributes
    ----------
    lost : how many pictures, blocks of sound and decisions were left out
    error : the first thing that went wrong, in one line; None while all is well
    ended, faceless : whether the session tells of its end; whether it keeps nobody's picture and voice

    Raises
    ------
    Refused
        The folder cannot be written, or another program has it.
    """

    def __init__(
        self,
        folder: Path,
        facts: Mapping[str, Any],
        *,
        sound: bool,
        pictures: bool = True,
        film: Filming = "clean",
        notice: Callable[[Told], object] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.lost: Counter[str] = Counter()
        self.error: str | None = None
        self._notice, self._clock = notice, clock
        self.faceless = film == "avatar"
        self._moment: Callable[[], Snapshot] | None = None
        self._films = Films(folder, film, sound=sound, pictures=pictures, lose=self._lose, fail=self._end_film)
        self._count = self._moved = 0
        self._origin = 0.0
        self._changed = threading.Lock()
        self._row_inbox: Inbox[Item | Mark] = Inbox(_MOST_ROWS)
        self.ended = self._recording = self._torn = False
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._facts: dict[str, Any] = {"format": FORMAT, "started": None, "started_unix": None, **facts, "film": film}
        try:
            lock = hold(folder)
            if lock is None:
                raise Refused(f"another program records into {folder}: give another folder")
            self._lock = lock
            self._note(ended=None)
        except OSError as error:
            raise Refused(f"{folder} cannot be written ({error.strerror}): give another folder") from None

    def begin(self, origin: float, moment: Callable[[], Snapshot] | None = None) -> None:
        """Start to record. ``origin`` becomes 0 in rows and film; an avatar needs ``moment``, what is seen just now."""
        self._origin, self._moment = origin, moment
        started = datetime.now().astimezone() - timedelta(seconds=self._clock() - origin)
        stamp = round(started.timestamp(), 3)
        self._facts |= {"started": started.isoformat(timespec="milliseconds"), "started_unix": stamp}
        self._films.begin(origin, started)
        self._try(lambda: self._note(ended=None))
        self._recording = True
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def recording(self) -> bool:
        """Whether it records just now, and all that it should: no film was ended by a fault."""
        return self._recording and not self._torn

    def tap(self, item: Item) -> None:
        """Take one item, from any thread, at once; before ``begin`` and after the end it is passed over."""
        if not self._recording:
            return
        rows = isinstance(item, Decision) or (self.faceless and isinstance(item, AudioBlock))
        if rows and not self._row_inbox.put(item):
            self._lose(KINDS[type(item)])
        if not self.faceless or isinstance(item, Decision):  # else the film shows an avatar, and is silent
            self._films.put(item)

    def mark(self) -> float | None:
        """Mark this moment, at once, from any thread; gives its time in the session, or None if that has ended."""
        mark = Mark(max(self._clock(), self._origin), "operator")  # it may begin at an instant that is still to come
        return mark.t - self._origin if self._recording and self._row_inbox.put(mark) else None

    def close(self, timeout_s: float = 1.5) -> bool:
        """Write out what waits and finish the files; False if nothing moved for so long, and it was left alone."""
        self._recording = False
        self._ending.set()
        if self._thread is None:
            let_go(self._lock)
            return True
        moved, since = (0, 0), time.monotonic()
        while self._thread.is_alive() and time.monotonic() - since < timeout_s:
            if (now := (self._moved, self._films.moved)) != moved:
                moved, since = now, time.monotonic()
            self._thread.join(0.05)
        return not self._thread.is_alive()

    def _run(self) -> None:
        """The recorder's own thread: starts the others, watches over the disk, and ends them."""
        names = SESSION, ROWS, SIGNALS, MARKS, *self._films.names, "."
        syncing = Syncing([self.folder / name for name in names], self._fail)
        rows = threading.Thread(target=self._write_rows, name="recorder rows", daemon=True)
        rows.start()
        self._watch()
        self._recording = False
        self._row_inbox.end()
        rows.join()
        self._films.end()  # after the rows, from which avatars come
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        self.ended = self._try(lambda: self._note(ended=now))
        syncing.end(_SYNC_S)
        let_go(self._lock)

    def _watch(self) -> None:
        """Look after the disk until the recording ends, or must end."""
        room = Room(self.folder, self._notice)
        while not self._ending.wait(_LOOK_S):
            if room.ends(time.monotonic()):
                self.error = self.error or "stopped, as the disk had room for less than a minute more"
                self._notice(Told("the disk is nearly full: the recording was ended, and is whole up to here"))
                return

    def _write_rows(self) -> None:
        """The thread that owns the rows."""
        voice = Voice()
        with (
            contextlib.closing(Lines(self.folder / ROWS)) as rows,
            contextlib.closing(Lines(self.folder / SIGNALS)) as signals,
            contextlib.closing(MarkWriter(self.folder / MARKS)) as marks,
        ):
            while (item := self._row_inbox.take()) is not None:
                self._moved += 1
                item = replace(item, t=item.t - self._origin)
                if isinstance(item, AudioBlock):
                    voice.hear(item)
                elif isinstance(item, Mark):
                    self._try(partial(marks.add, item))
                elif isinstance(item, Decision):
                    try:
                        rows.add(to_json(item))
                    except Exception as error:
                        self._fail(error)
                        self._lose("decisions")
                        continue
                    self._count += 1
                    self._try(partial(marks.follow, item))
                    if self._moment is not None and self.faceless:
                        self._try(partial(self._signal, item, self._moment(), voice, signals))
            self._try(marks.finish)

    def _signal(self, decision: Decision, moment: Snapshot, voice: Voice, signals: Lines) -> None:
        """Keep what there is beside a decision where nobody's picture and voice are kept, and draw the avatar."""
        visual = moment.visual if moment.visual is not None and moment.visual.k == decision.seq else None
        row = signal_row(decision.t, decision.seq, visual, moment.sound, voice.before(decision.t))
        signals.add(json.dumps(row, allow_nan=False, separators=(",", ":")))
        if moment.analysed is not None:
            height, width = moment.analysed.picture.shape[:2]
            face = None if visual is None or visual.face is None else visual.face.landmarks
            self._films.put(Frame(decision.t + self._origin, decision.seq, draw_avatar(width, height, face)))

    def _lose(self, what: str, count: int = 1) -> None:
        if count:
            with self._changed:
                self.lost[what] += count

    def _fail(self, error: Exception) -> bool:
        """Keep the first fault, and tell it; gives whether it is one of the disk or the encoder, which lasts."""
        what = str(getattr(error, "strerror", None) or f"{type(error).__name__}: {error}")
        with self._changed:
            first, self.error = self.error is None, self.error or what
        if first and not self._ending.is_set():  # what fails at the end is for whoever ends it to tell
            self._notice(Told("the recording is not whole from now on ({why}); recognition goes on", why=what))
        return isinstance(error, OSError | av.error.FFmpegError) and not isinstance(error, ValueError)

    def _end_film(self, error: Exception) -> bool:
        """Keep a fault of a film; gives whether it lasts, which ends that film."""
        lasts = self._fail(error)
        self._torn = self._torn or lasts
        return lasts

    def _try(self, work: Callable[[], None]) -> bool:
        """Do something that may fail."""
        try:
            work()
        except Exception as error:
            self._fail(error)
            return False
        return True

    def _note(self, ended: str | None) -> None:
        """Write ``session.json``: at the start what is known then, at the end all."""
        known = {
            "ended": ended,
            "decisions": self._count,
            "pictures": self._films.pictures,
            "lost": dict(self.lost),
            "error": self.error,
            "versions": library_versions(),
        }
        write_summary(self.folder / SESSION, self._facts | known)

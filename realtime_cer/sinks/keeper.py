"""Keeps the moment just gone, when somebody asks for it: one thread, which owns the encoder.

Nothing is on the disk before. Whoever brings pictures, sound and decisions never waits; what does not fit in is left
out.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av.error

from realtime_cer.errors import Refused
from realtime_cer.records import AudioBlock, Decision, Frame
from realtime_cer.sinks.behind import stay_behind
from realtime_cer.sinks.disk import hold, let_go
from realtime_cer.sinks.inbox import Inbox
from realtime_cer.sinks.lastmoments import SPAN_S, LastMoments
from realtime_cer.sinks.session import new_session
from realtime_cer.told import Told

_log = logging.getLogger("realtime_cer")

_EXPECTED = OSError, ValueError, av.error.FFmpegError, Refused
"""What a full disk and a damaged picture are; all else is a fault of ours."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """To keep what is held when its turn comes, which is after all that came before it."""


@dataclass(frozen=True, slots=True)
class _Farewell:
    """Wakes the thread to let go of what is held, also where nothing more comes."""


Item = Frame | AudioBlock | Decision
_Word = _Wish | _Farewell

_MOST: dict[type[Item | _Word], int] = {Frame: 20, AudioBlock: 300, Decision: 300, _Wish: 1, _Farewell: 1}


class Keeper:
    """Holds the last seconds in memory, and writes them as a session whenever ``keep`` is called.

    Parameters
    ----------
    folder : below which sessions are made
    facts : gives what ``session.json`` tells beside times and versions, when a moment is kept
    notice : told in one line, from any thread, where a moment was kept, or why it was not
    span_s : how much is held
    clock : the one by which everything is stamped
    """

    def __init__(
        self,
        folder: Path,
        facts: Callable[[], Mapping[str, Any]],
        notice: Callable[[Told], None],
        *,
        span_s: float = SPAN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._facts, self._notice, self._clock = folder, facts, notice, clock
        self._inbox: Inbox[Item | _Word] = Inbox(_MOST)
        self._moments = LastMoments(span_s)
        self._forgotten = self._wiped = float("-inf")
        self._over = False
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    def tap(self, item: Item) -> None:
        """Take one item, from any thread, at once."""
        if not self._over:
            self._inbox.put(item)

    def keep(self) -> None:
        """Write the moment just gone to the disk; returns at once, from any thread. Asked twice, it is done once."""
        if not self._over:
            self._inbox.put(_Wish())

    def forget(self) -> None:
        """Let go of all that is held, and hold nothing that was captured before now; at once, from any thread."""
        self._forgotten = self._clock()
        self._inbox.put(_Farewell())

    def close(self, timeout_s: float = 2.0) -> bool:
        """Do what was asked for, and let go of everything else; False if it is stuck and was left alone."""
        self._over = True
        self._inbox.end()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        stay_behind()
        failed = False
        while (item := self._inbox.take()) is not None:
            try:
                self._take(item)
            except Exception as error:  # the next wish may be granted all the same
                if isinstance(item, _Wish) or not failed:
                    self._tell(error)
                failed = failed or not isinstance(item, _Wish)

    def _tell(self, error: Exception) -> None:
        """Tell in one line why nothing is kept, and log where in our own code it went wrong."""
        why = getattr(error, "strerror", None) or str(error)
        if not isinstance(error, _EXPECTED):
            why = f"{type(error).__name__}: {error}"
            _log.error("the moment just gone is not kept", exc_info=error)
        self._notice(Told("the moment just gone is not kept: {why}", why=" ".join(why.split())))

    def _take(self, item: Item | _Word) -> None:
        since = self._forgotten
        if since > self._wiped:
            self._wiped = since
            self._moments.forget()
        if isinstance(item, _Farewell) or (not isinstance(item, _Wish) and item.t < since):
            return
        if isinstance(item, Frame):
            self._moments.frame(item)
        elif isinstance(item, AudioBlock):
            self._moments.block(item)
        elif isinstance(item, Decision):
            self._moments.decision(item)
        elif self._moments.empty:
            self._notice(Told("there is nothing to keep yet"))
        else:
            session = new_session(self._folder, "--keep")
            lock, length = hold(session), None
            try:
                length = self._moments.write(session, self._facts(), self._clock())
            finally:
                if lock is not None:
                    let_go(lock)
                if length is None:  # it is still in memory: the next wish may be granted
                    shutil.rmtree(session, ignore_errors=True)
            self._notice(Told("kept {seconds:.0f} s: {folder}", seconds=length, folder=session))

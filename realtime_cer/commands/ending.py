"""How the program ends: in order at the first signal, at once at the second, and never held up by a library.

A watcher thread counts the signals beside the main thread, which a driver may hold for as long as it likes.
"""

import contextlib
import faulthandler
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn, Self

INTERRUPTED = 130

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]

last_acts: list[Callable[[], object]] = []
"""What is still done, at once, before a second signal ends the process."""

interrupted = threading.Event()
"""Set at the first signal. Long loops look at it too: Python drops what is raised while it runs a finaliser."""

_ONE_S = 0.1
"""Signals this close together are one: whoever ends a session or a group of processes may send several."""


class Signals:
    """Meanwhile the first signal raises ``KeyboardInterrupt`` in the main thread, and the second ends the process.

    Only the main thread can enter it. Signals that were ignored from the start stay so.

    Parameters
    ----------
    patience_s : if the main thread has not even noticed the first signal by then, a driver has it, and the process
        ends; None waits for ever, for work that must not be torn
    limit_s : what has not ended so long after the first signal is ended as by a second one; None waits for ever, and
        so does it beside a ``patience_s`` of None

    Attributes
    ----------
    noticed : whether the main thread was interrupted
    """

    def __init__(self, patience_s: float | None, limit_s: float | None = None) -> None:
        self.noticed = False
        self._patience_s, self._limit_s = patience_s, limit_s
        self._heard, self._woken = socket.socketpair()  # Windows wants sockets for this
        self._woken.setblocking(False)
        self._watcher = threading.Thread(target=self._watch, name="signals", daemon=True)

    def __enter__(self) -> Self:
        interrupted.clear()
        self._watcher.start()
        self._before = signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._before)
        interrupted.clear()
        self._woken.close()
        self._watcher.join()
        self._heard.close()

    def _interrupt(self, *_: object) -> None:
        if not self.noticed:  # the second is the watcher's
            self.noticed = True
            interrupted.set()
            raise KeyboardInterrupt

    def _watch(self) -> None:
        """End the process at the second signal, or where the first does not end it; until the other end is closed."""
        first = self._next()
        if first is None:
            return
        try:
            second = self._next(first + _ONE_S, self._patience_s)
        except TimeoutError:
            if not self.noticed:
                _end_at_once()
            limit_s = self._limit_s
            left_s = None if limit_s is None else max(first + limit_s - time.monotonic(), 0.01)
            try:
                second = self._next(first + _ONE_S, left_s)
            except TimeoutError:
                _end_at_once(tell=True)
        if second is not None:
            _end_at_once()

    def _next(self, since: float = 0.0, timeout_s: float | None = None) -> float | None:
        """Wait for a signal, earlier ones than ``since`` left out; gives when it came, or None where none will.

        Raises
        ------
        TimeoutError
            None came in that time.
        """
        self._heard.settimeout(timeout_s)
        while said := self._heard.recv(64):
            now = time.monotonic()
            if now >= since and any(number in said for number in _SIGNALS):
                return now
        return None


def _end_at_once(*, tell: bool = False) -> NoReturn:
    """Do what is still to be done, and end; a log is told what every thread was at."""
    for act in list(last_acts):
        act()
    if tell:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # no descriptor, or nobody reads it
            if not sys.stderr.isatty():
                os.set_blocking(sys.stderr.fileno(), False)
                faulthandler.dump_traceback(sys.stderr)
    os._exit(INTERRUPTED)


def leave(code: int) -> NoReturn:
    """End the process; at once where it was told to, or where threads are left.

    Python cannot end threads inside a library without a crash, and some libraries take their time to clean up.
    """
    silent = False
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # nobody reads it any more; Python would try again, and change the exit code
            silent = True
    if silent or code == INTERRUPTED or threading.active_count() > 1:
        os._exit(code)
    sys.exit(code)

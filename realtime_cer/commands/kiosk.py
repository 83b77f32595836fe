"""``live --kiosk``: a parent that starts the program again, with its settings, whenever it dies or hangs.

The parent runs no network and opens no device: there is little in it that could fail.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from realtime_cer.capture.source import safe_url
from realtime_cer.commands.child import Child, Ending
from realtime_cer.commands.console import notice
from realtime_cer.commands.crashlog import CrashLog
from realtime_cer.commands.heart import HOPELESS, RESTART, UNREAD
from realtime_cer.config import Config
from realtime_cer.pipeline.hope import patience_s

LONGEST_WAIT_S = 60.0
HEALTHY_S = 600.0

_NAP_S = 0.2
_LEAST_S = 0.2
"""No program is started for less than one decision takes."""
_WATCHED_S = 2.0
_DONE, _FAULT, _REFUSED = 0, 1, 2


class Waits:
    """How long to wait before the next start: 1, 2, 4 … 60 s, from 1 again after ten minutes of health.

    One that gave up, and decided with the rest until then, leaves no wait: the next one bears its loss for longer.

    Attributes
    ----------
    gave_up : how many in a row gave up, or could not be ended: then what holds it will hold the next one, too
    """

    def __init__(self) -> None:
        self.gave_up = 0
        self._next = 1.0

    def after(self, ending: Ending) -> float:
        """The wait after a program that ended so, in seconds."""
        if ending.decided_s >= HEALTHY_S:
            self._next = 1.0
        if ending.decided_s >= patience_s(self.gave_up) + HEALTHY_S:
            self.gave_up = 0  # what it had lost was there meanwhile
        lost = ending.decided and ending.code in (HOPELESS, None)
        self.gave_up = self.gave_up + 1 if lost else 0
        if lost and ending.code == HOPELESS:
            return 0.0
        wait, self._next = self._next, min(2 * self._next, LONGEST_WAIT_S)
        return wait


class Systemd:
    """Tells systemd, where it started us, that we are ready and well; elsewhere does nothing."""

    def __init__(self) -> None:
        # Taken out, for the child must not speak for us.
        name = os.environ.pop("NOTIFY_SOCKET", "")
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        self._due = 0.0

    def tell(self, words: str) -> None:
        """Send one message, such as READY=1."""
        if self._address:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.sendto(words.encode(), self._address)  # where nobody listens any more, nobody will miss it

    def well(self) -> None:
        """Say that the parent is alive, if it is time to."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + _WATCHED_S
            self.tell("WATCHDOG=1")


def run_kiosk(words: Sequence[str], config: Config, *, camera: str | None, duration_s: float | None = None) -> int:
    """Keep the program running; gives the exit code.

    Ends with the program where that is done (exit code 0), where its first start was refused (exit code 2), or where
    whoever read its rows has gone (exit code 1, so that who started both starts both again); and when the time is over.

    Parameters
    ----------
    words : the program's command line, without the interpreter
    config : for the log
    camera : as the flag; an address goes into the log without user, password and query
    duration_s : as the flag, counted from the first decision; a program that is started again is given what is left
    """

    def safe(text: str) -> str:
        return text.replace(camera, safe_url(camera)) if camera and "://" in camera else text

    settings = {"command": [safe(word) for word in words], **config.model_dump(mode="json")}
    log, waits, systemd = CrashLog(settings), Waits(), Systemd()
    command = [sys.executable, "-m", "realtime_cer", *words]
    decided = False
    began: float | None = None
    with contextlib.ExitStack() as stack:
        stack.callback(log.close)
        stack.callback(systemd.tell, "STOPPING=1")
        stack.enter_context(_usr1(signal.SIG_IGN))  # the program inherits that, until it has moments to keep
        systemd.tell("READY=1")
        while True:
            limit: list[str] = []
            if duration_s is not None and began is not None:
                left_s = began + duration_s - time.monotonic()
                if left_s < _LEAST_S:
                    return _DONE
                limit = ["--duration", f"{left_s:.3f}"]  # of a flag that is given twice the last counts
            ending = _once([*command, *limit], systemd, decided, waits.gave_up)
            began = ending.began if began is None else began
            decided |= ending.decided
            if ending.code == _DONE or (ending.code == _REFUSED and not decided):
                return ending.code
            if ending.code == UNREAD:
                notice("whoever read the rows has gone: the kiosk ends")
                return _FAULT
            if ending.code == RESTART:
                continue
            wait_s = waits.after(ending)
            how = "gave up" if ending.code == HOPELESS else ending.how
            when = f"in {wait_s:.0f} s" if wait_s else "at once"
            told = f"the program {how}; it is started again {when}"
            log.note(told, safe(ending.said), ending.meters)
            notice(f"{told}; why is in {log.path}")
            _sleep(wait_s, systemd)


def _once(command: Sequence[str], systemd: Systemd, again: bool, gave_up: int) -> Ending:
    """Run the program until it ends."""
    try:
        child = Child(command, systemd.well, again=again, gave_up=gave_up)
    except OSError as error:
        return Ending(None, f"could not be started ({error.strerror})")
    with child, _usr1(lambda number, _: child.pass_on(number)):
        return child.watch()


@contextlib.contextmanager
def _usr1(act: Callable[[int, FrameType | None], object] | signal.Handlers) -> Iterator[None]:
    """Meanwhile the signal USR1 does this; where there is no such signal nothing is changed.

    It asks for the moment just gone (``--keep``), comes to us, and is meant for our child.
    """
    if not hasattr(signal, "SIGUSR1") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGUSR1, act)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def _sleep(seconds: float, systemd: Systemd) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        systemd.well()
        time.sleep(min(left, _NAP_S))

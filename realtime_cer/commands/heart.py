"""Signs of life of a supervised program, and its end when whoever supervises it has gone.

The parent's pipe for signs is named in the environment; its other pipe is our standard input, which ends with it.
A sign is one line of JSON. Decisions beat the heart from the main loop: where either rests, it falls silent.
"""

import contextlib
import faulthandler
import json
import os
import signal
import sys
import threading
import time
from typing import Any

from realtime_cer.records import Decision

VARIABLE = "REALTIME_CER_HEART"
"""Names the pipe, as a file descriptor; as a handle on Windows."""

AGAIN = "REALTIME_CER_AGAIN"
"""Is there where a program is started again that had decided before: its settings were good then."""

GAVE_UP = "REALTIME_CER_GAVE_UP"
"""How many programs in a row ended as ``HOPELESS`` before this one."""

LOADING, LOADED, DECIDING, STOPPING = "loading", "loaded", "deciding", "stopping"

RESTART = 75
"""Exit code by which a supervised program asks to be started anew at once: that is no crash."""

HOPELESS = 70
"""Exit code of a program that has lost what only a new process brings back: one is started at once, and is told how
often that was in vain."""

UNREAD = 74
"""Exit code of a program whose rows nobody reads any more: there is no use in starting it anew."""

_END_S = 2.0
_INTERRUPTED = 130


class Heart:
    """The supervised program's side.

    Making one also sees to it that a crash leaves the stacks of all threads on standard error, and no memory image.

    Parameters
    ----------
    pipe : file descriptor that the signs are written to
    again : whether the program was started before, and had decided then
    gave_up : how many in a row gave up before this one
    """

    def __init__(self, pipe: int, *, again: bool = False, gave_up: int = 0) -> None:
        self.again, self.gave_up = again, gave_up
        self._pipe = pipe
        if os.name == "posix":
            os.set_inheritable(pipe, False)  # else an engine that is being built would hold it open
            os.set_blocking(pipe, False)  # a parent that does not read must not hold us up
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it would hold pictures
        faulthandler.enable(file=sys.stderr)
        threading.Thread(target=self._mourn, name="parent", daemon=True).start()

    def tell(self, stage: str, **facts: Any) -> None:
        """Give a sign; harmless when nobody reads it."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # `_mourn` notices a parent that has gone
            os.write(self._pipe, json.dumps({"stage": stage, **facts}).encode() + b"\n")

    def beat(self, decision: Decision) -> None:
        """Give the sign that a decision went through the main loop."""
        meters = {} if decision.meters is None else {"meters": dict(decision.meters)}
        self.tell(DECIDING, seq=decision.seq, **meters)

    def _mourn(self) -> None:
        """End this process, in order if it can, when the parent ends in whatever way."""
        while os.read(0, 1):
            pass
        if os.name == "posix":
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            signal.raise_signal(signal.SIGINT)
        time.sleep(_END_S)
        os._exit(_INTERRUPTED)


def supervised() -> bool:
    """Whether a parent listens to this process."""
    return VARIABLE in os.environ


def heart() -> Heart | None:
    """Take over the pipe that the parent named; None where nobody listens. Once in a process."""
    named, again = os.environ.pop(VARIABLE, None), os.environ.pop(AGAIN, None) is not None
    gave_up = int(os.environ.pop(GAVE_UP, "0"))
    if named is None:
        return None
    if sys.platform == "win32":
        import msvcrt

        return Heart(msvcrt.open_osfhandle(int(named), os.O_WRONLY), again=again, gave_up=gave_up)
    return Heart(int(named), again=again, gave_up=gave_up)

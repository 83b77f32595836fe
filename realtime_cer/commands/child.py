"""One run of a supervised program: started, watched, and ended.

Beside the caller's thread: one that reads the child's signs of life, and one that passes on what the child says.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Self

from realtime_cer.commands.ending import last_acts
from realtime_cer.commands.heart import AGAIN, DECIDING, GAVE_UP, LOADED, LOADING, STOPPING, VARIABLE

STARTING = "starting"

PATIENCE_S: Mapping[str, float] = {STARTING: 60.0, LOADING: 600.0, LOADED: 30.0, DECIDING: 10.0, STOPPING: 10.0}
"""How long the heart may rest, by what the program does. Loading may mean building an engine."""

_POLL_S, _STEP_S = 0.2, 0.05
_ASLEEP_S = 5.0
"""If the parent itself was held up for longer, the machine slept: the child is given its time anew."""
_DUMP_S = 2.0
_TOLD_S = 0.2
"""Others may have told the child to end, too, and told twice it ends at once: it may say so first."""
_STOP_S = 2.0
_FINISH_S = 3.5
"""A child that said that it is stopping may have a film to finish."""
_DEATH_S = 5.0
"""One that was killed and still has not ended is held by the system, as by a dead disk or driver."""
_LINES, _LINE = 400, 2000


class Pulse:
    """What the child's signs say of it; ``now`` is an argument. No threads."""

    def __init__(self, now: float) -> None:
        self.stage = STARTING
        self.meters: Mapping[str, Any] | None = None
        self.began: float | None = None
        """When it first decided anything."""
        self._last = now

    @property
    def decided(self) -> bool:
        """Whether it ever decided anything."""
        return self.began is not None

    @property
    def decided_s(self) -> float:
        """From the first decision to the last sign, in seconds; 0 where there was none."""
        return 0.0 if self.began is None else self._last - self.began

    def sign(self, line: str, now: float) -> None:
        """Take in one sign; a torn line, or one of something else that writes to the pipe, is none."""
        try:
            said = json.loads(line)
        except ValueError:
            return
        if not isinstance(said, dict) or str(said.get("stage")) not in PATIENCE_S:
            return
        self.stage, self._last = said["stage"], now
        self.meters = said.get("meters", self.meters)
        if self.stage == DECIDING and self.began is None:
            self.began = now

    def slept(self, now: float) -> None:
        """Count from now on: the machine was asleep, and the child with it."""
        self._last = now

    def overdue(self, now: float) -> str | None:
        """In words, whether it has been silent for too long."""
        limit = PATIENCE_S[self.stage]
        return f"gave no sign of life for {limit:.0f} s, while {self.stage}" if now - self._last > limit else None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended.

    ``code`` is an exit code, negative for a signal, None where it was never started, or cannot be ended; ``how`` says
    it in words; ``said`` are its last lines on standard error; ``decided_s`` is how long it decided, from ``began``
    (steady clock) on.
    """

    code: int | None
    how: str
    said: str = ""
    meters: Mapping[str, Any] | None = None
    decided: bool = False
    decided_s: float = 0.0
    began: float | None = None


class Child:
    """A running program, as a context manager that leaves it behind only where not even the system can end it.

    Parameters
    ----------
    words : its command line
    look : called several times a second while the child is watched
    again, gave_up : whether it was started before, and had decided then; how many in a row gave up; it is told both

    Raises
    ------
    OSError
        It cannot be started.
    """

    def __init__(
        self, words: Sequence[str], look: Callable[[], None] = lambda: None, *, again: bool = False, gave_up: int = 0
    ) -> None:
        self._look = look
        self._pulse = Pulse(time.monotonic())
        self._said: deque[str] = deque(maxlen=_LINES)
        self._aborted = self._left = False
        told = {GAVE_UP: str(gave_up)} | ({AGAIN: "1"} if again else {})
        ours, theirs = os.pipe()
        try:
            self._process = _start(words, theirs, told)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        assert self._process.stderr is not None
        signs = os.fdopen(ours, encoding="utf-8", errors="replace")
        self._readers = [
            threading.Thread(target=self._feel, args=(signs,), name="signs", daemon=True),
            threading.Thread(target=self._hear, args=(self._process.stderr,), name="words", daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        last_acts.append(self._process.kill)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        last_acts.remove(self._process.kill)
        assert self._process.stdin is not None
        self._process.stdin.close()

    @property
    def stage(self) -> str:
        """What it last said that it does."""
        return self._pulse.stage

    def watch(self) -> Ending:
        """Wait for the end of the child; one that hangs is ended, after it has said where."""
        looked = time.monotonic()
        hung: str | None = None
        while hung is None and not self._over(_POLL_S):
            self._look()
            now = time.monotonic()
            if now - looked > _ASLEEP_S:
                self._pulse.slept(now)
            looked = now
            hung = self._pulse.overdue(now)
        if hung is not None:
            self._abort()
        for reader in self._readers:
            reader.join(0.0 if self._left else 1.0)
        code = self._process.returncode
        how = hung or _in_words(code)
        if self._left:
            how = f"{how}, cannot be ended and is left behind"
        pulse = self._pulse
        said = "".join(self._said)
        return Ending(code, how, said, pulse.meters, pulse.decided, pulse.decided_s, began=pulse.began)

    def stop(self) -> None:
        """Ask the child to end, and make sure that it does: in 2 s, or in some more if it is finishing files."""
        if self._left:
            return
        if not self._over(_TOLD_S) and self.stage != STOPPING:
            if sys.platform == "win32":
                self._process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                self._process.terminate()
        if not self._over(_STOP_S) and self.stage == STOPPING:
            self._over(_FINISH_S - _STOP_S)
        self._kill()

    def pass_on(self, number: int) -> None:
        """Send the child a signal, if it still runs."""
        self._process.send_signal(number)

    def _over(self, timeout_s: float) -> bool:
        """Whether the child has ended, or does within so long. ``Popen.wait`` would hold up an interrupt."""
        end = time.monotonic() + timeout_s
        while self._process.poll() is None:
            left_s = end - time.monotonic()
            if left_s <= 0:
                return False
            time.sleep(min(left_s, _STEP_S))
        return True

    def _abort(self) -> None:
        """Let the child write down where all its threads are, and end it."""
        self._aborted = True
        if os.name == "posix":
            self._process.send_signal(signal.SIGABRT)
            self._process.send_signal(signal.SIGCONT)  # one that was stopped takes no other signal
            self._over(_DUMP_S)
        self._kill()

    def _kill(self) -> None:
        """End the child, or leave it behind: the system may never let go of it."""
        if self._process.returncode is None:
            self._process.kill()
            if not self._over(_DEATH_S):
                self._left = True
                # Whenever it does end, it is taken away.
                threading.Thread(target=self._process.wait, name="left behind", daemon=True).start()

    def _feel(self, signs: IO[str]) -> None:
        with signs:
            for line in signs:
                self._pulse.sign(line, time.monotonic())

    def _hear(self, said: IO[str]) -> None:
        """Pass on what the child says, but for the stacks of one that hung: those are for the log."""
        with said:
            while line := said.readline(_LINE):
                self._said.append(line)
                if not self._aborted:
                    with contextlib.suppress(OSError):  # our terminal was closed: the log is kept all the same
                        sys.stderr.write(line)
                        sys.stderr.flush()


def _start(words: Sequence[str], signs: int, told: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start the program with a pipe for its signs, another that ends with us, and out of reach of our terminal."""
    shared: dict[str, Any]
    if sys.platform == "win32":
        import msvcrt

        handle = msvcrt.get_osfhandle(signs)
        os.set_handle_inheritable(handle, True)
        passed = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        shared = {"startupinfo": passed, "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        named = handle
    else:
        shared = {"pass_fds": [signs], "start_new_session": True}
        named = signs
    return subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
        env={**os.environ, VARIABLE: str(named), **told},
        **shared,
    )


def _in_words(code: int) -> str:
    """An exit code, or the signal that ended it."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"

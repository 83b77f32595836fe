"""A native object whose calls may fail, as those into a driver do: its faults are told, and it is opened anew."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from realtime_cer.errors import EngineFault
from realtime_cer.inference.patience import Patience

Native = TypeVar("Native")
Answer = TypeVar("Answer")

_OURS = (TypeError, AttributeError, NameError)
"""What is wrong with the calling code is no fault of the library's, and stops everything."""


def unheard(line: str) -> None:
    """A notice that nobody wants."""


class Mended(Generic[Native]):
    """Holds a native object, and does for it what ``Fallback`` does for the last engine of a network.

    A call that raises has no answer: that is an ``EngineFault``, told with the first of them. The next call is tried
    all the same, and after some faults (``Patience``) the object is opened anew. It works again when it has answered
    five times in a row: one that fails at every second call is not told of with every call.

    Parameters
    ----------
    name : what it is called in faults and notices
    open : gives one that is ready, or raises; called at once
    notice : told in one line of the first fault, of every opening, and when it works again
    free : lets go of one that is not used any more
    """

    def __init__(
        self,
        name: str,
        open: Callable[[], Native],
        notice: Callable[[str], None] = unheard,
        free: Callable[[Native], None] = lambda native: None,
    ) -> None:
        self.name = name
        self._open, self._notice, self._free = open, notice, free
        self._patience = Patience()
        self._swap = threading.Lock()
        self._native: Native | None = open()

    def ask(self, call: Callable[[Native], Answer]) -> Answer:
        """What a call of the native object gives; nothing but that call belongs into ``call``.

        Raises
        ------
        EngineFault
            It has no answer this time.
        """
        native = self._native
        if native is None:
            raise RuntimeError(f"{self.name} is closed")
        try:
            answer = call(native)
        except _OURS:
            raise
        except Exception as error:  # libraries have errors of their own, without a common base
            if self._native is not native:
                raise  # closed meanwhile, by somebody who gave this call up
            why = " ".join(str(error).split())[:200] or type(error).__name__
            self._tell(why)
            raise EngineFault(self.name, why) from error
        if self._patience.answer():
            self._notice(f"{self.name} works again")
        return answer

    def close(self) -> None:
        """Let go of the native object. Harmless when repeated."""
        with self._swap:
            native, self._native = self._native, None
        if native is not None:
            self._free(native)

    def _tell(self, why: str) -> None:
        """Tell of the first fault, and open anew where they do not end."""
        due = self._patience.fault()
        if self._patience.faults == 1:
            self._notice(f"{self.name} failed ({why}): it is tried again with every input")
        if not due:
            return
        try:
            opened = self._open()
        except Exception as error:  # the disk, or the memory: whatever it is, the next inputs are tried all the same
            self._notice(f"{self.name} cannot be opened anew: {' '.join(str(error).split())[:200]}")
            return
        with self._swap:
            old = self._native
            if old is not None:
                self._native = opened
        self._free(opened if old is None else old)
        if old is not None:  # else it was closed meanwhile
            self._notice(f"{self.name} was opened anew after {self._patience.faults} faults")

"""One attempt at a camera: a thread that opens it, reads, and keeps the newest picture until it is taken.

It may hang inside a library for as long as that likes: it is abandoned then, releases its camera when the library
lets it go, and can hand nothing over any more.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from realtime_cer.capture.pictures import Broken, Sign, pictures
from realtime_cer.capture.source import Clock
from realtime_cer.records import Picture


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """A picture, when it was grabbed, and how many before it nobody took, or came damaged."""

    t: float
    picture: Picture
    overtaken: int
    damaged: int


class Reader:
    """Reads one camera in a daemon thread of its own.

    Parameters
    ----------
    locate : says which camera, when asked in the thread; raises Broken where there is none
    clock : stamps the pictures, in seconds
    open_timeout_s : how long a network camera may take to be opened

    Attributes
    ----------
    begun : when the attempt began
    first : when its first picture was there, or None
    partial : the camera answers, but has sent no whole picture yet
    over : it has ended; ``why`` in a few words, unless ``fault`` is an error of ours
    """

    def __init__(self, locate: Callable[[], str | int], clock: Clock, open_timeout_s: float) -> None:
        self.begun = clock()
        self.first: float | None = None
        self.partial = False
        self.over = False
        self.why = ""
        self.fault: Exception | None = None
        self._locate, self._clock, self._open_timeout_s = locate, clock, open_timeout_s
        self._slot: tuple[float, Picture] | None = None
        self._overtaken = self._damaged = 0
        self._asked = False
        self._changed = threading.Condition()
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera reader", daemon=True)
        self._thread.start()

    def abandon(self) -> None:
        """Stop reading; nothing is handed over from now on."""
        self._abandoned.set()

    def join(self, timeout_s: float) -> None:
        """Wait for its thread to end, after `abandon`."""
        self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """Whether its thread still runs, or hangs."""
        return self._thread.is_alive()

    def wait_first(self, timeout_s: float) -> bool:
        """Wait for the first picture without taking it; False if it does not come."""
        with self._changed:
            self._changed.wait_for(lambda: self._slot is not None or self.over, timeout_s)
            return self._slot is not None

    def take_damaged(self) -> int:
        """How many pictures came damaged since it was last asked, or one was taken."""
        with self._changed:
            damaged, self._damaged = self._damaged, 0
            return damaged

    def take(self, timeout_s: float) -> Taken | None:
        """Take the newest picture; None after the timeout, and when it has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._slot is not None or self.over, timeout_s)
            if self._slot is None:
                return None
            # What the first one overtook came at once, or before anybody was there to take it.
            taken = Taken(*self._slot, self._overtaken if self._asked else 0, self._damaged)
            self._slot, self._overtaken, self._damaged, self._asked = None, 0, 0, True
            return taken

    def _run(self) -> None:
        try:
            with closing(pictures(self._locate(), self._clock, self._open_timeout_s)) as coming:
                for t, picture in coming:
                    if not self._keep(t, picture):
                        return
        except Broken as end:
            self.why = str(end)
        except Exception as error:  # ours: kept here, raised to whoever iterates
            self.fault = error
        finally:
            with self._changed:
                self.over = True
                self._changed.notify_all()

    def _keep(self, t: float, picture: Picture | Sign) -> bool:
        """Put a picture into the slot, or note why there is none; False when nobody waits for it any more."""
        with self._changed:
            if self._abandoned.is_set():
                return False
            if isinstance(picture, Sign):
                self.partial = picture is Sign.PARTIAL
                self._damaged += picture is Sign.DAMAGED
                return True
            self._overtaken += self._slot is not None
            self._slot, self.partial = (t, picture), False
            if self.first is None:
                self.first = t
            self._changed.notify_all()
            return True

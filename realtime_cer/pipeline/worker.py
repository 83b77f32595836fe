"""The one helper through which threads are started, watched and ended."""

import contextlib
import sys
import threading
import traceback
from collections.abc import Callable, Iterator


class Worker:
    """A named thread whose fault is kept, stops everything, and is raised to the caller.

    Parameters
    ----------
    name : of the thread, for logs and debuggers
    work : called with this worker; runs while ``going``, or until it is done
    stop : the one event that ends all workers; set when this one fails
    clock : seconds that never go back

    Attributes
    ----------
    busy_since : when it took up the work that it is at; None while it waits for some
    """

    def __init__(
        self, name: str, work: "Callable[[Worker], None]", stop: threading.Event, clock: Callable[[], float]
    ) -> None:
        self.error: BaseException | None = None
        self.stop = stop
        self.busy_since: float | None = None
        self._work = work
        self._clock = clock
        self._abandoned = threading.Event()
        # A daemon: a driver that never returns must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _run(self) -> None:
        try:
            self._work(self)
        except BaseException as error:
            if self._abandoned.is_set():
                return  # another has its place; what it does in the end concerns nobody
            self.error = error
            self.stop.set()

    @property
    def name(self) -> str:
        """The thread's name."""
        return self._thread.name

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def abandoned(self) -> bool:
        """Whether it was left to itself."""
        return self._abandoned.is_set()

    @property
    def going(self) -> bool:
        """Whether it is to go on; what an abandoned worker has in hand is not to be passed on."""
        return not self.stop.is_set() and not self._abandoned.is_set()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Mark a piece of work, which must not take long: waiting belongs outside."""
        self.busy_since = self._clock()
        try:
            yield
        finally:
            self.busy_since = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def abandon(self) -> None:
        """Leave the thread to itself: it hangs in a call that cannot be broken off."""
        self._abandoned.set()

    def stack(self) -> str:
        """Where the thread is: files, lines and functions, and nothing of what they hold. Empty when it has ended."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        return "".join(traceback.format_stack(frame)) if frame else ""

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False if it is still running after the timeout. One that never started has ended."""
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

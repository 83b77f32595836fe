"""The one helper through which threads are started, watched and ended."""

import threading
from collections.abc import Callable


class Worker:
    """A named thread whose fault is kept, stops everything, and is raised to the caller.

    Parameters
    ----------
    name : of the thread, for logs and debuggers
    work : runs until its stop event is set, or it is done
    stop : the one event that ends all workers; set when this one fails
    """

    def __init__(self, name: str, work: Callable[[threading.Event], None], stop: threading.Event) -> None:
        self.error: BaseException | None = None
        self._work = work
        self._stop = stop
        # A daemon: a driver that never returns must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _run(self) -> None:
        try:
            self._work(self._stop)
        except BaseException as error:
            self.error = error
            self._stop.set()

    @property
    def name(self) -> str:
        """The thread's name."""
        return self._thread.name

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False if it is still running after the timeout. One that never started has ended."""
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

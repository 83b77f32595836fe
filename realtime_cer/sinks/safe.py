"""Has files on the disk itself once a second, in a thread of its own: a disk that is busy takes seconds for it.

No thread here waits for a disk that hangs, but the system may: while a sync is under way in the kernel, the process
stays in its list after its exit until the disk has answered, and not even a kill takes it out.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from realtime_cer.sinks.disk import sync

_EVERY_S = 1.0


class Syncing:
    """Syncs files from its making on, until it is ended.

    Parameters
    ----------
    paths : files, which need not be there yet, and folders
    failed : told, from the thread, what went wrong
    """

    def __init__(self, paths: Sequence[Path], failed: Callable[[Exception], object]) -> None:
        self._paths, self._failed = tuple(paths), failed
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder disk", daemon=True)
        self._thread.start()

    def end(self, timeout_s: float) -> None:
        """Sync once more; a disk that takes longer than this is not waited for, and goes on by itself."""
        self._ending.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._ending.wait(_EVERY_S):
            self._sync()
        self._sync()

    def _sync(self) -> None:
        for path in self._paths:
            try:
                sync(path)
            except OSError as error:
                self._failed(error)

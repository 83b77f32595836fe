"""Threads that give way to the analysis: rather a picture less in a film than a decision that is late."""

import contextlib
import os
import sys
import threading

NICER = 10
"""Beside a thread that is always busy, one that is so much nicer gets a tenth of a core."""


def stay_behind() -> None:
    """Make the thread that calls this so much nicer than it was, on Linux, where a thread has a priority of its own."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICER)

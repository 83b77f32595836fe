"""Memory that was freed, given back to the system."""

import contextlib
import ctypes
import sys


def trim() -> None:
    """Give freed memory back where the C library would keep it, as glibc keeps the tens of MiB of a closed network.

    Takes milliseconds. Does nothing elsewhere.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)

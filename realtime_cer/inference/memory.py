"""What the C library does with memory that was freed, where that is glibc: it keeps it, and in pieces."""

import contextlib
import ctypes
import sys

_MMAP_THRESHOLD = -3  # of malloc.h
_LARGE = 2**20


def apart() -> None:
    """Keep what is large (pictures, networks) apart from the heap from now on, so that all of it goes back when freed.

    Else every network that is loaded anew leaves some MiB of holes between what is small. Does nothing elsewhere.
    """
    _call("mallopt", _MMAP_THRESHOLD, _LARGE)


def trim() -> None:
    """Give freed memory back to the system. Takes milliseconds. Does nothing elsewhere."""
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            getattr(ctypes.CDLL(None), name)(*arguments)

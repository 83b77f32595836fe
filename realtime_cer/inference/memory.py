"""What the C library does with memory that was freed, where that is glibc: it keeps it, and in pieces."""

import contextlib
import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of malloc.h
_LARGE = 2**17
_ARENAS = 1


def apart() -> None:
    """Keep what is large (pictures, sound, networks) apart from the heap from now on, so that it goes back when freed.

    glibc begins with this threshold, and raises it with every large block that is freed; and it gives threads arenas
    of their own, up to eight for a core, each of which keeps the most that it ever held, where others cannot use it.
    So every source that is opened anew, and every network, would leave some MiB of holes. Does nothing elsewhere.
    """
    _call("mallopt", _MMAP_THRESHOLD, _LARGE)
    _call("mallopt", _TRIM_THRESHOLD, _LARGE)
    _call("mallopt", _ARENA_MAX, _ARENAS)


def trim() -> None:
    """Give freed memory back to the system. Takes milliseconds. Does nothing elsewhere."""
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            getattr(ctypes.CDLL(None), name)(*arguments)

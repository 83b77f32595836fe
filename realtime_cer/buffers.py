"""Between capture and perception: a grid of frames, a ring of sound, a one-slot mailbox. Locks, no threads."""

import threading
from collections import deque
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np

from realtime_cer.records import SAMPLE_RATE, AudioBlock, AudioWindow, Floats, Frame, GridFrame, read_only

GRID_S = 0.2
"""Step of the grid of time: 5 frames a second."""

HOLDS_STEPS = 2.5
"""A decision holds for so many steps at most: at half the rate, which live may fall to, every second has none."""

WINDOW_S = 4.0
"""Length of an acoustic window."""

_EPSILON = 1e-6
"""Times are sums of floats; a microsecond is far below any source's accuracy."""

T = TypeVar("T")


def instant(origin: float, k: int) -> float:
    """Time of grid instant ``k``. A product, never a running sum, so that it does not drift."""
    return origin + k * GRID_S


class FrameRing:
    """The 5 FPS grid of time over a camera of any rate.

    For grid instant k the ring holds the first frame at or after it within half a step, or a gap. That is causal, and
    the same offline. ``push`` is for one writer, ``take`` for one reader; the newest ``size`` instants are kept and
    older ones that nobody took are dropped and counted (latest wins).

    Parameters
    ----------
    origin : time of grid instant 0
    size : grid frames held for the reader

    Attributes
    ----------
    every : only instants that it divides are filled, 0 fills none; may be changed at any time
    """

    def __init__(self, origin: float, size: int = 1) -> None:
        self.origin = origin
        self.every = 1
        self._size = size
        self._waiting: deque[GridFrame] = deque()
        self._next = 0
        self._dropped = 0
        self._closed = False
        self._idle = False
        self._changed = threading.Condition()

    def push(self, frame: Frame, now: float | None = None) -> GridFrame | None:
        """Offer a frame that has come by ``now``; gives the grid frame that it became, if it did."""
        with self._changed:
            k = max(int((frame.t - self.origin + _EPSILON) // GRID_S), 0)
            if frame.t < self.origin - _EPSILON or k < self._next:
                return None
            if frame.t - instant(self.origin, k) > GRID_S / 2 + _EPSILON:
                return None  # too late for k, too early for k + 1
            every = self.every
            if every == 0 or k % every:
                return None
            self._next = k + 1
            grid_frame = GridFrame(k, instant(self.origin, k), frame, arrived=now)
            self._waiting.append(grid_frame)
            while len(self._waiting) > self._size:
                self._waiting.popleft()
                self._dropped += 1
            self._changed.notify_all()
            return grid_frame

    def take(self, timeout_s: float) -> GridFrame | None:
        """The oldest held grid frame, with the count of those dropped before it; None after the timeout."""
        with self._changed:
            self._idle = True
            if not self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s) or not self._waiting:
                return None
            self._idle = False
            taken = self._waiting.popleft()
            dropped, self._dropped = self._dropped, 0
            return replace(taken, dropped=dropped)

    @property
    def waiting(self) -> int:
        """How many grid frames wait for the reader."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether the reader has finished all there was and asks for more."""
        with self._changed:
            return self._idle and not self._waiting

    def forget(self) -> None:
        """Let go of the frames that wait."""
        with self._changed:
            self._waiting.clear()

    def close(self) -> None:
        """Wake the reader for the last time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class AudioRing:
    """The last seconds of 16 kHz sound, at exact sample positions, also across gaps.

    Sample 0 lies at ``origin``. A block that begins later than the last one ended leaves a gap of zeros; what
    overlaps the past is cut off. Differences under one millisecond are taken for rounding, not for gaps.

    Parameters
    ----------
    origin : time of sample 0
    seconds : how much is held
    """

    _TOLERANCE = SAMPLE_RATE // 1000

    def __init__(self, origin: float, seconds: float = 3 * WINDOW_S) -> None:
        self.origin = origin
        self._size = int(seconds * SAMPLE_RATE)
        self._samples = np.zeros(self._size, np.float32)
        self._heard = np.zeros(self._size, np.bool_)
        self._end = 0
        self._wanted: int | None = None
        self._closed = False
        self._changed = threading.Condition()

    @property
    def end(self) -> int:
        """Position after the newest sample."""
        return self._end

    @property
    def start(self) -> int:
        """Position of the oldest sample that is held."""
        return max(self._end - self._size, 0)

    def push(self, block: AudioBlock) -> int:
        """Put a block at its place; gives the length of the gap before it, in samples."""
        with self._changed:
            start = round((block.t - self.origin) * SAMPLE_RATE)
            samples = block.samples
            gap = start - self._end
            if abs(gap) <= self._TOLERANCE:
                start, gap = self._end, 0
            if start < self._end:
                samples = samples[self._end - start :]
                start, gap = self._end, 0
            if len(samples) == 0:
                return 0
            self._append(np.zeros(min(gap, self._size), np.float32), start, heard=False)
            self._append(samples, start + len(samples), heard=True)
            self._changed.notify_all()
            return gap

    def _append(self, samples: Floats, end: int, *, heard: bool) -> None:
        """Write samples so that they end at position ``end``, which becomes the ring's."""
        samples = samples[-self._size :]
        places = np.arange(end - len(samples), end) % self._size
        self._samples[places] = samples
        self._heard[places] = heard
        self._end = end

    def wait(self, position: int, timeout_s: float) -> bool:
        """Wait until the samples before ``position`` are there."""
        with self._changed:
            self._wanted = position
            self._changed.wait_for(lambda: self._end >= position or self._closed, timeout_s)
            if self._end >= position:
                self._wanted = None
                return True
            return False

    @property
    def idle(self) -> bool:
        """Whether the reader has finished all there was and waits for more."""
        with self._changed:
            return self._wanted is not None and self._end < self._wanted

    def window(self, end: int, length: int) -> AudioWindow:
        """A copy of the ``length`` samples before position ``end``, or as many of them as the ring still holds.

        Raises
        ------
        ValueError
            The ring does not yet hold position ``end``, or holds nothing before it any more.
        """
        with self._changed:
            oldest = max(self._end - self._size, 0)
            if not oldest <= end <= self._end:
                raise ValueError(f"position {end} is not in the ring, which holds {oldest} to {self._end}")
            start = max(end - length, oldest)
            places = np.arange(start, end) % self._size
            samples = read_only(self._samples[places])
            heard = int(np.count_nonzero(self._heard[places]))
        return AudioWindow(self.origin + end / SAMPLE_RATE, samples, heard)

    def forget(self) -> None:
        """Make a gap of all that is held; positions stay as they are."""
        with self._changed:
            self._samples[:] = 0
            self._heard[:] = False

    def close(self) -> None:
        """Wake every waiting reader for the last time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Latest(Generic[T]):
    """A one-slot mailbox: the newest value wins, and values nobody read are counted."""

    def __init__(self) -> None:
        self._value: T | None = None
        self._fresh = False
        self.overtaken = 0
        self._changed = threading.Condition()

    def put(self, value: T) -> None:
        """Replace the value."""
        with self._changed:
            self.overtaken += self._fresh
            self._value, self._fresh = value, True
            self._changed.notify_all()

    def peek(self) -> T | None:
        """The newest value, read or not; None before the first."""
        return self._value

    def clear(self) -> None:
        """Let go of the value."""
        with self._changed:
            self._value, self._fresh = None, False

    def take(self, timeout_s: float) -> T | None:
        """The newest value that has not been taken, or None after the timeout."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._fresh, timeout_s):
                return None
            self._fresh = False
            return self._value

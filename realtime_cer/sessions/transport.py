"""Where a session that is played stands: play, stand still, seek, speed. A lock, no threads."""

import threading
from collections.abc import Callable


class Transport:
    """Moves from ``begin`` to ``end`` seconds as ``clock`` goes on, and stands there.

    Parameters
    ----------
    begin, end : of the session
    clock : seconds
    """

    def __init__(self, begin: float, end: float, clock: Callable[[], float]) -> None:
        self._begin, self._end, self._clock = begin, end, clock
        self._at, self._since, self._speed, self._playing = begin, clock(), 1.0, False
        self._lock = threading.Lock()

    @property
    def position(self) -> float:
        """Seconds of the session."""
        with self._lock:
            return self._now()

    @property
    def playing(self) -> bool:
        """Whether it goes on by itself."""
        with self._lock:
            self._now()
            return self._playing

    @property
    def speed(self) -> float:
        """How many seconds of the session pass in one."""
        return self._speed

    def play(self, on: bool) -> None:
        """Go on, from the beginning again where it stands at the end; or stand still."""
        with self._lock:
            now = self._now()
            self._move(self._begin if on and now >= self._end else now)
            self._playing = on

    def seek(self, t: float) -> None:
        """Go to a time, or as near as there is; it goes on from there if it did before."""
        with self._lock:
            self._now()
            self._move(min(max(t, self._begin), self._end))

    def run(self, speed: float) -> None:
        """Go at another speed.

        Raises
        ------
        ValueError
            It is not above 0.
        """
        if not speed > 0:
            raise ValueError(f"a speed must be above 0, not {speed}")
        with self._lock:
            self._move(self._now())
            self._speed = speed

    def _move(self, t: float) -> None:
        self._at, self._since = t, self._clock()

    def _now(self) -> float:
        if not self._playing:
            return self._at
        t = self._at + (self._clock() - self._since) * self._speed
        if t >= self._end:
            self._at, self._playing = self._end, False
            return self._end
        return t

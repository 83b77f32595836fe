"""Where a session that is played stands: play, stand still, seek, speed. A lock, no threads."""

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A stretch that is played without a break: from ``begin`` seconds of the session on, since ``since`` of the clock.

    ``speed`` is how many seconds of the session pass in one; at ``end`` it stands.
    """

    begin: float
    since: float
    speed: float
    end: float

    def at(self, now: float) -> float:
        """Seconds of the session at a time of the clock."""
        return min(self.begin + (now - self.since) * self.speed, self.end)


class Transport:
    """Moves from ``begin`` to ``end`` seconds as ``clock`` goes on, and stands there.

    Parameters
    ----------
    begin, end : of the session
    clock : seconds
    """

    def __init__(self, begin: float, end: float, clock: Callable[[], float]) -> None:
        self._begin, self._end, self._clock = begin, end, clock
        self._course, self._playing = Course(begin, clock(), 1.0, end), False
        self._lock = threading.Lock()

    @property
    def position(self) -> float:
        """Seconds of the session."""
        with self._lock:
            return self._now()

    @property
    def playing(self) -> bool:
        """Whether it goes on by itself."""
        return self.course is not None

    @property
    def course(self) -> Course | None:
        """How it goes on by itself, another object after every change; None while it stands."""
        with self._lock:
            self._now()
            return self._course if self._playing else None

    @property
    def speed(self) -> float:
        """How many seconds of the session pass in one."""
        return self._course.speed

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
            self._move(self._now(), speed)

    def _move(self, t: float, speed: float | None = None) -> None:
        self._course = Course(t, self._clock(), speed or self._course.speed, self._end)

    def _now(self) -> float:
        if not self._playing:
            return self._course.begin
        t = self._course.at(self._clock())
        if t >= self._end:
            self._move(self._end)
            self._playing = False
        return t

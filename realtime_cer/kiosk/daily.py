"""What a kiosk does once a day, while nobody is there. Pure: both clocks are arguments."""

from datetime import datetime, time, timedelta
from typing import Final

QUIET_S: Final = 60.0
"""Nobody was there for so long."""

LEAST_S: Final = 3600.0
"""No restart comes sooner after a start, whatever the clock on the wall does."""

DAY_S: Final = 86_400.0


class Daily:
    """A restart at an hour of the local clock, and a self-test after each start and then once a day.

    A restart is due when the clock has shown the hour since the start. How long ago that was is counted by the steady
    clock: one on the wall that steps, as over a change to summer time or when its battery is empty, can neither start a
    kiosk over and over, nor make it miss more than one day.

    Parameters
    ----------
    restart_at : "HH:MM", None for never
    now : steady clock at the start, in seconds
    """

    def __init__(self, restart_at: str | None, now: float) -> None:
        self._at = None if restart_at is None else time.fromisoformat(restart_at)
        self._began = now
        self._tested: float | None = None

    def restart(self, now: float, wall: datetime, idle_since: float) -> bool:
        """Whether it is time to start anew.

        Parameters
        ----------
        now, idle_since : steady clock, in seconds: this moment, and when somebody was there last
        wall : local time of this moment
        """
        up = now - self._began
        if self._at is None or up < LEAST_S or not self._quiet(now, idle_since):
            return False
        last = datetime.combine(wall.date(), self._at)
        if last > wall:
            last -= timedelta(days=1)
        return (wall - last).total_seconds() < up

    def test(self, now: float, idle_since: float) -> bool:
        """Whether it is time for a self-test, which then counts as done."""
        if not self._quiet(now, idle_since) or (self._tested is not None and now - self._tested < DAY_S):
            return False
        self._tested = now
        return True

    def _quiet(self, now: float, idle_since: float) -> bool:
        return now - max(self._began, idle_since) >= QUIET_S

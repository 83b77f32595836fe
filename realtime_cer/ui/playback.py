"""What the window over a session asks of whatever plays it."""

from typing import Literal, Protocol

from realtime_cer.control import Control, Strip
from realtime_cer.records import Snapshot
from realtime_cer.smoothing import Smoothed


class Playback(Control, Protocol):
    """What plays a session."""

    @property
    def strip(self) -> Strip:
        """The whole session; another object after every change."""

    @property
    def busy(self) -> bool:
        """Whether it is being decided by other settings."""

    @property
    def position(self) -> float:
        """Seconds of the session."""

    @property
    def playing(self) -> bool:
        """Whether it goes on by itself."""

    @property
    def speed(self) -> float:
        """How many seconds of the session pass in one."""

    @property
    def film(self) -> Literal["there", "over", "none", "damaged"]:
        """Whether there is a picture here."""

    @property
    def sound(self) -> Literal["heard", "muted", "speed", "none", "damaged", "absent", "stalled"]:
        """Whether the film is heard while it plays, or why not."""

    @property
    def muted(self) -> bool:
        """Whether nobody wants to hear it."""

    def mute(self, on: bool) -> None:
        """Play it silently, or aloud."""

    def play(self, on: bool) -> None:
        """Go on, or stand still."""

    def seek(self, t: float) -> None:
        """Go to a time, or as near as there is."""

    def run(self, speed: float) -> None:
        """Go at another speed."""

    def smooth(self, seconds: float) -> None:
        """Show it smoothed."""

    def minute(self, snapshot: Snapshot) -> tuple[Smoothed, ...]:
        """What is shown for the rows of a snapshot's history."""

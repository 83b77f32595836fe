"""How a window steers what feeds it. Live implements it; a replay can too."""

from typing import Protocol

from realtime_cer.records import Snapshot


class Control(Protocol):
    """What a view may ask of the recogniser behind it; every call returns at once and is safe from any thread."""

    def snapshot(self) -> Snapshot:
        """This moment, or the moment at which it was paused."""

    @property
    def paused(self) -> bool:
        """Whether the view is held."""

    def pause(self, on: bool) -> None:
        """Hold the view, or let it go on. Recognition and recording never pause."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come: the sources have ended, or something failed."""

    def drew(self, seconds: float) -> None:
        """Note how long one draw took."""

"""What the kiosk is given by whoever opens it."""

from collections.abc import Callable
from dataclasses import dataclass

from realtime_cer.config import KioskConfig
from realtime_cer.records import Floats


@dataclass(frozen=True, slots=True)
class Booth:
    """What the kiosk cannot do by itself.

    Attributes
    ----------
    config : how it treats its visitors
    notice : the operator's text, None for the catalogue's
    gape : (478, 2) landmarks to how far the mouth is open: the gesture of consent
    forget : wipes everything that is held of people
    restart : notes that the window is closed to have the program started anew
    test : begins the self-test and returns at once
    trouble : what the operator should know, on one line; empty where all is well
    seed : of the order in which expressions are asked for
    """

    config: KioskConfig
    notice: str | None
    gape: Callable[[Floats], float]
    forget: Callable[[], None]
    test: Callable[[], None]
    restart: Callable[[], None]
    trouble: Callable[[], str]
    seed: int

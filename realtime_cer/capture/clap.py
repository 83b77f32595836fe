"""The clap test's pattern and what follows from finding it again. Pure: no threads, no Qt, no devices.

The screen flashes and the loudspeaker beeps, six times at irregular intervals, so that they fit what was seen and
heard in one place only. No second has more than three flashes in it, the limit of WCAG 2.3.1 for people who bear no
flicker.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from realtime_cer.capture.beeps import Hearing
from realtime_cer.capture.flashes import Sighting
from realtime_cer.errors import Refused

STARTS_S: Final = tuple(accumulate((0.45, 0.66, 0.54, 0.83, 0.60), initial=0.0))
"""When each flash and each beep begins, in seconds from the first: no two of their distances are alike."""

FLASH_S: Final = 0.2
"""How long a flash lasts: three pictures of the slowest camera."""

LEAD_S: Final = 0.6
"""Darkness and silence before the first: an automatic exposure settles in it."""

TAIL_S: Final = 1.4
"""After the last: a network camera may be late by so much."""

_STEADY_MS: Final = 15.0
"""A standard error beyond this, or beyond half a frame where that is more, is no measurement."""

_EARLY_MS, _LATE_MS = -45.0, 125.0
"""Where people begin to notice that sound is early or late: ITU-R BT.1359-1, detectability thresholds."""


@dataclass(frozen=True, slots=True)
class Clap:
    """What a clap test found, in milliseconds.

    ``audio_video_ms`` is how much later sound arrives than its picture, in the sources' time stamps;
    ``glass_to_glass_ms`` from the window's presenting a flash to the time stamp of the picture that shows it;
    ``sound_ms`` from the loudspeaker's buffer to the microphone's time stamp; ``spread_ms`` is the standard error of
    ``audio_video_ms``, ``frame_ms`` the camera's time between two pictures.
    """

    audio_video_ms: float
    glass_to_glass_ms: float
    sound_ms: float
    spread_ms: float
    frame_ms: float


def conclude(seen: Sighting, heard: Hearing) -> Clap:
    """Put picture and sound together: ``offset = (heard - sounded) - (seen - shown)``.

    Raises
    ------
    Refused
        The flashes, or the beeps, contradict each other by too much.
    """
    frame_ms = seen.frame_s * 1000
    clap = Clap(
        (heard.delay_s - seen.delay_s) * 1000,
        seen.delay_s * 1000,
        heard.delay_s * 1000,
        (heard.spread_s**2 + seen.spread_s**2) ** 0.5 * 1000,
        frame_ms,
    )
    if clap.spread_ms > max(_STEADY_MS, frame_ms / 2):
        what = "flashes" if seen.spread_s > heard.spread_s else "beeps"
        raise Refused(
            f"the clap test is not sure: its {what} disagree by {clap.spread_ms:.0f} ms; "
            "keep the camera still, close other programs, and try again"
        )
    return clap


def verdict(clap: Clap) -> str:
    """The offset in words."""
    offset = clap.audio_video_ms
    if abs(offset) <= clap.frame_ms:
        return "picture and sound arrive together, to within a frame"
    word = "late" if offset > 0 else "early"
    noticed = "" if _EARLY_MS <= offset <= _LATE_MS else ", which people notice"
    return f"sound is {abs(offset):.0f} ms {word}{noticed}"

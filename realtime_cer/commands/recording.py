"""The flags of ``live`` that say how it is recorded, and on what terms anything is kept."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime_cer.errors import Refused

if TYPE_CHECKING:
    from realtime_cer.sinks.filming import Filming


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms anything is kept, recorded or held: a note on consent, and when it is deleted."""

    consent: str | None = None
    forget_after_days: float | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What a session tells of them."""
        return {"consent": self.consent, "forget_after_days": self.forget_after_days}


@dataclass(frozen=True, slots=True)
class Recording:
    """What the flags say of a recording: a new session below ``folder``, and which films."""

    folder: Path
    film: "Filming" = "clean"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say what is kept of a run."""
    group = parser.add_argument_group("recording")
    group.add_argument("--record", type=Path, metavar="DIR", help="keep film and decisions in a new folder below DIR")
    group.add_argument(
        "--record-film",
        choices=["clean", "overlay", "both"],
        help="film.mkv as it is (default; sessions overlay draws on it later), overlay.mkv with the result, or both",
    )
    group.add_argument(
        "--no-pixels",
        action="store_true",
        help="keep nobody's picture and voice, but probabilities, landmarks, pose, pitch, energy and an avatar",
    )
    group.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="hold the last 30 s in memory from the start; H in the window, or the signal USR1, keeps them below DIR",
    )
    group.add_argument(
        "--consent", metavar="TEXT", help="a note for session.json of all that is kept: who has agreed to what"
    )
    group.add_argument(
        "--forget-after",
        type=_days,
        metavar="DAYS",
        help="have what is recorded or kept deleted after so long, when live or sessions next sees its folder",
    )


def recording_of(options: argparse.Namespace) -> Recording | None:
    """What the flags ask for; None without ``--record``.

    Raises
    ------
    Refused
        A flag that says nothing without ``--record``.
    """
    if options.record is None:
        others = {"--record-film": options.record_film, "--no-pixels": options.no_pixels or None}
        if lone := _first_given(others):
            raise Refused(f"{lone} says how to record: give --record DIR too, or leave it out")
        return None
    if options.no_pixels and options.record_film is not None:
        raise Refused("--no-pixels keeps no picture: leave out --record-film, or --no-pixels")
    if options.no_pixels and options.keep is not None:
        raise Refused("--no-pixels keeps no picture, and --keep does: leave out one of them")
    film: Filming = "avatar" if options.no_pixels else options.record_film or "clean"
    return Recording(options.record, film)


def terms_of(options: argparse.Namespace) -> Terms:
    """On what terms the flags have anything kept.

    Raises
    ------
    Refused
        There are terms, and nothing is kept.
    """
    lone = _first_given({"--consent": options.consent, "--forget-after": options.forget_after})
    if lone and options.record is options.keep is None:
        raise Refused(f"{lone} is about what is kept: give --record DIR or --keep DIR too, or leave it out")
    return Terms(options.consent, options.forget_after)


def _first_given(flags: Mapping[str, object]) -> str | None:
    return next((flag for flag, value in flags.items() if value is not None), None)


def _days(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value <= 36_500:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days: give 0.1 to 36500")
    return value

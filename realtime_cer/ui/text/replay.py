"""What the window over a session says that is played again. What stands in braces is filled in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ReplayText:
    """All texts of a replay in one language.

    ``keys`` are its own, by their actions; ``silent`` says why nothing is heard.
    """

    keys: Mapping[str, str]
    silent: Mapping[str, str]
    then: str
    now: str
    of_then: str
    differ: str
    same: str
    computing: str
    at: str
    playing: str
    standing: str
    no_picture: str
    no_film: str
    film_over: str
    film_damaged: str
    no_row: str
    without: str
    nothing: str
    not_there: str


ENGLISH: Final = ReplayText(
    keys={
        "play": "play or stand still",
        "second": "a second back, on",
        "ten_seconds": "ten seconds back, on",
        "ends": "to the beginning, to the end",
        "marks": "to the mark before, to the next",
        "speed": "slower, faster",
        "sound": "sound off, on",
        "compare": "beside what was said then",
        "difference": "to the next difference; with ⇧ back",
    },
    silent={
        "muted": "muted",
        "speed": "no sound at {speed}",
        "none": "no sound recorded",
        "damaged": "sound not readable",
        "absent": "no loudspeaker",
        "stalled": "loudspeaker hangs",
    },
    then="then",
    now="now",
    of_then="as then",
    differ="{count} of {rows} differ",
    same="all as then",
    computing="deciding again …",
    at="{position} of {length}, {speed}, {state}: {said}",
    playing="plays",
    standing="stands",
    no_picture="no picture here",
    no_film="this session has no film",
    film_over="the film ends before here",
    film_damaged="the film cannot be read",
    without="without {models}",
    no_row="nothing was decided here",
    nothing="a gap",
    not_there="not there",
)

GERMAN: Final = ReplayText(
    keys={
        "play": "abspielen oder anhalten",
        "second": "eine Sekunde zurück, vor",
        "ten_seconds": "zehn Sekunden zurück, vor",
        "ends": "an den Anfang, ans Ende",
        "marks": "zur Marke davor, zur nächsten",
        "speed": "langsamer, schneller",
        "sound": "Ton aus, an",
        "compare": "neben dem, was damals gesagt wurde",
        "difference": "zum nächsten Unterschied; mit ⇧ zurück",
    },
    silent={
        "muted": "stumm",
        "speed": "kein Ton bei {speed}",
        "none": "kein Ton im Mitschnitt",
        "damaged": "Ton nicht lesbar",
        "absent": "kein Lautsprecher",
        "stalled": "Lautsprecher hängt",
    },
    then="damals",
    now="jetzt",
    of_then="wie damals",
    differ="{count} von {rows} anders",
    same="alles wie damals",
    computing="wird neu entschieden …",
    at="{position} von {length}, {speed}, {state}: {said}",
    playing="läuft",
    standing="steht",
    no_picture="hier ist kein Bild",
    no_film="dieser Mitschnitt hat keinen Film",
    film_over="der Film endet vor dieser Stelle",
    film_damaged="der Film ist nicht lesbar",
    without="ohne {models}",
    no_row="hier wurde nichts entschieden",
    nothing="eine Lücke",
    not_there="nicht da",
)

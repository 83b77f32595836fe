"""What the program tells in one line, by the English form of each ``Told``. What stands in braces is filled in.

Reasons come from everywhere and are in English alone: other languages say where to read them.
"""

from collections.abc import Mapping
from typing import Final

GERMAN: Final[Mapping[str, str]] = {
    # Recordings and marks.
    "recording to {folder}": "Mitschnitt läuft: {folder}",
    "recorded to {folder}": "Mitschnitt beendet: {folder}",
    "recorded, but not whole ({why}): {folder}": (
        "Mitschnitt beendet, nicht vollständig (der Grund steht im Terminal): {folder}"
    ),
    "the recording is not whole from now on ({why}); recognition goes on": (
        "der Mitschnitt ist ab jetzt nicht vollständig; der Grund steht im Terminal"
    ),
    "the disk lasts for {minutes:.0f} minutes more of recording: make room": (
        "der Datenträger reicht noch für {minutes:.0f} Minuten Mitschnitt: Platz schaffen"
    ),
    "the disk is nearly full: the recording was ended, and is whole up to here": (
        "der Datenträger ist fast voll: der Mitschnitt ist beendet, und vollständig bis hierher"
    ),
    "no recording is begun: {why}": "kein Mitschnitt begonnen; der Grund steht im Terminal",
    "this run is recorded as --record asked: it ends with the program": (
        "dieser Lauf wird mitgeschnitten, wie --record es verlangt: bis zum Ende des Programms"
    ),
    "no recording runs: nothing is marked": "es läuft kein Mitschnitt: nichts ist markiert",
    "marked at {time}": "Marke bei {time}",
    # The moment just gone.
    "the last {seconds:.0f} s are held in memory from now on: once more keeps them": (
        "die letzten {seconds:.0f} s werden ab jetzt gemerkt: noch einmal, und sie werden behalten"
    ),
    "kept {seconds:.0f} s: {folder}": "{seconds:.0f} s behalten: {folder}",
    "there is nothing to keep yet": "noch gibt es nichts zu behalten",
    "the moment just gone is not kept: {why}": "der letzte Augenblick ist nicht behalten; der Grund steht im Terminal",
    "this run keeps nobody's picture, as --no-pixels asked: nor does this key": (
        "dieser Lauf behält niemandes Bild, wie --no-pixels es verlangt: diese Taste auch nicht"
    ),
    # Pictures of the window.
    "kept as {path}": "behalten als {path}",
    "{path} cannot be written ({why})": "{path} ist nicht zu schreiben; der Grund steht im Terminal",
    # What is chosen.
    "the {kind} cannot change while a recording runs: end that first": (
        "{kind}: kein Wechsel, solange ein Mitschnitt läuft; erst diesen beenden"
    ),
    "the {kind} is not changed: {why}": "{kind}: kein Wechsel; der Grund steht im Terminal",
    "the {kind} is not remembered: {why}": "{kind}: wird nicht gemerkt; der Grund steht im Terminal",
    "the weights are not changed: {why}": "die Gewichte bleiben, wie sie sind; der Grund steht im Terminal",
    "weights {name}: a column does not sum to 1; used as it is": (
        "Gewichte {name}: eine Spalte ergibt nicht 1; sie gilt, wie sie ist"
    ),
    # A replay.
    "decided as before: {why}": "entschieden wird wie zuvor; der Grund steht im Terminal",
    "going on without sound: {why}": "weiter ohne Ton; der Grund steht im Terminal",
}

ENGLISH: Final[Mapping[str, str]] = {form: form for form in GERMAN}

"""The file that the compound expression challenge asks for: one line, and one class, for every frame of a film."""

import csv
from collections.abc import Iterable
from pathlib import Path

from realtime_cer.labels import BASIC, COMPOUND, PAIRS
from realtime_cer.records import Decision

HEADER = ("image_location", *(name.replace(" ", "_") for name in COMPOUND))


class Challenge:
    """Collects the class of every frame: a number or two a frame, so that a long film fits."""

    def __init__(self) -> None:
        self._found: list[tuple[int, int]] = []
        self._last = -1

    def add(self, decision: Decision) -> None:
        """Take in the decision about frame ``decision.seq``; frames come in order."""
        self._last = decision.seq
        number = _class_of(decision)
        if number is not None:
            self._found.append((decision.seq, number))

    def classes(self) -> list[int]:
        """The class of every frame, 0 to 6 in the order of ``labels.COMPOUND``; empty where no frame has any.

        A frame about which nothing is known gets the class of the nearest one, of two equally near ones the earlier.
        """
        found, at = self._found, 0
        classes = []
        for number in range(self._last + 1 if found else 0):
            while at + 1 < len(found) and found[at + 1][0] - number < abs(number - found[at][0]):
                at += 1
            classes.append(found[at][1])
        return classes


def _class_of(decision: Decision) -> int | None:
    """What is named or, where the row abstains, the rule's bare argmax; None where nothing is known."""
    if decision.label is not None:
        return COMPOUND.index(decision.label)
    if decision.compound is None or decision.basic is None:
        return None
    scores = decision.compound
    if not any(scores):
        # Rule 1 leaves nothing of a calm face. The first of seven zeros would be Fearfully Surprised: take the sums.
        p = dict(zip(BASIC, decision.basic, strict=True))
        scores = tuple(p[a] + p[b] for a, b in PAIRS)
    return scores.index(max(scores))


def write_challenge(path: Path, video: str, classes: Iterable[int]) -> None:
    """Write ``VIDEO/00001.jpg,ID`` for every frame below the header, whole or not at all.

    Parameters
    ----------
    path : of the file
    video : what the film is called
    classes : of every frame from the first on, 0 to 6
    """
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(HEADER)
        lines.writerows((f"{video}/{number:05d}.jpg", one) for number, one in enumerate(classes, 1))
    partial.replace(path)

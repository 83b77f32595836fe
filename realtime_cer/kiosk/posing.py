"""Pose it: the kiosk asks for an expression, the visitor shows it, and says whether that was it.

Pure: ``now`` is an argument, and chance comes from a seed.
"""

import random
from collections import Counter
from typing import Final, Literal

from realtime_cer.labels import COMPOUND
from realtime_cer.records import Decision

Phase = Literal["ready", "pose", "confirm", "thanks", "over"]

READY_S: Final = 3.0
POSE_S: Final = 4.0
CONFIRM_S: Final = 15.0
THANKS_S: Final = 1.6

NONE: Final = len(COMPOUND)
"""What the machine said where it abstained; everything else is an index into ``labels.COMPOUND``."""


class Deck:
    """All seven expressions in an order of chance, then in another; never one twice in a row."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._cards: list[int] = []
        self._last: int | None = None

    def draw(self) -> int:
        """The next expression, an index into ``labels.COMPOUND``."""
        while not self._cards:
            cards = list(range(len(COMPOUND)))
            self._chance.shuffle(cards)
            if cards[-1] != self._last:
                self._cards = cards
        self._last = self._cards.pop()
        return self._last


class Posing:
    """Rounds of three seconds to get ready, four to pose, and a question.

    Whether the visitor showed what was asked for is for the visitor to say, whatever the machine said: otherwise only
    what it gets right would be counted.

    Parameters
    ----------
    seed : of the order

    Attributes
    ----------
    asked : what is asked for, an index into ``labels.COMPOUND``
    match : how much of all the probability there is the newest row gives to it, 0 to 1
    counted : what the last answer was, None before it
    row : the newest row that was taken in
    """

    def __init__(self, seed: int) -> None:
        self._deck = Deck(seed)
        self.begin(0.0)

    def begin(self, now: float) -> None:
        """Ask for the next expression."""
        self.asked = self._deck.draw()
        self.counted: bool | None = None
        self.phase: Phase = "ready"
        self._since = now
        self.forget()

    def forget(self) -> None:
        """Let go of what was taken in of a visitor."""
        self.match = 0.0
        self._said: Counter[int] = Counter()
        self.row: Decision | None = None

    @property
    def said(self) -> int | None:
        """What the machine said most often during the pose, ``NONE`` among it; None where it said nothing at all."""
        return max(self._said, key=lambda one: (self._said[one], -one)) if self._said else None

    def left_s(self, now: float) -> float:
        """What is left of this phase, in seconds."""
        spans: dict[Phase, float] = {"ready": READY_S, "pose": POSE_S, "confirm": CONFIRM_S, "thanks": THANKS_S}
        return max(self._since + spans.get(self.phase, 0.0) - now, 0.0)

    def look(self, now: float, row: Decision | None) -> None:
        """Take the newest row, and go on when it is time."""
        if row is not None and row is not self.row:
            self.row = row
            total = sum(row.basic) if row.basic else 0.0
            self.match = row.compound[self.asked] / total if row.compound and total > 0 else 0.0
            if self.phase == "pose":
                self._said[COMPOUND.index(row.label) if row.label else NONE] += 1
        if self.left_s(now) > 0:
            return
        if self.phase == "ready":
            self._turn("pose", now)
        elif self.phase == "pose":
            if self._said:
                self._turn("confirm", now)
            else:  # nothing was decided meanwhile, so there is nothing to ask about
                self.begin(now)
        elif self.phase == "thanks":
            self.begin(now)
        elif self.phase == "confirm":
            self._turn("over", now)  # nobody answers

    def answer(self, now: float, yes: bool) -> tuple[int, int] | None:
        """The visitor's answer; gives what is to be counted, asked and said, where they say that it was it."""
        if self.phase != "confirm" or self.said is None:
            return None
        self.counted = yes
        self._turn("thanks", now)
        return (self.asked, self.said) if yes else None

    def _turn(self, phase: Phase, now: float) -> None:
        self.phase, self._since = phase, now

"""Which fault comes when: drawn from a seed. Pure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LASTS_S = (1.0, 3.0)
"""How long a fault lasts."""

GAP_S = (2.0, 4.0)
"""How long everything is well afterwards."""

_QUIET_S = 60.0
"""Stretches without faults, in which delay, memory, threads and handles are measured, are about so long."""

_EACH_S = sum(LASTS_S) / 2 + sum(GAP_S) / 2 + 0.3


@dataclass(frozen=True, slots=True)
class Step:
    """One fault: its name, how long it lasts, how long the gap after it is, and whether a quiet stretch follows."""

    name: str
    lasts_s: float
    gap_s: float
    rest: bool


def most(seconds: float) -> int:
    """How many faults fit into so much time, with a tenth of it left quiet."""
    return int(0.9 * seconds / _EACH_S)


def plan(seed: int, seconds: float, count: int, names: Sequence[str]) -> list[Step]:
    """Draw the faults of a run.

    Each name comes about as often as any other: they are dealt like cards, and shuffled when all were dealt. Quiet
    stretches come at even distances.

    Parameters
    ----------
    seed : the same seed gives the same plan
    seconds : how long the run is to take
    count : of faults
    names : of faults to draw from
    """
    dice = random.Random(seed)
    rests = max(1, round((seconds - count * _EACH_S) / _QUIET_S))
    after = {round((n + 1) * count / rests) - 1 for n in range(rests)}
    dealt = _dealt(dice, names)
    return [Step(next(dealt), dice.uniform(*LASTS_S), dice.uniform(*GAP_S), n in after) for n in range(count)]


def rest_s(left_s: float, steps: Sequence[Step]) -> float:
    """How long a quiet stretch may be with so many seconds and these steps left, the next rests being as long."""
    rests = 1 + sum(step.rest for step in steps)
    return max(5.0, (left_s - len(steps) * _EACH_S) / rests)


def _dealt(dice: random.Random, names: Sequence[str]) -> Iterator[str]:
    while True:
        cards = list(names)
        dice.shuffle(cards)
        yield from cards

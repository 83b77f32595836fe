"""Calm values and a calm winner for people to look at. Pure: a function of the rows, no clock, no threads.

Rows stay raw wherever they are written, sent or counted: smoothing is presentation alone. The same rows give the same
picture live and in a replay.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from realtime_cer.labels import COMPOUND
from realtime_cer.records import Decision

LONGEST_S = 3.0
"""Longest time constant that is offered."""

DEFAULT_S = 0.6
"""Time constant of a view, where nothing else is set."""

MARGIN = 0.05
HOLD_S = 0.4

_GAP_S = 1.0
"""After a hole of this length everything begins anew: nothing older says anything about the present."""


@dataclass(frozen=True, slots=True)
class Smoothed:
    """What a view shows for one row.

    ``compound`` are shares (7,) of all the probability there is, smoothed, and None where the row has none; ``models``
    each model's smoothed probabilities (7,). ``label`` is the winner that is shown, None while abstention is shown,
    with its ``reason``.
    """

    t: float
    seq: int
    label: str | None
    reason: str | None
    compound: tuple[float, ...] | None
    models: Mapping[str, tuple[float, ...] | None]


class Smoother:
    """Exponential smoothing in time, and hysteresis on the winner.

    A value follows ``y += (1 - exp(-dt / seconds)) (x - y)``, where dt is the time between two rows. Another class wins
    when its smoothed value leads by ``margin`` in every row for ``hold_s``; abstention, and what ends it, must last as
    long. A row without a value leaves the average as it was. Rows that go back in time, or come more than a second
    after the last one, begin anew. With ``seconds`` 0 rows pass unchanged, winner included.

    Parameters
    ----------
    seconds : time constant, 0 to 3
    margin : lead in shares of all the probability there is
    hold_s : how long a lead, or an abstention, must last before it is shown

    Raises
    ------
    ValueError
        ``seconds`` out of range, or a negative margin or time.
    """

    def __init__(self, seconds: float = DEFAULT_S, margin: float = MARGIN, hold_s: float = HOLD_S) -> None:
        if not 0 <= seconds <= LONGEST_S:
            raise ValueError(f"smoothing must be from 0 to {LONGEST_S:g} seconds, not {seconds}")
        if not (margin >= 0 and hold_s >= 0):
            raise ValueError("margin and hold_s must not be negative")
        self.seconds, self._margin, self._hold_s = seconds, margin, hold_s
        self._last: Smoothed | None = None
        self._averages: dict[str, tuple[float, ...]] = {}
        self._rival: tuple[str | None, str | None] | None = None
        self._since = 0.0

    def feed(self, row: Decision) -> Smoothed:
        """Take the next row; gives what to show for it."""
        last = self._last
        if last is None or not 0 < row.t - last.t <= _GAP_S:
            self._averages.clear()
            self._rival = last = None
        share = 1.0 if last is None or self.seconds == 0 else -math.expm1((last.t - row.t) / self.seconds)
        compound = self._average("", shares_of(row), share)
        models = {name: self._average(name, values, share) for name, values in row.models.items()}
        label, reason = row.label, row.reason
        if last is not None and self.seconds > 0:
            label, reason = self._winner(row, compound, last)
        self._last = Smoothed(row.t, row.seq, label, reason, compound, models)
        return self._last

    def _average(self, name: str, values: tuple[float, ...] | None, share: float) -> tuple[float, ...] | None:
        if values is None:
            return None
        old = self._averages.get(name, values)
        new = values if share == 1 else tuple(y + share * (x - y) for x, y in zip(values, old, strict=True))
        self._averages[name] = new
        return new

    def _winner(
        self, row: Decision, compound: tuple[float, ...] | None, last: Smoothed
    ) -> tuple[str | None, str | None]:
        """The verdict to show: the one shown before, until another has lasted for ``hold_s``."""
        shown = (last.label, last.reason)
        wish = self._wish(row, compound, last.label)
        if wish == shown:
            self._rival = None
            return shown
        # While a class is shown, abstention is one rival, whatever its reasons.
        if self._rival is None or (self._rival != wish if last.label is None else self._rival[0] != wish[0]):
            self._since = row.t
        self._rival = wish
        if row.t - self._since < self._hold_s - 1e-9:
            return shown
        self._rival = None
        return wish

    def _wish(
        self, row: Decision, compound: tuple[float, ...] | None, shown: str | None
    ) -> tuple[str | None, str | None]:
        """What would be shown if nothing needed to last."""
        if row.label is None or compound is None:
            return row.label, row.reason
        best = max(compound)
        if shown is not None and best < compound[COMPOUND.index(shown)] + self._margin:
            return shown, None
        return COMPOUND[compound.index(best)], None


def smooth(rows: Sequence[Decision], seconds: float = DEFAULT_S) -> tuple[Smoothed, ...]:
    """What to show for each of some rows."""
    smoother = Smoother(seconds)
    return tuple(smoother.feed(row) for row in rows)


def shares_of(row: Decision) -> tuple[float, ...] | None:
    """Compound values as shares of all the probability there is: weights for whole models make everything smaller."""
    total = sum(row.basic) if row.basic else 0.0
    return tuple(value / total for value in row.compound) if row.compound and total > 0 else None

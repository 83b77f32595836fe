"""What the panels are given to show: a snapshot, and what was made of its rows for people to look at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from realtime_cer.records import Decision, Floats, Picture, Snapshot
from realtime_cer.smoothing import DEFAULT_S, LONGEST_S, Smoothed, Smoother

Without = Callable[[Decision], Mapping[str, str | None]]
"""A decision to the label that it would have had without each of its models, None for abstention."""

Cut = Callable[[Picture, Floats], Picture]
"""(H, W, 3) BGR picture and (478, 2) landmarks to the (S, S, 3) RGB crop that the static network gets."""


@dataclass(frozen=True, slots=True)
class Looks:
    """How a window is to look at first, and what it cannot work out by itself.

    Attributes
    ----------
    theme : "dark" or "light"
    language : such as "de", None for the user's
    smoothing_s : 0 to 3
    mirror : whether the picture is mirrored, None for local cameras only
    size : of the window in pixels, None for the size of the design
    without, cut : what the why-bar and the inset with the crop need, None to do without
    """

    theme: str = "dark"
    language: str | None = None
    smoothing_s: float = DEFAULT_S
    mirror: bool | None = None
    size: tuple[int, int] | None = None
    without: Without | None = None
    cut: Cut | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A snapshot, its last minute smoothed in step with ``snapshot.history``, and why it says what it says.

    ``explained`` is the newest row that says what is shown, ``without`` what that would have said without each model:
    while the calm winner is held against newer rows, their reasons are not its own.
    """

    snapshot: Snapshot
    minute: tuple[Smoothed, ...]
    explained: Decision | None
    without: Mapping[str, str | None]
    seconds: float

    @property
    def shown(self) -> Smoothed | None:
        """What is shown for the newest decision."""
        return self.minute[-1] if self.minute else None


def row_shown(moment: Moment) -> Decision | None:
    """The newest row as it is shown: calm values as shares of all the probability there is, and the calm winner."""
    row, shown, explained = moment.snapshot.decision, moment.shown, moment.explained
    if row is None or shown is None or explained is None or moment.seconds == 0:
        return row
    total = sum(row.basic) if row.basic else 0.0
    return replace(
        row,
        label=shown.label,
        reason=shown.reason,
        basic=tuple(value / total for value in row.basic) if row.basic and total > 0 else row.basic,
        compound=shown.compound,
        models=shown.models,
        contributions=explained.contributions,
    )


class Presenter:
    """Makes moments of snapshots, feeding the smoother with the rows it has not seen."""

    def __init__(self, seconds: float, without: Without | None) -> None:
        self._smoother = Smoother(seconds)
        self._without = without
        self._asked: tuple[Decision | None, Mapping[str, str | None]] = (None, {})
        self._fed: tuple[Decision, ...] = ()
        self._minute: tuple[Smoothed, ...] = ()

    @property
    def seconds(self) -> float:
        """The time constant."""
        return self._smoother.seconds

    def smooth(self, seconds: float) -> None:
        """Begin anew with another time constant."""
        self._smoother = Smoother(seconds)
        self._fed = self._minute = ()

    def moment(self, snapshot: Snapshot) -> Moment:
        """What there is to show of a snapshot."""
        rows = _rows(snapshot)
        if rows != self._fed:
            self._follow(rows)
        explained = self._explained()
        if explained is not self._asked[0]:
            asked = self._without(explained) if self._without is not None and explained is not None else {}
            self._asked = (explained, asked)
        return Moment(snapshot, self._minute, *self._asked, self._smoother.seconds)

    def _explained(self) -> Decision | None:
        """The newest row with the label that is shown; the newest of all where none of the last seconds has it."""
        if not self._fed:
            return None
        newest, label = self._fed[-1], self._minute[-1].label
        late = (row for row in reversed(self._fed) if row.t >= newest.t - LONGEST_S)
        return next((row for row in late if row.label == label), newest)

    def _follow(self, rows: tuple[Decision, ...]) -> None:
        known = next((n + 1 for n in range(len(rows) - 1, -1, -1) if self._fed and rows[n] is self._fed[-1]), 0)
        if not known:  # another run, or a replay that was moved
            self._smoother = Smoother(self._smoother.seconds)
            self._minute = ()
        fresh = tuple(self._smoother.feed(row) for row in rows[known:])
        self._fed, self._minute = rows, (*self._minute, *fresh)[-len(rows) :] if rows else ()


def _rows(snapshot: Snapshot) -> tuple[Decision, ...]:
    """The last minute up to the newest decision, also where a snapshot brings no history."""
    rows: Sequence[Decision] = snapshot.history
    if snapshot.decision is not None and (not rows or rows[-1] is not snapshot.decision):
        rows = (*rows, snapshot.decision)
    return tuple(rows)

"""A session decided again as a whole: its rows, what a view shows for each, and what a time bar tells. Pure."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from realtime_cer.control import Strip
from realtime_cer.labels import COMPOUND
from realtime_cer.records import Decision
from realtime_cer.sessions.replay import Settings, replay
from realtime_cer.sinks.peaks import peaks
from realtime_cer.sinks.series import step_of
from realtime_cer.smoothing import Smoothed, Smoother

_EVERY = 64
"""After so many rows it is asked whether they are still wanted."""


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """How a session is to be decided: the settings of each row, models to leave out, and seconds of smoothing."""

    settings_of: Callable[[Decision], Settings]
    without: Collection[str] = ()
    smoothing_s: float = 0.0

    def decides_as(self, other: "Wish") -> bool:
        """Whether both come to the same decisions, however smoothed they are shown."""
        return self.settings_of is other.settings_of and set(self.without) == set(other.without)


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """What a wish makes of a session.

    ``rows`` are as decided, ``shown`` what a view shows for each, smoothed over all that came before.
    """

    wish: Wish
    rows: tuple[Decision, ...]
    shown: tuple[Smoothed, ...]
    strip: Strip


def timeline(
    then: Sequence[Decision],
    wish: Wish,
    known: Sequence[Decision] | None = None,
    wanted: Callable[[], bool] = lambda: True,
    marks: Collection[float] = (),
) -> Timeline | None:
    """Decide a session again.

    Parameters
    ----------
    then : its rows, at least one
    wish : by what
    known : what comes of these settings, where they have decided before
    wanted : asked now and then whether to go on; None comes back where it says no
    marks : times that were marked, in seconds; the peaks of what is decided now come beside them
    """
    rows = list(known or ())
    if known is None:
        for number, row in enumerate(replay(then, wish.settings_of, without=wish.without)):
            if number % _EVERY == 0 and not wanted():
                return None
            rows.append(row)
    smoother = Smoother(wish.smoothing_s)
    shown: list[Smoothed] = []
    for number, row in enumerate(rows):
        if number % _EVERY == 0 and not wanted():
            return None
        shown.append(smoother.feed(row))
    step = step_of(rows)
    strip = Strip(
        t=np.array([row.t for row in rows]),
        said=_codes([one.label for one in shown]),
        then=_codes([row.label for row in then]),
        step=step,
        end=rows[-1].t + step,
        marks=tuple(sorted({*marks, *(peak.t for peak in peaks(rows))})),
    )
    return Timeline(wish, tuple(rows), tuple(shown), strip)


def _codes(labels: Sequence[str | None]) -> npt.NDArray[np.int8]:
    places = {name: place for place, name in enumerate(COMPOUND)}
    return np.array([places.get(label or "", -1) for label in labels], np.int8)

"""Which cameras and microphones give nothing, for whoever looks after a kiosk. Pure: snapshots in, no threads."""

import logging
from typing import Final

from realtime_cer.records import Snapshot, SourceReport

SETTLED_S: Final = 5.0
"""What comes or goes for a shorter time is not told: sources are tried again all the time, and some flap."""

_WELL = ("live", "muted", "ended")

_log = logging.getLogger("realtime_cer")


class Outages:
    """Logs when a source has gone, and when it is back.

    Attributes
    ----------
    troubles : sources that have gone and are not back yet, a line each
    """

    def __init__(self) -> None:
        self.troubles: tuple[str, ...] = ()
        self._gone: dict[str, float] = {}
        self._turned: dict[str, float] = {}  # since when a source is otherwise than was told last

    def look(self, now: Snapshot) -> None:
        """Take in how the sources do; call it once a second or more."""
        for one in now.sources:
            self._look_at(one, now.t)
        self.troubles = tuple(
            f"{one.kind} {one.name}: {one.state}" for one in now.sources if one.kind in self._gone and not _well(one)
        )

    def _look_at(self, one: SourceReport, now: float) -> None:
        what = f"{one.kind} {one.name}"
        if _well(one) == (one.kind not in self._gone):
            self._turned.pop(one.kind, None)
            return
        since = self._turned.setdefault(one.kind, now)
        if now - since < SETTLED_S:
            return
        del self._turned[one.kind]
        if _well(one):
            _log.warning("%s is back after %.0f s", what, since - self._gone.pop(one.kind))
        else:
            self._gone[one.kind] = since
            why = one.detail.removeprefix(f"{what}: ")
            _log.warning("%s gives nothing for %.0f s: %s (%s)", what, SETTLED_S, why, one.state)


def _well(one: SourceReport) -> bool:
    """Whether a source does what it should; a file may end."""
    return one.state in _WELL

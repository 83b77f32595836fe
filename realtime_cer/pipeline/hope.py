"""Whether a recogniser that goes on with less can get the rest back by itself. Pure: snapshots in, no threads."""

from realtime_cer.records import Snapshot

STANDS_S = 60.0
"""A worker that stands still for so long, or networks that load for so long, will not come back."""

LONGEST_S = 3600.0
"""A program that goes on with less does so for this long, at most, before a new one is tried."""

_DOUBLINGS = 10  # a count that goes on for months would be too large for a float


def patience_s(gave_up: int) -> float:
    """How long a program bears what it has lost since its start, in seconds: 1, 2, 4 … 60 minutes.

    Parameters
    ----------
    gave_up : how many programs in a row gave up before it: what they did not bring back, it may not bring back either
    """
    return min(STANDS_S * 2.0 ** min(gave_up, _DOUBLINGS), LONGEST_S)


class Hope:
    """Follows a running recogniser, and says what it has lost for good while decisions go on.

    Parameters
    ----------
    gave_up : how many programs in a row gave up before this one
    """

    def __init__(self, gave_up: int = 0) -> None:
        self._least_s = patience_s(gave_up) if gave_up else 0.0
        self._began: float | None = None
        self._since: dict[str, float] = {}

    def lost(self, now: Snapshot) -> str | None:
        """What only a new process would bring back, in words; None where there is hope. Ask once a second or more."""
        self._began = now.t if self._began is None else self._began
        stalled = now.meters.stalled if now.meters is not None else ()
        self._since = {name: self._since.get(name, now.t) for name in stalled}
        if now.t - self._began < self._least_s:
            return None  # another start just now would only take away what there is
        for name, since in self._since.items():
            if now.t - since > STANDS_S:
                return f"{name} does not move for {now.t - since:.0f} s"
        return next((source.detail for source in now.sources if source.hopeless), None)

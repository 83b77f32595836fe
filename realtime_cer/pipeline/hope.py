"""Whether a recogniser that goes on with less can get the rest back by itself. Pure: snapshots in, no threads."""

from realtime_cer.records import Snapshot

STANDS_S = 60.0
"""A worker that stands still for so long, or networks that load for so long, will not come back."""


class Hope:
    """Follows a running recogniser, and says what it has lost for good while decisions go on."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def lost(self, now: Snapshot) -> str | None:
        """What only a new process would bring back, in words; None where there is hope. Ask once a second or more."""
        stalled = now.meters.stalled if now.meters is not None else ()
        self._since = {name: self._since.get(name, now.t) for name in stalled}
        for name, since in self._since.items():
            if now.t - since > STANDS_S:
                return f"{name} does not move for {now.t - since:.0f} s"
        return next((source.detail for source in now.sources if source.hopeless), None)

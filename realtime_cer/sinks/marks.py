"""Marks of a session: moments that stand out, written down when they pass, and moments that the operator marks."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from realtime_cer.records import Decision
from realtime_cer.sinks.peaks import Peak, PeakFinder
from realtime_cer.sinks.session import Lines

By = Literal["peak", "operator"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment ``t`` that was marked, by the operator or as a peak, which has a ``label`` and its ``share``."""

    t: float
    by: By
    label: str | None = None
    share: float | None = None


class MarkWriter:
    """Adds marks to a file, which is made with the first, each down to the operating system at once.

    Raises
    ------
    OSError
        It cannot be written; from every method.
    """

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self._finder = PeakFinder()

    def add(self, mark: Mark) -> None:
        """Write one mark."""
        known = {"t": round(mark.t, 6), "by": mark.by}
        more = {} if mark.share is None else {"label": mark.label, "share": round(mark.share, 6)}
        self._lines.add(json.dumps(known | more, ensure_ascii=False, allow_nan=False, separators=(",", ":")))

    def follow(self, decision: Decision) -> None:
        """Take the next decision, and write the peak that has passed with it."""
        self._peak(self._finder.feed(decision))

    def finish(self) -> None:
        """Write the peak that has not passed yet: no more decisions come."""
        self._peak(self._finder.rest())

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _peak(self, peak: Peak | None) -> None:
        if peak is not None:
            self.add(Mark(peak.t, "peak", peak.label, peak.share))


def mark_of(row: Any) -> Mark:
    """The mark that a line of the file stands for, as JSON gives it.

    Raises
    ------
    ValueError, KeyError, TypeError
        It is none.
    """
    t, by, label, share = float(row["t"]), row["by"], row.get("label"), row.get("share")
    if not math.isfinite(t) or by not in get_args(By):
        raise ValueError(f"{row} is no mark")
    return Mark(t, by, None if label is None else str(label), None if share is None else float(share))

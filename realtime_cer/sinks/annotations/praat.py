"""TextGrid files, as Praat reads them."""

from collections.abc import Sequence
from pathlib import Path

from praatio import textgrid

from realtime_cer.sinks.annotations.tiers import Tier


def write_textgrid(path: Path, tiers: Sequence[Tier], end_ms: int) -> None:
    """Write an interval tier for each tier, from 0 to ``end_ms``, with empty intervals between the marks."""
    end = max(end_ms, 1) / 1000  # Praat refuses a grid without length
    grid = textgrid.Textgrid(0.0, end)
    for tier in tiers:
        marks = [(mark.start_ms / 1000, mark.end_ms / 1000, mark.value) for mark in tier.marks]
        grid.addTier(textgrid.IntervalTier(tier.name, marks, 0.0, end), reportingMode="error")
    # Left to itself, the library would move boundaries of short intervals.
    grid.save(str(path), "long_textgrid", includeBlankSpaces=True, minimumIntervalLength=None, reportingMode="error")

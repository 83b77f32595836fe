"""Marks as a CSV table: a row for each, for a spreadsheet, and read back after a human has corrected it."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from realtime_cer.errors import Refused
from realtime_cer.sinks.annotations.tiers import Mark, Tier

HEADER = ("tier", "start_s", "end_s", "value")


def write_spans(path: Path, tiers: Sequence[Tier]) -> None:
    """Write a row for each mark, times in seconds with milliseconds."""
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(HEADER)
        for tier in tiers:
            for mark in tier.marks:
                lines.writerow((tier.name, f"{mark.start_ms / 1000:.3f}", f"{mark.end_ms / 1000:.3f}", mark.value))


def read_spans(path: Path) -> dict[str, list[Mark]]:
    """Marks by tier from a table such as ``write_spans`` makes, as a spreadsheet may have saved it again.

    Commas, semicolons or tabs may stand between the columns, and a comma may be the decimal sign. More columns do no
    harm.

    Raises
    ------
    Refused
        It is no such table; the line tells which row is wrong.
    OSError
        It cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{path} is no UTF-8 text: save it as CSV with UTF-8 letters") from None
    head = text.split("\n", 1)[0]
    between = max(",;\t", key=head.count)
    lines = csv.DictReader(text.splitlines(), delimiter=between, strict=True)
    try:
        missing = [name for name in HEADER if name not in (lines.fieldnames or ())]
        if missing:
            raise Refused(f"{path} has no column {missing[0]}: its first line must name {', '.join(HEADER)}")
        found: dict[str, list[Mark]] = defaultdict(list)
        for row in lines:
            try:
                start, end = (round(1000 * float(row[name].replace(",", "."))) for name in ("start_s", "end_s"))
                found[row["tier"].strip()].append(Mark(start, end, row["value"].strip()))
            except (ValueError, OverflowError, AttributeError):
                raise Refused(
                    f"{path}, line {lines.line_num}: start_s and end_s must be numbers of seconds beside a tier and a"
                    " value: put that row right"
                ) from None
    except csv.Error as error:
        raise Refused(f"{path}, line {lines.line_num} is torn ({error}): export the table again") from None
    return dict(found)

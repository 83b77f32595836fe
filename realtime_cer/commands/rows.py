"""Rows that are there already: of a session, of a folder of results, or of a file."""

import json
import math
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from realtime_cer.commands.console import notice
from realtime_cer.errors import Refused
from realtime_cer.labels import COMPOUND
from realtime_cer.records import Decision
from realtime_cer.sessions.folder import looking_at
from realtime_cer.sessions.lines import sort_lines
from realtime_cer.sinks.series import step_of
from realtime_cer.sinks.session import FORMAT
from realtime_cer.sinks.tables import from_row, to_json

ROWS = "decisions.jsonl"
_FACTS = ("summary.json", "session.json")
_FILMS = ("film.mkv", "overlay.mkv")


@dataclass(frozen=True, slots=True)
class Kept:
    """What a folder holds: ``rows`` in the order of time, at least one, and what is told of them beside."""

    folder: Path
    rows: list[Decision]
    facts: dict[str, Any]
    title: str
    film: Path | None

    @property
    def span_ms(self) -> tuple[int, int]:
        """From the first row to the end of the last, in milliseconds."""
        last = self.rows[-1].t + step_of(self.rows)
        return max(round(1000 * self.rows[0].t), 0), max(round(1000 * last), 0)


def open_rows(place: Path) -> Kept:
    """Read a session or a folder of results, or the file of rows in it.

    Raises
    ------
    Refused
        There are no rows, or rows of another version, or torn ones before the last.
    """
    with looking_at(place):
        folder = place.is_dir()
    path = place / ROWS if folder else place
    try:
        read = sort_lines(path, from_row)
    except FileNotFoundError:
        told = f"{place} holds no {ROWS}" if folder else f"{place} does not exist"
        raise Refused(f"{told}: give a session, or a folder that run --out has written") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}): see that you may read it") from None
    rows = read.values
    # Only the last of several lines may be torn: its program died, or is still writing it.
    amiss = next((number for number in read.torn if number <= max(len(rows), 1) or len(read.torn) > 1), None)
    if amiss is not None:
        raise Refused(
            f"{path}: line {amiss} is no decision of this version: analyse the film again, or take that line out"
        )
    if torn := read.notice(path):
        notice(torn)
    if not rows:
        raise Refused(f"{path} holds no decisions: analyse a film, or record a session, that is longer")
    _check(path, rows)
    facts = _facts(path.parent)
    source = facts.get("source")
    named = source.get("file") if isinstance(source, dict) else None
    film = next((path.parent / name for name in _FILMS if (path.parent / name).is_file()), None)
    return Kept(path.parent, rows, facts, as_text(named or path.parent.resolve().name), film)


def as_text(name: object) -> str:
    """A name that every file can hold: one of a folder may have bytes that are no letters."""
    return str(name).encode("utf-8", "replace").decode("utf-8")


def _check(path: Path, rows: list[Decision]) -> None:
    """Whether the values, too, are those of rows: whoever reads them on relies on it."""
    before = -math.inf
    for number, row in enumerate(rows, 1):
        wrong = None
        if not _holds(row):
            wrong = "holds other values than a decision of this version"
        elif row.t < before:
            wrong = "goes back in time"
        elif row.label is not None and row.label not in COMPOUND:
            wrong = f"names {row.label!r}, which is no expression of this version"
        if wrong:
            raise Refused(f"{path}: row {number} {wrong}; analyse the film again, or take that line out")
        before = row.t


def _holds(row: Decision) -> bool:
    """Whether a row's numbers are finite numbers and its words are words, as rows may come from anywhere."""
    try:
        if row.people or row.meters is not None:  # few have any
            return bool(to_json(row).encode("utf-8"))
        tables = [row.basic, row.compound, row.face, *row.models.values(), row.contributions.values()]
        ages = [age for age in row.age_ms.values() if age is not None]
        numbers = [row.t, row.seq, row.dropped, *ages, *chain.from_iterable(one for one in tables if one is not None)]
        engines = (one for one in row.engine.values() if one is not None)
        words = (row.label or "", row.reason or "", row.rule, row.weights, *row.contributions, *engines)
        "".join(words).encode("utf-8")
        return math.isfinite(math.fsum(numbers))
    except (TypeError, ValueError, AttributeError, OverflowError):
        return False


def _facts(folder: Path) -> dict[str, Any]:
    """What the folder tells of its rows; told where that cannot be read, as rows are worth something without."""
    for name in _FACTS:
        path = folder / name
        if path.is_file():
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                notice(f"{path} cannot be read ({error}): what it tells is left out")
            else:
                if isinstance(found, dict):
                    if found.get("format", FORMAT) != FORMAT:
                        raise Refused(f"{folder} is of another version (format {found['format']}): use that version")
                    return found
                notice(f"{path} is no {name} of this program: what it tells is left out")
    return {}

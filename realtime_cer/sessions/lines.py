"""Lines of a session's files, of which some may be torn: by a power cut, a bad disk, or an editor."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from realtime_cer.records import Decision
from realtime_cer.sinks.tables import from_row

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sorted(Generic[T]):
    """What lines stand for: ``values``, and ``whole`` those lines; ``torn`` those that stand for nothing, by number."""

    values: list[T]
    whole: list[bytes]
    torn: dict[int, bytes]

    def notice(self, path: Path) -> str | None:
        """What to say of the torn ones, in one line; None where there are none."""
        if not self.torn:
            return None
        first, *more = self.torn
        which = f"{len(self.torn)} lines from {first} on are" if more else f"line {first} is"
        read = "1 line was" if len(self.values) == 1 else f"{len(self.values)} lines were"
        return f"{path}: {read} read; {which} torn, and left out (realtime-cer sessions repair {path.parent})"


def row_of(line: Any) -> Decision:
    """The decision that a line of rows stands for, whose time and values are numbers.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        It is none.
    """
    row = from_row(line)
    if not math.isfinite(row.t + sum(row.basic or ()) + sum(row.compound or ())):
        raise ValueError(f"a decision at {row.t}")
    return row


def sort_lines(path: Path, read: Callable[[Any], T]) -> Sorted[T]:
    """Read every line of a file of JSON.

    Parameters
    ----------
    path : of the file
    read : makes something of what a line holds, or raises ``ValueError``, ``KeyError``, ``TypeError`` or
        ``AttributeError``

    Raises
    ------
    OSError
        It cannot be read, or is not there.
    """
    values, whole, torn = [], [], {}
    # As bytes: a line may be torn in the middle of a letter.
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line:
            continue
        try:
            values.append(read(json.loads(line.decode("utf-8"))))
        except (ValueError, KeyError, TypeError, AttributeError):
            torn[number] = line
        else:
            whole.append(line)
    return Sorted(values, whole, torn)

"""The confusion matrix of a room: what visitors were asked to show, and what the machine said.

Counts only, in one small JSON file in the user's data folder: no picture, no sound, no time, nobody's name.
"""

import csv
import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import platformdirs
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from realtime_cer.errors import Refused
from realtime_cer.labels import COMPOUND
from realtime_cer.whole import write_whole

FILE: Final = "room.json"

SAID: Final = (*COMPOUND, "none")
"""What the machine may say; it abstains with the last."""


@dataclass(frozen=True, slots=True)
class Room:
    """``counts[asked][said]``, 7 by 8, and how many poses their visitors did not want to be counted."""

    counts: tuple[tuple[int, ...], ...] = ((0,) * len(SAID),) * len(COMPOUND)
    left_out: int = 0

    @property
    def total(self) -> int:
        """How many poses are counted."""
        return sum(map(sum, self.counts))

    @property
    def agreed(self) -> int:
        """In how many of them the machine said what was asked for."""
        return sum(row[n] for n, row in enumerate(self.counts))

    def plus(self, pair: tuple[int, int] | None) -> "Room":
        """With one more pose: asked and said, or None where its visitor did not want it to be counted."""
        if pair is None:
            return replace(self, left_out=self.left_out + 1)
        asked, said = pair
        rows = [list(row) for row in self.counts]
        rows[asked][said] += 1
        return replace(self, counts=tuple(map(tuple, rows)))

    def joined(self, other: "Room") -> "Room":
        """With all that another has counted."""
        pairs = zip(self.counts, other.counts, strict=True)
        counts = tuple(tuple(a + b for a, b in zip(ours, theirs, strict=True)) for ours, theirs in pairs)
        return Room(counts, self.left_out + other.left_out)

    def table(self) -> str:
        """The counts as CSV, one row for each expression that was asked for."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["asked", *SAID])
        writer.writerows([name, *row] for name, row in zip(COMPOUND, self.counts, strict=True))
        return out.getvalue()


class _File(BaseModel):
    """The file: classes are named, so that nothing is counted for another class by a later version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asked: tuple[str, ...]
    said: tuple[str, ...]
    counts: tuple[tuple[NonNegativeInt, ...], ...]
    left_out: NonNegativeInt


def room_file() -> Path:
    """Where the matrix is kept, there or not: ``REALTIME_CER_ROOM``, or where the system keeps a user's data."""
    own = os.environ.get("REALTIME_CER_ROOM")
    return (Path(own) if own else platformdirs.user_data_path("realtime_cer", appauthor=False)) / FILE


def read_room() -> Room:
    """What was counted so far; nothing where there is no file.

    Raises
    ------
    Refused
        The file cannot be read, or is damaged.
    """
    path = room_file()
    try:
        held = _File.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Room()
    except OSError as error:
        raise Refused(f"the room's matrix {path} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        why = " ".join(error.errors()[0]["msg"].split())
        raise Refused(f"the room's matrix {path} is damaged ({why}): move it away to begin anew") from None
    if (held.asked, held.said) != (COMPOUND, SAID) or [len(row) for row in held.counts] != [len(SAID)] * len(COMPOUND):
        raise Refused(f"the room's matrix {path} has other classes than this version: move it away to begin anew")
    return Room(held.counts, held.left_out)


def write_room(room: Room) -> Path:
    """Keep the matrix: written beside the old file, then put in its place; gives the file.

    Raises
    ------
    Refused
        It cannot be written.
    """
    path = room_file()
    made = _File(asked=COMPOUND, said=SAID, counts=room.counts, left_out=room.left_out)
    try:
        write_whole(path, made.model_dump_json().encode() + b"\n")
    except OSError as error:
        raise Refused(
            f"the room's matrix {path} cannot be written ({error.strerror}): name another folder with REALTIME_CER_ROOM"
        ) from None
    return path


class Tally:
    """Counts into the file, which is read anew each time: it may have been cleared meanwhile.

    What cannot be written, or lies behind a file that cannot be read, waits in memory for the next time.

    Attributes
    ----------
    trouble : why something waits, on one line; empty where nothing does and the file can be read
    """

    def __init__(self) -> None:
        self.trouble = ""
        self._held = self._waiting = Room()
        self.settle()

    @property
    def room(self) -> Room:
        """All that is counted, as far as it is known."""
        return self._held.joined(self._waiting)

    def count(self, pair: tuple[int, int] | None) -> None:
        """Count one more pose: asked and said, or None where its visitor did not want it to be counted."""
        self._waiting = self._waiting.plus(pair)
        self.settle()

    def settle(self) -> None:
        """Read the file, and write what waits; one that cannot be read is not written over."""
        try:
            self._held = read_room()
            if self._waiting != Room():
                write_room(self.room)
                self._held, self._waiting = self.room, Room()
            self.trouble = ""
        except Refused as refusal:
            self.trouble = str(refusal)

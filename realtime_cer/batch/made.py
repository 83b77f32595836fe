"""What a folder of results was made of, and whether people worked in it since: what they did is never removed."""

import hashlib
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

JOB = "job.json"
"""In a folder of results: what they were made of, and the SHA-256 of every file as it was written."""

_BEFORE = ".before"


def source_of(media: Path) -> list[int]:
    """What tells a file from an older one of its name: bytes, and nanoseconds of its last change."""
    facts = media.stat()
    return [facts.st_size, facts.st_mtime_ns]


def write_record(folder: Path, media: Path, name: str, key: str) -> None:
    """Write the record of a folder of results in which everything else is written.

    Parameters
    ----------
    media, name : the file that was analysed, and what it is called
    key : of the task that it was analysed by
    """
    sums = {path.name: _sum(path) for path in folder.iterdir()}
    made = {"key": key, "source": source_of(media), "file": name, "files": sums}
    (folder / JOB).write_text(json.dumps(made) + "\n", encoding="utf-8")


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a folder of results; None where there is none."""
    held = read_object(folder / JOB)
    return held if held is not None and {"key", "source"} <= set(held) else None


def read_object(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file; None where there is none."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return held if isinstance(held, dict) else None


def worked_on(folder: Path) -> bool:
    """Whether a folder holds a file that is not as it was made; what cannot be read is taken for such."""
    sums = (read_record(folder) or {}).get("files", {})  # older records have none
    try:
        # By their content: times of files do not outlast a copy.
        return any(path.name != JOB and not _as_made(path, sums.get(path.name)) for path in folder.iterdir())
    except OSError:
        return True


def give_way(folder: Path) -> Path | None:
    """Clear the place of a folder of results; one that was worked on gets another name, which is given.

    Raises
    ------
    OSError
        It can be neither removed nor renamed.
    """
    if not worked_on(folder):
        shutil.rmtree(folder)
        return None
    endings = itertools.chain([""], (f"-{n}" for n in itertools.count(2)))
    places = (folder.with_name(f"{folder.name}{_BEFORE}{ending}") for ending in endings)
    return folder.rename(next(place for place in places if not place.exists()))


def _as_made(path: Path, told: str | None) -> bool:
    return told is not None and path.is_file() and _sum(path) == told


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

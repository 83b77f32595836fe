"""Files that are there whole or not at all."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of ``path`` once that went well, and is removed where it did not.

    Nobody ever reads half of it. Folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file, as ``whole`` does; it is on the disk then, should the power fail.

    Raises
    ------
    OSError
        It cannot be written; the old file is as it was, and nothing is left beside it.
    """
    with whole(path) as part, part.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())

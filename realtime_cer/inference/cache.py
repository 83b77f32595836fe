"""Built engines in the user's cache folder: one file each, which tells what it is on its first line.

The line and the engine lie in one file, so that one rename puts both in place: two processes that build the same
engine both succeed, and nobody ever reads half of anything. Whatever does not fit its own line is as good as absent.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import platformdirs

from realtime_cer.errors import Refused

ANY = "any"
"""In place of a GPU's name and its driver: built for every GPU of that capability."""

_FORMAT = "realtime-cer engine 1"
_LINE = 4096


@dataclass(frozen=True, slots=True)
class Key:
    """Everything that an engine depends on; another value of any of them is another engine.

    ``sha256`` is that of the network file, ``library`` and ``version`` are TensorRT's flavour, ``driver`` the CUDA
    version that the driver speaks.
    """

    network: str
    sha256: str
    library: str
    version: str
    gpu: str
    capability: str
    driver: str
    precision: str

    @property
    def stem(self) -> str:
        """File name without its ending."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"{self.network}-{digest[:16]}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the cache; ``key`` is None where the file is none of ours, or damaged."""

    path: Path
    size: int
    key: Key | None
    facts: dict[str, Any] = field(default_factory=dict)


def folder() -> Path:
    """Where built engines are kept: the user's cache folder, or that of REALTIME_CER_CACHE."""
    own = os.environ.get("REALTIME_CER_CACHE")
    return (Path(own) if own else platformdirs.user_cache_path("realtime_cer", appauthor=False)) / "engines"


def find(key: Key) -> bytes | None:
    """The engine of this key, or one built for any GPU of its capability; None where neither is there and whole."""
    for wanted in (key, replace(key, gpu=ANY, driver=ANY)):
        try:
            with (folder() / f"{wanted.stem}.engine").open("rb") as file:
                line = _read_line(file.readline(_LINE))
                engine = file.read()
        except (OSError, ValueError):
            continue
        whole = line["length"] == len(engine) and line["sha256"] == hashlib.sha256(engine).hexdigest()
        if whole and _key(line) == wanted:
            return engine
    return None


def keep(key: Key, engine: bytes, **facts: Any) -> Path:
    """Put an engine into the cache, in place of one that is there.

    Parameters
    ----------
    facts : what else the file should tell of itself, such as ``build_s``

    Raises
    ------
    Refused
        The folder cannot be written, or is full; nothing half is left behind.
    """
    target = folder() / f"{key.stem}.engine"
    line = {"format": _FORMAT, "key": asdict(key), "facts": facts, "length": len(engine)}
    line["sha256"] = hashlib.sha256(engine).hexdigest()
    made: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
        made = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.write(engine)
        os.replace(made, target)
    except OSError as error:
        if made is not None:
            with contextlib.suppress(OSError):
                made.unlink()
        reason = error.strerror or str(error)
        raise Refused(
            f"engines cannot be kept in {target.parent} ({reason}): make room there, or set REALTIME_CER_CACHE"
        ) from None
    return target


def entries() -> Iterator[Entry]:
    """Every engine file in the cache, in the order of names."""
    for path in sorted(folder().glob("*.engine")):
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                first = file.readline(_LINE)
            line = _read_line(first)
            whole = size == len(first) + line["length"]
            yield Entry(path, size, _key(line) if whole else None, line["facts"])
        except FileNotFoundError:
            continue  # another process cleared the cache meanwhile
        except (OSError, ValueError):
            yield Entry(path, path.stat().st_size, None)


def clear() -> int:
    """Remove every engine, and what broken-off writes left; gives how many engines there were.

    Raises
    ------
    Refused
        A file cannot be removed.
    """
    removed = 0
    for path in [*folder().glob("*.engine"), *folder().glob(".*.part")]:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise Refused(f"{path} cannot be removed: {error.strerror}") from None
        removed += path.suffix == ".engine"
    return removed


def _read_line(first: bytes) -> dict[str, Any]:
    """The line that a file tells of itself; ValueError where it is no such line."""
    line = json.loads(first)
    if not isinstance(line, dict) or line.get("format") != _FORMAT or not isinstance(line.get("length"), int):
        raise ValueError("not an engine of this program")
    if not isinstance(line.get("facts"), dict) or not isinstance(line.get("sha256"), str):
        raise ValueError("not an engine of this program")
    return line


def _key(line: dict[str, Any]) -> Key | None:
    try:
        return Key(**line["key"])
    except (KeyError, TypeError):
        return None

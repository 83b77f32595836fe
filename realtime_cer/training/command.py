"""What the commands of training share: one-line errors and exit codes."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from realtime_cer.errors import Refused


class Parser(argparse.ArgumentParser):
    """Flags, whose errors are one line, and which are written out."""

    def __init__(self, **words: Any) -> None:
        super().__init__(**words, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with exit code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def run(name: str, work: Callable[[], None]) -> int:
    """Do the work; turn refused input into one line on stderr and exit code 2."""
    try:
        work()
    except Refused as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{name}: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def count(least: int) -> Callable[[str], int]:
    """A flag's type: a whole number of at least ``least``."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {least}")
        return int(text)

    return read


def number(least: float, most: float = float("inf")) -> Callable[[str], float]:
    """A flag's type: a number from ``least`` to ``most``."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            told = f"of at least {least:g}" if most == float("inf") else f"from {least:g} to {most:g}"
            raise argparse.ArgumentTypeError(f"{text!r} is no number {told}")
        return value

    return read


def data_folder(given: Path | None) -> Path:
    """Return the folder of the corpora: the one given, or ``REALTIME_CER_DATA``."""
    folder = given or os.environ.get("REALTIME_CER_DATA")
    if not folder:
        raise Refused("no corpora folder: give --data DIR or set REALTIME_CER_DATA")
    return Path(folder)

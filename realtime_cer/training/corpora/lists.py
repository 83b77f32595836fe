"""What readers share: lines and tables, and the files of a folder, with errors that name the file."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from realtime_cer.training.corpora.corpus import CorpusError


class _Tabs(csv.excel_tab):
    quoting = csv.QUOTE_NONE


def lines_of(name: str, path: Path) -> list[str]:
    """Read the lines of a text file."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{name}: cannot read {path}: {error}") from None


def first_line(name: str, path: Path) -> str:
    """Read the first line of a text file that may be large."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{name}: cannot read {path}: {error}") from None


def rows_of(
    name: str, table: Path, wanted: Sequence[str], *, names: Sequence[str] | None = None, tabs: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """Read a table: of each row where it is (``FILE:LINE``) and the wanted columns, by name.

    Parameters
    ----------
    wanted : columns that must be there
    names : of the columns, where the table has no line that names them
    tabs : separated by tabs, without quotes; otherwise by commas
    """
    dialect = _Tabs if tabs else csv.excel
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, names, dialect=dialect)
            absent = [column for column in wanted if column not in (reader.fieldnames or [])]
            if absent:
                raise CorpusError(f"{name}: {table}: no column {', '.join(absent)}")
            for row in reader:
                yield f"{table}:{reader.line_num}", {column: (row[column] or "").strip() for column in wanted}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{name}: cannot read {table}: {error}") from None


def count_of(name: str, where: str, text: str, told: str) -> int:
    """Read a whole number of at least 0, or say that it is no ``told``."""
    if not text.isdecimal():
        raise CorpusError(f"{name}: {where}: {text!r} is no {told}")
    return int(text)


def files_in(folder: Path, where: str, suffixes: Sequence[str]) -> list[Path]:
    """Return the visible files of a folder, or of those that a pattern ending in ``/`` names, in order."""
    return sorted(p for p in folder.glob(f"{where}*") if p.suffix.lower() in suffixes and p.name[0] != ".")


def first_folder(*folders: Path) -> Path:
    """Return the first folder that is there; otherwise the first, to be named in an error."""
    return next((folder for folder in folders if folder.is_dir()), folders[0])

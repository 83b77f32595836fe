"""List the corpora that a folder holds: files, speakers and classes of each, or why it cannot be read."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from realtime_cer.errors import Refused
from realtime_cer.labels import BASIC, COMPOUND, PAIRS
from realtime_cer.training import corpora
from realtime_cer.training.command import Parser, data_folder, run
from realtime_cer.training.corpora.corpus import UNLABELLED, Corpus, CorpusError

HEADS = {BASIC: [name[:2] for name in BASIC], COMPOUND: [first[:2] + second[:2] for first, second in PAIRS]}
"""Short names of each list of classes."""

_NARROWEST = 100


def overview(names: list[str], data: Path) -> tuple[list[Corpus], dict[str, str]]:
    """Read the lists of corpora: those that can be read, and the one-line reason for each of the others."""
    found, reasons = [], {}
    for name in names:
        try:
            found.append(corpora.load(name, data))
        except CorpusError as error:
            reasons[name] = " ".join(str(error).split())
    return found, reasons


def show(found: list[Corpus], reasons: dict[str, str], console: Console) -> None:
    """Print a table for each kind and list of classes, then the reasons."""
    for kind in ("faces", "speech", "films"):
        for classes, heads in HEADS.items():
            alike = [corpus for corpus in found if (corpus.kind, corpus.classes) == (kind, classes)]
            if alike:
                console.print(_table(alike, kind, heads), "")
    for reason in reasons.values():
        console.print(reason, style="dim", soft_wrap=True, highlight=False, markup=False)


def _table(found: list[Corpus], kind: str, heads: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(kind, header_style="bold")
    for head in ("entries", "held out", "groups", *heads, "no label"):
        table.add_column(head, justify="right", no_wrap=True)
    for corpus in found:
        numbers = [len(corpus), int(corpus.held_out.sum()), len(set(corpus.groups.tolist())), *corpus.counts().tolist()]
        table.add_row(corpus.name, *map(str, numbers), str(int((corpus.labels == UNLABELLED).sum())))
    return table


def parser() -> argparse.ArgumentParser:
    """Return the flags."""
    p = Parser(prog="corpora", description=__doc__)
    p.add_argument("--corpus", action="append", choices=corpora.NAMES, help="may be given many times (default: all)")
    p.add_argument("--data", type=Path, help="folder of the corpora (default: REALTIME_CER_DATA)")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    a = parser().parse_args(arguments)

    def work() -> None:
        data = data_folder(a.data)
        if not data.exists():
            raise Refused(f"no such folder: {data}; give --data DIR")
        found, reasons = overview(a.corpus or list(corpora.NAMES), data)
        show(found, reasons, Console(width=max(Console().width, _NARROWEST)))
        if not found:
            raise Refused(f"no corpus that can be read in {data}")

    return run("corpora", work)


if __name__ == "__main__":
    raise SystemExit(main())

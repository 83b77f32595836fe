"""``sessions export``: the rows of a session or of a folder of results as files that other tools open."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from realtime_cer.commands.console import Talk, notice
from realtime_cer.errors import Refused

if TYPE_CHECKING:
    from rich.progress import Progress

REPORT = "report"

EXAMPLES = """Formats: eaf (ELAN), textgrid (Praat), vtt and srt (subtitles), chapters (WebVTT), csv (a row for each
segment), parquet (every decision, needs pyarrow), report (a page and a picture), all.

examples:
  realtime-cer sessions export 2026-05-04_10-30-00 --format all
  realtime-cer sessions export results --format eaf,textgrid --media interview.mp4 --out annotations
  realtime-cer sessions export results --format vtt,chapters --minimum-s 1 --bridge-s 2
  realtime-cer score results --against annotations/annotations.eaf     after somebody has corrected it"""


def seconds(text: str) -> float:
    """A length on the command line: a number of seconds from 0 on."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 on")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``sessions export``."""
    parser.add_argument("place", type=Path, metavar="SESSION|DIR", help="a session, or a folder that run --out wrote")
    parser.add_argument("--format", default="all", metavar="LIST", help="formats with commas between (default: all)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the files (default: beside the rows)")
    parser.add_argument("--media", type=Path, metavar="FILE", help="the film, which ELAN then opens beside the tiers")
    parser.add_argument(
        "--minimum-s", type=seconds, metavar="S", help="least length of a segment, in seconds (default: 0.6)"
    )
    parser.add_argument(
        "--bridge-s", type=seconds, metavar="S", help="longest interruption that is passed over, in s (default: 1.0)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")


def run_export(options: argparse.Namespace) -> int:
    """The ``sessions export`` command; gives the exit code."""
    from realtime_cer.commands.results import kept, usable
    from realtime_cer.commands.rows import open_rows
    from realtime_cer.sessions.folder import looking_at
    from realtime_cer.sinks.annotations import FILES, formats_of, write_annotations
    from realtime_cer.sinks.segments import BRIDGE_S, MINIMUM_S
    from realtime_cer.sinks.sessionreport import PAGE, PICTURE, session_report

    formats = formats_of(options.format, more=[REPORT], tell=notice)
    if options.media is not None:
        with looking_at(options.media):
            if not options.media.is_file():
                raise Refused(f"{options.media} is no file: give the film with --media")
    names = [name for name in formats if name in FILES]
    report = [PAGE, PICTURE] if REPORT in formats else []
    with _bar() as bar:
        task = bar.add_task("reading", total=1 + len(names) + bool(report))
        found = open_rows(options.place)
        out = options.out or found.folder
        usable(out, [*(FILES[name] for name in names), *report], options.overwrite)
        bar.update(task, advance=1, description="writing")
        with kept(out):
            written = write_annotations(
                out,
                found.rows,
                names,
                title=found.title,
                media=options.media or found.film,
                minimum_s=MINIMUM_S if options.minimum_s is None else options.minimum_s,
                bridge_s=BRIDGE_S if options.bridge_s is None else options.bridge_s,
                tell=lambda path: bar.update(task, advance=1, description=path.name),
            )
            if report:
                page = session_report(out, found.rows, {"title": found.title, **found.facts})
                written += [page, page.with_name(PICTURE)]
    told = ", ".join(path.name for path in written)
    Talk().print(f"{len(found.rows)} decisions of {found.title}: {out}/{told}")
    return 0


def _bar() -> "Progress":
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Talk(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )

"""``score``: rows against what a human says of the same film."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from realtime_cer.commands.console import Talk, notice
from realtime_cer.commands.export import seconds
from realtime_cer.errors import Refused

JSON, PICTURE = "score.json", "confusion.png"

EXAMPLES = """The corrections are an ELAN document or a CSV table, as sessions export writes them, corrected by a human;
where their tier has no mark, nothing is expressed. Corrections of what the machine said agree with it more easily than
annotations that were made without it. Every row counts as it is; sessions export, though, joins rows to segments, with
--minimum-s 0.6 --bridge-s 1 unless told otherwise. To hold its files against the same segments, give the same here.

examples:
  realtime-cer score results --against corrected.eaf
  realtime-cer score results --against coded.eaf --tier "coder A" --out score
  realtime-cer score results --against segments.csv --minimum-s 0.6 --bridge-s 1     the segments, as exported"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``score``."""
    parser.add_argument(
        "rows", type=Path, metavar="ROWS", help="a session, a folder of results, or its decisions.jsonl"
    )
    parser.add_argument("--against", type=Path, required=True, metavar="FILE", help="corrections: .eaf or .csv")
    parser.add_argument("--tier", default="compound", metavar="NAME", help="tier of the labels (default: compound)")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"folder for {JSON} and {PICTURE}")
    parser.add_argument(
        "--minimum-s", type=seconds, metavar="S", help="score segments of at least S (default: every row as it is)"
    )
    parser.add_argument(
        "--bridge-s", type=seconds, metavar="S", help="and pass over interruptions up to S (default: none)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")


def run_score(options: argparse.Namespace) -> int:
    """The ``score`` command; gives the exit code."""
    from realtime_cer.commands.rows import open_rows
    from realtime_cer.commands.scoring import STEP_MS, figures, steps
    from realtime_cer.sessions.deletion import refuse_forgotten
    from realtime_cer.sinks.annotations.corrections import read_corrections, read_joining
    from realtime_cer.sinks.annotations.joining import Joining
    from realtime_cer.sinks.segments import BRIDGE_S, MINIMUM_S, said, segments

    refuse_forgotten(options.rows, datetime.now().astimezone())
    found = open_rows(options.rows)
    try:
        marks = read_corrections(options.against, found.span_ms, options.tier)
        exported = read_joining(options.against)
    except FileNotFoundError:
        raise Refused(f"{options.against} does not exist: give corrections with --against") from None
    except OSError as error:
        raise Refused(f"{options.against} cannot be read ({error.strerror}): see that you may read it") from None
    if not marks:
        notice(f"tier {options.tier} of {options.against.name} is empty: by it nothing is expressed anywhere")
    joining = Joining(options.minimum_s or 0.0, options.bridge_s or 0.0)
    parts = segments(
        found.rows, [said(row) for row in found.rows], minimum_s=joining.minimum_s, bridge_s=joining.bridge_s
    )
    human, machine = steps(parts, marks)
    score = {
        "rows": found.title,
        "against": options.against.name,
        "tier": options.tier,
        "minimum_s": joining.minimum_s,
        "bridge_s": joining.bridge_s,
        "exported": None if exported is None else {"minimum_s": exported.minimum_s, "bridge_s": exported.bridge_s},
        "step_s": STEP_MS / 1000,
        **figures(human, machine),
    }
    if options.out is not None:
        _write(options.out, score, options.overwrite)
    _tell(score)
    if exported not in (None, joining):
        notice(
            f"{options.against.name} was exported with {exported.flags}, the rows are scored with {joining.flags}:"
            " that alone makes them differ; give the same to hold like against like"
        )
    elif options.against.suffix.lower() != ".eaf" and options.minimum_s is options.bridge_s is None:
        notice(
            f"every row is scored as it is; if {options.against.name} comes from sessions export, whose segments are"
            f" joined, add {Joining(MINIMUM_S, BRIDGE_S).flags}, or what it was given"
        )
    return 0


def _write(out: Path, score: dict[str, Any], overwrite: bool) -> None:
    import numpy as np

    from realtime_cer.commands.results import kept, usable
    from realtime_cer.commands.scoring import CLASSES
    from realtime_cer.sinks.confusion import draw_confusion
    from realtime_cer.sinks.summary import write_summary

    usable(out, [JSON, PICTURE], overwrite)
    with kept(out):
        write_summary(out / JSON, score)
        draw_confusion(
            out / PICTURE,
            np.array(score["confusion"]["counts"]),
            CLASSES,
            title=score["rows"],
            told=f"{_sentence(score)}, against {score['against']}",
        )


def _sentence(score: dict[str, Any]) -> str:
    share = "no step" if score["agreement"] is None else f"{100 * score['agreement']:.1f} % of {score['steps']} steps"
    return f"{share} agree, kappa {_digits(score['kappa'])}"


def _digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _tell(score: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("expression", title=f"{score['rows']} against {score['against']}", title_justify="left")
    for name in ("human, s", "machine, s", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    for name, one in score["classes"].items():
        lengths = [f"{one[who] * score['step_s']:.1f}" for who in ("human", "machine")]
        table.add_row(name, *lengths, *(_digits(one[key]) for key in ("precision", "recall", "f1")))
    console = Talk()
    console.print(table)
    named = score["where_both_name_one"]
    console.print(_sentence(score))
    console.print(f"where both name an expression: {_sentence(named)}")

"""The report of a soak: a page with its pictures, JSON, and a table on the terminal."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _soak_figures import AGAIN_S, Promise, Run, facts, promises
from _soak_pictures import pictures
from rich.console import Console
from rich.table import Table

from realtime_cer.training.page import NONE, table


def page(run: Run, found: Sequence[Promise], told: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    verdict = {True: "kept", False: "**broken**", None: "this run cannot tell"}
    kept = [[one.what, one.promised, one.measured, verdict[one.kept]] for one in found]
    kinds = [
        [
            name,
            str(one["times"]),
            _cell(one["recovery_median_s"], ".2f"),
            _cell(one["recovery_worst_s"], ".2f"),
            str(one["late"]),
            _cell(one["others_worst_ms"], "d"),
        ]
        for name, one in told["kinds"].items()
    ]
    minutes = f"{run.seconds / 60:.0f} minutes"
    late = told["pictures_too_late"]
    blocks = [
        "# The recogniser while everything fails around it",
        f"{len(run.faults)} faults in {minutes}, {told['quiet_s'] / 60:.0f} of them without any, on"
        f" {told['machine']['cores']} cores without a GPU; begun {run.started}. Everything here was made by"
        f"\n\n```sh\n{run.command}\n```",
        "The program ran in a process of its own, over a network camera that shows a film and a virtual microphone that"
        " plays speech; memory, threads and handles are what the system counts for that process.",
        "## What was promised",
        table(["", "promised", "measured", ""], kept, words=4),
        _kept_up(run, told),
        "## How soon it is used again",
        "From the moment at which what had failed was whole again, to the first row that uses what was captured"
        " since. *Others* is the longest that the models not touched by a fault lagged behind: from an instant to its"
        " row, or from one row that has them to the next, beyond the step of the grid. No promise is made of others"
        " while all cores are busy, or while a film is encoded beside it.",
        table(["fault", "times", "median, s", "worst, s", f"beyond {AGAIN_S:g} s", "others, ms"], kinds),
        "![Recovery by kind of fault](recovery.png)",
        "## From capture to decision",
        f"Outside of faults, median {_cell(told['delay_ms']['p50'], '.0f')} ms, 95 % within"
        f" {_cell(told['delay_ms']['p95'], '.0f')} ms, 99 % within {_cell(told['delay_ms']['p99'], '.0f')} ms;"
        f" {NONE if late is None else f'{100 * late:.2f} %'} of the pictures came too late for their row, and count as"
        " infinitely late.",
        "![Delay over time](delay.png)",
        "## Memory, threads and handles",
        "Pale: during faults and while they are recovered from. The rules compare what is dark, after the warm-up.",
        "![Memory, threads and handles over time](resources.png)",
        "## When what failed",
        "![Faults over time](timeline.png)",
    ]
    if run.broken_off:
        blocks.insert(2, f"**Broken off before its end: {run.broken_off}.**")
    if run.deaths or run.damaged:
        lines = [f"- the program ended: {line}" for line in run.deaths]
        blocks += ["## What went wrong", "\n".join([*lines, *(f"- a recording: {line}" for line in run.damaged)])]
    if run.left_out:
        blocks += ["Not played: " + "; ".join(run.left_out) + "."]
    return "\n\n".join(blocks) + "\n"


def _kept_up(run: Run, told: Mapping[str, Any]) -> str:
    """How much of the time the machine could not keep up, in a sentence or two."""
    rungs = ", ".join(f"{name} {100 * share:.1f} %" for name, share in told["rungs"].items())
    left = run.fair.count(False)
    but = (
        f" Around {left} faults the machine could not keep up with all of it, and the program did less, as its rows"
        " tell: of these no promise is made, and they do not count."
    )
    return f"How much was done, by share of the rows: {rungs}.{but if left else ''}"


def _cell(value: float | None, form: str) -> str:
    return NONE if value is None else format(value, form)


def write_report(run: Run, out: Path, console: Console) -> bool:
    """Write page, JSON and pictures, and print what was promised; gives whether all of it was kept."""
    found = promises(run)
    told = facts(run, found)
    (out / "soak.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    (out / "soak.md").write_text(page(run, found, told), encoding="utf-8")
    pictures(run, out)
    shown = Table("", "promised", "measured", "")
    for one in found:
        words = {True: "kept", False: "[red]broken", None: "cannot tell"}[one.kept]
        shown.add_row(one.what, one.promised, one.measured, words)
    console.print(shown)
    return run.broken_off is None and all(one.kept is not False for one in found)

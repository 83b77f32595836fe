"""``annotate``: a folder of media files, unattended."""

import argparse
import contextlib
import csv
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from realtime_cer.batch.crew import Crew, Processes, work
from realtime_cer.batch.jobs import Job, Outcome, Task, collect, sort_out, tidy
from realtime_cer.commands import ending
from realtime_cer.commands.console import Talk, notice, tell_engine, weights_of
from realtime_cer.config import Config
from realtime_cer.errors import Refused

PAGE, TABLE, FACTS = "report.html", "summary.csv", "summary.json"

_LOCK = ".annotate.lock"

_SHOWN = 20
"""Files that the table in the terminal lists at most; the page lists them all."""


def run_annotate(options: argparse.Namespace, config: Config) -> int:
    """The ``annotate`` command; gives the exit code."""
    from realtime_cer.sinks.annotations import formats_of

    weights_of(config)
    formats = tuple(formats_of(options.annotations, tell=notice)) if options.annotations is not None else ()
    task = Task(config, options.alignment, formats)
    folder, out = options.folder, options.out
    jobs, others = collect(folder, out)
    console = Talk(stderr=True)
    with _alone(out):
        due, outcomes = sort_out(jobs, task, options.overwrite)
        left = [one for one in outcomes if one.state != "done"]
        console.print(_plan(len(jobs), len(outcomes) - len(left), others))
        for one in left:
            console.print(f"{one.name}: {one.why}")
        interrupted = False
        if due:
            tell_engine(config)
            crew = _crew(task, options.ray, options.workers, len(due))
            try:
                _watched(crew, due, console, outcomes)
            except KeyboardInterrupt:
                interrupted = True
            finally:
                crew.close()
                tidy(due)
        order = {job.name: n for n, job in enumerate(jobs)}
        outcomes.sort(key=lambda one: order[one.name])
        _write(out, outcomes, jobs, task)
    _tell(Talk(), outcomes, len(jobs), out)
    if interrupted:
        notice("interrupted: the same command goes on where this one was")
        return 130
    states = {one.state for one in outcomes}
    return 1 if "fault" in states else 2 if "refused" in states else 0


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Make the folder, and keep others from working in it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / _LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise Refused(f"another annotate is at work in {out}: wait for it, or give another --out") from None
    except OSError as error:
        raise Refused(f"{out} cannot be written ({error.strerror or error}): give another --out") from None
    try:
        yield
    finally:
        lock.release()
        (out / _LOCK).unlink(missing_ok=True)


def _plan(count: int, done: int, others: int) -> str:
    parts = [f"{count} file{'s' * (count != 1)}"]
    if done:
        parts.append(f"{done} done before")
    if others:
        parts.append(f"{others} other file{'s' * (others != 1)} left alone")
    return ", ".join(parts)


def _crew(task: Task, address: str | None, workers: int | None, most: int) -> Crew:
    if address is not None:
        from realtime_cer.batch.cluster import LOCAL, Actors

        if address != LOCAL:
            notice(f"asking the Ray cluster at {address}; one that is silent is waited for, for up to a minute")
        return Actors(task, address, min(workers, most) if workers else None)
    return Processes(task, min(workers or os.cpu_count() or 1, most))


def _watched(crew: Crew, jobs: Sequence[Job], console: Talk, outcomes: list[Outcome]) -> None:
    """Let the crew work under a bar, and add to ``outcomes`` as it goes: an interruption must not lose them."""
    share: dict[str, float] = {}
    sizes = {job.name: max(job.size, 1) for job in jobs}
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        line = bar.add_task("", total=sum(sizes.values()))

        def show(job: Job | None = None, part: float = 0.0) -> None:
            if ending.interrupted.is_set():
                raise KeyboardInterrupt
            if job is not None:
                share[job.name] = part
            finished = sum(value >= 1 for value in share.values())
            bar.update(
                line,
                completed=sum(sizes[name] * value for name, value in share.items()),
                description=f"{finished} of {len(jobs)} files",
            )

        show()
        for outcome in work(crew, jobs, show):
            share[outcome.name] = 1.0
            outcomes.append(outcome)
            show()
            if told := outcome.why or "; ".join(outcome.notices):
                console.print(f"{outcome.name}: {told}")


def _write(out: Path, outcomes: Sequence[Outcome], jobs: Sequence[Job], task: Task) -> None:
    """The page, the table, and the same as JSON."""
    from realtime_cer.commands.results import kept
    from realtime_cer.sinks.batchreport import batch_report
    from realtime_cer.sinks.summary import library_versions, write_summary

    facts: dict[str, Any] = {
        "files": [
            {"file": one.name, "state": one.state, "why": one.why, **_figures(one), "notices": list(one.notices)}
            for one in outcomes
        ],
        "not_done": sorted({job.name for job in jobs} - {one.name for one in outcomes}),
        "settings": task.config.model_dump(mode="json"),
        "alignment": task.alignment,
        "versions": library_versions(),
    }
    with kept(out):
        write_summary(out / FACTS, facts)
        with (out / TABLE).open("w", encoding="utf-8", newline="") as file:
            rows = csv.DictWriter(file, ["file", "state", "why", *_figures(Outcome("", "done")), "notices"])
            rows.writeheader()
            rows.writerows({**one, "notices": "; ".join(one["notices"])} for one in facts["files"])
        batch_report(out / PAGE, facts)


def _figures(outcome: Outcome) -> dict[str, Any]:
    """What the table says of one file."""
    summary = outcome.summary
    labels = summary.get("labels", {})
    best = max(labels, key=lambda name: labels[name], default=None)
    return {
        "duration_s": summary.get("duration_s"),
        "wall_s": summary.get("wall_s"),
        "decisions": summary.get("decisions"),
        "abstained": summary.get("abstained"),
        "most_often": best if best is not None and labels[best] else None,
        "face_share": summary.get("face_share"),
    }


def _tell(console: Talk, outcomes: Sequence[Outcome], count: int, out: Path) -> None:
    """A table of the files, those that failed first, and a last line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, side in (("file", "left"), ("length", "right"), ("abstained", "right"), ("most often", "left")):
        table.add_column(name, justify="right" if side == "right" else "left", overflow="fold")
    order = sorted(outcomes, key=lambda one: one.state == "done")
    for one in order[:_SHOWN]:
        told = _figures(one)
        if one.state == "done" and told["decisions"]:
            share = f"{100 * told['abstained'] / told['decisions']:.0f} %"
            table.add_row(one.name, f"{told['duration_s']:.1f} s", share, told["most_often"] or "–")
        else:
            table.add_row(one.name, "–", "–", one.why or "no decisions")
    console.print(table)
    if len(order) > _SHOWN:
        console.print(f"… and {len(order) - _SHOWN} more, in {out / PAGE}")
    states = Counter(one.state for one in outcomes)
    media = sum(one.summary.get("duration_s", 0.0) for one in outcomes)
    bad = count - states["done"]
    console.print(f"{states['done']} of {count} files done, {media:.0f} s of media" + (f"; {bad} not" if bad else ""))
    console.print(f"results: {out}/{PAGE}, {TABLE}, {FACTS} and a folder for each file")

"""Let the recogniser run for hours while everything fails around it, and write what became of it.

The real program runs on the CPU over a network camera and a virtual microphone. Faults come by a schedule that is
drawn from a seed: about a second or two each, five hundred an hour and more, with quiet minutes between them. Out of
the program's rows, and of its memory, threads and handles as the system counts them, a report is made: soak.md,
soak.json and pictures. Ends with exit code 1 if a promise was broken.
"""

import argparse
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import psutil
from _soak_figures import Run
from _soak_plan import Step, most, plan, rest_s
from _soak_report import write_report
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from support import ROOT

from realtime_cer.training.command import Parser, count, number

sys.path.insert(0, str(ROOT / "tests"))

from parts.chaos import Stage, new_folder
from parts.chaos_faults import FAULTS, Fault, why_not
from parts.chaos_judge import Injected, Usage, damaged, recovery
from parts.pulse import missing

_READY_S = 60.0
_GIVE_UP_S = 10.0
_SAMPLE_S = 1.0

EXAMPLES = """\
examples:
  scripts/soak --hours 1 --seed 1              what docs/soak/ was made with
  scripts/soak --hours 0.1 --only microphone   six minutes of trouble with the microphone
  scripts/soak --list                          everything that may fail
"""


class Soak:
    """One run: plays the plan, and keeps what happened. Ctrl-C ends it; what happened so far is kept."""

    def __init__(self, stage: Stage, seconds: float) -> None:
        self.stage, self.seconds = stage, seconds
        self.faults: list[Injected] = []
        self.samples: list[Usage] = []
        self.damaged: list[str] = []
        self.began = time.monotonic()
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, name="sampler", daemon=True)
        self._sampler.start()

    def play(self, steps: Sequence[Step], faults: Sequence[Fault], progress: Progress) -> None:
        """Let everything fail that is planned."""
        known = {fault.name: fault for fault in faults}
        task = progress.add_task("warming up", total=self.seconds, faults=0)
        progress.start()

        def pass_time(seconds: float, words: str) -> None:
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                done = time.monotonic() - self.began
                progress.update(task, completed=done, description=escape(words), faults=len(self.faults))
                time.sleep(min(left, 0.5))

        pass_time(rest_s(self.seconds, steps), "warming up")
        for n, step in enumerate(steps):
            fault = known[step.name]
            began = time.monotonic()
            fault.begin(self.stage)
            try:
                pass_time(max(step.lasts_s, fault.least_s), step.name)
            finally:
                fault.end(self.stage)
                self.faults.append(Injected(fault.name, fault.touches, fault.slows, began, time.monotonic()))
            self._await_recovery(self.faults[-1])
            pass_time(step.gap_s - (time.monotonic() - self.faults[-1].ended), "-")
            if step.rest:
                left = self.seconds - (time.monotonic() - self.began)
                pass_time(rest_s(left, steps[n + 1 :]), "quiet")

    def end(self) -> tuple[int | None, float]:
        """Let the program end; gives its exit code (None: it did not) and how many seconds that took."""
        self._over.set()
        self._sampler.join(5)
        begun = time.monotonic()
        return self.stage.program.close(), time.monotonic() - begun

    def _await_recovery(self, fault: Injected) -> None:
        """Wait until all is well again, or the program has died and was started anew."""
        program = self.stage.program
        program.until(lambda: recovery(program.rows, fault) is not None, _GIVE_UP_S)
        if self.stage.revive():
            self.stage.settle(_READY_S)
        program.until(lambda: "recorded" in program.said or "disk" not in fault.name, _GIVE_UP_S)
        said = program.said.pop("recorded", None)
        if said is not None:
            wrong = damaged(Path(said["folder"])) or ("" if said["finished"] else "the recorder did not end")
            self.damaged += [wrong] if wrong else []

    def _sample(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            run, program = len(self.stage.ended), self.stage.program
            try:
                self.samples.append(Usage(run, time.monotonic(), *program.usage()))
            except psutil.Error:
                continue  # it has just died, which is told elsewhere


def chosen(only: str | None) -> list[Fault]:
    """The faults to play: all that this machine can play, or those whose name has a word."""
    return [fault for fault in FAULTS if why_not(fault) is None and (only or "") in fault.name]


def soak(hours: float, seed: int, wanted: int | None, faults: Sequence[Fault], out: Path, command: str) -> bool:
    """Run and write the report, which says that ``command`` made it; gives whether every promise was kept."""
    seconds = 3600 * hours
    steps = plan(seed, seconds, wanted or most(seconds), [fault.name for fault in faults])
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<34.34}"),
        *(BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[faults]} faults"), TimeRemainingColumn()),
    )
    with new_folder() as folder, Stage(Path(folder)) as stage:
        if not stage.settle(_READY_S):
            sys.exit(f"soak: the program does not start: {stage.program.last_words}")
        run = Soak(stage, seconds)
        started = datetime.now().astimezone()
        broken_off = None
        with Progress(*columns, console=console, transient=True) as progress:
            try:
                run.play(steps, faults, progress)
            except KeyboardInterrupt:
                broken_off = "interrupted"
            except (
                OSError,
                subprocess.SubprocessError,
                RuntimeError,
            ) as error:  # of camera or sound server
                broken_off = f"the stage failed: {error}"
        code, ending_s = run.end()
        kept = write_report(
            Run(
                started=started.isoformat(timespec="seconds"),
                command=command,
                seconds=time.monotonic() - run.began,
                hours=hours,
                began=run.began,
                rows=[row for program in stage.programs for row in program.rows],
                faults=run.faults,
                samples=run.samples,
                deaths=[program.last_words for program in stage.ended],
                damaged=run.damaged,
                exit_code=code,
                ending_s=ending_s,
                broken_off=broken_off,
                left_out=sorted({why for fault in FAULTS if (why := why_not(fault))}),
            ),
            out,
            console,
        )
    if broken_off:
        console.print(f"soak: {broken_off}; the report tells what happened so far", highlight=False, markup=False)
    console.print(f"soak: the report is in {out}", highlight=False)
    return kept


def main() -> int:
    """Entry point."""
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="soak", description=__doc__, epilog=EXAMPLES, formatter_class=form)
    parser.add_argument("--hours", type=number(0.02, 1000), default=1.0, metavar="N", help="how long (default: 1)")
    parser.add_argument("--seed", type=count(0), default=1, metavar="S", help="of the schedule (default: 1)")
    parser.add_argument("--faults", type=count(1), metavar="N", help="how many (default: as many as fit)")
    parser.add_argument("--only", metavar="WORD", help="only faults whose name has this word")
    parser.add_argument("--out", type=Path, default=Path("soak"), metavar="DIR", help="for the report (default: soak)")
    parser.add_argument("--list", action="store_true", help="name all faults and end")
    options = parser.parse_args()
    faults = chosen(options.only)
    if options.list:
        print(*(fault.name for fault in FAULTS), sep="\n")
        return 0
    why = missing()
    if why:
        parser.error(why)
    if not faults:
        parser.error(f"no fault has {options.only!r} in its name: --list names all")
    if options.faults and options.faults > most(3600 * options.hours):
        parser.error(
            f"{options.faults} faults do not fit into {options.hours:g} hours: at most {most(3600 * options.hours)}"
        )
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"{options.out} cannot be written ({error.strerror}): give another folder with --out")
    if not os.access(options.out, os.W_OK):
        parser.error(f"{options.out} cannot be written: give another folder with --out")
    flags = {name: getattr(options, name) for name in ("hours", "seed", "faults", "only")}
    told = [word for name, value in flags.items() if value is not None for word in (f"--{name}", f"{value}")]
    command = shlex.join(["scripts/soak", *told])
    return 0 if soak(options.hours, options.seed, options.faults, faults, options.out, command) else 1

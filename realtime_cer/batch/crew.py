"""Who does the jobs: processes of this machine here, actors of a Ray cluster in ``cluster``; and the loop over them.

A process that dies, or has not moved for two minutes, loses its file, not the others': another takes its place.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

from realtime_cer.batch.jobs import Job, Outcome, Task, do

_POLL_S = 0.5
STUCK_S = 120.0
"""A file that has not moved for so long is given up."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a worker says: the share of its file that is done, how the file went, or None: it has died, and how."""

    worker: int
    said: float | Outcome | None
    why: str = ""


class Crew(Protocol):
    """Workers by number, each of which does one job at a time."""

    @property
    def size(self) -> int:
        """How many they are."""

    def start(self, worker: int, job: Job) -> None:
        """Give a job to a worker that has none."""

    def events(self, timeout_s: float) -> list[Event]:
        """What was said since, after waiting for it."""

    def replace(self, worker: int) -> None:
        """Let another take the place of a worker that died or is stuck."""

    def close(self) -> None:
        """End them all, also in the middle of a job."""


def work(
    crew: Crew, jobs: Sequence[Job], progress: Callable[[Job, float], None], *, stuck_s: float = STUCK_S
) -> Iterator[Outcome]:
    """Let a crew do all jobs, in their order; yields how each went, as they end.

    Parameters
    ----------
    progress : told the share of a job that is done
    """
    left = list(reversed(jobs))
    held: dict[int, tuple[Job, float, float]] = {}  # its share as it was said last, and when that last grew
    idle = list(range(crew.size))
    while left or held:
        while left and idle:
            worker, job = idle.pop(), left.pop()
            crew.start(worker, job)
            held[worker] = job, 0.0, time.monotonic()
        now = time.monotonic()
        ended: list[Event] = []
        for event in crew.events(_POLL_S):
            if not isinstance(event.said, float):
                ended.append(event)
            elif event.worker in held:
                job, before, since = held[event.worker]
                # A worker of a cluster tells its share when it is asked, also where its job stands still.
                held[event.worker] = job, event.said, time.monotonic() if event.said > before else since
                progress(job, event.said)
        gone = {event.worker for event in ended}
        ended += [
            Event(worker, None, f"nothing came of it for {stuck_s:.0f} s")
            for worker, (_, _, since) in held.items()
            if now - since > stuck_s and worker not in gone
        ]
        for event in ended:
            if event.worker not in held:
                if event.said is None:  # it died with nothing to do
                    crew.replace(event.worker)
                continue
            job = held.pop(event.worker)[0]
            idle.append(event.worker)
            if isinstance(event.said, Outcome):
                yield event.said
            else:
                crew.replace(event.worker)
                yield Outcome(job.name, "fault", event.why)


class Processes:
    """A crew of processes on this machine.

    Parameters
    ----------
    task : what is the same for all files
    size : how many
    """

    def __init__(self, task: Task, size: int) -> None:
        self.size = size
        self._task = task
        # Forking a process whose libraries have threads is asking for a hang.
        self._context = multiprocessing.get_context("spawn")
        self._team = [self._hire() for _ in range(size)]

    def start(self, worker: int, job: Job) -> None:
        """Give a job to a worker that has none."""
        try:
            self._team[worker][1].send(job)
        except OSError:  # it has died meanwhile, which ``events`` will tell
            return

    def events(self, timeout_s: float) -> list[Event]:
        """What was said since, after waiting for it."""
        ready = wait([pipe for _, pipe in self._team], timeout_s)
        found = []
        for worker, (process, pipe) in enumerate(self._team):
            if pipe not in ready:
                continue
            try:
                found.append(Event(worker, pipe.recv()))
            except (EOFError, OSError):
                process.join(2.0)
                found.append(Event(worker, None, f"the program died of it ({_how(process.exitcode)})"))
        return found

    def replace(self, worker: int) -> None:
        """Let another take the place of a worker that died or is stuck."""
        _end(*self._team[worker])
        self._team[worker] = self._hire()

    def close(self) -> None:
        """End them all, also in the middle of a job."""
        for process, pipe in self._team:
            _end(process, pipe)

    def _hire(self) -> tuple[BaseProcess, Connection]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._task), name="annotate", daemon=True)
        process.start()
        theirs.close()
        return process, ours


def _end(process: BaseProcess, pipe: Connection) -> None:
    pipe.close()
    process.terminate()
    process.join(2.0)
    if process.is_alive():
        process.kill()
        process.join()


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"


def _serve(pipe: Connection, task: Task) -> None:
    """One worker's life: a job in, how it went out, until the other end is closed."""
    from realtime_cer.quiet import mute_native

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    mute_native()
    parent = os.getppid()
    told = 0.0

    def progress(share: float) -> None:
        nonlocal told
        if time.monotonic() - told >= _POLL_S:
            told = time.monotonic()
            pipe.send(float(share))

    while os.getppid() == parent:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(do(job, task, progress))

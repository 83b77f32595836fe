"""The program under test as its parent sees it: a process, the rows it writes, and what the system counts for it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

_TESTS = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """What is judged of one row.

    ``run`` counts the programs that were started, ``t`` is the row's instant, ``issued`` when it was decided, both
    in seconds of ``time.monotonic``; ``models`` names those that had something to say, ``ages_ms`` is how long ago
    that was captured; ``states`` gives the state of each source and since when; ``wall`` is the program's wall clock;
    ``rung`` is how far down the ladder of degradation the machine has driven the program.
    """

    run: int
    seq: int
    t: float
    issued: float
    models: frozenset[str]
    ages_ms: Mapping[str, float | None]
    face: Sequence[float] | None
    finite: bool
    states: Mapping[str, tuple[str, float]]
    wall: float
    rung: int


def read_row(run: int, said: Mapping[str, Any], rung: int) -> Row:
    """The row in a line of the program; ``rung`` is that of the row before, for it is told when it changes."""
    row = said["row"]
    there = {name: vector for name, vector in row["models"].items() if vector is not None}
    numbers = [value for vector in (*there.values(), row["basic"] or {}) for value in vector.values()]
    return Row(
        run=run,
        seq=row["seq"],
        t=row["t"],
        issued=said["issued"],
        models=frozenset(there),
        ages_ms=row["age_ms"],
        face=row["face"],
        finite=bool(np.isfinite(numbers).all()),
        states={kind: (state, since) for kind, (state, since) in said["states"].items()},
        wall=said["wall"],
        rung=row["meters"]["rung"] if "meters" in row else rung,
    )


class Program:
    """The program in its process. Its lines are read by a thread of its own, so that it never waits for anybody.

    Attributes
    ----------
    rows : all that came so far
    said : its other lines, by what they are about
    """

    def __init__(
        self, run: int, camera: str, settings: Mapping[str, Any], env: Mapping[str, str], errors: Path
    ) -> None:
        self.rows: list[Row] = []
        self.said: dict[str, Any] = {}
        self._run, self._errors = run, errors
        with errors.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "parts.chaos_program", camera, json.dumps(settings)],
                cwd=_TESTS,
                env={**os.environ, **env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for us, who then end it in order
            )
        self._seen = psutil.Process(self._process.pid)
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="program's rows", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def last_words(self) -> str:
        """The last line of its error output."""
        lines = self._errors.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else ""

    def tell(self, **order: Any) -> None:
        """Give it a command; one that has died hears nothing."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            if self.alive:
                raise

    def until(self, what: Callable[[], bool], within_s: float) -> bool:
        """Wait until something holds, looking at every line that comes; False after the time, or when it has died."""
        with self._changed:
            self._changed.wait_for(lambda: what() or not self.alive, within_s)
            return what()

    def usage(self) -> tuple[float, int, int]:
        """Resident memory in MiB, threads, open handles. Raises psutil.Error where it has died."""
        with self._seen.oneshot():
            return self._seen.memory_info().rss / 2**20, self._seen.num_threads(), self._seen.num_fds()

    def close(self, within_s: float = 10.0) -> int | None:
        """Let it end in order; gives its exit code, None where it had to be killed."""
        self.tell(stop=True)
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return None
        finally:
            self._reader.join(5)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            with self._changed:
                if "row" in said:
                    rung = self.rows[-1].rung if self.rows else 0
                    self.rows.append(read_row(self._run, said, rung))
                else:
                    self.said.update(said)
                self._changed.notify_all()
        self._process.wait()
        with self._changed:
            self._changed.notify_all()

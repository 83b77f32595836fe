"""Processes that annotate: which die, hang or are killed, and cost one file each at most."""

import itertools
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from parts.annotating import DEMO, TASK, annotate, fill, job

from realtime_cer.batch.crew import Event, Processes, work
from realtime_cer.batch.jobs import Job, Outcome, collect, share_of


class _Scripted:
    """A crew that says what it was told to say."""

    def __init__(self, size: int, says: dict[str, list[float | Outcome | None]]) -> None:
        self.size, self.replaced = size, list[int]()
        self._says, self._now = says, dict[int, str]()

    def start(self, worker: int, job: Job) -> None:
        self._now[worker] = job.name

    def events(self, timeout_s: float) -> list[Event]:
        time.sleep(0.01)
        return [Event(w, self._says[name].pop(0), "it died") for w, name in self._now.items() if self._says[name]]

    def replace(self, worker: int) -> None:
        self.replaced.append(worker)

    def close(self) -> None:
        self._now.clear()


def test_all_jobs_are_done_though_workers_die() -> None:
    says: dict[str, list[float | Outcome | None]] = {
        "a": [0.5, Outcome("a", "done")],
        "b": [None],
        "c": [Outcome("c", "refused", "bad")],
        "d": [0.1, 0.9, Outcome("d", "done")],
    }
    crew, shares = _Scripted(2, says), list[tuple[str, float]]()
    went = {one.name: one for one in work(crew, [job(n) for n in says], lambda j, s: shares.append((j.name, s)))}
    assert {name: one.state for name, one in went.items()} == {"a": "done", "b": "fault", "c": "refused", "d": "done"}
    assert went["b"].why == "it died"
    assert len(crew.replaced) == 1
    assert [share for name, share in shares if name == "d"] == [0.1, 0.9]


def test_a_file_that_does_not_move_is_given_up() -> None:
    crew = _Scripted(1, {"stuck": [], "next": [Outcome("next", "done")]})
    went = list(work(crew, [job("stuck"), job("next")], lambda j, s: None, stuck_s=0.1))
    assert [(one.name, one.state) for one in went] == [("stuck", "fault"), ("next", "done")]
    assert "nothing came of it" in went[0].why
    assert crew.replaced == [0]


def test_a_file_whose_share_is_told_but_does_not_grow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    says: dict[str, list[float | Outcome | None]] = {
        "stands": [*[0.5] * 20, Outcome("stands", "done")],
        "moves": [*[n / 20 for n in range(20)], Outcome("moves", "done")],
    }
    now = [0.0]

    class Seconds(_Scripted):
        def events(self, timeout_s: float) -> list[Event]:
            now[0] += 1
            return super().events(timeout_s)

    monkeypatch.setattr("realtime_cer.batch.crew.time", SimpleNamespace(monotonic=lambda: now[0]))
    went = {one.name: one for one in work(Seconds(2, says), [job(n) for n in says], lambda j, s: None, stuck_s=5)}
    assert {name: one.state for name, one in went.items()} == {"stands": "fault", "moves": "done"}
    assert went["stands"].why == "nothing came of it for 5 s"


@pytest.mark.parametrize("length", [None, 0.0, 10.0, 7200.0])
def test_the_share_of_a_film_grows_for_two_hours_whatever_length_it_tells(length: float | None) -> None:
    shares = [share_of(n / 5, length) for n in range(36_000)]
    assert all(one < other for one, other in itertools.pairwise(shares))
    assert shares[0] == 0
    assert shares[-1] < 1


@pytest.fixture
def crew() -> Iterator[Processes]:
    held = Processes(TASK, 1)
    yield held
    held.close()


def test_a_process_that_is_killed_loses_its_file_alone(tmp_path: Path, short: Path, crew: Processes) -> None:
    fill(tmp_path / "in", short, "b.mp4")
    shutil.copy(DEMO, tmp_path / "in" / "a.mp4")
    jobs, _ = collect(tmp_path / "in", tmp_path / "out")
    killed: list[int] = []

    def kill(job: Job, share: float) -> None:
        if job.name == "a.mp4" and not killed:
            [child] = [int(pid) for pid in _children(os.getpid())]
            os.kill(child, signal.SIGKILL)
            killed.append(child)

    went = {one.name: one for one in work(crew, jobs, kill)}
    assert killed
    assert went["a.mp4"].state == "fault"
    assert "SIGKILL" in went["a.mp4"].why
    assert went["b.mp4"].state == "done"


def _children(pid: int) -> list[str]:
    """Python's own spawned workers; its resource tracker is none."""
    import psutil

    return [str(one.pid) for one in psutil.Process(pid).children() if "resource_tracker" not in " ".join(one.cmdline())]


@pytest.mark.parametrize("address", ["127.0.0.1:9", "banana"])
def test_a_cluster_that_does_not_answer_is_refused_in_one_line(tmp_path: Path, short: Path, address: str) -> None:
    pytest.importorskip("ray")
    fill(tmp_path / "in", short, "a.mp4")
    done = annotate(tmp_path / "in", "--out", tmp_path / "out", "--ray", address)
    assert done.returncode == 2
    first, *_, asked, last = done.stderr.splitlines()
    assert first == "1 file"
    assert f"asking the Ray cluster at {address}" in asked
    assert f"no Ray cluster at {address}" in last
    assert "Traceback" not in done.stderr


def test_two_ray_workers_do_what_processes_do(tmp_path: Path, short: Path) -> None:
    pytest.importorskip("ray")
    fill(tmp_path / "in", short, "a.mp4", "b.mp4", "c.mp4")
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no film")
    done = annotate(tmp_path / "in", "--out", tmp_path / "out", "--ray", "--workers", 2, "--engine", "cpu")
    assert done.returncode == 2, done.stderr
    assert "3 of 4 files done" in done.stdout
    rows = {path.read_bytes() for path in (tmp_path / "out").glob("*/decisions.jsonl")}
    assert len(rows) == 1  # the same film three times

"""A crew of actors on a Ray cluster. Films and results must lie in folders that every machine sees by the same path."""

import contextlib
import logging
import os
import socket
import subprocess
import sys
import time
from typing import Any

from realtime_cer.batch.crew import Event
from realtime_cer.batch.jobs import Job, Outcome, Task, do
from realtime_cer.errors import Refused

LOCAL = "local"
"""In place of an address: a cluster of this machine alone, made for this run."""

_KNOCK_S = 3.0
_CONNECT_S = 40.0
_PROBE = "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False)"


class _Actor:
    """Lives on a machine of the cluster; one call works while the other is asked how far it is."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._share = 0.0

    def do(self, job: Job) -> Outcome:
        """Do a job."""
        self._share = 0.0

        def reached(share: float) -> None:
            self._share = share

        return do(job, self._task, reached)

    def share(self) -> float:
        """The share of the present job that is done."""
        return self._share


class Actors:
    """A crew of Ray actors, each on one processor core.

    Parameters
    ----------
    task : what is the same for all files
    address : of the cluster, as ``ray.init`` takes it, or ``local``
    size : how many, at most one a core; None for as many as the cluster has cores

    Raises
    ------
    Refused
        Ray is not installed, the cluster does not answer, or it runs another version.
    """

    def __init__(self, task: Task, address: str, size: int | None) -> None:
        self._ray = _connect(address, size)
        self._task = task
        cores = int(self._ray.cluster_resources().get("CPU", 0))
        if cores < 1:
            self.close()
            raise Refused(f"the Ray cluster at {address} has no free processor: start a node with ray start")
        self.size = min(size or cores, cores)
        self._team = [self._hire() for _ in range(self.size)]
        self._jobs: dict[Any, int] = {}
        self._shares: dict[Any, int] = {}

    def start(self, worker: int, job: Job) -> None:
        """Give a job to a worker that has none."""
        self._jobs[self._team[worker].do.remote(job)] = worker

    def events(self, timeout_s: float) -> list[Event]:
        """What was said since, after waiting for it."""
        if not self._jobs:
            time.sleep(timeout_s)
            return []
        for worker in set(self._jobs.values()) - set(self._shares.values()):
            self._shares[self._team[worker].share.remote()] = worker
        done, _ = self._ray.wait(list(self._jobs), num_returns=len(self._jobs), timeout=timeout_s)
        told, _ = self._ray.wait(list(self._shares), num_returns=len(self._shares), timeout=0)
        return [*(self._said(one, self._shares.pop(one)) for one in told), *(self._ended(one) for one in done)]

    def replace(self, worker: int) -> None:
        """Let another take the place of a worker that died or is stuck."""
        self._jobs = {one: held for one, held in self._jobs.items() if held != worker}
        self._shares = {one: held for one, held in self._shares.items() if held != worker}
        with contextlib.suppress(Exception):  # it may be dead already, in one of many ways
            self._ray.kill(self._team[worker])
        self._team[worker] = self._hire()

    def close(self) -> None:
        """Leave the cluster; Ray ends the actors, also in the middle of a job."""
        self._ray.shutdown()

    def _hire(self) -> Any:
        made = self._ray.remote(num_cpus=1, max_concurrency=2)(_Actor)
        return made.remote(self._task)

    def _said(self, one: Any, worker: int) -> Event:
        try:
            return Event(worker, float(self._ray.get(one)))
        except Exception:  # the job itself will say what is wrong
            return Event(worker, 0.0)

    def _ended(self, one: Any) -> Event:
        worker = self._jobs.pop(one)
        try:
            return Event(worker, self._ray.get(one))
        except Exception as error:  # Ray has a dozen errors for an actor that is gone
            return Event(worker, None, f"its worker died ({type(error).__name__})")


def _connect(address: str, size: int | None) -> Any:
    # Before the import: Ray reads these once.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise Refused("--ray needs Ray: pip install 'realtime-cer[cluster]'") from None
    try:
        if address == LOCAL:
            ray.init(num_cpus=size, include_dashboard=False, log_to_driver=False, logging_level=logging.CRITICAL)
        else:
            _probe(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except Refused:
        raise
    except Exception as error:  # connection, version and configuration errors share no base class
        raise _unreachable(address, " ".join(str(error).split()) or type(error).__name__) from None
    return ray


def _probe(address: str) -> None:
    """See that a cluster answers; in a process of its own, for Ray ends the process if none does."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host, int(port)), _KNOCK_S).close()
        except (OSError, OverflowError) as error:
            raise _unreachable(address, getattr(error, "strerror", None) or str(error)) from None
    try:
        subprocess.run(
            [sys.executable, "-c", _PROBE, address], capture_output=True, timeout=_CONNECT_S, check=True, text=True
        )
    except subprocess.TimeoutExpired:
        raise _unreachable(address, f"no answer in {_CONNECT_S:.0f} s") from None
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if "Error" in line]
        raise _unreachable(address, lines[-1] if lines else f"exit code {error.returncode}") from None


def _unreachable(address: str, reason: str) -> Refused:
    return Refused(f"no Ray cluster at {address} ({reason[:160]}): start one with ray start --head, or give no address")

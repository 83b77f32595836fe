"""A supervised program that a test makes up, and a kiosk that supervises what a test says."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime_cer.commands import kiosk
from realtime_cer.commands.child import Ending
from realtime_cer.config import Config

HEART = """
import os, sys, time
from realtime_cer.commands.heart import heart
pulse = heart()
def beat(n):
    pulse.tell("deciding", seq=n, meters={"rung": n})
"""


def program(body: str) -> list[str]:
    return [sys.executable, "-c", HEART + body]


def supervise(camera: str | None = None) -> int:
    return kiosk.run_kiosk(["live", "--kiosk", f"--camera={camera}"], Config(), camera=camera)


CRASH = Ending(1, "ended with exit code 1", "Traceback: no\n", {"rung": 1}, decided=True, decided_s=4.0)


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REALTIME_CER_LOGS", str(tmp_path / "logs"))
    return tmp_path / "logs" / "kiosk.log"


@pytest.fixture
def endings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Ending]]:
    """What the program does at each start; and nobody waits."""
    script: list[Ending] = []
    monkeypatch.setattr(kiosk, "_once", lambda command, systemd, again, gave_up: script.pop(0))
    monkeypatch.setattr(kiosk, "_sleep", lambda seconds, systemd: None)
    yield script
    assert script == []

"""Folders of films to annotate, and the command that does."""

import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from realtime_cer.batch.jobs import Job, Task
from realtime_cer.config import Config

from .clips import write_clip

DEMO = Path(str(files("realtime_cer") / "assets" / "demo.mp4"))
TASK = Task(Config(engine="cpu"))


def fill(folder: Path, short: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(short, folder / name)
    return folder


def annotate(*words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "realtime_cer", "annotate", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=100,
    )


def job(name: str, out: Path = Path("out"), size: int = 1) -> Job:
    return Job(Path(name), name, size, out)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of a face, silent."""
    path = tmp_path_factory.mktemp("short") / "short.mp4"
    return write_clip(path, size=(320, 240), times=[n / 10 for n in range(10)])

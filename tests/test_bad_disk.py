"""Recording onto disks that are full or cannot be written: real ones, mounted for the test where that is allowed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from parts.films import read_film, wait_for
from parts.recording import named, record

from realtime_cer.cli import main
from realtime_cer.records import Frame
from realtime_cer.sessions.folder import read_session
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.sinks.tables import read_rows

DEMO = Path(__file__).parents[1] / "realtime_cer" / "assets" / "demo.mp4"


def mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a disk cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, and nobody else's."""
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("only root on Linux can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place))
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def read_only(small_disk: Path) -> Path:
    """A session on a disk that cannot be written any more."""
    recorder = record(small_disk, 1.0, paced=False, film="clean")
    assert recorder.close()
    mount("-o", "remount,ro", str(small_disk))
    return recorder.folder


def test_a_disk_that_is_full_ends_the_film_and_loses_nothing_before(small_disk: Path) -> None:
    recorder = Recorder(new_session(small_disk), {}, sound=False)
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (480, 640, 3), np.uint8) for _ in range(4)]
    origin = time.monotonic()
    recorder.begin(origin)
    k = 0
    while recorder.error is None:
        assert k < 600
        recorder.tap(Frame(origin + k / 30, k, noise[k % 4]))
        recorder.tap(named(k, origin + k / 30))
        k += 1
        time.sleep(0.02)
    assert recorder.error == "No space left on device"
    assert recorder.close()
    session = read_session(recorder.folder)
    print(
        session.state,
        session.decisions,
        recorder.lost,
        k,
        sorted((p.name, p.stat().st_size) for p in recorder.folder.iterdir()),
    )
    film = read_film(recorder.folder / "film.mkv")
    print(len(film.times))

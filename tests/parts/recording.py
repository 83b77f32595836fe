"""A program that records until it is killed, and what is then found of its session.

Run as a module it records numbered pictures at 30 fps, a click a second, and decisions, and tells how far it came.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Frame
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.sinks.tables import read_rows

from .clips import clicks, numbered

FPS, SIZE = 30, (320, 240)
FILMS = ("film.mkv", "overlay.mkv")


def named(k: int, t: float) -> Decision:
    """A decision for instant ``k`` that names something."""
    winner = k // 5 % len(COMPOUND)
    return Decision(
        t=t,
        seq=k,
        face=(100.0, 60.0, 80.0, 100.0),
        label=COMPOUND[winner],
        reason=None,
        basic=(1 / 7,) * 7,
        compound=tuple(0.5 if n == winner else 0.1 for n in range(7)),
        models=dict.fromkeys(MODELS, (0.1, 0.1, 0.1, 0.1, 0.4, 0.1, 0.1)),
        contributions=dict(zip(MODELS, (0.5, 0.3, 0.2), strict=True)),
        age_ms=dict.fromkeys(MODELS, 20.0),
        dropped=0,
        rule="none",
        weights="equal",
        engine=dict.fromkeys(MODELS, "cpu"),
    )


def record(folder: Path, seconds: float, *, paced: bool = True, film: Any = "both") -> Recorder:
    """Record for so long, at the pace of life or as fast as it goes; tells on stdout what has been brought."""
    recorder = Recorder(new_session(folder), {"settings": {"rule": "none", "weights": "equal"}}, sound=True, film=film)
    sound = np.tile(clicks(SAMPLE_RATE, [0.5], 1.0), int(seconds) + 2)
    origin = time.monotonic()
    recorder.begin(origin)
    pictures = [numbered(k, *SIZE) for k in range(FPS)]
    for k in range(round(seconds * FPS)):
        t = k / FPS
        if paced:
            time.sleep(max(origin + t - time.monotonic(), 0))
        else:
            time.sleep(0.004)
        recorder.tap(Frame(origin + t, k, pictures[k % FPS]))
        if k % 3 == 0:
            start = round(t * SAMPLE_RATE)
            recorder.tap(AudioBlock(origin + t, sound[start : start + SAMPLE_RATE // 10]))
        if k % 6 == 0:
            recorder.tap(named(k // 6, origin + t))
            print(f"{t:.3f}", flush=True)
    return recorder


@dataclass(frozen=True, slots=True)
class Found:
    """What a kill left: seconds lost of each film (None: it does not open) and the age of the youngest row lost."""

    killed_at: float
    films: dict[str, float | None]
    row_lost_s: float


def kill_recordings(folder: Path, moments: Sequence[float]) -> list[Path]:
    """Record into sessions below a folder, all at the same time, and kill each at its moment; gives their folders."""
    processes = []
    for number, _ in enumerate(moments):
        place = folder / f"{number:03}"
        words = [sys.executable, "-m", "parts.recording", str(place)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        processes.append((place, subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)))
    sessions = []
    waiting = []
    for (place, process), moment in zip(processes, moments, strict=True):
        assert process.stdout is not None
        assert process.stdout.readline(), "it did not begin to record"
        waiting.append((time.monotonic() + moment, place, process))
    for due, place, process in sorted(waiting, key=lambda one: one[0]):
        time.sleep(max(due - time.monotonic(), 0))
        process.send_signal(signal.SIGKILL)
        said, _ = process.communicate(timeout=30)
        [session] = place.iterdir()
        lines = [line for line in said.splitlines(keepends=True) if line.endswith("\n")]
        (place / "reached").write_text(lines[-1] if lines else "0.0")
        sessions.append(session)
    return sorted(sessions)


def judge(session: Path) -> Found:
    """Read what a killed program left, as any player would."""
    reached = float((session.parent / "reached").read_text())
    rows = read_rows(session / "decisions.jsonl")
    assert [row.seq for row in rows] == list(range(len(rows)))
    lost = max(reached - rows[-1].t, 0.0) if rows else reached
    return Found(reached, {name: _lost(session / name, reached) for name in FILMS}, lost)


def _lost(film: Path, reached: float) -> float | None:
    try:
        last = film_times(film)
    except (OSError, av.error.FFmpegError):
        return None
    return reached - min(last, default=0.0)


def film_times(film: Path) -> tuple[float, ...]:
    """Where the picture and the sound of a film end, in seconds."""
    with av.open(str(film)) as source:
        ends = dict.fromkeys(range(len(source.streams)), 0.0)
        packets = source.demux()
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:
                break  # torn here
            if packet is None:
                break
            if packet.pts is not None and packet.time_base is not None:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                ends[packet.stream_index] = max(ends[packet.stream_index], end)
    return tuple(ends.values())


def moments(seed: int, count: int, latest_s: float) -> list[float]:
    """When to kill, in seconds after the beginning."""
    rng = random.Random(seed)
    return [rng.uniform(0.1, latest_s) for _ in range(count)]


if __name__ == "__main__":
    record(Path(sys.argv[1]), 60.0)

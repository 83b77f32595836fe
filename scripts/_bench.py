"""Measure what the project promises.

  scripts/bench live      a network camera and a virtual microphone for a minute, by the real command
  scripts/bench run       files as fast as they go
  scripts/bench start     from the command to its first decision
  scripts/bench engines   each network on each engine that is here, and all that is done to see one face
  scripts/bench faces     how small faces are found, who is known again, whose voice it is, the cost: ten minutes
  scripts/bench window    the window under a virtual screen for two minutes, a 30 fps camera behind it
  scripts/bench sessions  recordings that are killed, recording beside the analysis at 720p30, and replay

Nothing else should run meanwhile. Clips come from REALTIME_CER_DATA where it is set, else the demo clip serves.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import _bench_sessions
import _bench_window
import numpy as np
import psutil
from _bench_engines import bench_engines
from _bench_sessions import bench_kills, bench_recording, bench_replay
from _bench_window import bench_window
from rich.console import Console
from rich.table import Table
from support import ROOT

from realtime_cer.training.command import count

sys.path.insert(0, str(ROOT / "tests"))

COMMAND = [sys.executable, "-m", "realtime_cer"]
PROMISES = (
    _bench_window.PROMISES
    | _bench_sessions.PROMISES
    | {
        "decisions_per_s": ("at least", 4.9),
        "capture_to_decision_p95_ms": ("at most", 150),
        "missed_share": ("at most", 0.01),
        "wall_s_per_media_s": ("at most", 0.35),
        "first_decision_s": ("at most", 6),
        "resident_mib": ("at most", 900),
    }
)


def clips() -> list[Path]:
    """The clips to measure with."""
    data = os.environ.get("REALTIME_CER_DATA")
    found = sorted(Path(data, "clips").glob("*.m[p4]*")) if data else []
    return found or [ROOT / "realtime_cer" / "assets" / "demo.mp4"]


@contextmanager
def camera(clip: Path, fps: float | None, size: str | None = None) -> Iterator[str]:
    """A network camera: ffmpeg plays a clip for ever to one client on loopback. Gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    rate = [*(["-r", str(fps)] if fps else []), *(["-s", size] if size else [])]
    words = ["-v", "quiet", "-re", "-stream_loop", "-1", "-i", str(clip), "-an", *rate, "-q:v", "4"]
    server = subprocess.Popen(["ffmpeg", *words, "-f", "mpjpeg", "-listen", "1", url], stdin=subprocess.DEVNULL)
    try:
        # It listens once it has opened the clip; a probing connection would be its only client.
        listening = f"0100007F:{port:04X}"
        until = time.monotonic() + 10
        while listening not in Path("/proc/net/tcp").read_text():
            if time.monotonic() > until or server.poll() is not None:
                sys.exit("ffmpeg does not serve; is it installed?")
            time.sleep(0.05)
        yield url
    finally:
        server.kill()
        server.wait()


@contextmanager
def microphone() -> Iterator[dict[str, str]]:
    """A virtual microphone that hears speech, with pauses, for ever. Gives the environment it is heard in."""
    from parts.pulse import VirtualMicrophone, missing, speak

    why = missing()
    if why:
        sys.exit(why)
    device = VirtualMicrophone()
    over = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        speech = speak(
            Path(folder, "speech.wav"), "What a surprise! I am so happy to see you. Now I am sad, and afraid."
        )

        def talk() -> None:
            while not over.is_set():
                device.play(speech).wait()
                over.wait(3)

        speaker = threading.Thread(target=talk, daemon=True)
        speaker.start()
        try:
            yield device.env
        finally:
            over.set()
            device.close()
            speaker.join(5)


def bench_live(
    seconds: float, clip: Path, fps: float | None, size: str | None = None, flags: Sequence[str] = ()
) -> dict[str, Any]:
    """Rows of the real command over a minute: rate, delay, instants without a picture."""
    with camera(clip, fps, size) as url, microphone() as env:
        words = ["live", "--camera", url, "--microphone", "default", "--headless", "--duration", str(seconds), *flags]
        begun = time.monotonic()
        process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, text=True, env=os.environ | env)
        assert process.stdout is not None
        rows, resident = [], 0.0
        child = psutil.Process(process.pid)
        for line in process.stdout:
            rows.append(json.loads(line))
            resident = max(resident, child.memory_info().rss / 2**20)
            times = child.cpu_times()
        code = process.wait()
        wall = time.monotonic() - begun
    if code or not rows:
        sys.exit(f"live ended with exit code {code}")
    warm = [row for row in rows if row["t"] - rows[0]["t"] >= 1]  # the first second waits for the first pictures
    ages = [row["age_ms"]["static"] for row in warm if row["age_ms"]["static"] is not None]
    span = rows[-1]["t"] - rows[0]["t"] + 0.2
    return {
        "clip": clip.name,
        "camera_fps": fps or "of the clip",
        "seconds": round(span, 1),
        "decisions": len(rows),
        "decisions_per_s": round(len(rows) / span, 3),
        "capture_to_decision_p50_ms": round(float(np.percentile(ages, 50)), 1),
        "capture_to_decision_p95_ms": round(float(np.percentile(ages, 95)), 1),
        "capture_to_decision_worst_ms": round(max(ages), 1),
        "missed_share": round(sum(row["dropped"] for row in warm) / len(warm), 4),
        "with_sound_share": round(sum(row["models"]["acoustic"] is not None for row in warm) / len(warm), 3),
        "cpu_cores": round((times.user + times.system) / wall, 2),
        "resident_mib": round(resident),
    }


def bench_run(files: list[Path]) -> list[dict[str, Any]]:
    """Wall time for a second of film: the analysis alone, and the whole command with its start."""
    results = []
    for file in files:
        with tempfile.TemporaryDirectory() as folder:
            begun = time.monotonic()
            subprocess.run([*COMMAND, "run", str(file), "--out", folder], check=True, capture_output=True)
            wall = time.monotonic() - begun
            summary = json.loads(Path(folder, "summary.json").read_text(encoding="utf-8"))
        duration = summary["duration_s"]
        results.append(
            {
                "clip": file.name,
                "media_s": round(duration, 2),
                "wall_s_per_media_s": round(summary["real_time_factor"], 3),
                "whole_command_s": round(wall, 2),
            }
        )
    return results


def bench_start(clip: Path, repeats: int = 3) -> dict[str, Any]:
    """From the command to its first row; the memory it holds after five seconds; whether torch is in it."""
    first, resident, torch = [], [], False
    for _ in range(repeats):
        begun = time.monotonic()
        words = ["live", "--camera", str(clip), "--headless"]
        process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        peak = 0.0
        while (line := process.stdout.readline()) and json.loads(line)["models"]["static"] is None:
            pass
        first.append(time.monotonic() - begun)
        until = time.monotonic() + 5
        while time.monotonic() < until and process.stdout.readline():
            child = psutil.Process(process.pid)
            peak = child.memory_info().rss / 2**20
            torch |= any("torch" in Path(item.path).parts for item in child.memory_maps())
        resident.append(peak)
        process.terminate()
        process.communicate()
    return {
        "first_decision_s": round(float(np.median(first)), 2),
        "first_decision_worst_s": round(max(first), 2),
        "resident_mib": round(max(resident)),
        "torch_imported": torch,
    }


def bench_sessions(options: argparse.Namespace, clip: Path) -> Iterator[dict[str, Any]]:
    """Everything that recordings promise, a table each."""
    yield bench_replay()
    if options.kills:
        yield bench_kills(options.kills, options.seed)
    if options.turns:
        seconds = options.seconds or 60
        yield bench_recording(lambda flags: bench_live(seconds, clip, 30.0, "1280x720", flags), options.turns)


def faces(repeats: int) -> list[dict[str, Any]]:
    """The figures of ``_bench_faces``, which takes parts of the tests."""
    from _bench_faces import PROMISES as AIMS
    from _bench_faces import bench_faces

    PROMISES.update(AIMS)
    return bench_faces(repeats)


def show(results: list[dict[str, Any]]) -> bool:
    """A table, with what was promised beside what was measured; gives whether every promise was kept."""
    kept = True
    for result in results:
        table = Table("measured", "figure", "promised", title=str(result.get("clip", "")) or None)
        for key, value in result.items():
            words, limit = PROMISES.get(key, ("", None))
            good = limit is None or (value >= limit if words == "at least" else value <= limit)
            kept &= good
            table.add_row(key, f"[{'red' if not good else 'default'}]{value}", f"{words} {limit}" if limit else "")
        Console().print(table)
    return kept


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["live", "run", "start", "engines", "faces", "window", "sessions"])
    parser.add_argument("files", nargs="*", type=Path, help="clips to use instead")
    parser.add_argument("--seconds", type=float, help="of `live`, `sessions` (default: 60) and `window` (120)")
    parser.add_argument("--fps", type=float, help="of the camera of `live` (default: the clip's)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    sessions = parser.add_argument_group("of `sessions`")
    sessions.add_argument("--kills", type=count(0), default=100, metavar="N", help="recordings killed (default: 100)")
    sessions.add_argument("--seed", type=count(0), default=1, metavar="N", help="of the moments (default: 1)")
    sessions.add_argument("--turns", type=count(0), default=3, metavar="N", help="with and without (default: 3)")
    engines = parser.add_argument_group("of `engines`")
    engines.add_argument("--picture", type=Path, metavar="FILE", help="draw a bar chart there (PNG)")
    engines.add_argument("--paper", action="store_true", help="beside the paper's networks, of random weights")
    engines.add_argument(
        "--repeats", type=count(1), default=200, metavar="N", help="calls of each; of `faces` sequences (default: 200)"
    )
    options = parser.parse_args()
    for path in (options.json, options.picture):
        if path and not path.parent.is_dir():
            parser.error(f"no folder {path.parent}: make it first")
    if options.what == "engines":
        return 0 if bench_engines(options) else 1
    files = options.files or clips()
    if options.what in ("live", "sessions") and shutil.which("ffmpeg") is None:
        sys.exit("ffmpeg is missing: apt-get install ffmpeg")
    results = {
        "live": lambda: [bench_live(options.seconds or 60, files[0], options.fps)],
        "run": lambda: bench_run(files),
        "start": lambda: [bench_start(files[0])],
        "faces": lambda: faces(options.repeats),
        "window": lambda: [bench_window(options.seconds or 120, files[0])],
        "sessions": lambda: [*bench_sessions(options, files[0])],
    }[options.what]()
    kept = show(results)
    if options.json:
        options.json.write_text(json.dumps({options.what: results}, indent=2) + "\n", encoding="utf-8")
    return 0 if kept else 1

"""Measure the window: the real command under a virtual screen, with a 30 fps camera and a microphone that hears speech.

Started as a program it is the measured process: the command line with a meter inside its window.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

SIZE = (1280, 720)
FPS = 30.0
_SETTLED_S = 3.0
"""Networks warm up and caches fill: what comes before is the start, and measured as such."""

PROMISES = {
    "pictures_per_s": ("at least", 25),
    "worst_gap_ms": ("at most", 150),
    "draw_p95_ms": ("at most", 12),
    "capture_to_decision_p95_ms": ("at most", 150),
    "first_picture_s": ("at most", 2),
}
"""What the window promises, for the table of scripts/bench."""


@contextmanager
def screen(width: int = SIZE[0], height: int = SIZE[1]) -> Iterator[dict[str, str]]:
    """A virtual screen; gives the environment of who shall use it."""
    if shutil.which("Xvfb") is None:
        sys.exit("Xvfb is missing: apt-get install xvfb")
    theirs, ours = os.pipe()
    words = ["Xvfb", "-displayfd", str(ours), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(words, pass_fds=[ours], stderr=subprocess.DEVNULL)
    os.close(ours)
    try:
        with os.fdopen(theirs) as told:
            number = told.readline().strip()
        if not number:
            sys.exit("Xvfb does not start")
        yield {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
    finally:
        server.terminate()
        server.wait()


def bench_window(seconds: float, clip: Path) -> dict[str, Any]:
    """Pictures really drawn, what a draw costs, and what becomes of the decisions meanwhile.

    Parameters
    ----------
    seconds : measured after the start
    clip : what the camera shows
    """
    from _bench import camera, microphone

    with (
        tempfile.TemporaryDirectory() as folder,
        camera(at_rate(clip, Path(folder)), FPS) as url,
        microphone() as heard,
        screen() as seen,
    ):
        told = Path(folder, "figures.json")
        words = ["live", "--camera", url, "--microphone", "default", "--duration", str(seconds + _SETTLED_S + 2)]
        begun = time.monotonic()
        command = [sys.executable, __file__, str(told), str(begun), *words]
        process = subprocess.run(command, env=os.environ | heard | seen, check=False)
        if process.returncode or not told.is_file():
            sys.exit(f"the window ended with exit code {process.returncode}")
        return {"camera": clip.name, **json.loads(told.read_text(encoding="utf-8"))}


def at_rate(clip: Path, folder: Path) -> Path:
    """The clip, played so fast that it has the camera's rate: repeated pictures would be none."""
    import av

    with av.open(str(clip)) as media:
        rate = float(media.streams.video[0].average_rate or FPS)
    if abs(rate - FPS) < 0.1:
        return clip
    fast = folder / f"fast{clip.suffix}"
    words = ["-v", "error", "-itsscale", str(rate / FPS), "-i", str(clip), "-an", "-c", "copy", str(fast)]
    subprocess.run(["ffmpeg", *words], check=True, stdin=subprocess.DEVNULL)
    return fast


def measured(told: Path, begun: float, words: list[str]) -> int:
    """Run the command line with a meter in its window; write the figures when it ends."""
    from PyQt6.QtCore import QEvent

    from realtime_cer import cli
    from realtime_cer.records import Decision
    from realtime_cer.ui import app, window

    drawn: list[tuple[float, float]] = []  # when, and how long it took
    pictures: list[float] = []
    captured: list[float] = []  # when the camera gave them
    first: list[float] = []
    decided: dict[int, Decision] = {}

    class Measured(window.Window):
        """The window, with a look at the clock around everything it does."""

        _spent = 0.0
        _shown = None

        def look(self) -> None:
            at = time.perf_counter()
            super().look()
            self._spent += time.perf_counter() - at
            # The meter's own work is not counted.
            for decision in self.control.snapshot().history[-5:]:
                decided[decision.seq] = decision

        def event(self, event: QEvent | None) -> bool:
            if event is None or event.type() != QEvent.Type.UpdateRequest:
                return super().event(event)
            at = time.perf_counter()
            done = super().event(event)
            now = time.perf_counter()
            drawn.append((time.monotonic(), self._spent + now - at))
            self._spent = 0.0
            if self.picture.frame is not self._shown:
                self._shown = self.picture.frame
                pictures.append(time.monotonic())
                captured.append(self._shown.t if self._shown else 0.0)
                first[:] = first or [pictures[-1]]
            return done

    app.Window = Measured  # type: ignore[misc]  # a class in place of a class
    code = cli.main(words)
    start = (first[0] if first else time.monotonic()) + _SETTLED_S
    steady = np.array([*(t for t in pictures if t >= start), time.monotonic()])  # a freeze at the end counts too
    given = np.array([at for t, at in zip(pictures, captured, strict=True) if t >= start])
    rows = [d for d in decided.values() if d.t >= start]
    missed = sum(d.dropped for d in rows)
    draws = np.array([cost for t, cost in drawn if t >= start]) * 1000
    late = [d.age_ms["static"] for d in decided.values() if d.t >= start and d.age_ms["static"] is not None]
    if len(steady) < 2 or not late:
        print("the window drew no pictures or the camera showed no face", file=sys.stderr)
        return 1
    draw_p50, draw_p95 = np.percentile(draws, [50, 95])
    p50, p95 = np.percentile(late, [50, 95])
    figures = {
        "seconds": round(float(steady[-1] - steady[0]), 1),
        "pictures_per_s": round(float((len(steady) - 1) / (steady[-1] - steady[0])), 1),
        "worst_gap_ms": round(float(np.diff(steady).max() * 1000), 1),
        "worst_camera_gap_ms": round(float(np.diff(given).max() * 1000), 1),
        "draws": len(draws),
        "draw_p50_ms": round(float(draw_p50), 2),
        "draw_p95_ms": round(float(draw_p95), 2),
        "draw_worst_ms": round(float(draws.max()), 2),
        "capture_to_decision_p50_ms": round(float(p50), 1),
        "capture_to_decision_p95_ms": round(float(p95), 1),
        "missed_share": round(missed / max(len(rows), 1), 4),
        "first_picture_s": round(first[0] - begun, 2),
    }
    told.write_text(json.dumps(figures), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(measured(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))

"""Flashes and beeps for the clap test: a camera in front of a virtual screen, and made pictures and sounds.

The camera sends what Xvfb shows, a known time later. The screen's memory is read from the file that Xvfb keeps it in:
nothing of the program under test takes part.
"""

import os
import select
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_cer.capture.beeps import beeping
from realtime_cer.capture.clap import FLASH_S, LEAD_S, STARTS_S, TAIL_S
from realtime_cer.records import SAMPLE_RATE, AudioBlock

from .clips import portrait
from .mjpeg import MjpegServer, jpeg

WIDTH, HEIGHT = 640, 360
_GRAB_S = 0.005


class VirtualScreen:
    """A running Xvfb of one screen; made by `virtual_screen`.

    Attributes
    ----------
    env : the variables that make a program open its windows there
    """

    def __init__(self, number: str, memory: Path) -> None:
        self.env = {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb", "WAYLAND_DISPLAY": ""}
        header, *_ = np.fromfile(memory, ">u4", 1)
        colours = int(np.fromfile(memory, ">u4", 20)[19])
        start = int(header) + 12 * colours
        self._pixels = np.memmap(memory, np.uint8, "r", start, (HEIGHT, WIDTH, 4))

    def grab(self) -> npt.NDArray[np.uint8]:
        """What is on it now: (HEIGHT, WIDTH, 3) BGR."""
        return np.array(self._pixels[:, :, :3])


@contextmanager
def virtual_screen() -> Iterator[VirtualScreen]:
    """Start an X server with a screen in a file; ends with the context."""
    with tempfile.TemporaryDirectory() as folder:
        theirs, ours = os.pipe()
        screen = ["-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir", folder]
        command = ["Xvfb", "-displayfd", str(ours), *screen, "-nolisten", "tcp"]
        process = subprocess.Popen(command, pass_fds=[ours], stderr=subprocess.DEVNULL)
        os.close(ours)
        try:
            assert select.select([theirs], [], [], 10)[0], "Xvfb does not start"
            number = os.read(theirs, 16).decode().strip()
            yield VirtualScreen(number, Path(folder) / "Xvfb_screen0")
        finally:
            os.close(theirs)
            process.kill()
            process.wait()


class _Late:
    """Pictures of a screen in a room, as they were a known time ago; looks like the list that `MjpegServer` wants."""

    def __init__(self, screen: VirtualScreen, late_s: float) -> None:
        self._screen, self._late_s = screen, late_s
        self._kept: deque[tuple[float, float]] = deque([(0.0, 0.0)])
        self._lock, self.over = threading.Lock(), threading.Event()
        self._room = portrait(320, 240) // 2
        self._rng = np.random.default_rng(0)
        threading.Thread(target=self._look, name="screen camera", daemon=True).start()

    def _look(self) -> None:
        while not self.over.wait(_GRAB_S):
            t = time.monotonic()
            light = float(self._screen.grab()[::8, ::8].mean()) / 255
            with self._lock:
                self._kept.append((t, light))

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, place: int) -> bytes:
        due = time.monotonic() - self._late_s
        with self._lock:
            while len(self._kept) > 1 and self._kept[1][0] <= due:
                self._kept.popleft()
            light = self._kept[0][1]
        seen: Any = self._room.astype(np.float32) + 10 * light  # the light of the screen on what is in the room
        seen[60:140, 200:300] = 20 + 180 * light  # the screen itself
        return jpeg(np.clip(seen + self._rng.normal(0, 3, seen.shape), 0, 255).astype(np.uint8))


@contextmanager
def screen_camera(screen: VirtualScreen, fps: float, late_s: float) -> Iterator[MjpegServer]:
    """A network camera in front of a screen, whose pictures are sent ``late_s`` after they were taken."""
    pictures = _Late(screen, late_s)
    with MjpegServer([b""], fps=fps) as server:
        server.jpegs = pictures  # type: ignore[assignment]
        try:
            yield server
        finally:
            pictures.over.set()


ROWS, COLUMNS = 12, 16
BEGUN = 100.0
SHOWN = BEGUN + LEAD_S + np.array(STARTS_S)
"""When the made flashes were shown, and the made beeps played."""

_WHOLE_S = LEAD_S + STARTS_S[-1] + FLASH_S + TAIL_S


def where_it_is_lit(place: str) -> npt.NDArray[np.float64]:
    """How much each cell is lit by the screen, (ROWS, COLUMNS), 0 to 1."""
    lit = np.zeros((ROWS, COLUMNS))
    if place == "screen":
        lit[3:7, 5:10] = 1
    elif place == "mirror":
        lit[3:7, 12:15], lit[8, 1:3] = 0.7, 0.2
    elif place == "far":
        lit[4, 4], lit[4, 5], lit[5, 4] = 0.8, 0.5, 0.4
    elif place == "room":
        lit[:] = 0.1 + 0.9 * np.random.default_rng(5).random(lit.shape)
    return lit


def pictures(
    rng: np.random.Generator,
    fps: float,
    late_s: float,
    *,
    place: str = "screen",
    depth: float = 60.0,
    noise: float = 2.0,
    exposure: float = 0.5,
    person: bool = False,
    automatic: bool = False,
    flicker: float = 0.0,
    lost: float = 0.0,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], list[float], list[float]]:
    """Brightness of a camera's pictures while the screen flashes: times, grids, and when it went on and off.

    Parameters
    ----------
    late_s : from the middle of an exposure to its time stamp
    place, depth : what is lit by the screen, and by how many grey levels
    exposure : as a share of the time between two pictures
    person : somebody walks through the picture
    automatic : the camera keeps the mean brightness, within a quarter of a second
    flicker : depth of a lamp's at 100 Hz
    lost : share of pictures that never come
    """
    rises = SHOWN + rng.uniform(0, 0.004, len(SHOWN))
    falls = rises + FLASH_S + rng.uniform(0, 0.004, len(SHOWN))
    n = int(_WHOLE_S * fps)
    t = BEGUN + (np.arange(n) + rng.random()) / fps
    # The shutter in small steps: told apart from how the code under test goes about it.
    inside = t[:, None] - late_s + np.linspace(-0.5, 0.5, 41) * exposure / fps
    on = ((inside[:, :, None] >= rises) & (inside[:, :, None] < falls)).any(2).mean(1)
    grids = rng.uniform(20, 140, (1, ROWS, COLUMNS)) + depth * on[:, None, None] * where_it_is_lit(place)
    if person:
        x = 8 + 6 * np.sin(2 * np.pi * 0.7 * t + rng.uniform(0, 6))
        shade = np.exp(-(((np.arange(COLUMNS) - x[:, None]) / 2) ** 2))
        grids = grids - 60 * shade[:, None, :] * np.linspace(0, 1, ROWS)[None, :, None]
    grids = grids * (1 + flicker * np.sin(2 * np.pi * 100 * t))[:, None, None]
    if automatic:
        gain = 1.0
        for picture in grids:
            picture *= gain
            gain *= (80 / np.clip(picture.mean(), 5, 255)) ** (4 / fps)
    grids = np.clip(grids + rng.normal(0, noise, grids.shape), 0, 255)
    stamps = t + np.abs(rng.normal(0, 0.001, n))
    keep = rng.random(n) >= lost
    return stamps[keep], grids[keep], list(rises), list(falls)


def blocks(
    rng: np.random.Generator,
    late_s: float,
    *,
    volume: float = 0.1,
    noise: float = 0.002,
    echoes: tuple[tuple[float, float], ...] = (),
    speech: float = 0.0,
    hum: float = 0.0,
    stutter_s: float = 0.0,
) -> list[AudioBlock]:
    """What a microphone hears while the loudspeaker beeps.

    Parameters
    ----------
    volume : of a beep; 0 for a loudspeaker that is off
    echoes : of each how much later and how loud, compared to the sound itself
    speech : how loud somebody talks, in syllables
    hum : of the mains
    stutter_s : by how much the last three beeps are later still
    """
    fine = 8 * SAMPLE_RATE
    at = SHOWN - BEGUN + late_s + stutter_s * (np.arange(len(SHOWN)) >= 3)
    sound = np.zeros(round(_WHOLE_S * fine), np.float32)
    for later, loud in ((0.0, 1.0), *echoes):
        sound += volume * loud / 0.5 * beeping(fine, list(at + later), _WHOLE_S)
    mono = sound[::8].astype(np.float64)  # nothing in it is above half the rate
    t = np.arange(len(mono)) / SAMPLE_RATE
    voice = np.convolve(rng.normal(0, 1, len(t)), np.ones(6) / 6, "same") * (np.sin(2 * np.pi * 3 * t) > 0)
    mono += rng.normal(0, noise, len(t)) + speech * voice + hum * np.sin(2 * np.pi * 50 * t)
    mono = np.clip(mono, -1, 1).astype(np.float32)
    return [AudioBlock(BEGUN + n / SAMPLE_RATE, mono[n : n + 800]) for n in range(0, len(mono), 800)]

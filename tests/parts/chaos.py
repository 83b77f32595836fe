"""A stage for faults: a network camera, a virtual microphone, a wall clock, and the real program in front of them.

Everything that fails is on this side or is ordered from here; the program runs in a process of its own, so that its
memory, threads and handles are its own, and it is seen through what it writes alone.
"""

import os
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from realtime_cer.capture.media import open_media
from realtime_cer.quiet import cv2
from realtime_cer.records import SAMPLE_RATE, AudioBlock

from .chaos_rows import Program
from .mjpeg import MjpegServer, clip_jpegs, jpeg
from .pulse import VirtualMicrophone, write_wav

CLIP = Path(__file__).parents[2] / "realtime_cer" / "assets" / "demo.mp4"

FPS = 25.0
SHOWN_S = 18.0
"""How long there is a face in the clip."""

SPOKEN_S = (1.0, 7.4)
"""Where somebody speaks in it without a pause."""

_FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


class Talker:
    """Somebody who speaks into the microphone without a pause, until silenced."""

    def __init__(self, microphone: VirtualMicrophone, speech: Path) -> None:
        self._microphone, self._speech = microphone, speech
        self._over, self._silent = threading.Event(), threading.Event()
        self._turn = threading.Lock()
        self._player: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._talk, name="talker", daemon=True)
        self._thread.start()

    def hush(self) -> None:
        """Fall silent at once."""
        self._silent.set()
        self._cut()

    def speak(self) -> None:
        """Speak, from the beginning of a sentence; at once, also where the sound server was away."""
        self._silent.clear()
        self._cut()

    def close(self) -> None:
        """Be silent for ever."""
        self._over.set()
        self._cut()
        self._thread.join(5)

    def _cut(self) -> None:
        with self._turn:
            if self._player is not None:
                self._player.kill()

    def _talk(self) -> None:
        words = ["paplay", "--device=stage", "--latency-msec=100", str(self._speech)]
        env = {**os.environ, **self._microphone.env}
        while not self._over.wait(0.02):
            if self._silent.is_set():
                continue
            with self._turn:
                self._player = subprocess.Popen(words, env=env, stderr=subprocess.DEVNULL)
            self._player.wait()


class Stage:
    """Camera, microphone, clock and program, together. A context manager.

    Parameters
    ----------
    folder : for what it needs
    settings : of the program, beside the engine, which is that of the CPU

    Attributes
    ----------
    camera, microphone, talker, clock : what may fail; ``clock`` is None where it cannot be stepped
    pictures, small : what the camera shows, and the same at half the size and rate
    program : the one that runs; ``ended`` are those before it, which died, with their last words
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self._settings = folder, settings
        shown = clip_jpegs(CLIP, FPS, round(SHOWN_S * FPS))
        self.pictures = shown + shown[::-1]  # there and back: the face never jumps
        self.small = [half(picture) for picture in self.pictures[::2]]
        self.camera = MjpegServer(self.pictures, FPS)
        self.microphone = VirtualMicrophone()
        self.talker = Talker(self.microphone, write_speech(folder / "speech.wav"))
        self.clock = WallClock(folder / "clock") if _FAKETIME else None
        self.ended: list[Program] = []
        self.busy: list[subprocess.Popen[bytes]] = []
        self.program = self._start()

    def _start(self) -> Program:
        run = len(self.ended)
        env = {**self.microphone.env, **(self.clock.env if self.clock else {})}
        return Program(run, self.camera.url, self._settings, env, self.folder / f"errors-{run}.txt")

    def revive(self, kill: bool = False) -> bool:
        """Start the program again if it has died, or is to; whether that was so."""
        if kill:
            self.program.close()
        if self.program.alive:
            return False
        self.ended.append(self.program)
        self.program = self._start()
        return True

    @property
    def programs(self) -> tuple[Program, ...]:
        """All that ran, in their order."""
        return (*self.ended, self.program)

    def settle(self, within_s: float, *models: str) -> bool:
        """Wait until the newest row has something of each of the models: all of them, if none is named."""
        wanted = set(models or ("static", "dynamic", "acoustic"))
        rows = self.program.rows
        return self.program.until(lambda: bool(rows) and wanted <= rows[-1].models, within_s)

    def close(self) -> None:
        """End everything that is left of it."""
        for process in self.busy:
            process.kill()
        self.program.close()
        self.talker.close()
        self.microphone.close()
        self.camera.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class WallClock:
    """The wall clock of the program alone, which may be stepped; its monotonic clock goes on as ever.

    That is done by libfaketime, which stands between the program and the system's clock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.step(0)
        self.env = {
            "LD_PRELOAD": str(_FAKETIME[-1]),
            "FAKETIME_TIMESTAMP_FILE": str(path),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    @staticmethod
    def missing() -> str | None:
        """Why no clock can be stepped on this machine, or None."""
        return None if _FAKETIME else "no clock to step: libfaketime not installed"

    def step(self, seconds: int) -> None:
        """Put the clock so many seconds before the true time, or behind it."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n", encoding="utf-8")
        fresh.replace(self._path)


def half(picture: bytes) -> bytes:
    """A JPEG at half its size."""
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
    return jpeg(image)


def write_speech(path: Path) -> Path:
    """Some minutes of speech without a pause, from the clip."""
    items = open_media(CLIP).items(picture=False)
    heard = np.concatenate([item.samples for item in items if isinstance(item, AudioBlock)])
    begin, end = (round(second * SAMPLE_RATE) for second in SPOKEN_S)
    return write_wav(path, np.tile(heard[begin:end], 30), SAMPLE_RATE)


def new_folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder for what a stage needs."""
    return tempfile.TemporaryDirectory(prefix="realtime-cer-", ignore_cleanup_errors=True)

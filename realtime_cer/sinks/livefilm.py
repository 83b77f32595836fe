"""The films of a live session: the clean one, and one that waits for what is decided and shows it. No threads."""

from collections import deque
from datetime import datetime
from pathlib import Path

import numpy as np

from realtime_cer.buffers import GRID_S
from realtime_cer.quiet import cv2
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Frame, Picture
from realtime_cer.sinks.film import FilmWriter
from realtime_cer.sinks.overlay import SPAN_S, Overlay

LONGEST = 1280
"""Larger pictures are scaled down to this width or height."""

_PATIENCE_S = 0.5
"""How much newer than a picture others get before it is drawn with the decision there is."""

_EARLY_SOUND_S = 5.0
"""How much of the sound before the first picture is kept."""

_HOLDS_S = 2 * GRID_S
_ROUNDED_S = 1e-6


class LiveFilm:
    """Writes what comes, in the order in which it comes; all times are in seconds from the film's start.

    The file is made with the first picture, or with the first sound where no picture is to come. Faults of the encoder
    and the disk are raised by every method; after one, the next picture can be tried.

    Parameters
    ----------
    path : of the film
    sound, pictures : whether there will be any
    drawn : show on the pictures what is decided about them, and panels beside; else they are kept as they come
    started : the wall clock at 0 seconds

    Attributes
    ----------
    pictures : how many were written
    refused : those whose time did not go on, which a film cannot hold
    """

    def __init__(
        self, path: Path, *, sound: bool, pictures: bool = True, drawn: bool = True, started: datetime | None = None
    ) -> None:
        self.path = path
        self.pictures = self.refused = 0
        self._with_sound, self._with_pictures = sound, pictures
        self._drawn, self._started = drawn, started
        self._film: FilmWriter | None = None
        self._size = 2, 2
        self._overlay = Overlay(*self._size)
        self._frames: deque[Frame] = deque()
        self._early: deque[AudioBlock] = deque()
        self._decisions: deque[Decision] = deque(maxlen=round(SPAN_S / GRID_S) + 8)

    def frame(self, frame: Frame) -> None:
        """Take a picture; where decisions are drawn it waits for its own, for 0.5 s at most."""
        if frame.t < 0:
            return
        if self._drawn:
            self._frames.append(frame)
            self._advance()
        else:
            self._write(frame)

    def block(self, block: AudioBlock) -> None:
        """Take sound."""
        if not self._with_sound:
            return
        if self._film is None and not self._with_pictures:
            self._film = self._writer(None)
        if self._film is not None:
            self._film.sound(block.t, block.samples)
            return
        self._early.append(block)
        while self._early[0].t < block.t - _EARLY_SOUND_S:
            self._early.popleft()

    def decision(self, decision: Decision) -> None:
        """Take what was decided."""
        if self._drawn:
            self._decisions.append(decision)
            self._advance()

    def finish(self) -> None:
        """Draw what waits; call it again after a fault, until it comes through, then ``close``."""
        while self._frames:
            self._write(self._frames.popleft())

    def close(self) -> None:
        """Finish the file, and let go of the encoder, whose threads end with it."""
        film, self._film = self._film, None
        if film is not None:
            film.close()

    def _advance(self) -> None:
        decided = self._decisions[-1].t + GRID_S if self._decisions else -1.0
        newest = self._frames[-1].t if self._frames else 0.0
        while self._frames:
            t = self._frames[0].t
            if t + _ROUNDED_S >= decided and t > newest - _PATIENCE_S:
                return
            self._write(self._frames.popleft())

    def _write(self, frame: Frame) -> None:
        film = self._film or self._open(frame)
        picture = self._draw(frame) if self._drawn else fitted(frame.picture, *self._size)
        if film.picture(frame.t, picture):
            self.pictures += 1
        else:
            self.refused += 1

    def _draw(self, frame: Frame) -> Picture:
        past = [decision for decision in self._decisions if decision.t <= frame.t + _ROUNDED_S]
        decision = past[-1] if past and frame.t - past[-1].t < _HOLDS_S else None
        return self._overlay.draw(frame.picture, decision, past, frame.t)

    def _open(self, frame: Frame) -> FilmWriter:
        high, wide = frame.picture.shape[:2]
        scale = min(1.0, LONGEST / max(high, wide))
        self._size = even(wide * scale), even(high * scale)
        if self._drawn:
            self._overlay = Overlay(round(wide * scale), round(high * scale))
            self._size = self._overlay.layout.width, self._overlay.layout.height
        film = self._film = self._writer(self._size)
        while self._early:
            block = self._early.popleft()
            film.sound(block.t, block.samples)
        return film

    def _writer(self, size: tuple[int, int] | None) -> FilmWriter:
        rate = SAMPLE_RATE if self._with_sound else None
        return FilmWriter(self.path, size, audio_rate=rate, started=self._started, live=True)


def even(length: float) -> int:
    """A length as encoders take it."""
    return max(2 * round(length / 2), 2)


def fitted(picture: Picture, width: int, height: int) -> Picture:
    """A picture on a black ground of another size, as large as it fits; itself where it has that size."""
    high, wide = picture.shape[:2]
    if (wide, high) == (width, height):
        return picture
    scale = min(width / wide, height / high)
    inner = min(max(round(wide * scale), 1), width), min(max(round(high * scale), 1), height)
    canvas: Picture = np.zeros((height, width, 3), np.uint8)
    x, y = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[y : y + inner[1], x : x + inner[0]] = cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)
    return canvas

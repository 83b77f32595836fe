"""The film of a live session: pictures wait for what is decided about them, then are drawn and written. No threads."""

from collections import deque
from pathlib import Path

from realtime_cer.buffers import GRID_S
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Frame
from realtime_cer.sinks.film import FilmWriter
from realtime_cer.sinks.overlay import SPAN_S, Overlay

_LONGEST = 1280
"""Larger pictures are scaled down to this width or height."""

_PATIENCE_S = 0.5
"""How much newer than a picture others get before it is drawn with the decision there is."""

_EARLY_SOUND_S = 5.0
"""How much of the sound before the first picture is kept."""

_HOLDS_S = 2 * GRID_S
_ROUNDED_S = 1e-6


class LiveFilm:
    """Draws and writes what comes, in the order in which it comes; all times are in seconds from the film's start.

    The file is made with the first picture. Faults of the encoder and the disk are raised by every method; after one,
    the next picture can be tried.

    Parameters
    ----------
    path : of the film
    sound : whether there will be sound
    """

    def __init__(self, path: Path, *, sound: bool) -> None:
        self._path = path
        self._with_sound = sound
        self._film: FilmWriter | None = None
        self._overlay = Overlay(2, 2)
        self._frames: deque[Frame] = deque()
        self._early: deque[AudioBlock] = deque()
        self._decisions: deque[Decision] = deque(maxlen=round(SPAN_S / GRID_S) + 8)
        self.pictures = 0
        self.refused = 0
        """Pictures whose time did not go on: a film cannot hold them."""
        """How many were written."""

    def frame(self, frame: Frame) -> None:
        """Take a picture; it is drawn when its decision is there, or 0.5 s later."""
        if frame.t >= 0:
            self._frames.append(frame)
            self._advance()

    def block(self, block: AudioBlock) -> None:
        """Take sound."""
        if not self._with_sound:
            return
        if self._film is not None:
            self._film.sound(block.t, block.samples)
            return
        self._early.append(block)
        while self._early[0].t < block.t - _EARLY_SOUND_S:
            self._early.popleft()

    def decision(self, decision: Decision) -> None:
        """Take what was decided."""
        self._decisions.append(decision)
        self._advance()

    def finish(self) -> None:
        """Draw what waits; call it again after a fault, until it comes through, then ``close``."""
        while self._frames:
            self._write(self._frames.popleft())

    def close(self) -> None:
        """Finish the file."""
        if self._film is not None:
            self._film.close()

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
        past = [decision for decision in self._decisions if decision.t <= frame.t + _ROUNDED_S]
        decision = past[-1] if past and frame.t - past[-1].t < _HOLDS_S else None
        if film.picture(frame.t, self._overlay.draw(frame.picture, decision, past, frame.t)):
            self.pictures += 1
        else:
            self.refused += 1

    def _open(self, frame: Frame) -> FilmWriter:
        high, wide = frame.picture.shape[:2]
        scale = min(1.0, _LONGEST / max(high, wide))
        self._overlay = Overlay(round(wide * scale), round(high * scale))
        where = self._overlay.layout
        rate = SAMPLE_RATE if self._with_sound else None
        self._film = FilmWriter(self._path, where.width, where.height, audio_rate=rate, live=True)
        while self._early:
            block = self._early.popleft()
            self._film.sound(block.t, block.samples)
        return self._film

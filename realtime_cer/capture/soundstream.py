"""An open stream of the sound library, from its callback to blocks of 16 kHz sound.

Concurrent activities: the library calls the callback from a thread of its own; everything else belongs to one reader.
"""

import queue
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from realtime_cer.capture import portaudio
from realtime_cer.capture.portaudio import Input
from realtime_cer.capture.resample import Resampler, to_mono
from realtime_cer.capture.soundclock import Piece, SoundClock
from realtime_cer.capture.soundserver import Origin, Watch
from realtime_cer.capture.source import Clock
from realtime_cer.records import SAMPLE_RATE, AudioBlock

_QUEUE = 200
"""Callbacks that may wait: 4 s."""

_BLOCK = SAMPLE_RATE // 20

_JUMP_S = 0.002
"""From here on a piece of sound that is not where it should be is a gap; below, the sound clock has moved smoothly."""


class SoundStream:
    """An open stream: its callback's queue, and the way from there to blocks."""

    def __init__(self, clock: Clock) -> None:
        self.rate = 0
        self.pieces: queue.Queue[Piece] = queue.Queue(_QUEUE)
        self._clock = clock
        self._library_stream: Any = None
        self._watch: Watch | None = None
        self._lost = 0
        self._sound: SoundClock | None = None
        self._resampler = Resampler(_JUMP_S, _BLOCK, follow=True)

    def open(self, device: Input) -> None:
        """Open the device; raises Unavailable or Refused."""
        self._library_stream, self.rate = portaudio.open_input(device, self.callback)
        self._watch = Watch()

    def callback(self, rate: int) -> Callable[..., None]:
        """Make the function that the sound library calls: it copies and enqueues, nothing else."""

        def heard(samples: Any, frames: int, times: Any, flags: Any) -> None:
            now = self._clock()
            # Some sound servers report an age below the block's own length, or none at all.
            age = times.currentTime - times.inputBufferAdcTime
            begun = now - (max(age, frames / rate) if 0 < age < 1 else frames / rate)
            lost, self._lost = self._lost, 0
            try:
                broken, starved = bool(flags.input_overflow), bool(flags.input_underflow)
                self.pieces.put_nowait(Piece(samples.copy(), begun, lost, broken, starved))
            except queue.Full:
                self._lost = lost + frames

        return heard

    def take(self, timeout_s: float) -> Piece | None:
        """The next piece, mixed down; None after the timeout."""
        try:
            piece = self.pieces.get(timeout=timeout_s)
        except queue.Empty:
            return None
        return replace(piece, mono=to_mono(piece.mono))

    @property
    def ended(self) -> bool:
        """Has the library given the stream up?"""
        return not (portaudio.is_open(self._library_stream) and self._library_stream.active)

    @property
    def origin(self) -> Origin | None:
        """Where a sound server takes it from now, which may change; None where there is none, or none has told yet."""
        return None if self._watch is None else self._watch.origin

    @property
    def gaps(self) -> int:
        """Places where time was anchored anew."""
        return 0 if self._sound is None else self._sound.gaps

    def blocks(self, piece: Piece) -> Iterator[AudioBlock]:
        """Give the blocks that a piece completes."""
        if self._sound is None:
            self._sound = SoundClock(self.rate)
        for t, mono in self._sound.place(piece):
            yield from self._resampler.push(mono, self.rate, t)

    def close(self) -> None:
        """Give the device back."""
        if self._watch is not None:
            self._watch.end()
        if self._library_stream is not None:
            portaudio.close(self._library_stream)

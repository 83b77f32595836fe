"""Sound of any rate to 16 kHz mono blocks whose times come from the sample count. No threads, no clock."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from realtime_cer.records import SAMPLE_RATE, AudioBlock, Floats, read_only

BLOCK = SAMPLE_RATE // 10
"""Samples in a full block, if nothing else is asked for: 0.1 s."""

_EASE_S = 0.5
"""Time in which a resampler that follows makes up for what it is off."""
_BEND = 0.005
"""Share by which it changes its rate at most."""


def to_mono(samples: npt.NDArray[Any]) -> Floats:
    """Mix channels down by their mean and scale integers to [-1, 1].

    Parameters
    ----------
    samples : (n, channels) or (n,) of any sample type; unsigned 8 bit is centred on 128.

    Returns
    -------
    (n,) float32 in [-1, 1]; what is not a number becomes silence.
    """
    kind = samples.dtype
    mono = samples.astype(np.float32)
    if kind == np.uint8:
        mono = (mono - 128.0) / 128.0
    elif kind.kind == "i":
        mono /= -float(np.iinfo(kind).min)
    if mono.ndim == 2:
        mono = mono.mean(axis=1, dtype=np.float32) if mono.shape[1] > 1 else mono[:, 0]
    return np.nan_to_num(np.clip(mono, -1.0, 1.0), copy=False, nan=0.0)


class Resampler:
    """Turns pieces of mono sound into blocks of ``block`` samples at 16 kHz.

    Output sample n was at ``anchor + n / 16000``: the resampler's delay makes blocks late, never wrong.
    Sound is anchored to the time of its first piece, and anew where a piece lies further than
    ``tolerance`` seconds from where the count says it should. Within the tolerance the count is right, or,
    with ``follow``, the times are: the sound is then stretched or squeezed by up to half a per cent, so that it
    stays where they say without gaps or cuts, and its samples are 1/16000 s of the clock's time apart.
    """

    def __init__(self, tolerance: float, block: int = BLOCK, *, follow: bool = False) -> None:
        self.tolerance = tolerance
        self._block = block
        self._follow = follow
        self._bent = 0.0
        self.gaps = 0
        self.anchor: float | None = None
        self._rate = 0
        self._stream: soxr.ResampleStream | None = None
        self._taken = 0
        self._given = 0
        self._waiting: list[Floats] = []
        self._held = 0

    @property
    def expected(self) -> float | None:
        """Where the next piece belongs by the sample count, in seconds; None before the first."""
        return None if self.anchor is None else self.anchor + self._taken / self._rate + self._bent

    def push(self, mono: Floats, rate: int, t: float | None = None) -> Iterator[AudioBlock]:
        """Take a piece that begins at ``t`` (None: right after the one before) and give the full blocks there are.

        Parameters
        ----------
        mono : (n,) float32
        rate : samples per second; a change of it anchors anew
        t : seconds; needed for the first piece
        """
        expected = self.expected
        if rate != self._rate or expected is None or (t is not None and abs(t - expected) > self.tolerance):
            if expected is not None:
                yield from self.flush()
                self.gaps += 1
            start = expected if t is None else t
            if start is None:
                raise ValueError("the first piece of sound needs a time")
            self._begin(rate, start)
        elif self._follow and t is not None and self._stream is not None:
            stretch = 1 + min(max((t - expected) / _EASE_S, -_BEND), _BEND)
            self._stream.set_io_ratio(rate / stretch, SAMPLE_RATE)
            self._bent += (stretch - 1) * len(mono) / rate
        self._taken += len(mono)
        self._keep(mono if self._stream is None else self._stream.resample_chunk(np.ascontiguousarray(mono)))
        yield from self._blocks(self._block)

    def flush(self) -> Iterator[AudioBlock]:
        """Give all that is left; the next piece starts anew and needs a time."""
        if self.anchor is None:
            return
        if self._stream is not None:
            self._keep(self._stream.resample_chunk(np.zeros(0, np.float32), last=True))
        yield from self._blocks(self._block)
        yield from self._blocks(1)
        self.anchor = None

    def _begin(self, rate: int, t: float) -> None:
        self._rate, self.anchor, self._taken, self._given, self._bent = rate, t, 0, 0, 0.0
        if self._follow:
            # Made for the highest rate that it will ever be given.
            highest = rate * (1 + 2 * _BEND)
            self._stream = soxr.ResampleStream(highest, SAMPLE_RATE, 1, "float32", "HQ", vr=True)
            self._stream.set_io_ratio(rate, SAMPLE_RATE)
        else:
            self._stream = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, "float32", "HQ")

    def _keep(self, samples: Floats) -> None:
        if len(samples):
            self._waiting.append(samples)
            self._held += len(samples)

    def _blocks(self, at_least: int) -> Iterator[AudioBlock]:
        if self._held < at_least or self.anchor is None:
            return
        sound = np.concatenate(self._waiting)
        size = min(self._block, len(sound))
        whole = len(sound) // size * size
        for start in range(0, whole, size):
            block = np.clip(sound[start : start + size], -1.0, 1.0)
            t = self.anchor + self._given / SAMPLE_RATE
            self._given += size
            yield AudioBlock(t, read_only(block))
        self._waiting = [sound[whole:]] if whole < len(sound) else []
        self._held = len(sound) - whole

"""Known beeps of a loudspeaker, and where they are in a microphone's sound. Pure: arrays in, numbers out.

A beep is a chirp, whose matched filter has one sharp peak. What is compared is the share of the sound's energy within a
beep's length that is the beep, so neither its volume nor an automatic gain matters, and a loud noise is no beep.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from realtime_cer.errors import Refused
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Floats

BEEP_S = 0.04
_LOW_HZ, _HIGH_HZ = 1200.0, 4800.0
"""Where small loudspeakers and small microphones are at their best."""

_VOLUME = 0.5
_SILENCE = 1e-4
"""RMS of full scale, below which there is nothing to be normalised."""

EARLIEST_S, LATEST_S = -0.3, 1.4
"""Delays that are looked for; below zero, because a sound system may overstate its own delay."""

_ECHO_S = 0.03
"""The sound itself comes at most so long before the loudest of its echoes."""

_NEAR = SAMPLE_RATE // 250
"""All beeps are within so many samples of one delay, or the sound was not played evenly."""

_APART_S = 0.1
_MATCH, _LEAD = 0.2, 1.4
"""Least match that counts, and how far it must exceed that of any other delay."""

_LONGEST_S = 120.0
_NOT_HEARD = "no beep was heard: is the loudspeaker on and turned up, and is it the right microphone?"
_UNEVEN = "the beeps were not played evenly: close other programs and try again"


@dataclass(frozen=True, slots=True)
class Hearing:
    """Where the beeps were found: ``delay_s`` after they were played, with its standard error ``spread_s``.

    ``match`` is the mean share of amplitude that fits, 0 to 1; ``beeps`` how many were heard.
    """

    delay_s: float
    spread_s: float
    match: float
    beeps: int


def chirp(rate: int) -> npt.NDArray[np.complex128]:
    """One beep as an analytic signal, (n,): its real part is what sounds."""
    t = np.arange(round(BEEP_S * rate)) / rate
    phase = 2 * np.pi * (_LOW_HZ * t + (_HIGH_HZ - _LOW_HZ) * t**2 / (2 * BEEP_S))
    return np.asarray(np.hanning(len(t)) * np.exp(1j * phase))


def beeping(rate: int, starts: Sequence[float], length_s: float) -> Floats:
    """Sound (n,) in [-1, 1] with a beep at each of ``starts``, in seconds from its beginning."""
    sound = np.zeros(round(length_s * rate), np.float32)
    beep = (_VOLUME * chirp(rate).real).astype(np.float32)
    for start in starts:
        at = round(start * rate)
        sound[at : at + len(beep)] = beep
    return sound


def find_beeps(blocks: Sequence[AudioBlock], starts: Sequence[float]) -> Hearing:
    """Find known beeps in sound.

    Parameters
    ----------
    blocks : in order of time; gaps between them count as silence
    starts : when each beep left the program, in seconds of the same clock

    Raises
    ------
    Refused
        No sound, no beep in it, or beeps that fit at several delays.
    """
    t0, sound = _joined(blocks)
    match, loud = _match(sound)
    first = np.array([round((start + EARLIEST_S - t0) * SAMPLE_RATE) for start in starts])
    span = np.arange(round((LATEST_S - EARLIEST_S) * SAMPLE_RATE))
    places = first[:, None] + span
    inside = (places >= 0) & (places < len(match))
    places = np.clip(places, 0, len(match) - 1)
    each, amount = np.where(inside, match[places], 0.0), loud[places]  # (beeps, delays)
    score, power = each.mean(0), (each * amount).mean(0)
    # A late echo matches as well as the sound itself, but it is weaker.
    best = int(np.where(score >= 0.5 * score.max(), power, 0.0).argmax())
    weaker = np.minimum(amount / np.maximum(amount[:, best, None], 1e-12), 1.0)
    rivals = (each * weaker).mean(0)[np.abs(span - best) > _APART_S * SAMPLE_RATE]
    if score[best] < _MATCH or score[best] < _LEAD * rivals.max():
        raise Refused(_NOT_HEARD)
    best = _first_peak(power, best)

    near = slice(max(best - _NEAR, 0), best + _NEAR + 1)
    heights = each[:, near].max(1)
    enough = max(0.5 * float(np.median(heights)), _MATCH / 2)
    clear = heights >= enough
    if clear.sum() < len(starts) - 1:
        around = each[:, max(best - 10 * _NEAR, 0) : best + 10 * _NEAR + 1].max(1) >= enough
        raise Refused(_NOT_HEARD if around.sum() < len(starts) - 1 else _UNEVEN)
    # Rounding of each start to a sample is put back.
    at = near.start + each[:, near].argmax(1) + first
    late = (t0 + at / SAMPLE_RATE - np.asarray(starts))[clear]
    spread = float(np.std(late, ddof=1) / len(late) ** 0.5)
    return Hearing(float(np.median(late)), max(spread, 0.5 / SAMPLE_RATE), float(score[best]), int(clear.sum()))


def _joined(blocks: Sequence[AudioBlock]) -> tuple[float, Floats]:
    """All blocks as one piece of sound, and when it begins; raises Refused where there is none."""
    if not blocks:
        raise Refused("no sound came during the clap test: is the microphone muted?")
    t0 = blocks[0].t
    end = max(block.t + len(block.samples) / SAMPLE_RATE for block in blocks)
    if not 0 < end - t0 <= _LONGEST_S:
        raise ValueError(f"sound of {end - t0} s")
    sound = np.zeros(round((end - t0) * SAMPLE_RATE) + 1, np.float32)
    for block in blocks:
        at = round((block.t - t0) * SAMPLE_RATE)
        piece = block.samples[max(-at, 0) :]
        at = max(at, 0)
        sound[at : at + len(piece)] = piece[: len(sound) - at]
    return t0, sound


def _match(sound: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How far the sound from each sample on is a beep, 0 to 1, and how loud a beep it would be: (n,) each."""
    beep = chirp(SAMPLE_RATE)
    n, length = len(beep), len(sound)
    size = 1 << (length + n - 1).bit_length()
    spectrum = np.fft.fft(sound.astype(np.float64), size)
    # Hum and hiss outside the beep's band are no energy to compare with.
    hz = np.abs(np.fft.fftfreq(size, 1 / SAMPLE_RATE))
    spectrum[(hz < _LOW_HZ - 200) | (hz > _HIGH_HZ + 200)] = 0
    fit = np.abs(np.fft.ifft(spectrum * np.conj(np.fft.fft(beep, size))))[:length]
    energy = np.concatenate([[0.0], np.cumsum(np.fft.ifft(spectrum).real ** 2)])
    within = energy[np.minimum(np.arange(length) + n, size)] - energy[:length]
    whole = (within + n * _SILENCE**2) * (np.abs(beep) ** 2).sum() / 2
    return np.asarray(fit / np.sqrt(whole)), fit


def _first_peak(power: npt.NDArray[np.float64], best: int) -> int:
    """The first peak that stands out shortly before the best: a near echo may be louder than the sound itself."""
    begin = max(best - round(_ECHO_S * SAMPLE_RATE), 1)
    part = power[begin : best + 1]
    rising = np.flatnonzero((part >= 0.4 * power[best]) & (part > power[begin - 1 : best]))
    for place in rising + begin:
        if place == best or power[place] >= power[place + 1]:
            return int(place)
    return best

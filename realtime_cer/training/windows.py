"""Sound as the acoustic network gets it: windows of 4 s, padded as the method pads; for training, placed and soiled."""

import numpy as np
import soxr

from realtime_cer.records import SAMPLE_RATE, Floats

SAMPLES = 4 * SAMPLE_RATE
STEP = SAMPLE_RATE // 2
_FRAME = 320
_SHORTEST = SAMPLE_RATE * 3 // 2


def windows(samples: Floats) -> Floats:
    """Cut a clip into windows (W, 64000), 0.5 s apart; the last is padded at its end with its own mean."""
    count = max(-(-(len(samples) - SAMPLES) // STEP), 0) + 1
    cut = [samples[i * STEP : i * STEP + SAMPLES] for i in range(count)]
    return np.stack([np.pad(x, (0, SAMPLES - len(x)), constant_values=x.mean()) for x in cut]).astype(np.float32)


def speech_range(samples: Floats) -> tuple[int, int]:
    """Return where sound rises above a tenth of its loudest frame for the first and the last time, in samples."""
    count = len(samples) // _FRAME
    if count < 2:
        return 0, len(samples)
    loudness = np.sqrt((samples[: count * _FRAME].reshape(count, _FRAME) ** 2).mean(1))
    loud = np.flatnonzero(loudness > 0.1 * loudness.max())
    return (int(loud[0]) * _FRAME, int(loud[-1] + 1) * _FRAME) if len(loud) else (0, len(samples))


def placed(samples: Floats, rng: np.random.Generator) -> Floats:
    """Make a training window (64000,) as a ring would hold it at some moment: the utterance, or a part of it, anywhere.

    The rest is a low noise, or the utterance's mean as the method pads; speed, room, tone and noise vary.
    """
    if rng.random() < 0.4:
        speed = rng.uniform(0.9, 1.1)
        samples = soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE * speed).astype(np.float32)
    if rng.random() < 0.35:
        window = windows(samples[: SAMPLES + STEP * int(rng.integers(0, 3))])[-1]
    else:
        window = _in_ring(samples, rng)
    level = float(np.sqrt((window * window).mean())) + 1e-6
    if rng.random() < 0.25:
        window = _room(window, rng)
    if rng.random() < 0.3:
        window = _tone(window, rng)
    if rng.random() < 0.7:
        window = window + _noise(rng) * level * 10 ** (-rng.uniform(10, 45) / 20)
    if rng.random() < 0.05:
        window = np.clip(window, -2 * level, 2 * level)
    made: Floats = window.astype(np.float32)
    return made


def _in_ring(samples: Floats, rng: np.random.Generator) -> Floats:
    start, stop = speech_range(samples)
    margin = rng.integers(0, SAMPLE_RATE // 2, 2)
    speech = samples[max(start - int(margin[0]), 0) : stop + int(margin[1])]
    if len(speech) > _SHORTEST and rng.random() < 0.5:
        length = int(rng.integers(_SHORTEST, len(speech) + 1))
        first = int(rng.integers(0, len(speech) - length + 1))
        speech = speech[first : first + length]
    if len(speech) >= SAMPLES:
        first = int(rng.integers(0, len(speech) - SAMPLES + 1))
        part: Floats = speech[first : first + SAMPLES]
        return part
    floor = np.float32(np.abs(speech).max() * 10 ** rng.uniform(-5, -2.5))
    window = rng.standard_normal(SAMPLES).astype(np.float32) * floor
    first = int(rng.integers(0, SAMPLES - len(speech) + 1))
    window[first : first + len(speech)] += speech
    return np.asarray(window)


def _noise(rng: np.random.Generator) -> Floats:
    """Return noise of unit loudness whose spectrum falls with a random power: white to brown."""
    spectrum = np.fft.rfft(rng.standard_normal(SAMPLES))
    spectrum *= np.arange(1, len(spectrum) + 1) ** -rng.uniform(0, 1.0)
    noise = np.fft.irfft(spectrum, SAMPLES)
    made: Floats = (noise / noise.std()).astype(np.float32)
    return made


def _tone(window: Floats, rng: np.random.Generator) -> Floats:
    """Tilt the spectrum and limit the band, as cheap microphones and telephones do."""
    spectrum = np.fft.rfft(window)
    hertz = np.fft.rfftfreq(SAMPLES, 1 / SAMPLE_RATE)
    spectrum *= ((hertz + 50) / 1000) ** rng.uniform(-0.4, 0.4)
    if rng.random() < 0.4:
        spectrum[hertz > rng.uniform(3400, 7000)] *= 0.03
    if rng.random() < 0.4:
        spectrum[hertz < rng.uniform(80, 300)] *= 0.1
    return np.fft.irfft(spectrum, SAMPLES).astype(np.float32)


def _room(window: Floats, rng: np.random.Generator) -> Floats:
    """Let the sound ring as in a room: decaying noise after the direct sound."""
    length = int(SAMPLE_RATE * rng.uniform(0.1, 0.5))
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length) * rng.uniform(0.01, 0.06)
    tail[0] = 1
    size = 1 << (SAMPLES + length).bit_length()
    wet = np.fft.irfft(np.fft.rfft(window, size) * np.fft.rfft(tail, size), size)[:SAMPLES]
    return wet.astype(np.float32)

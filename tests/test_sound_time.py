"""Sound time: the count of samples against the clock, drift between the two, and the way to 16 kHz. Pure maths."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from parts.clips import clicks

from realtime_cer.buffers import AudioRing
from realtime_cer.capture.drift import Drift
from realtime_cer.capture.resample import Resampler, to_mono
from realtime_cer.capture.soundclock import TOLERANCE_S, Piece, SoundClock
from realtime_cer.records import SAMPLE_RATE

RATE = 48_000
N = 960


def stream_of(seconds: float, late: Callable[[int], float]) -> Iterator[Piece]:
    """Pieces of 20 ms whose first samples say when they were really taken, from 100.0 on; they come ``late``."""
    for k in range(round(seconds * RATE / N)):
        samples = (100 + (k * N + np.arange(N)) / RATE).astype(np.float64)
        yield Piece(samples, 100 + k * N / RATE + late(k))  # type: ignore[arg-type]


def errors(clock: SoundClock, pieces: Iterator[Piece]) -> list[float]:
    """By how much each placed piece is off; its samples tell the truth."""
    placed = [each for piece in pieces for each in clock.place(piece)]
    for (before, samples), (after, _) in itertools.pairwise(placed):
        assert after >= before + len(samples) / RATE - 0.0001, "time went back"
    return [t - float(samples[0]) for t, samples in placed]


def test_late_callbacks_do_not_move_the_sound() -> None:
    rng = np.random.default_rng(0)
    clock = SoundClock(RATE)
    off = errors(clock, stream_of(20, lambda k: float(rng.exponential(0.02)) + 0.3 * (k % 200 == 150)))
    assert max(map(abs, off)) < 0.006
    assert np.ptp(off) < 0.003
    assert clock.gaps == 0


@pytest.mark.parametrize("slow", [0.001, -0.001])
def test_a_bad_sound_clock_is_followed_smoothly(slow: float) -> None:
    clock = SoundClock(RATE)
    off = errors(clock, stream_of(100, lambda k: slow * k * N / RATE))
    true = [o - slow * k * N / RATE for k, o in enumerate(off)]
    assert max(map(abs, true)) < 0.035  # until its slope is known
    assert abs(true[-1]) < 0.004
    assert clock.gaps == 0


def test_what_overlaps_is_left_out_and_time_does_not_go_back() -> None:
    clock = SoundClock(RATE)
    pieces = [Piece(each.mono, each.begun - 0.3 * (each.begun > 104)) for each in stream_of(8, lambda k: 0.0)]
    placed = [each for piece in pieces for each in clock.place(piece)]
    for (before, samples), (after, _) in itertools.pairwise(placed):
        assert after >= before + len(samples) / RATE - 0.0001
    last, samples = placed[-1]
    assert last == pytest.approx(pieces[-1].begun, abs=TOLERANCE_S)
    assert clock.gaps >= 1


def test_known_losses_are_bridged_exactly_and_unknown_ones_by_the_clock() -> None:
    clock = SoundClock(RATE)
    pieces = list(stream_of(4, lambda k: 0.0))
    del pieces[50:75]
    pieces[50] = Piece(pieces[50].mono, pieces[50].begun + 0.03, lost=25 * N)
    del pieces[100:110]
    pieces[100] = Piece(pieces[100].mono, pieces[100].begun, broken=True)
    off = errors(clock, iter(pieces))
    assert max(map(abs, off)) < 1e-6
    assert clock.gaps == 2


def arrivals(seconds: int, ppm: float, seed: int) -> tuple[Any, Any]:
    """When pieces of 0.1 s were really taken, and when they come: late by 0 to 80 ms, with bursts, and some too early.

    The sound card's clock is slow by ``ppm``. In the middle it pauses for three seconds, without a word.
    """
    rng = np.random.default_rng(seed)
    taken = 100 + np.arange(seconds * 10) * 0.1 * (1 + ppm * 1e-6)
    late = rng.uniform(0, 0.08, len(taken))
    for begin in rng.integers(600, len(taken) - 600, seconds // 60):
        late[begin : begin + rng.integers(2, 15)] += rng.uniform(0.05, 0.4)
    comes = np.maximum.accumulate(taken + late)
    comes[1500::3000] -= 0.1
    there = np.abs(taken - taken[len(taken) // 2]) > 1.5
    return taken[there], comes[there]


@pytest.mark.parametrize("ppm", [0.0, 100.0, -100.0])
def test_an_hour_of_drift_is_followed_without_jumps(ppm: float) -> None:
    taken, comes = arrivals(3600, ppm, seed=1)
    mono = np.zeros(100, np.float32)
    clock = SoundClock(1000)
    placed = [t for begun in comes for t, _ in clock.place(Piece(mono, float(begun)))]
    error = np.array(placed) - taken[: len(placed)]
    since = taken[: len(placed)] - 100
    calm = (since < 1797) | (since > 1804)  # a loss that nobody tells of takes two seconds to be believed
    assert np.abs(error[calm]).max() < 0.020
    assert np.abs(error[-3000:]).max() < 0.006
    assert clock.gaps <= 2
    assert clock.drift * 1e6 == pytest.approx(ppm, abs=20)
    steps = np.abs(np.diff(placed) - 0.1)
    assert np.sort(steps)[-3] < 0.0004  # but for the pause: 0.3 % of 0.1 s


def test_the_line_lies_under_the_cloud() -> None:
    rng = np.random.default_rng(0)
    drift = Drift()
    assert drift.at(0.0) is None
    for x in np.arange(0, 400, 0.02):
        drift.see(float(x), 5 + 50e-6 * x + float(rng.exponential(0.05)))
    assert drift.slope == pytest.approx(50e-6, abs=10e-6)
    assert drift.at(400.0) == pytest.approx(5.02, abs=0.003)
    drift.forget()
    assert drift.at(400.0) is None
    assert drift.slope == pytest.approx(50e-6, abs=10e-6)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("ppm", [0, 150, -1000])
def test_sound_that_follows_the_clock_leaves_no_gaps_in_the_ring(rate: int, ppm: int) -> None:
    seconds, at = 12, [3.0, 11.0]
    taken = np.arange(seconds * rate) / rate * (1 + ppm * 1e-6)  # when the card's samples were taken
    sound = np.zeros(len(taken))
    for a in at:
        sound += 0.8 * np.cos(2 * np.pi * 1000 * (taken - a)) * np.exp(-(((taken - a) / 0.0008) ** 2))
    resampler, ring = Resampler(0.002, 800, follow=True), AudioRing(50.0, seconds)
    step = rate // 50
    gaps = 0
    for start in range(0, len(sound), step):
        piece = sound[start : start + step].astype(np.float32)
        gaps += sum(ring.push(block) for block in resampler.push(piece, rate, 50 + float(taken[start])))
    assert gaps == resampler.gaps == 0
    heard = ring.window(ring.end, ring.end).samples
    for a in at:
        near = round((a - 0.5) * SAMPLE_RATE)
        peak = near + int(np.argmax(heard[near : near + SAMPLE_RATE]))
        assert peak / SAMPLE_RATE == pytest.approx(a, abs=0.0007)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000, 96_000])
def test_the_resampler_keeps_time(rate: int) -> None:
    at = 1.2345
    samples = clicks(rate, [at], 3.0)
    resampler = Resampler(0.01)
    blocks = []
    for start in range(0, len(samples), rate // 50):
        blocks += list(resampler.push(samples[start : start + rate // 50], rate, 50.0 + start / rate))
    blocks += list(resampler.flush())
    heard = np.concatenate([block.samples for block in blocks])
    assert blocks[0].t == 50.0
    assert int(np.argmax(heard)) / SAMPLE_RATE == pytest.approx(at, abs=0.0005)
    assert len(heard) == pytest.approx(3 * SAMPLE_RATE, abs=2)
    assert resampler.gaps == 0


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([[16384, -16384], [32767, 32767], [8192, 16384]], np.int16), [0.0, 1.0, 0.375]),
        (np.array([[0], [255]], np.uint8), [-1.0, 1.0]),
        (np.array([0.5, np.nan, 9.0], np.float32), [0.5, 0.0, 1.0]),
        (np.array([[1 << 30]], np.int32), [0.5]),
    ],
)
def test_mixing_down(samples: Any, expected: list[float]) -> None:
    assert to_mono(samples) == pytest.approx(expected, abs=0.01)

"""The grid of time, exact sample positions, and the mailbox."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_cer.buffers import AudioRing, FrameRing, Latest
from realtime_cer.records import AudioBlock, Frame, GridFrame

PICTURE = np.zeros((2, 2, 3), np.uint8)


def grid_of(times: list[float], origin: float = 0.0) -> list[GridFrame]:
    ring = FrameRing(origin)
    return [g for n, t in enumerate(times) if (g := ring.push(Frame(t, n, PICTURE))) is not None]


@pytest.mark.parametrize("fps", [15, 24, 24000 / 1001, 25, 30000 / 1001, 30, 50, 60])
@given(phase=st.floats(0, 0.06), origin=st.floats(0, 1e6))
def test_every_instant_gets_the_first_frame_at_or_after_it(fps: float, phase: float, origin: float) -> None:
    times = [origin + phase + n / fps for n in range(int(10 * fps))]
    held = grid_of(times, origin)
    assert [g.k for g in held] == list(range(len(held)))
    assert len(held) >= 49
    for g in held:
        assert g.frame is not None
        at_or_after = [t for t in times if t >= g.t - 1e-6]
        assert g.frame.t == at_or_after[0]


@given(st.lists(st.floats(0.001, 0.4), min_size=1, max_size=60))
def test_no_frame_is_used_twice_or_outside_half_a_step(steps: list[float]) -> None:
    held = grid_of(np.cumsum(steps).tolist())
    ks = [g.k for g in held]
    assert ks == sorted(set(ks))
    for g in held:
        assert g.frame is not None
        assert -1e-6 <= g.frame.t - g.t <= 0.1 + 1e-5


def test_a_late_frame_leaves_a_gap() -> None:
    assert [g.k for g in grid_of([0.0, 0.31, 0.4, 0.55, 0.61])] == [0, 2, 3]


def test_frames_before_the_origin_are_not_on_the_grid() -> None:
    assert grid_of([4.9, 4.99], origin=5.0) == []


def test_the_newest_wins_and_the_lost_are_counted() -> None:
    ring = FrameRing(0.0)
    for n in range(4):
        ring.push(Frame(n * 0.2, n, PICTURE))
    taken = ring.take(0)
    assert taken is not None
    assert (taken.k, taken.dropped) == (3, 3)
    assert ring.take(0.01) is None
    ring.push(Frame(0.8, 4, PICTURE))
    following = ring.take(0)
    assert following is not None
    assert following.dropped == 0


def test_take_wakes_up_for_a_frame_and_for_the_end() -> None:
    ring = FrameRing(0.0)
    got: list[GridFrame | None] = []

    def read() -> None:
        for _ in range(2):
            got.append(ring.take(20))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    ring.push(Frame(0.0, 0, PICTURE))
    while not got:
        time.sleep(0.001)
    ring.close()
    reader.join(2)
    assert not reader.is_alive()
    assert got[0] is not None
    assert got[1] is None


def numbered(start: int, count: int, rate: int = 16_000, origin: float = 100.0) -> AudioBlock:
    """A block whose samples hold their own position."""
    return AudioBlock(origin + start / rate, np.arange(start, start + count, dtype=np.float32))


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=80), st.integers(1, 16_000))
def test_samples_stay_at_their_positions(sizes: list[int], length: int) -> None:
    ring = AudioRing(100.0, seconds=4)
    position = 0
    for size in sizes:
        ring.push(numbered(position, size))
        position += size
    window = ring.window(position, min(length, position))
    np.testing.assert_array_equal(window.samples, np.arange(position - len(window.samples), position))
    assert window.heard == len(window.samples)
    assert window.t == pytest.approx(100 + position / 16_000)


@given(st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 5000)), min_size=1, max_size=40))
def test_gaps_are_zeros_of_their_exact_length(parts: list[tuple[int, int]]) -> None:
    ring = AudioRing(100.0, seconds=12)
    position, truth = 0, []
    for size, gap in parts:
        gap = gap if gap > 16 else 0
        position += gap
        truth += [0.0] * gap + list(range(position, position + size))
        assert ring.push(numbered(position, size)) == gap
        position += size
    length = min(position, 12 * 16_000)
    window = ring.window(position, length)
    np.testing.assert_array_equal(window.samples, np.array(truth[-length:], np.float32))


def test_rounding_is_no_gap_and_overlap_is_cut() -> None:
    ring = AudioRing(0.0)
    ring.push(AudioBlock(0.0, np.ones(1600, np.float32)))
    assert ring.push(AudioBlock(0.1004, np.ones(1600, np.float32))) == 0
    assert ring.end == 3200
    ring.push(AudioBlock(0.15, np.full(1600, 2, np.float32)))
    assert ring.end == 4000
    assert ring.window(4000, 801).samples.tolist() == [1.0] + [2.0] * 800


def test_a_gap_longer_than_the_ring_empties_it() -> None:
    ring = AudioRing(0.0, seconds=1)
    ring.push(numbered(0, 16_000, origin=0.0))
    ring.push(numbered(160_000, 100, origin=0.0))
    window = ring.window(160_100, 16_000)
    assert window.heard == 100
    assert not window.samples[:-100].any()
    with pytest.raises(ValueError, match="not in the ring"):
        ring.window(16_000, 100)


def test_a_window_that_reaches_back_too_far_gives_what_is_held() -> None:
    ring = AudioRing(0.0, seconds=1)
    ring.push(numbered(0, 24_000, origin=0.0))
    window = ring.window(24_000, 100_000)
    np.testing.assert_array_equal(window.samples, np.arange(8000, 24_000))


def test_a_window_is_a_read_only_copy() -> None:
    ring = AudioRing(0.0)
    ring.push(AudioBlock(0.0, np.ones(100, np.float32)))
    window = ring.window(100, 100)
    ring.push(AudioBlock(100 / 16_000, np.zeros(16_000 * 13, np.float32)))
    assert window.samples.all()
    with pytest.raises(ValueError, match="read-only"):
        window.samples[0] = 0


def test_the_mailbox_keeps_the_newest_and_counts_the_rest() -> None:
    box: Latest[int] = Latest()
    assert box.take(0) is None
    for n in range(3):
        box.put(n)
    assert box.peek() == 2
    assert box.take(0) == 2
    assert box.take(0) is None
    assert box.overtaken == 2

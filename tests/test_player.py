"""A file played as if it were a camera and a microphone: it keeps pace and leaves out what is late."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from parts.clips import click, write_clip
from parts.readings import STEADY, numbers

from realtime_cer.capture.media import MediaFile, open_media
from realtime_cer.capture.player import Player
from realtime_cer.capture.source import item_end
from realtime_cer.records import SAMPLE_RATE, Frame


class FakeTime:
    """A clock that only its own sleep moves; being asked costs nothing."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clip(tmp_path: Path) -> MediaFile:
    return open_media(write_clip(tmp_path / "y.mp4", times=STEADY, sounds=[("aac", 44_100, click(2, 44_100, 1.1))]))


def test_a_player_keeps_pace(clip: MediaFile) -> None:
    fake = FakeTime()
    player = Player(clip, fake.clock, fake.sleep)
    came = [(fake.now, item) for item in player.items(threading.Event())]
    assert player.start == 1000.0
    for now, item in came:
        assert now == pytest.approx(item_end(item), abs=1e-6)
        assert now > item_end(item) - 1e-9
    assert [item.t - 1000.0 for _, item in came] == pytest.approx([item.t for item in clip.items()])
    assert player.counters.frames == len(came)
    assert player.status.state == "ended"


def test_a_player_goes_round_and_round(clip: MediaFile) -> None:
    fake = FakeTime()
    stop = threading.Event()
    items = []
    for item in Player(clip, fake.clock, fake.sleep, loop=True).items(stop):
        items.append(item)
        if fake.now > 1005:
            stop.set()
    frames = [item for item in items if isinstance(item, Frame)]
    assert numbers(frames) == [k % 50 for k in range(len(frames))]
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    assert len(frames) > 110
    assert np.diff([frame.t for frame in frames]).min() > 0.039
    assert np.diff([frame.t for frame in frames]).max() < 0.12
    assert np.diff([item_end(item) for item in items]).min() > -1e-9


def test_a_player_that_is_late_leaves_frames_out_but_no_sound(clip: MediaFile) -> None:
    fake = FakeTime()
    player = Player(clip, fake.clock, fake.sleep)
    heard, seen = 0, 0
    for item in player.items(threading.Event()):
        if isinstance(item, Frame):
            seen += 1
            if seen == 5:
                fake.now += 1.2  # a consumer that hung
        else:
            heard += len(item.samples)
    assert heard / SAMPLE_RATE == pytest.approx(2.0, abs=0.06)
    assert 10 <= player.counters.dropped <= 20
    assert seen + player.counters.dropped == 50


def test_a_player_in_real_time_and_stopped(clip: MediaFile) -> None:
    stop = threading.Event()
    late = []
    begun = time.monotonic()
    for item in Player(clip).items(stop):
        late.append(time.monotonic() - item_end(item))
        if time.monotonic() - begun > 0.8:
            threading.Timer(0.03, stop.set).start()
            break_at = time.monotonic()
            stop.wait(0.001)
    assert time.monotonic() - break_at < 0.2
    assert min(late) >= 0
    assert np.median(late) < 0.02

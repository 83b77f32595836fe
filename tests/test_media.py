"""Media files as people have them: every fact is checked on a file made for it."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from parts.clips import click, click_at, number_of, turn_mp4, write_clip

from realtime_cer.capture.media import MediaFile, on_grid, open_media
from realtime_cer.capture.player import Player
from realtime_cer.capture.source import Item, item_end
from realtime_cer.errors import Refused
from realtime_cer.quiet import cv2
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Frame

STEADY = [k / 25 for k in range(50)]


def read(media: MediaFile, **choice: object) -> tuple[list[Frame], list[AudioBlock]]:
    """Everything in a file, once it is certain that it came in the order of time and read-only."""
    items = list(media.items(**choice))  # type: ignore[arg-type]
    ends = [item_end(item) for item in items]
    assert ends == sorted(ends)
    assert not any((item.picture if isinstance(item, Frame) else item.samples).flags.writeable for item in items)
    return [i for i in items if isinstance(i, Frame)], [i for i in items if isinstance(i, AudioBlock)]


def sound(blocks: list[AudioBlock]) -> np.ndarray:
    """The samples of blocks, once it is certain that each begins where the one before ended."""
    for before, after in zip(blocks, blocks[1:], strict=False):
        assert after.t == pytest.approx(item_end(before), abs=1e-9)
    return np.concatenate([block.samples for block in blocks])


def test_pictures_in_order_with_their_times(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "b.mp4", times=STEADY, options={"bf": "3", "crf": "18", "preset": "medium"})
    media = open_media(path)
    frames, blocks = read(media)
    assert [number_of(frame.picture) for frame in frames] == list(range(50))
    assert [frame.seq for frame in frames] == list(range(50))
    assert [frame.t for frame in frames] == pytest.approx(STEADY, abs=1e-4)
    assert not blocks
    assert (media.has_video, media.has_audio, media.width, media.height) == (True, False, 320, 240)
    assert media.duration == pytest.approx(2.0, abs=0.05)
    assert media.fps == pytest.approx(25, abs=0.6)
    assert media.notices == ["no sound in b.mp4: picture-only"]


@pytest.mark.parametrize(
    ("name", "codec", "rate", "channels"),
    [
        ("a.wav", "pcm_s16le", 44_100, 2),
        ("b.wav", "pcm_u8", 8_000, 1),
        ("c.flac", "flac", 96_000, 1),
        ("d.mp4", "aac", 44_100, 2),
        ("e.mkv", "libopus", 48_000, 1),
        ("f.mp3", "libmp3lame", 44_100, 2),
        ("g.mkv", "pcm_s16le", 16_000, 6),
        ("h.mkv", "pcm_f32le", 22_050, 2),
    ],
)
def test_a_click_comes_out_at_its_time(tmp_path: Path, name: str, codec: str, rate: int, channels: int) -> None:
    path = write_clip(tmp_path / name, size=None, sounds=[(codec, rate, click(2.0, rate, 1.2345, channels))])
    media = open_media(path)
    frames, blocks = read(media)
    samples = sound(blocks)
    assert not frames
    assert blocks[0].t + click_at(samples, SAMPLE_RATE) == pytest.approx(1.2345, abs=0.001)
    assert len(samples) / SAMPLE_RATE == pytest.approx(2.0, abs=0.06)
    assert {len(block.samples) for block in blocks[:-1]} == {1600}
    assert samples.max() == pytest.approx(0.8, abs=0.15)
    assert media.sample_rate == rate
    assert media.notices == [f"no picture in {name}: sound-only"]

"""Media files that are cut off, damaged or none: what is left is kept, the rest is refused in one line."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from parts.clips import click, click_at, number_of, write_clip
from parts.readings import STEADY, numbers, read, sound

from realtime_cer.capture.media import open_media
from realtime_cer.errors import Refused
from realtime_cer.records import SAMPLE_RATE


@pytest.mark.parametrize(("name", "options"), [("c.mp4", {"movflags": "faststart"}), ("c.mkv", {})])
def test_what_is_left_of_a_cut_file_is_kept(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    sounds = [("aac", 44_100, click(4, 44_100, 0.5))]
    path = write_clip(tmp_path / name, times=[k / 25 for k in range(100)], sounds=sounds, container=options)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    media = open_media(path)
    frames, blocks = read(media)
    assert 30 < len(frames) < 90
    assert numbers(frames) == list(range(len(frames)))
    assert blocks[0].t + click_at(sound(blocks), SAMPLE_RATE) == pytest.approx(0.5, abs=0.002)
    assert any(f"{name} is cut off after" in notice and "what was read is kept" in notice for notice in media.notices)


def test_damage_in_the_middle_is_left_out(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "d.mkv", times=[k / 25 for k in range(100)], options={"g": "10", "crf": "18"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = np.random.default_rng(1).bytes(20_000)
    path.write_bytes(content)
    media = open_media(path)
    frames, _ = read(media)
    assert frames[0].t == 0
    assert frames[-1].t == pytest.approx(99 / 25, abs=0.001)
    assert 50 < len(frames) < 100
    sure = [(number_of(frame.picture), frame.t) for frame in frames[:20] + frames[-20:]]
    assert all(number == round(t * 25) for number, t in sure)


def no_index(path: Path) -> None:
    content = write_clip(path, times=STEADY).read_bytes()
    path.write_bytes(content[: len(content) // 2])


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing.mp4": (lambda path: None, "no such file"),
    "folder.mp4": (lambda path: path.mkdir(), "is a folder"),
    "empty.mp4": (lambda path: path.touch(), "is empty"),
    "text.mp4": (lambda path: path.write_text("This is a letter.\n" * 50), "no media"),
    "text.txt": (lambda path: path.write_text("This is a letter.\n" * 50), "no media"),
    "noise.avi": (lambda path: path.write_bytes(np.random.default_rng(3).bytes(50_000)), "."),
    "words.srt": (
        lambda path: path.write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n"),
        "neither picture nor sound",
    ),
    "half.mp4": (no_index, "no media file, or its index is lost"),
    "list.m3u8": (
        lambda path: path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n"),
        "a list of such",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_line_that_names_the_file(tmp_path: Path, name: str) -> None:
    make, why = REFUSED[name]
    make(tmp_path / name)
    begun = time.monotonic()
    with pytest.raises(Refused, match=why) as refused:
        open_media(tmp_path / name)
    assert time.monotonic() - begun < 2  # the library would fetch a list's parts, again and again
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


def test_stop_and_release(tmp_path: Path) -> None:
    media = open_media(write_clip(tmp_path / "x.mp4", times=STEADY, sounds=[("aac", 44_100, click(2, 44_100, 1))]))
    psutil = pytest.importorskip("psutil")
    files = len(psutil.Process().open_files())
    stop = threading.Event()
    taken = 0
    for _ in media.items(stop):
        taken += 1
        if taken == 5:
            assert len(psutil.Process().open_files()) == files + 2
            stop.set()
    assert taken == 5
    assert len(psutil.Process().open_files()) == files
    assert media.notices == []  # not read to its end is not cut off

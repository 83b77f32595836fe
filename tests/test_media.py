"""Media files as people have them: every fact is checked on a file made for it."""

import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.clips import click, click_at, numbered, portrait, turn_mp4, write_clip
from parts.readings import STEADY, numbers, read, sound

from realtime_cer.capture.media import open_media
from realtime_cer.capture.source import item_end
from realtime_cer.quiet import cv2
from realtime_cer.records import SAMPLE_RATE


def test_pictures_in_order_with_their_times(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "b.mp4", times=STEADY, options={"bf": "3", "crf": "18", "preset": "medium"})
    media = open_media(path)
    frames, blocks = read(media)
    assert numbers(frames) == list(range(50))
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


@pytest.mark.parametrize("fps", [15.0, 24.0, 25.0, 29.97, 30.0, 60.0])
def test_the_grid_takes_the_first_frame_at_or_after_each_instant(tmp_path: Path, fps: float) -> None:
    media = open_media(write_clip(tmp_path / "g.mp4", size=(160, 120), times=[k / fps for k in range(int(3 * fps))]))
    every, _ = read(media)
    chosen, _ = read(media, grid_fps=5)
    wanted = []
    for k in range(15):
        after = [frame for frame in every if frame.t >= k / 5 - 1e-6]
        if after and after[0].t <= k / 5 + 0.1 + 1e-6:
            wanted.append(after[0].seq)
    assert [frame.seq for frame in chosen] == wanted
    assert len(wanted) >= 14


def test_variable_frame_rate_keeps_times_and_leaves_gaps_in_the_grid(tmp_path: Path) -> None:
    times = [0.0, 0.03, 0.19, 0.21, 0.35, 0.62, 1.0, 1.72, 1.81]
    media = open_media(write_clip(tmp_path / "v.mkv", times=times))
    every, _ = read(media)
    assert [frame.t for frame in every] == pytest.approx(times, abs=0.001)
    chosen, _ = read(media, grid_fps=5)
    assert [frame.seq for frame in chosen] == [0, 3, 5, 6, 8]  # 0.4, 0.8, 1.2, 1.4 and 1.6 have none in time


@pytest.mark.parametrize("name", ["late.mkv", "late.mp4", "late.ts"])
def test_a_late_picture_stays_late_against_the_sound(tmp_path: Path, name: str) -> None:
    times = [0.5 + k / 25 for k in range(25)]
    path = write_clip(tmp_path / name, times=times, sounds=[("aac", 44_100, click(2.0, 44_100, 1.0))])
    frames, blocks = read(open_media(path))
    assert min(frames[0].t, blocks[0].t) == 0
    beep = blocks[0].t + click_at(sound(blocks), SAMPLE_RATE)
    assert frames[0].t - beep == pytest.approx(-0.5, abs=0.002)


def test_sound_time_is_anchored_anew_after_a_gap(tmp_path: Path) -> None:
    samples = click(1.5, 44_100, 1.2)
    path = write_clip(tmp_path / "gap.mkv", size=None, sounds=[("pcm_s16le", 44_100, samples)], pause=(0.8, 0.7))
    _, blocks = read(open_media(path))
    jumps = [after.t - item_end(before) for before, after in itertools.pairwise(blocks)]
    assert max(jumps) == pytest.approx(0.7, abs=0.002)
    assert sum(jump > 1e-6 for jump in jumps) == 1
    loudest = max(blocks, key=lambda block: block.samples.max())
    assert loudest.t + click_at(loudest.samples, SAMPLE_RATE) == pytest.approx(1.9, abs=0.0015)


TURNS: dict[str, tuple[tuple[int, int, int, int], Callable[[Any], Any]]] = {
    "upright": ((1, 0, 0, 1), lambda p: p),
    "90": ((0, 1, -1, 0), lambda p: np.rot90(p, 1)),
    "180": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "270": ((0, -1, 1, 0), lambda p: np.rot90(p, -1)),
    "mirrored": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda p: p[::-1]),
    "transposed": ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_pictures_are_turned_upright(tmp_path: Path, turn: str) -> None:
    matrix, stored = TURNS[turn]
    path = turn_mp4(write_clip(tmp_path / "r.mp4", size=(320, 240), times=STEADY[:5], stored=stored), matrix)
    media = open_media(path)
    frames, _ = read(media)
    assert numbers(frames) == list(range(5))
    assert frames[0].picture.shape == (240, 320, 3)
    assert (media.width, media.height) == (320, 240)
    if turn.isdecimal():
        assert media.rotation == int(turn)
        camera = cv2.VideoCapture(str(path))  # another reader's opinion of the same file
        assert np.abs(camera.read()[1].astype(int) - frames[0].picture).mean() < 6
        camera.release()


@pytest.mark.parametrize(
    ("codec", "pixels"),
    [
        ("libx264", "yuv420p10le"),
        ("libx264", "yuv444p"),
        ("mjpeg", "yuvj422p"),
        ("ffv1", "gray"),
        ("ffv1", "gray16le"),
        ("ffv1", "bgra"),
        ("ffv1", "yuva420p"),
        ("ffv1", "yuv422p12le"),
        ("libvpx-vp9", "yuv420p"),
    ],
)
def test_any_pixel_format(tmp_path: Path, codec: str, pixels: str) -> None:
    path = write_clip(tmp_path / "p.mkv", size=(320, 240), times=STEADY[:4], codec=codec, pixels=pixels, options={})
    frames, _ = read(open_media(path))
    assert numbers(frames) == [0, 1, 2, 3]
    expected = numbered(0, 320, 240).astype(int)
    if pixels.startswith("gray"):
        expected = np.repeat(cv2.cvtColor(numbered(0, 320, 240), cv2.COLOR_BGR2GRAY)[..., None], 3, 2).astype(int)
    assert np.abs(frames[0].picture - expected).mean() < 8


def test_tiny_pictures_are_kept_and_huge_ones_scaled(tmp_path: Path) -> None:
    tiny = open_media(write_clip(tmp_path / "tiny.mp4", size=(16, 16), times=STEADY[:3]))
    assert read(tiny)[0][2].picture.shape == (16, 16, 3)
    huge = open_media(
        write_clip(tmp_path / "huge.mkv", size=(4000, 3000), times=STEADY[:2], codec="mjpeg", pixels="yuvj420p")
    )
    frames, _ = read(huge)
    assert [frame.picture.shape for frame in frames] == [(960, 1280, 3)] * 2
    assert numbers(frames) == [0, 1]
    assert np.abs(frames[0].picture[100:].astype(int) - portrait(1280, 960)[100:]).mean() < 6
    assert (huge.width, huge.height) == (4000, 3000)
    assert "pictures of 4000x3000 in huge.mkv are scaled down to 1280x960" in huge.notices


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "s.mkv", times=STEADY[:2], options={}, pixel_aspect=Fraction(2, 1))
    assert read(open_media(path))[0][0].picture.shape == (120, 320, 3)


def test_of_two_sound_streams_the_default_is_taken(tmp_path: Path) -> None:
    sounds = [("pcm_s16le", 16_000, click(2, 16_000, 0.5)), ("flac", 48_000, click(2, 48_000, 1.5))]
    for default, at in ((0, 0.5), (1, 1.5)):
        media = open_media(write_clip(tmp_path / f"{default}.mkv", size=None, sounds=sounds, default_sound=default))
        assert click_at(sound(read(media)[1]), SAMPLE_RATE) == pytest.approx(at, abs=0.001)
        assert any(f"2 sound streams in {default}.mkv: took number {default}" in notice for notice in media.notices)


def test_a_silent_track_is_noticed(tmp_path: Path) -> None:
    silent = np.zeros((2, 44_100), np.float32)
    media = open_media(write_clip(tmp_path / "q.mp4", times=STEADY[:25], sounds=[("aac", 44_100, silent)]))
    assert read(media)[1]
    assert media.notices == ["the sound of q.mp4 is silent: picture-only"]


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    sounds = [("aac", 44_100, click(1, 44_100, 0.5))]
    path = write_clip(
        tmp_path / "song.mp4", times=[0.0], codec="mjpeg", pixels="yuvj420p", options={}, sounds=sounds, cover=True
    )
    media = open_media(path)
    assert not media.has_video
    assert read(media)[1]
    assert media.notices == ["no picture in song.mp4: sound-only"]


def test_tags_in_another_encoding_are_no_reason_to_refuse(tmp_path: Path) -> None:
    name = "Ren\xe9e".encode("latin-1") + b"\0"
    tags = b"INFO" + b"IART" + len(name).to_bytes(4, "little") + name
    path = write_clip(tmp_path / "s.wav", size=None, sounds=[("pcm_s16le", 44_100, click(1, 44_100, 0.5))])
    data = path.read_bytes() + b"LIST" + len(tags).to_bytes(4, "little") + tags
    path.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:])
    assert click_at(sound(read(open_media(path))[1]), SAMPLE_RATE) == pytest.approx(0.5, abs=0.001)


def test_the_real_clips(data: Path) -> None:
    for path in sorted((data / "clips").iterdir()):
        media = open_media(path)
        frames, blocks = read(media, grid_fps=5)
        assert media.duration is not None
        assert len(frames) == pytest.approx(media.duration * 5, abs=2)
        assert len(sound(blocks)) / SAMPLE_RATE == pytest.approx(media.duration, abs=0.1)
        assert [frame.seq for frame in frames] == sorted(frame.seq for frame in frames)

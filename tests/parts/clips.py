"""Clips made for a test: a face with the frame's number written into it, and sound with a click.

Both are read back from what the code under test gives, so that order, place and time can be checked.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition

from realtime_cer.quiet import cv2

BITS = 12
CLICK_HZ = 1000.0


@cache
def portrait(width: int, height: int) -> npt.NDArray[np.uint8]:
    """The public-domain portrait of scikit-image, (height, width, 3) BGR."""
    from skimage import data

    picture = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def numbered(number: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    """The portrait with ``number`` in its top row: ``BITS`` black or white squares, after a white and a black one."""
    picture = portrait(width, height).copy()
    side = width // (BITS + 2)
    squares = [1, 0] + [number >> bit & 1 for bit in range(BITS)]
    for place, bit in enumerate(squares):
        picture[:side, place * side : (place + 1) * side] = 255 * bit
    return picture


def number_of(picture: npt.NDArray[np.uint8]) -> int:
    """Read the number back; -1 where the two leading squares are not there."""
    side = picture.shape[1] // (BITS + 2)
    centre = slice(side // 4, max(side - side // 4, side // 4 + 1))
    squares = [
        picture[centre, place * side + side // 4 : (place + 1) * side - side // 4].mean() > 128
        for place in range(BITS + 2)
    ]
    if squares[:2] != [True, False]:
        return -1
    return sum(int(bit) << place for place, bit in enumerate(squares[2:]))


def click(seconds: float, rate: int, at: float, channels: int = 1) -> npt.NDArray[np.float32]:
    """Faint noise with one short click whose middle is at ``at`` seconds, (channels, n) float32."""
    t = np.arange(round(seconds * rate)) / rate - at
    sound = 0.8 * np.cos(2 * np.pi * CLICK_HZ * t) * np.exp(-((t / 0.0008) ** 2))
    sound += np.random.default_rng(0).normal(0, 0.002, len(t))
    return np.tile(sound.astype(np.float32), (channels, 1))


def clicks(rate: int, at: Sequence[float], seconds: float) -> npt.NDArray[np.float32]:
    """Silence with clicks at the given seconds, (n,) float32."""
    t = np.arange(round(seconds * rate)) / rate
    each = [0.8 * np.cos(2 * np.pi * CLICK_HZ * (t - a)) * np.exp(-(((t - a) / 0.0008) ** 2)) for a in at]
    return np.sum(each, axis=0).astype(np.float32)


def click_at(samples: npt.NDArray[np.float32], rate: int) -> float:
    """Find the click: seconds from the first sample to its middle."""
    return float(np.argmax(samples)) / rate


def write_clip(
    path: Path,
    *,
    size: tuple[int, int] | None = (320, 240),
    times: Sequence[float] = (),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    sounds: Iterable[tuple[str, int, npt.NDArray[np.float32]]] = (),
    container: dict[str, str] | None = None,
    stored: Callable[[Any], Any] = lambda picture: picture,
    pixel_aspect: Fraction | None = None,
    pause: tuple[float, float] = (0.0, 0.0),
    cover: bool = False,
    default_sound: int | None = None,
) -> Path:
    """Write numbered pictures at ``times`` (seconds) and any number of sound streams.

    Parameters
    ----------
    size : width, height; None for no picture
    sounds : of each stream the codec, the rate and the (channels, n) float32 samples
    stored : turns a picture into the way it lies in the file
    pause : from which second on the sound's timestamps are later, and by how many seconds
    cover : mark the picture as an attached one
    default_sound : which of ``sounds`` is marked as default
    """
    base = Fraction(1, 90_000)
    with av.open(str(path), "w", options=container or {}) as out:
        video: Any = None
        if size is not None:
            video = out.add_stream(
                codec, rate=30, options={"preset": "ultrafast", "crf": "18"} if options is None else options
            )
            video.pix_fmt = pixels
            video.codec_context.time_base = base
            width, height = stored(numbered(0, *size)).shape[1::-1]
            video.width, video.height = width, height
            if pixel_aspect is not None:
                video.codec_context.sample_aspect_ratio = pixel_aspect
            if cover:
                video.disposition = Disposition.attached_pic
        streams: list[Any] = []
        for name, rate, samples in sounds:
            stream: Any = out.add_stream(name, rate=rate)
            if default_sound is not None:
                stream.disposition = Disposition.default if len(streams) == default_sound else Disposition(0)
            stream.layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
            streams.append((stream, rate, samples))
        if video is not None:
            for number, t in enumerate(times):
                frame = av.VideoFrame.from_ndarray(
                    np.ascontiguousarray(stored(numbered(number, *size))), format="bgr24"
                )
                frame.pts, frame.time_base = round(t / base), base
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
        for stream, rate, samples in streams:
            step = stream.codec_context.frame_size or 1024
            for start in range(0, samples.shape[1], step):
                piece = np.ascontiguousarray(samples[:, start : start + step])
                frame = av.AudioFrame.from_ndarray(piece, "fltp", {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)])
                later = round(pause[1] * rate) if start >= pause[0] * rate else 0
                frame.sample_rate, frame.pts, frame.time_base = rate, start + later, Fraction(1, rate)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return path


def turn_mp4(path: Path, matrix: Sequence[int]) -> Path:
    """Write a display matrix (a, b, c, d in whole units) into an MP4 file's first track header."""
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    whole = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    content[place : place + 36] = whole
    path.write_bytes(content)
    return path

"""Pictures of films: a part of a video file, or of a folder of numbered pictures, on a grid of time."""

import math
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from realtime_cer.quiet import cv2
from realtime_cer.training.corpora.corpus import CorpusError

PICTURES_FPS = 30.0
"""Rate of films that are at hand as numbered pictures only: that of most of AffWild2's."""

_ROUNDED_S = 0.001
"""Containers round timestamps to 1 ms."""

Picture = npt.NDArray[np.uint8]
_Timed = Generator[tuple[float, Callable[[], Picture]], None, None]


def read_film(path: Path, span: tuple[float, float] | None = None, fps: float = 5.0) -> Iterator[tuple[float, Picture]]:
    """Read the pictures of a film, or of a span of it, on the grid that the program runs on.

    Parameters
    ----------
    path : a video file, or a folder of pictures whose names end in their number, counted from 1
    span : start and end in seconds; None for the whole film
    fps : grid instants in a second, counted from the start of the span

    Yields
    ------
    seconds from the start of the film and an (H, W, 3) uint8 BGR picture: for each grid instant the first picture at
    or after it within half a step, or nothing

    Raises
    ------
    CorpusError
        The file cannot be read, or has no picture in the span.
    """
    start, end = span or (0.0, math.inf)
    instant = count = 0
    with closing(_numbered(path, start) if path.is_dir() else _decoded(path, start)) as pictures:
        for t, picture in pictures:
            if t >= end - _ROUNDED_S:
                break
            place = (t - start + _ROUNDED_S) * fps
            instant = max(instant, math.ceil(place - 0.5))  # earlier instants are gaps
            if place >= instant:
                yield t, picture()
                instant, count = instant + 1, count + 1
    if not count:
        part = "" if span is None else f" from {start:.2f} to {end:.2f} s"
        raise CorpusError(f"cannot read film {path}: it holds no pictures{part}")


def film_length(path: Path) -> tuple[float, float]:
    """Return a video file's pictures a second and its length in seconds, as its header states them."""
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            rate = float(container.streams.video[0].average_rate or 0)
            seconds = (container.duration or 0) / av.time_base
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        raise CorpusError(f"cannot read film {path}: {error or type(error).__name__}") from None
    if rate <= 0 or seconds <= 0:
        raise CorpusError(f"cannot read film {path}: it states no rate or no length")
    return rate, seconds


def read_picture(path: Path) -> Picture:
    """Read a picture file as (H, W, 3) uint8 BGR."""
    try:
        picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        picture = None
    if picture is None:
        raise CorpusError(f"cannot read picture {path}")
    return picture.astype(np.uint8, copy=False)


def _decoded(path: Path, start: float) -> _Timed:
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = container.streams.video[0]
            origin = float((stream.start_time or 0) * (stream.time_base or 0))
            if start > 0:
                container.seek(int((origin + start) * av.time_base))  # to the key frame at or before it
            for frame in container.decode(stream):
                if frame.time is not None and frame.time - origin >= start - _ROUNDED_S:
                    yield frame.time - origin, partial(_pixels, frame)
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        raise CorpusError(f"cannot read film {path}: {error or type(error).__name__}") from None


def _pixels(frame: av.VideoFrame) -> Picture:
    return frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)


def _numbered(folder: Path, start: float) -> _Timed:
    for path in sorted(folder.glob("*.[jp][pn]g")):
        number = re.search(r"(\d+)$", path.stem)
        t = (int(number[1]) - 1) / PICTURES_FPS if number else -1.0
        if t >= start - _ROUNDED_S:
            yield t, partial(read_picture, path)

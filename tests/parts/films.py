"""Recorded films as players see them, and what tests of recording wait for."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np


class Film(NamedTuple):
    """What a film shows and sounds like: times and pictures, and the sound from 0 seconds on."""

    times: list[float]
    pictures: list[Any]
    sound: Any
    rate: int
    metadata: dict[str, str]


def read_film(path: Path) -> Film:
    times, pictures, sound, rate = [], [], np.zeros(0, np.float32), 48_000
    with av.open(str(path)) as film:
        metadata = dict(film.metadata)
        video = bool(film.streams.video)
        for frame in film.decode(video=0) if video else ():
            times.append(float(frame.time or 0))
            pictures.append(frame.to_ndarray(format="bgr24"))
    with av.open(str(path)) as film:
        for block in film.decode(audio=0) if film.streams.audio else ():
            rate = block.sample_rate
            samples = block.to_ndarray()
            tracks = samples if block.format.is_planar else samples.reshape(-1, block.layout.nb_channels).T
            start = round(float(block.time or 0) * rate)
            gap = np.zeros(max(start - len(sound), 0), np.float32)
            sound = np.concatenate([sound[:start], gap, tracks.mean(axis=0)])
    return Film(times, pictures, sound, rate, metadata)


def wait_for(what: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

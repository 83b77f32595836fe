"""The sound of a session's film from any time on, as a loudspeaker takes it. No threads, no clock."""

from collections.abc import Iterator

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from realtime_cer.capture.decoding import decode
from realtime_cer.records import Floats

_ROLL_S = 0.1
"""Decoded before what is wanted: Opus, for one, needs 80 ms to settle after a jump (RFC 7845, section 4.6)."""

_SLACK_S = 0.02
"""Sound is taken as continuous while its times agree with its sample count within this."""

_MISSED_S = 1.0
"""A jump that comes out so late has missed: a torn film has no index, and is read from its beginning."""

_MICROSECOND = 1e-6

LAYOUTS = {1: "mono", 2: "stereo"}
"""What the library calls so many channels."""


def soundtrack(
    container: InputContainer, stream: AudioStream, begin: float, rate: int, channels: int
) -> Iterator[tuple[int, Floats]]:
    """Give a film's sound in pieces.

    Parameters
    ----------
    container, stream : of a film whose times are those of its session; ``stream`` has been prepared
    begin : seconds, from shortly before which it is wanted
    rate, channels : as it is to be given, 1 or 2 channels

    Yields
    ------
    The place of the piece's first sample, in samples from 0 seconds, and the piece, (n, channels) float32. A gap in
    the film is one between pieces. While nothing that is wanted has come, they are empty.
    """
    resampler: AudioResampler | None = None
    kind, due, place = "", 0.0, 0

    def pieces(frame: AudioFrame | None) -> Iterator[tuple[int, Floats]]:
        nonlocal place
        for made in () if resampler is None else resampler.resample(frame):
            samples = np.asarray(made.to_ndarray(), np.float32).reshape(-1, channels)
            yield place, samples
            place += len(samples)

    for t, frame in _frames(container, stream, begin - _ROLL_S):
        if t + frame.samples / frame.sample_rate < begin - _ROLL_S:
            yield round(t * rate), np.zeros((0, channels), np.float32)
            continue
        now = f"{frame.format.name} {frame.layout.name} {frame.sample_rate}"
        if resampler is None or now != kind or abs(t - due) > _SLACK_S:
            yield from pieces(None)
            resampler = AudioResampler("flt", LAYOUTS[channels], rate)
            kind, due, place = now, t, round(t * rate)
        due += frame.samples / frame.sample_rate
        yield from pieces(frame)
    yield from pieces(None)


def _frames(container: InputContainer, stream: AudioStream, begin: float) -> Iterator[tuple[float, AudioFrame]]:
    """Decoded frames and their times, from ``begin`` or before."""
    for start in (begin, 0.0):
        try:
            # Without naming the stream: films have an index of their pictures alone.
            container.seek(round(max(start, 0.0) / _MICROSECOND), backward=True)
        except (OSError, av.error.FFmpegError):
            continue
        first = True
        for frame in decode(container, stream, lambda _: None):
            if not isinstance(frame, AudioFrame) or frame.pts is None or frame.time_base is None:
                continue
            t = float(frame.pts * frame.time_base)
            if first and start > 0 and t > begin + _MISSED_S:
                break
            first = False
            yield t, frame
        if not first:
            return

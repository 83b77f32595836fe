"""The second pass of ``run --overlay``: every picture of a file drawn with its decision, and the file's own sound."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from realtime_cer.buffers import GRID_S
from realtime_cer.capture.decoding import Timeline, choose, decode, open_container, prepare
from realtime_cer.capture.media import MediaFile, open_media
from realtime_cer.records import Decision, Floats, Frame
from realtime_cer.sinks.film import FilmWriter, can_copy
from realtime_cer.sinks.overlay import SPAN_S, Overlay

_SHORTEST_S = 5.0
_EARLY_S = 1e-6
"""A picture belongs to a grid instant from this much before it on: a time is a fraction before it is a float."""

_HOLDS_S = 2 * GRID_S
"""A decision says nothing about pictures that come later than this after it."""

_EARLIEST_S = 0.002
"""A packet before time 0 that reaches no further than this holds nothing but a decoder's run-in."""

_SOUND_RATE = 48_000

Part = tuple[float, int, Any]
"""A time, a rank that decides where times are equal, and a frame, a packet or samples."""


def write_overlay(
    media_path: Path,
    decisions: Sequence[Decision],
    out_path: Path,
    progress: Callable[[float], None] | None = None,
    *,
    origin: float | None = None,
) -> list[str]:
    """Write a film of a media file with what was decided about it.

    Every picture is kept, upright, at its own time and at most 1280 pixels wide or high; it shows the decision of the
    newest grid instant at or before it. The sound is copied as it is where Matroska can hold it.

    Parameters
    ----------
    media_path : the file that was analysed
    decisions : in the order of time, in media time
    out_path : of the film; what was written before a fault stays readable
    progress : told the media time that was reached, for every picture
    origin : timestamp in the file, in seconds, that is media time 0; None for the first one

    Returns
    -------
    What a user should know, a line each; without a picture in the file, nothing is written, and a line says so.

    Raises
    ------
    Refused
        The file cannot be read any more.
    OSError, av.error.FFmpegError
        The film cannot be written.
    """
    media = open_media(media_path, origin)
    frames = media.items(sound=False)
    first = next((item for item in frames if isinstance(item, Frame)), None)
    if first is None:
        return [f"no picture in {media.name}: no overlay is drawn"]
    height, width = first.picture.shape[:2]
    seconds = media.duration or (decisions[-1].t if decisions else 0.0)
    overlay = Overlay(width, height, min(max(seconds, _SHORTEST_S), SPAN_S))
    size = overlay.layout.width, overlay.layout.height
    with open_container(media_path) as source:
        sound = choose(list(source.streams.audio)) if media.has_audio else None
        copied = sound if isinstance(sound, AudioStream) and can_copy(sound) else None
        parts: list[Iterator[Part]] = [_pictures(first, frames)]
        coded = None
        if copied is not None:
            parts.append(_packets(media, source, copied))
        elif isinstance(sound, AudioStream):
            coded = _SOUND_RATE
            parts.append(_samples(media, source, sound))
        with FilmWriter(out_path, size, fps=media.fps or 25.0, audio_rate=coded, channels=2, copy=copied) as film:
            at, since = -1, 0
            for t, _, part in heapq.merge(*parts, key=lambda one: one[:2]):
                if isinstance(part, Packet):
                    film.packet(t, part)
                elif isinstance(part, Frame):
                    while at + 1 < len(decisions) and decisions[at + 1].t <= t + _EARLY_S:
                        at += 1
                    decision = decisions[at] if at >= 0 and t - decisions[at].t < _HOLDS_S else None
                    while since < at and decisions[since].t < t - SPAN_S - _HOLDS_S:
                        since += 1
                    film.picture(t, overlay.draw(part.picture, decision, decisions[since : at + 1], t))
                    if progress is not None:
                        progress(t)
                else:
                    film.sound(t, part)
    return [] if coded is None else [f"the sound of {media.name} was encoded anew: Matroska cannot hold it as it is"]


def _pictures(first: Frame, rest: Iterator[Any]) -> Iterator[Part]:
    yield first.t, 1, first
    for frame in rest:
        yield frame.t, 1, frame


def _packets(media: MediaFile, source: Any, stream: AudioStream) -> Iterator[Part]:
    """The sound as it lies in the file, on media time; reading ends where the file is damaged."""
    timeline, due = Timeline(media.origin, media.duration), None
    packets = source.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, OSError):
            return
        if packet is None:
            return
        if not packet.size or not packet.time_base:
            continue
        length = float((packet.duration or 0) * packet.time_base)
        if due is None and packet.pts is not None:
            t = float(packet.pts * packet.time_base - media.origin)
        else:
            placed = timeline.place(packet, due)
            t = 0.0 if placed is None else placed
        due = t + length
        if due > _EARLIEST_S or t >= 0:
            yield t, 0, packet


def _samples(media: MediaFile, source: Any, stream: AudioStream) -> Iterator[Part]:
    """The sound decoded, on media time: (2, n) float32."""
    prepare(stream)
    timeline, due = Timeline(media.origin, media.duration), None
    resampler = av.AudioResampler("fltp", "stereo", _SOUND_RATE)
    for frame in decode(source, stream, lambda _: None):
        assert isinstance(frame, AudioFrame)
        t = timeline.place(frame, due) or 0.0
        due = t + frame.samples / frame.sample_rate
        frame.pts = None
        for piece in resampler.resample(frame):
            samples: Floats = piece.to_ndarray()  # type: ignore[assignment]  # fltp is float32
            yield t, 0, samples

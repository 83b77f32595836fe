"""Films: pictures and sound into a Matroska file that can be read up to its last second whatever happens. No threads.

Times are kept as they come, to the millisecond; nothing is repeated or thinned out to make a steady rate.
"""

import contextlib
import io
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.codec.codec import UnknownCodecError
from av.packet import Packet
from av.video.stream import VideoStream

from realtime_cer.quiet import cv2
from realtime_cer.records import Floats, Picture

_TICK = Fraction(1, 1000)
"""Matroska counts milliseconds."""

_SLACK_S = 0.02
"""Sound is taken as continuous while its times agree with its sample count within this."""

_BEHIND_S = 1.0
"""Live: sound that is this far behind the picture is missing, and silence takes its place."""

_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_BT709, _BT601, _LIMITED_RANGE = 1, 6, 1
"""What the conversion to the encoder's colours is called in the file, so that players turn it back exactly."""


class FilmWriter:
    """Writes one film.

    Parameters
    ----------
    path : of the Matroska file; one that is there is replaced; or memory to write it to
    size : width and height of the pictures, even; None for sound alone
    fps : about how many pictures come in a second; a hint, no more
    audio_rate : samples per second of the sound that ``sound`` will bring; None without
    channels : of that sound, 1 or 2
    copy : a stream of another file whose packets ``packet`` will bring, instead of sound or pictures to encode
    started : the wall clock at 0 seconds, which the file then tells
    live : encode at once and cheaply, and write every second to disk, so that a killed program loses no more;
        otherwise smaller files and finer pictures

    Raises
    ------
    OSError, av.error.FFmpegError
        The file cannot be written; from every method.
    """

    def __init__(
        self,
        path: str | Path | io.BytesIO,
        size: tuple[int, int] | None,
        *,
        fps: float = 30.0,
        audio_rate: int | None = None,
        channels: int = 1,
        copy: AudioStream | VideoStream | None = None,
        started: datetime | None = None,
        live: bool = False,
    ) -> None:
        self._live = live
        self._channels = channels
        self._rate = audio_rate or 0
        self._filled: int | None = None
        self._last = -1
        self._closed = False
        # Clusters are written when they are complete: their length is what a killed program loses.
        options = {"cluster_time_limit": "250", "flush_packets": "1"} if live else {}
        self._out = av.open(
            path if isinstance(path, io.BytesIO) else str(path), "w", format="matroska", options=options
        )
        if started is not None:
            self._out.metadata["creation_time"] = started.astimezone(UTC).isoformat(timespec="milliseconds")
        try:
            self._video = None if size is None else _picture_stream(self._out, *size, fps, live)
            self._sound = _sound_stream(self._out, audio_rate, channels) if audio_rate else None
            self._copied = None if copy is None else self._out.add_stream_from_template(copy)
            self._out.start_encoding()
        except BaseException:
            with contextlib.suppress(OSError, av.error.FFmpegError):
                self._out.close()
            raise

    def picture(self, t: float, picture: Picture) -> bool:
        """Write one picture, (height, width, 3) uint8 BGR, shown from ``t`` seconds on.

        Gives False, and writes nothing, where another picture has that millisecond or a later one already.
        """
        assert self._video is not None
        pts = round(t / _TICK)
        if pts <= self._last:
            return False
        # Converted here, in a third of the time that the media library takes.
        planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = pts, _TICK
        self._last = pts
        self._out.mux(self._video.encode(frame))
        # The muxer waits for the slower of two streams: without this, pictures would pile up in it.
        behind = self._filled is None or t - self._filled / self._rate > _BEHIND_S
        if self._live and self._sound is not None and behind:
            self._silence(round((t - _BEHIND_S / 2) * self._rate))
        return True

    def sound(self, t: float, samples: Floats) -> None:
        """Write sound whose first sample was heard at ``t`` seconds.

        Parameters
        ----------
        t : where it begins; silence fills what is missing before it, and what is there already is left out
        samples : (n,) or (channels, n) float32 in [-1, 1], at the rate that the film was made for
        """
        pieces = np.atleast_2d(samples)
        start = round(t * self._rate)
        if self._filled is None:
            pieces, start = pieces[:, max(-start, 0) :], max(start, 0)
            self._filled = start
        if start - self._filled > _SLACK_S * self._rate:
            self._silence(start)
        elif self._filled - start > _SLACK_S * self._rate:
            pieces = pieces[:, self._filled - start :]
        self._encode(pieces)

    def packet(self, t: float, packet: "Packet[Any]") -> None:
        """Write a packet of the copied stream, which is to be heard at ``t`` seconds."""
        assert self._copied is not None
        assert packet.time_base
        packet.stream = self._copied
        packet.pts = packet.dts = round(t / packet.time_base)
        self._out.mux(packet)

    def close(self) -> None:
        """Write out what the encoders still hold, and the index. Harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        try:
            for stream in (self._video, self._sound):
                if stream is not None:
                    self._out.mux(stream.encode(None))
        finally:
            self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _silence(self, until: int) -> None:
        """Fill up with silence to a sample, a second at a time."""
        if self._filled is None:
            self._filled = max(until, 0)
        while self._filled < until:
            self._encode(np.zeros((self._channels, min(self._rate, until - self._filled)), np.float32))

    def _encode(self, pieces: Floats) -> None:
        if self._sound is None or self._filled is None or not pieces.size:
            return
        layout = "mono" if self._channels == 1 else "stereo"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pieces), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._filled, Fraction(1, self._rate)
        self._filled += pieces.shape[1]
        self._out.mux(self._sound.encode(frame))


def can_copy(stream: AudioStream) -> bool:
    """Whether Matroska can hold a sound stream as it is."""
    try:
        with av.open(io.BytesIO(), "w", format="matroska") as probe:
            probe.add_stream_from_template(stream)
            probe.start_encoding()
    except (OSError, ValueError, av.error.FFmpegError):
        return False
    return True


def _first(*names: str) -> str:
    """The first encoder that the library has; builds of it differ."""
    for name in names:
        with contextlib.suppress(UnknownCodecError, ValueError):
            av.Codec(name, "w")
            return name
    raise OSError(f"the media library can encode none of {', '.join(names)}")


def _picture_stream(out: Any, width: int, height: int, fps: float, live: bool) -> VideoStream:
    name = _first("libx264", "libsvtav1", "mpeg4")
    options = {}
    if name == "libsvtav1":
        options = {"preset": "12" if live else "8", "crf": "32"}
    if name == "libx264":
        # Live, nothing is held back for a look ahead: what is in the encoder is lost when the program is killed.
        options = {"preset": "ultrafast", "tune": "zerolatency"} if live else {"preset": "veryfast"}
        # In the order in which they are shown: a film can then be cut at any key picture without coding it anew.
        options |= {"crf": "22" if live else "20", "bf": "0"}
    stream: VideoStream = out.add_stream(name, rate=Fraction(fps).limit_denominator(1001), options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.time_base = _TICK
    if live:
        context.thread_count = 1  # the other cores are for the analysis
    context.gop_size = max(round(fps * (1 if live else 4)), 1)
    context.color_primaries = context.color_trc = _BT709
    context.colorspace, context.color_range = _BT601, _LIMITED_RANGE
    if name == "mpeg4":
        context.bit_rate = round(width * height * fps / 5)
    return stream


def _sound_stream(out: Any, rate: int, channels: int) -> AudioStream:
    name = _first("libopus", "flac")
    if name == "libopus":
        rate = next((one for one in _OPUS_RATES if one >= rate), _OPUS_RATES[-1])
    stream: AudioStream = out.add_stream(name, rate=rate, layout="mono" if channels == 1 else "stereo")
    if name == "libopus":
        stream.bit_rate = 64_000 * channels
    return stream

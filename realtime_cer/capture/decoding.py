"""The part of media files that deals with the library: opening, choosing streams, decoding past damage.

No state but what is passed in; a decoder may use threads inside.
"""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from realtime_cer.capture.resample import to_mono
from realtime_cer.errors import Refused
from realtime_cer.records import Floats

MediaStream = VideoStream | AudioStream

_THREADED_PIXELS = 1280 * 720
"""From this size on decoding in several threads pays; below, it costs more than it gives."""

_NO_MEDIA = frozenset({"tty", "bin", "xbin", "adf", "idf", "concat"})
"""What the library calls media but is text or a list of other files."""

_LISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"v=0", b"[playlist]")
"""How lists of other media begin: the library would go and fetch what they name."""

_BACK_S = 1.0
"""Timestamps that go back further than this have been reset."""

_AHEAD_S = 60.0
"""Timestamps that jump further ahead than this, past the file's end, are damaged."""


def open_container(path: Path) -> InputContainer:
    """Open a file; raises Refused with one line where it is not there or no media."""
    try:
        if path.is_dir():
            raise Refused(f"{path} is a folder: name a media file in it")
        if not path.exists():
            raise Refused(f"{path}: no such file; give the path of a film or sound")
        if not path.is_file():
            raise Refused(f"{path} is no regular file: copy its content to one first")
        if path.stat().st_size == 0:
            raise Refused(f"{path} is empty")
        with path.open("rb") as file:
            if file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_LISTS):
                raise Refused(f"{path} is no media but a list of such: name the media file itself")
        # A list of segments may name addresses: a file on disk must not make the program call out.
        container = av.open(str(path), options={"protocol_whitelist": "file,crypto,data"}, metadata_errors="replace")
    except PermissionError as error:
        raise Refused(f"{path} cannot be read: check its permissions") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        why = str(getattr(error, "strerror", None) or error).strip()
        raise Refused(f"{path} is no media file, or its index is lost ({why})") from error
    if _NO_MEDIA & set(container.format.name.split(",")):
        container.close()
        raise Refused(f"{path} is no media file (it looks like text)")
    return container


def choose(streams: list[Any]) -> MediaStream | None:
    """Of several streams of a kind take the one marked as default, or else the first that can be decoded."""
    usable = [stream for stream in streams if stream.codec_context is not None and not is_cover(stream)]
    if not usable:
        return None
    marked = [stream for stream in usable if stream.disposition & stream.disposition.__class__["default"]]
    chosen: MediaStream = (marked or usable)[0]
    return chosen


def is_cover(stream: Any) -> bool:
    """Is this an attached picture, as music files have them, and no video?"""
    return bool(stream.disposition & stream.disposition.__class__["attached_pic"])


def prepare(stream: MediaStream) -> None:
    """Set how the stream is decoded; to be called before its first packet."""
    if isinstance(stream, VideoStream) and stream.width * stream.height >= _THREADED_PIXELS:
        stream.thread_type = "AUTO"
    else:
        stream.codec_context.thread_count = 1


def decode(
    container: InputContainer, stream: MediaStream, problem: Callable[[str], None]
) -> Iterator[VideoFrame | AudioFrame]:
    """Yield the decoded frames of a stream in the order of presentation.

    Damaged packets are left out. ``problem`` is told each time one was, and when reading on was impossible.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, OSError) as error:
            problem(f"reading stopped ({error.strerror or error})")
            packet = None
        try:
            # The library ends a stream with an empty packet, but not after an error: flush what the decoder holds.
            frames: list[Any] = list(stream.codec_context.decode(packet))
        except av.error.EOFError:
            frames = []
        except (av.error.FFmpegError, ValueError):
            problem("damaged data was left out")
            frames = []
        for frame in frames:
            if not frame.is_corrupt:
                yield frame
        if packet is None:
            return


class Timeline:
    """Puts decoded frames on a media time that starts at ``origin`` and never goes back.

    Parameters
    ----------
    origin : timestamp, in seconds, that becomes time 0
    end : how long the file says it is, in seconds, or None
    """

    def __init__(self, origin: Fraction, end: float | None) -> None:
        self._shift = origin
        self._end = end
        self.jumps = 0

    def place(self, frame: VideoFrame | AudioFrame, due: float | None) -> float | None:
        """Media time of a frame in seconds, or None where its timestamp is missing and nothing came before.

        Parameters
        ----------
        frame : as decoded
        due : where it belongs if it follows straight on the one before; None for the first
        """
        if frame.pts is None or frame.time_base is None:
            return due
        stamp = frame.pts * frame.time_base
        t = float(stamp - self._shift)
        if due is None:
            return max(t, 0.0)
        past_end = self._end is None or t > self._end + _BACK_S
        if t < due - _BACK_S or (t > due + _AHEAD_S and past_end):
            self.jumps += 1
            self._shift = stamp - Fraction(due)
            return due
        return t


def mono_of(frame: AudioFrame) -> Floats:
    """Sound of a frame, (n,) float32, channels averaged."""
    samples = frame.to_ndarray()
    if frame.format.is_planar:
        return to_mono(samples.T)
    return to_mono(samples.reshape(-1, frame.layout.nb_channels))


def aspect(stream: VideoStream) -> float:
    """Width of a pixel over its height."""
    # Only the decoder knows it where the beginning of a stream did not tell.
    return float(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1)


def matrix(frame: VideoFrame) -> bytes | None:
    """The display matrix that turns the picture, if it has one."""
    data = frame.side_data.get("DISPLAYMATRIX")
    return bytes(data) if isinstance(data, SideData) else None


Wanted = Callable[[float], bool]
"""Asked once for every frame, in order, with its media time: is it to be converted and yielded?"""


def on_grid(fps: float) -> Wanted:
    """Want the first frame at or after each instant k / fps, within half a step."""
    last = -1

    def wanted(t: float) -> bool:
        nonlocal last
        k = math.floor((t + 1e-6) * fps)  # 1.4 s is a fraction before it is a float: it must not fall short of 7 / 5
        if k <= last:
            return False
        last = k
        return t - k / fps <= 0.5 / fps + 1e-6

    return wanted

"""Media files: pictures and sound in the order of media time.

No threads of its own: pictures and sound are read through two openings of the same file, so that a badly
interleaved file cannot make one of them pile up in memory. A decoder may use threads inside.
"""

import heapq
import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from realtime_cer.capture.decoding import (
    MediaStream,
    Timeline,
    Wanted,
    aspect,
    choose,
    decode,
    is_cover,
    matrix,
    mono_of,
    on_grid,
    open_container,
    prepare,
)
from realtime_cer.capture.picture import fit, orientation, turn
from realtime_cer.capture.resample import Resampler
from realtime_cer.capture.source import Item, item_end
from realtime_cer.errors import Refused
from realtime_cer.records import Frame, Picture, read_only

_TINY = 100
"""Pictures with a shorter side than this, in pixels, are told of."""

_SILENT = 1e-4
"""Peak below which a sound track counts as silent: 80 dB under full scale."""

_SLACK_S = 0.010
"""Sound keeps to its sample count while the file's timestamps agree within this: containers round to 1 ms."""

_CUT_S = 0.5
"""A file that ends this much before its stated end has been cut off."""

_STATES_LENGTH = frozenset({"mp4", "matroska", "avi", "flv", "wav"})
"""Containers whose header says how long they are."""

_Keyed = Generator[tuple[float, Item], None, None]


def open_media(path: str | Path, origin: float | None = None) -> "MediaFile":
    """Open a media file and look at its first picture and sound.

    Parameters
    ----------
    path : where it is
    origin : timestamp in the file, in seconds, that becomes media time 0; None for the first one

    Raises
    ------
    Refused
        There is no such file, or it is a folder, empty, no media, or has neither picture nor sound.
    """
    return MediaFile(Path(path), origin)


class MediaFile:
    """A media file whose first picture and sound could be decoded. Made by `open_media`.

    Attributes
    ----------
    path, name : where it is, and what to call it.
    has_video, has_audio : what the file gives; a cover picture is no video.
    duration : seconds, or None where the file does not say.
    end : seconds to the end of what was read, once it has been read to its end; else None.
    width, height : of the upright picture in the file, in square pixels; 0 without one. Frames are kept at
        most 1280 pixels wide or high.
    fps : average frames per second, or None.
    rotation : clockwise turn applied, in degrees: 0, 90, 180 or 270.
    sample_rate : of the sound in the file, per second, or None.
    origin : timestamp in the file, in seconds, that is media time 0.
    notices : what a user should know, one line each; grows while the file is read.
    """

    def __init__(self, path: Path, origin: float | None = None) -> None:
        self.path = path
        self.name = os.fsencode(path.name).decode("utf-8", "replace")  # fit to be shown and written
        self.notices: list[str] = []
        self.width = self.height = self.rotation = 0
        self.fps: float | None = None
        self.end: float | None = None
        self.sample_rate: int | None = None
        self._lengths: list[float] = []
        with closing(open_container(path)) as container:
            video, audio = choose(list(container.streams.video)), choose(list(container.streams.audio))
            self._tell_choice(container, video, audio)
            firsts = [None if stream is None else self._look_at(stream) for stream in (video, audio)]
            self._video = video.index if video is not None and firsts[0] is not None else None
            self._audio = audio.index if audio is not None and firsts[1] is not None else None
            self._states_length = bool(_STATES_LENGTH & set(container.format.name.split(",")))
            if container.duration and not self._lengths:
                self._lengths = [container.duration / av.time_base]
        self.has_video, self.has_audio = self._video is not None, self._audio is not None
        stamps = [first for first in firsts if first is not None]
        if not stamps:
            raise Refused(f"{path} holds neither picture nor sound that can be read")
        if not self.has_video:
            self._tell(f"no picture in {self.name}: sound-only")
        if not self.has_audio:
            self._tell(f"no sound in {self.name}: picture-only")
        self.duration = max(self._lengths, default=None)
        self.origin = min(stamps) if origin is None else Fraction(origin)

    def items(
        self,
        stop: threading.Event | None = None,
        *,
        grid_fps: float | None = None,
        wanted: Wanted | None = None,
        picture: bool = True,
        sound: bool = True,
    ) -> Iterator[Item]:
        """Yield frames and blocks of 0.1 s of sound in the order of time, from media time 0.

        A frame's place is its time, a block's the time its last sample ends; where they meet, sound comes first.

        Parameters
        ----------
        stop : ends the iteration at the next item.
        grid_fps : convert and yield only the first frame at or after each instant k / grid_fps, within half a step.
        wanted : the same for any other choice of frames.
        picture, sound : False leaves them out.
        """
        if grid_fps is not None:
            wanted = on_grid(grid_fps)
        ends: list[float] = []
        parts: list[_Keyed] = []
        if sound and self._audio is not None:
            parts.append(self._blocks(self._audio, ends))
        if picture and self._video is not None:
            parts.append(self._frames(self._video, ends, wanted))
        try:
            # To the microsecond, so that noise in the last digit does not put a frame before the sound that led to it.
            for _, item in heapq.merge(*parts, key=lambda pair: round(pair[0], 6)):
                if stop is not None and stop.is_set():
                    return
                yield item
        finally:
            for part in parts:
                part.close()
        end = self.end = max(ends, default=0.0)
        complete = len(parts) == self.has_video + self.has_audio
        if complete and self._states_length and self.duration and end < self.duration - _CUT_S:
            self._tell(f"{self.name} is cut off after {end:.1f} s of {self.duration:.1f} s: what was read is kept")

    def _frames(self, index: int, ends: list[float], wanted: Wanted | None) -> _Keyed:
        with closing(open_container(self.path)) as container:
            stream = container.streams[index]
            assert isinstance(stream, VideoStream)
            prepare(stream)
            timeline, converter = Timeline(self.origin, self.duration), VideoReformatter()
            step = 1 / self.fps if self.fps else 0.04
            last: float | None = None
            odd = 0
            seq = 0
            for seq, frame in enumerate(decode(container, stream, self._damaged("picture"))):
                assert isinstance(frame, VideoFrame)
                t = timeline.place(frame, None if last is None else last + step)
                if t is None:
                    t = 0.0
                if last is not None and t <= last:
                    continue  # two pictures for one time: the first is kept
                odd += last is not None and abs(t - last - step) > step / 2
                last = t
                if wanted is None or wanted(t):
                    try:
                        picture = self._convert(frame, stream, converter)
                    except (av.error.FFmpegError, ValueError) as error:
                        self._tell(f"the pictures of {self.name} cannot be converted from {frame.format.name}: {error}")
                        break
                    yield t, Frame(t, seq, picture)
            if timeline.jumps:
                self._tell(f"the picture's timestamps in {self.name} jump: it was joined there")
            elif odd > 2 and odd > 0.02 * seq:
                self._tell(f"{self.name} has a variable frame rate: its pictures are taken by their times")
            if last is not None:
                ends.append(last + step)

    def _blocks(self, index: int, ends: list[float]) -> _Keyed:
        peak = 0.0
        with closing(open_container(self.path)) as container:
            stream = container.streams[index]
            assert isinstance(stream, AudioStream)
            prepare(stream)
            timeline, resampler = Timeline(self.origin, self.duration), Resampler(_SLACK_S)
            due: float | None = None
            for frame in decode(container, stream, self._damaged("sound")):
                assert isinstance(frame, AudioFrame)
                mono, rate = mono_of(frame), frame.sample_rate
                t = timeline.place(frame, due)
                if t is None:
                    t = 0.0
                if due is not None and t < due - _SLACK_S:
                    early = round((due - t) * rate)  # sound that was there already
                    mono, t = mono[early:], due
                if not len(mono):
                    continue
                peak = max(peak, float(np.abs(mono).max()))
                for block in resampler.push(mono, rate, t):
                    yield item_end(block), block
                due = resampler.expected
            for block in resampler.flush():
                yield item_end(block), block
            if timeline.jumps:
                self._tell(f"the sound's timestamps in {self.name} jump: it was joined there")
            if due is not None:
                ends.append(due)
                if peak < _SILENT:
                    self._tell(f"the sound of {self.name} is silent: picture-only")

    def _convert(self, frame: VideoFrame, stream: VideoStream, converter: VideoReformatter) -> Picture:
        width, height = fit(frame.width, frame.height, aspect(stream))
        how = "AREA" if width < frame.width or height < frame.height else "BILINEAR"
        scaled = converter.reformat(frame, width, height, "bgr24", interpolation=how)
        pixels: Picture = scaled.to_ndarray()  # type: ignore[assignment]  # bgr24 is of 8 bits
        return read_only(turn(pixels, orientation(matrix(frame))))

    def _look_at(self, stream: MediaStream) -> Fraction | None:
        """Decode a stream's first frame for its facts; gives its timestamp, or None where there is none."""
        with closing(open_container(self.path)) as container:
            same = container.streams[stream.index]
            assert isinstance(same, VideoStream | AudioStream)
            prepare(same)
            frame = next(decode(container, same, lambda _: None), None)
            if frame is None:
                return None
            if isinstance(frame, VideoFrame) and isinstance(same, VideoStream):
                self._see(frame, same)
            elif isinstance(frame, AudioFrame):
                self.sample_rate = frame.sample_rate
            if same.duration and same.time_base:
                self._lengths.append(float(same.duration * same.time_base))
            return Fraction(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base else Fraction(0)

    def _see(self, frame: VideoFrame, stream: VideoStream) -> None:
        how = orientation(matrix(frame))
        wide, high = fit(frame.width, frame.height, aspect(stream), longest=None)
        self.width, self.height = (high, wide) if how.transposed else (wide, high)
        self.rotation = how.degrees
        rate = stream.average_rate or stream.guessed_rate
        self.fps = float(rate) if rate else None
        if self.rotation:
            self._tell(f"the pictures of {self.name} are turned by {self.rotation} degrees, as the file asks")
        if min(self.width, self.height) < _TINY:
            self._tell(f"pictures of {self.width}x{self.height} in {self.name} are tiny: faces are hardly found")
        small = fit(frame.width, frame.height, aspect(stream))
        if small != (wide, high):
            if how.transposed:
                small = small[1], small[0]
            size = f"{self.width}x{self.height} in {self.name} are scaled down to {small[0]}x{small[1]}"
            self._tell(f"pictures of {size}")

    def _tell_choice(self, container: InputContainer, video: MediaStream | None, audio: MediaStream | None) -> None:
        for kind, chosen, streams in (
            ("picture", video, container.streams.video),
            ("sound", audio, container.streams.audio),
        ):
            count = sum(not is_cover(stream) for stream in streams)
            if chosen is not None and count > 1:
                language = chosen.language
                tongue = f", {language}" if language and language != "und" else ""
                self._tell(f"{count} {kind} streams in {self.name}: took number {chosen.index}{tongue}")
            elif chosen is None and count:
                self._tell(f"the {kind} of {self.name} is in a format that cannot be decoded")

    def _damaged(self, kind: str) -> Callable[[str], None]:
        return lambda what: self._tell(f"{self.name}, {kind}: {what}")

    def _tell(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)

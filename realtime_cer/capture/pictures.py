"""The pictures of a local or network camera, as the libraries give them. No threads: reading blocks.

Local cameras are read by OpenCV. Streams are read by PyAV, for OpenCV squeezes the pictures of a camera that changes
its resolution into the first one's, and does not tell damaged pictures from others.
"""

from collections.abc import Generator
from enum import Enum

from realtime_cer.capture.devices import local_backend
from realtime_cer.capture.picture import fit, from_camera
from realtime_cer.capture.source import Clock
from realtime_cer.quiet import cv2
from realtime_cer.records import Picture, read_only

_READ_TIMEOUT_S = 3.0
_OPTIONS = {"rtsp_transport": "tcp", "flags": "low_delay", "fpsprobesize": "0", "max_ts_probe": "0"}
_LOOK_US = ("100000", "2000000")
"""The library looks at so much of a stream, about, before it hands over the first picture, with all that it has looked
at: a camera may send no other key frame for seconds. Where that shows no pictures, sound may only have come first."""
_KEYLESS_S = 3.0
"""From here on a stream is decoded also where nothing in it is marked as a key frame: some are never marked."""
_END_OF_JPEG = b"\xff\xd9"
_TAIL = 64
"""Bytes at the end of a JPEG in which its end mark is looked for: cameras pad."""


class Sign(Enum):
    """What comes in the place of a picture: a damaged one, or part of one that was sent before we were there."""

    DAMAGED = "damaged"
    PARTIAL = "partial"


Pictures = Generator[tuple[float, Picture | Sign], None, None]
"""Pictures with their times."""


class Broken(Exception):
    """The camera cannot be opened, or gives no more pictures; why, in a few words."""


def pictures(device: str | int, clock: Clock, open_timeout_s: float) -> Pictures:
    """Open a camera and give each picture when it is there, with the time at which it was grabbed.

    Parameters
    ----------
    device : a number, a path or an address
    clock : seconds
    open_timeout_s : how long a network camera may take to be opened; local ones take what they take

    Raises
    ------
    Broken
        When there are no pictures, or no more. It never ends otherwise; closing it releases the camera.
    """
    if isinstance(device, str) and "://" in device:
        return _stream(device, clock, open_timeout_s)
    return _local(device, clock)


def _local(device: str | int, clock: Clock) -> Pictures:
    camera = cv2.VideoCapture(device, local_backend())
    try:
        if not camera.isOpened():
            raise Broken("it cannot be opened")
        camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        while camera.grab():
            t = clock()
            done, image = camera.retrieve()
            yield t, from_camera(image) if done and image is not None and image.size else Sign.DAMAGED
        raise Broken("it gives no picture")
    except cv2.error as error:
        raise Broken(str(error).strip().splitlines()[-1]) from error
    finally:
        camera.release()


def _stream(url: str, clock: Clock, open_timeout_s: float) -> Pictures:
    import av
    import av.error
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

    from realtime_cer.capture.decoding import aspect, choose

    container = None
    try:
        timeout = open_timeout_s, _READ_TIMEOUT_S
        begun = clock()
        stream = None
        for look_us in _LOOK_US:
            if container is not None:
                container.close()
            options = _OPTIONS | {"analyzeduration": look_us}
            # A camera may give its name in any encoding.
            container = av.open(url, options=options, timeout=timeout, metadata_errors="replace")
            stream = choose(list(container.streams.video))
            if isinstance(stream, VideoStream):
                break
        if container is None or not isinstance(stream, VideoStream):
            raise Broken("it sends no pictures")
        decoder = stream.codec_context
        decoder.thread_count = 1  # each further thread holds back one more picture
        converter = VideoReformatter()
        marked = joined = False
        for packet in container.demux(stream):
            t = clock()
            joined = joined or packet.is_keyframe
            # The decoder of H.264 finds by itself where pictures are whole.
            if not joined and decoder.name != "h264" and t - begun < _KEYLESS_S:
                yield t, Sign.PARTIAL
                continue
            if decoder.name == "mjpeg":
                # Half a JPEG decodes, to a picture that ends in grey; but some cameras never mark an end.
                whole = _END_OF_JPEG in bytes(packet)[-_TAIL:]
                marked = marked or whole
                if marked and not whole:
                    yield t, Sign.DAMAGED
                    continue
            try:
                frames = decoder.decode(packet)
            except (av.error.FFmpegError, ValueError):
                yield t, Sign.DAMAGED if joined else Sign.PARTIAL
                continue
            if not (joined or frames):
                yield t, Sign.PARTIAL
            for frame in frames:
                joined = joined or not frame.is_corrupt
                if frame.is_corrupt:
                    yield t, Sign.DAMAGED if joined else Sign.PARTIAL
                    continue
                size = fit(frame.width, frame.height, aspect(stream))
                smaller = size < (frame.width, frame.height)
                scaled = converter.reformat(frame, *size, "bgr24", interpolation="AREA" if smaller else "BILINEAR")
                picture: Picture = scaled.to_ndarray()  # type: ignore[assignment]  # bgr24 is of 8 bits
                yield t, read_only(picture)
        raise Broken("the connection broke")
    except av.error.ExitError as error:  # how the library calls a timeout
        raise Broken("it does not answer") from error
    except (av.error.FFmpegError, OSError) as error:
        # Only the reason: the library's message holds the address, password and all.
        why = (error.strerror or "no reason given").lower()
        raise Broken(f"the connection broke ({why})" if container is not None else f"no connection ({why})") from error
    finally:
        if container is not None:
            container.close()

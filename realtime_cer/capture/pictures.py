"""The pictures of a local or network camera, as the libraries give them. No threads: reading blocks.

Local cameras are read by OpenCV. Streams are read by PyAV, for OpenCV squeezes the pictures of a camera that changes
its resolution into the first one's, and does not tell damaged pictures from others.
"""

from collections.abc import Generator

from realtime_cer.capture.devices import local_backend
from realtime_cer.capture.picture import fit, from_camera
from realtime_cer.capture.source import Clock
from realtime_cer.quiet import cv2
from realtime_cer.records import Picture, read_only

_READ_TIMEOUT_S = 3.0
_OPTIONS = {"rtsp_transport": "tcp", "flags": "low_delay", "fpsprobesize": "0", "analyzeduration": "100000"}
"""The library looks at 0.1 s of a stream at most, or at one picture, before it hands over the first, with all that it
has looked at: a camera may send no other key frame for seconds."""
_KEYLESS_S = 3.0
"""A camera that sends no key frame for so long renews its picture bit by bit: it is decoded all the same."""
_END_OF_JPEG = b"\xff\xd9"
_TAIL = 64
"""Bytes at the end of a JPEG in which its end mark is looked for: cameras pad."""

Pictures = Generator[tuple[float, Picture | None], None, None]
"""Pictures with their times; None is one that came damaged."""


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
            yield t, from_camera(image) if done and image is not None and image.size else None
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
        # A camera may give its name in any encoding.
        container = av.open(url, options=_OPTIONS, timeout=timeout, metadata_errors="replace")
        stream = choose(list(container.streams.video))
        if not isinstance(stream, VideoStream):
            raise Broken("it sends no pictures")
        decoder = stream.codec_context
        decoder.thread_count = 1  # each further thread holds back one more picture
        converter = VideoReformatter()
        marked = joined = False
        begun = clock()
        for packet in container.demux(stream):
            t = clock()
            joined = joined or packet.is_keyframe or t - begun > _KEYLESS_S
            if not joined:
                continue  # it changes a picture that was sent before we were there
            if decoder.name == "mjpeg":
                # Half a JPEG decodes, to a picture that ends in grey; but some cameras never mark an end.
                whole = _END_OF_JPEG in bytes(packet)[-_TAIL:]
                marked = marked or whole
                if marked and not whole:
                    yield t, None
                    continue
            try:
                frames = decoder.decode(packet)
            except (av.error.FFmpegError, ValueError):
                yield t, None
                continue
            for frame in frames:
                size = fit(frame.width, frame.height, aspect(stream))
                smaller = size < (frame.width, frame.height)
                scaled = converter.reformat(frame, *size, "bgr24", interpolation="AREA" if smaller else "BILINEAR")
                picture: Picture = scaled.to_ndarray()  # type: ignore[assignment]  # bgr24 is of 8 bits
                yield t, None if frame.is_corrupt else read_only(picture)
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

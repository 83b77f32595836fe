"""A film whose writer died gets its index and its length: copied packet by packet, nothing is encoded anew."""

import contextlib
from pathlib import Path

import av
import av.error

from realtime_cer.sinks.disk import sync


def remux(path: Path) -> float | None:
    """Copy a Matroska film into one with an index, and put that in its place, whole or not at all.

    Gives where it ends, in seconds; None where it holds nothing that can be read, and is left as it is.

    Raises
    ------
    OSError, av.error.FFmpegError
        It cannot be read, or the copy not be written: the film is as it was.
    """
    partial = path.with_suffix(".part")
    try:
        end = _copy(path, partial)
        if end is not None:
            sync(partial)
            partial.replace(path)
            sync(path.parent)
        return end
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _copy(path: Path, to: Path) -> float | None:
    end = None
    try:
        source = av.open(str(path), metadata_errors="replace")
    except av.error.FFmpegError as error:
        if isinstance(error, av.error.InvalidDataError | av.error.EOFError):
            return None
        raise
    with source, av.open(str(to), "w", format="matroska", options={"cluster_time_limit": "1000"}) as out:
        out.metadata.update({key: value for key, value in source.metadata.items() if key != "ENCODER"})
        streams = {one.index: out.add_stream_from_template(one) for one in source.streams if one.type in _KINDS}
        if not streams:
            return None
        packets = source.demux()
        while True:
            try:
                packet = next(packets, None)
            except (av.error.InvalidDataError, av.error.EOFError):
                break  # torn here; what a disk that fails does not give may be there the next time
            if packet is None:
                break
            if not packet.size or packet.pts is None or packet.time_base is None or packet.is_corrupt:
                continue
            end = max(end or 0.0, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            packet.stream = streams[packet.stream_index]
            out.mux(packet)
    return end


_KINDS = ("video", "audio")

"""The moment just gone: the last seconds of pictures, encoded, and of sound and decisions, in memory. No threads.

Pictures lie in short pieces, each a film of its own that begins anew, so that the oldest can be let go: about 12 MB for
half a minute at 720p. They are put together as they are, nothing is encoded twice.
"""

import contextlib
import io
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
import av.error
from av.video.stream import VideoStream

from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Frame
from realtime_cer.sinks.film import FilmWriter
from realtime_cer.sinks.livefilm import LONGEST, even, fitted
from realtime_cer.sinks.session import CLEAN, FORMAT, ROWS, SESSION, Lines
from realtime_cer.sinks.summary import library_versions, write_summary
from realtime_cer.sinks.tables import to_json

SPAN_S = 30.0
_PIECE_S = 2.0


@dataclass(slots=True)
class _Piece:
    """A film in memory, with pictures from ``start`` to ``end``; its times count from ``start``."""

    start: float
    end: float
    memory: io.BytesIO
    film: FilmWriter
    whole: bool = False

    def close(self) -> None:
        self.whole = True
        self.film.close()


class LastMoments:
    """Holds the last half minute of what it is given, all by one clock.

    Parameters
    ----------
    span_s : how much is held at least, once there was so much; up to a piece of two seconds more
    """

    def __init__(self, span_s: float = SPAN_S) -> None:
        self._span_s = span_s
        self._size: tuple[int, int] | None = None
        self._pieces: deque[_Piece] = deque()
        self._blocks: deque[AudioBlock] = deque()
        self._rows: deque[Decision] = deque()
        self._newest = float("-inf")

    @property
    def bytes_held(self) -> int:
        """Of memory, by encoded pictures and by sound."""
        pictures = sum(piece.memory.getbuffer().nbytes for piece in self._pieces)
        return pictures + sum(block.samples.nbytes for block in self._blocks)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self._pieces or self._blocks or self._rows)

    def frame(self, frame: Frame) -> None:
        """Take a picture."""
        if self._size is None:
            high, wide = frame.picture.shape[:2]
            scale = min(1.0, LONGEST / max(high, wide))
            self._size = even(wide * scale), even(high * scale)
        piece = self._pieces[-1] if self._pieces else None
        if piece is None or piece.whole or frame.t - piece.start >= _PIECE_S:
            if piece is not None:
                piece.close()
            memory = io.BytesIO()
            piece = _Piece(frame.t, frame.t, memory, FilmWriter(memory, self._size, live=True))
            self._pieces.append(piece)
        if piece.film.picture(frame.t - piece.start, fitted(frame.picture, *self._size)):
            piece.end = frame.t
        self._go_on(frame.t)

    def block(self, block: AudioBlock) -> None:
        """Take sound."""
        self._blocks.append(block)
        self._go_on(block.t)

    def decision(self, decision: Decision) -> None:
        """Take a decision."""
        self._rows.append(decision)
        self._go_on(decision.t)

    def forget(self) -> None:
        """Let go of all that is held."""
        pieces = list(self._pieces)
        self._pieces.clear()
        self._blocks.clear()
        self._rows.clear()
        self._newest = float("-inf")
        for piece in pieces:
            with contextlib.suppress(OSError, ValueError, av.error.FFmpegError):  # nobody needs it whole
                piece.close()
            piece.memory.close()  # the library's film of it may stay until garbage is collected

    def write(self, folder: Path, facts: Mapping[str, Any], now: float) -> float:
        """Write all that is held as a session into a folder that is there; gives its length in seconds.

        Parameters
        ----------
        folder : made by ``new_session``
        facts : what ``session.json`` tells beside times and versions
        now : the time of this moment, by which the wall clock of the others is told

        Raises
        ------
        OSError, av.error.FFmpegError
            It cannot be written.
        """
        oldest = [self._pieces[0].start] if self._pieces else []
        oldest += [self._blocks[0].t] if self._blocks else []
        oldest += [self._rows[0].t] if self._rows else []
        origin = min(oldest, default=now)
        started = datetime.now().astimezone() - timedelta(seconds=now - origin)
        ended = started + timedelta(seconds=max(self._newest - origin, 0.0))
        known = {
            "format": FORMAT,
            "started": started.isoformat(timespec="milliseconds"),
            "started_unix": round(started.timestamp(), 3),
            "ended": None,
            "decisions": len(self._rows),
            "kept_afterwards": True,
            "versions": library_versions(),
        }
        write_summary(folder / SESSION, {**facts, **known})
        lines = Lines(folder / ROWS)
        for row in self._rows:
            lines.add(to_json(replace(row, t=row.t - origin)))
        lines.close()
        self._write_film(folder / CLEAN, origin, started)
        write_summary(folder / SESSION, {**facts, **known, "ended": ended.isoformat(timespec="milliseconds")})
        return max(self._newest - origin, 0.0)

    def _write_film(self, path: Path, origin: float, started: datetime) -> None:
        if not self._pieces and not self._blocks:
            return
        if self._pieces:
            self._pieces[-1].close()  # what comes next begins a piece of its own
        packets = [self._packets(piece) for piece in self._pieces]
        template = packets[0][0] if packets else None
        rate = SAMPLE_RATE if self._blocks else None
        with FilmWriter(path, None, audio_rate=rate, copy=template, started=started) as film:
            sound = deque(self._blocks)
            for piece, (_, pictures) in zip(self._pieces, packets, strict=True):
                for packet in pictures:
                    t = piece.start + float(packet.pts * packet.time_base)
                    while sound and sound[0].t <= t:
                        block = sound.popleft()
                        film.sound(block.t - origin, block.samples)
                    film.packet(t - origin, packet)
            for block in sound:
                film.sound(block.t - origin, block.samples)

    @staticmethod
    def _packets(piece: _Piece) -> tuple[VideoStream, list[Any]]:
        source = av.open(io.BytesIO(piece.memory.getvalue()), "r")
        return source.streams.video[0], [packet for packet in source.demux(video=0) if packet.size]

    def _go_on(self, t: float) -> None:
        self._newest = max(self._newest, t)
        oldest = self._newest - self._span_s
        while self._pieces and self._pieces[0].end < oldest:
            self._pieces.popleft()
        for held in (self._blocks, self._rows):
            while held and held[0].t < oldest:
                held.popleft()

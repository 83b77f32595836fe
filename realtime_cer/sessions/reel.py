"""The best moments of a session as one short film with chapters: packets are copied, nothing is encoded anew."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from realtime_cer.sessions.peaks import Peak

BEFORE_S, AFTER_S = 2.0, 2.0
"""How much of the film around each peak is shown, at least: it begins at the picture that can be decoded alone."""

_KINDS = ("video", "audio")
_TICK = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class Chapter:
    """One moment of a reel: where it begins and ends there, and where it was in the session, in seconds."""

    start: float
    end: float
    peak: Peak


def write_reel(film: Path, peaks: Sequence[Peak], out: Path) -> list[Chapter]:
    """Cut the peaks out of a session's film; gives the chapters that were written, none where nothing fits.

    Parameters
    ----------
    film : with pictures; its times are those of the peaks
    peaks : of the same session
    out : of the reel, written whole or not at all; one that is there is replaced

    Raises
    ------
    OSError, av.error.FFmpegError
        The film cannot be read, or the reel not be written.
    """
    cuts = _cuts(film, sorted(peaks, key=lambda one: one.t))
    if not cuts:
        return []
    chapters, at = [], 0.0
    for start, end, peak in cuts:
        chapters.append(Chapter(at, at + end - start, peak))
        at += end - start
    partial = out.with_name(f"{out.name}.part")
    try:
        with av.open(str(film)) as source, av.open(str(partial), "w", format="matroska") as target:
            streams = {one.index: target.add_stream_from_template(one) for one in source.streams if one.type in _KINDS}
            target.set_chapters([_chapter(number, one) for number, one in enumerate(chapters)])
            for packet in source.demux():
                if not packet.size or packet.pts is None or packet.stream_index not in streams:
                    continue
                place = next((n for n, (a, b, _) in enumerate(cuts) if a <= _time(packet) < b), None)
                if place is None or packet.time_base is None:
                    continue
                moved = packet.pts + round((chapters[place].start - cuts[place][0]) / packet.time_base)
                packet.stream = streams[packet.stream_index]
                packet.pts = packet.dts = moved
                target.mux(packet)
        partial.replace(out)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return chapters


def _time(packet: Any) -> float:
    return float(packet.pts * packet.time_base)


def _cuts(film: Path, peaks: Sequence[Peak]) -> list[tuple[float, float, Peak]]:
    """From when to when each peak is shown; every cut begins where pictures can be decoded, and behind the last."""
    keys, last = [], 0.0
    with av.open(str(film)) as source:
        for packet in source.demux(video=0):
            if packet.size and packet.pts is not None:
                last = _time(packet)
                if packet.is_keyframe:
                    keys.append(last)
    found: list[tuple[float, float, Peak]] = []
    for peak in peaks:
        behind = found[-1][1] if found else 0.0
        end = min(peak.t + AFTER_S, last)
        possible = [key for key in keys if behind <= key < end]
        early = [key for key in possible if key <= peak.t - BEFORE_S]
        if possible:
            found.append((early[-1] if early else possible[0], end, peak))
    return found


def _chapter(number: int, chapter: Chapter) -> Any:
    minutes, seconds = divmod(round(chapter.peak.t), 60)
    return {
        "id": number + 1,
        "start": round(chapter.start / _TICK),
        "end": round(chapter.end / _TICK),
        "time_base": _TICK,
        "metadata": {"title": f"{chapter.peak.label}, {minutes}:{seconds:02} of the session"},
    }

"""Moments of a session as one short film with chapters: packets are copied, nothing is encoded anew."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from realtime_cer.errors import Refused
from realtime_cer.sinks.timewords import digital

BEFORE_S, AFTER_S = 2.0, 2.0
"""How much of the film around each moment is shown, where the next one is not so near."""

_KINDS = ("video", "audio")
_TICK = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class Scene:
    """A moment ``t`` of a session, and what it is called in the reel."""

    t: float
    name: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of a film, from when to when, in seconds, and the moment of the session that it shows."""

    start: float
    end: float
    scene: Scene


def write_reel(film: Path, scenes: Sequence[Scene], out: Path) -> list[Chapter]:
    """Cut moments out of a session's film; gives the chapters that were written, none where nothing fits.

    Parameters
    ----------
    film : its times are those of the moments
    scenes : of the same session
    out : of the reel, written whole or not at all; one that is there is replaced

    Raises
    ------
    Refused
        The film has no picture.
    OSError, av.error.FFmpegError
        It cannot be read, or the reel not be written.
    """
    cuts = _cuts(film, sorted(scenes, key=lambda one: one.t))
    if not cuts:
        return []
    chapters, at = [], 0.0
    for cut in cuts:
        chapters.append(Chapter(at, at + cut.end - cut.start, cut.scene))
        at = chapters[-1].end
    partial = out.with_name(f"{out.name}.part")
    try:
        with (
            av.open(str(film), metadata_errors="replace") as source,
            av.open(str(partial), "w", format="matroska") as target,
        ):
            streams = {one.index: target.add_stream_from_template(one) for one in source.streams if one.type in _KINDS}
            target.set_chapters([_chapter(number, one) for number, one in enumerate(chapters)])
            for packet in source.demux():
                if not packet.size or packet.pts is None or packet.stream_index not in streams:
                    continue
                place = next((n for n, cut in enumerate(cuts) if cut.start <= _time(packet) < cut.end), None)
                if place is None or packet.time_base is None:
                    continue
                moved = packet.pts + round((chapters[place].start - cuts[place].start) / packet.time_base)
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


def _cuts(film: Path, scenes: Sequence[Scene]) -> list[Chapter]:
    """What the film shows of each moment, without overlap; every part begins where pictures can be decoded alone.

    Moments close to each other share what lies between them; those between which no cut can begin share a chapter.
    """
    keys, last = [], 0.0
    with av.open(str(film), metadata_errors="replace") as source:
        if not source.streams.video:
            raise Refused(f"{film} holds no picture to cut: give a session with one")
        for packet in source.demux(video=0):
            if packet.size and packet.pts is not None:
                last = _time(packet)
                if packet.is_keyframe:
                    keys.append(last)
    found: list[Chapter] = []
    for scene in scenes:
        before = found[-1] if found else None
        end = min(scene.t + AFTER_S, last)
        start = _start(keys, scene.t, before)
        if start is not None and start < end:
            if before is not None:
                found[-1] = replace(before, end=min(before.end, start))
            found.append(Chapter(start, end, scene))
        elif before is not None and before.scene.t <= scene.t < last:
            both = Scene(before.scene.t, f"{before.scene.name} and {scene.name}")
            found[-1] = replace(before, end=max(before.end, end), scene=both)
    return found


def _start(keys: Sequence[float], t: float, before: Chapter | None) -> float | None:
    """Where the cut for a moment begins: with time before it, or behind the last cut, or within that, after its moment.

    In a film that begins later, at its beginning; None where there is nowhere.
    """
    if before is None:
        early = [key for key in keys if key <= t - BEFORE_S]
        return early[-1] if early else next(iter(keys), None)
    behind = [key for key in keys if before.end <= key <= t]
    early = [key for key in behind if key <= t - BEFORE_S]
    within = [key for key in keys if before.scene.t < key <= t]
    return next(iter(early[-1:] or behind[:1] or within[-1:]), None)


def _chapter(number: int, chapter: Chapter) -> Any:
    return {
        "id": number + 1,
        "start": round(chapter.start / _TICK),
        "end": round(chapter.end / _TICK),
        "time_base": _TICK,
        "metadata": {"title": f"{chapter.scene.name}, {digital(chapter.scene.t)} of the session"},
    }

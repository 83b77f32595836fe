"""WebVTT and SubRip files: expressions as subtitles, and everything that is said as chapters."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from webvtt import Caption, WebVTT

from realtime_cer.labels import COMPOUND
from realtime_cer.sinks.segments import Segment


def write_subtitles(path: Path, parts: Sequence[Segment]) -> None:
    """Write the named expressions as WebVTT subtitles."""
    _write(path, [part for part in parts if part.word in COMPOUND], "vtt")


def write_chapters(path: Path, parts: Sequence[Segment]) -> None:
    """Write every segment as a WebVTT chapter, abstentions in parentheses; the chapters cover the film."""
    _write(path, parts, "vtt")


def write_srt(path: Path, parts: Sequence[Segment]) -> None:
    """Write the named expressions as SubRip subtitles."""
    _write(path, [part for part in parts if part.word in COMPOUND], "srt")


def _write(path: Path, parts: Sequence[Segment], form: str) -> None:
    captions = []
    for number, part in enumerate(parts, 1):
        # An empty line would end a cue, and WebVTT has entities for the letters of markup.
        words = " ".join((part.word if part.word in COMPOUND else f"({part.word})").split())
        text = escape(words, quote=False) if form == "vtt" else words
        captions.append(Caption(_stamp(part.start_ms), _stamp(part.end_ms), text, str(number)))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        WebVTT(captions=captions).write(file, form)


def _stamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"

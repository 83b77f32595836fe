"""Annotation files that other tools open, made from rows."""

from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from realtime_cer.errors import Refused
from realtime_cer.records import Decision
from realtime_cer.sinks.segments import BRIDGE_S, MINIMUM_S

FILES = {
    "csv": "segments.csv",
    "parquet": "decisions.parquet",
    "vtt": "subtitles.vtt",
    "chapters": "chapters.vtt",
    "srt": "subtitles.srt",
    "eaf": "annotations.eaf",
    "textgrid": "annotations.TextGrid",
}
"""The file that each format is written to."""


_EXTRA = "pip install 'realtime-cer[annotate]'"


def formats_of(text: str, more: Iterable[str] = (), *, tell: Callable[[str], object] = lambda line: None) -> list[str]:
    """The formats that a list such as ``eaf,vtt`` names, in the order of ``FILES``; ``all`` is every one that can be.

    Parameters
    ----------
    text : names with commas between them
    more : formats beside ``FILES`` that the caller writes itself
    tell : called with a line about one that ``all`` leaves out

    Raises
    ------
    Refused
        A format is unknown, or what writes it is not installed.
    """
    known = (*FILES, *more)
    named = {word.strip().lower() for word in text.split(",") if word.strip()}
    unknown = sorted(named - {"all", *known})
    if unknown or not named:
        told = f"{unknown[0]!r} is no format" if unknown else "no format is named"
        raise Refused(f"{told}: choose of {', '.join(('all', *known))}")
    able = [name for name in known if name != "parquet" or find_spec("pyarrow") is not None]
    if "parquet" in named - set(able):
        raise Refused(f"parquet needs pyarrow: {_EXTRA}, or choose another format")
    if "all" in named and "parquet" not in able:
        tell(f"{FILES['parquet']} is left out, as pyarrow is not installed: {_EXTRA}")
    return [name for name in able if name in named or "all" in named]


def write_annotations(
    folder: Path,
    rows: Sequence[Decision],
    formats: Iterable[str],
    *,
    title: str,
    media: Path | None = None,
    minimum_s: float = MINIMUM_S,
    bridge_s: float = BRIDGE_S,
    tell: Callable[[Path], object] = lambda path: None,
) -> list[Path]:
    """Write annotation files, each whole or not at all; files of these names are replaced.

    Parameters
    ----------
    folder : that exists
    rows : in the order of their times; none gives files without a mark
    formats : keys of ``FILES``
    title : what was analysed
    media : the film itself, for tools that open it beside its annotations
    minimum_s, bridge_s : as in ``sinks.segments``
    tell : called with each file once it is there

    Returns
    -------
    The files, in the order of ``formats``.

    Raises
    ------
    ValueError
        As in ``sinks.segments.segments``.
    OSError
        A file cannot be written.
    """
    # Whoever only asks for names and files needs none of the libraries.
    from realtime_cer.sinks.annotations.elan import write_elan
    from realtime_cer.sinks.annotations.joining import Joining
    from realtime_cer.sinks.annotations.parquet import write_parquet
    from realtime_cer.sinks.annotations.praat import write_textgrid
    from realtime_cer.sinks.annotations.spans import write_spans
    from realtime_cer.sinks.annotations.subtitles import write_chapters, write_srt, write_subtitles
    from realtime_cer.sinks.annotations.tiers import compound_segments, tiers

    parts = compound_segments(rows, minimum_s=minimum_s, bridge_s=bridge_s)
    made = tiers(rows, minimum_s=minimum_s, bridge_s=bridge_s)
    writers: dict[str, Callable[[Path], None]] = {
        "csv": lambda path: write_spans(path, made),
        "parquet": lambda path: write_parquet(path, rows, {"title": title}),
        "vtt": lambda path: write_subtitles(path, parts),
        "chapters": lambda path: write_chapters(path, parts),
        "srt": lambda path: write_srt(path, parts),
        "eaf": lambda path: write_elan(path, made, title, media, Joining(minimum_s, bridge_s)),
        "textgrid": lambda path: write_textgrid(path, made, parts[-1].end_ms if parts else 0),
    }
    written = []
    for name in formats:
        path = folder / FILES[name]
        partial = path.with_name(path.name + ".part")
        try:
            writers[name](partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        written.append(path)
        tell(path)
    return written

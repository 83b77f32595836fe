"""``run``: a media file in, a folder of results out."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from realtime_cer.capture.media import MediaFile, open_media
from realtime_cer.capture.source import Item, item_end
from realtime_cer.commands import ending
from realtime_cer.commands.console import Talk, notice, tell_engine, weights_of
from realtime_cer.commands.results import ALWAYS, CHALLENGE, FILES, OVERLAY, Results, kept, tell_earlier, usable
from realtime_cer.config import Config
from realtime_cer.errors import EngineFault, Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.centred import decide_centred
from realtime_cer.pipeline.offline import decide
from realtime_cer.pipeline.steps import Perception, load_perception
from realtime_cer.sinks.annotations import FILES as ANNOTATIONS
from realtime_cer.sinks.annotations import formats_of, write_annotations
from realtime_cer.sinks.challenge import Challenge, write_challenge
from realtime_cer.sinks.tables import read_rows

Alignment = Literal["causal", "centred"]

_USUAL_FPS = 25.0
"""Taken where a film does not say how many frames a second it has."""


def run_file(
    file: Path,
    out: Path,
    config: Config,
    *,
    overwrite: bool,
    pace: Literal["realtime", "fastest"],
    overlay: bool = False,
    alignment: Alignment = "causal",
    annotations: str | None = None,
) -> int:
    """The ``run`` command; gives the exit code. What was analysed before an interruption is kept."""
    formats = formats_of(annotations, tell=notice) if annotations else []
    weights = weights_of(config)
    media = open_media(file)
    centred = alignment == "centred"
    if centred and not media.has_video:
        raise Refused(f"no picture in {media.name}: --alignment centred decides for every frame; use causal")
    if centred and "voice" in config.model_fields_set:
        notice("--alignment centred hears every window of sound: settings of the voice have no effect")
    extra = [ANNOTATIONS[name] for name in formats]
    if any(_same(file, out / name) for name in (*FILES, *extra)):
        raise Refused(f"{file} would be replaced by the results: give another --out")
    console = Talk(stderr=True)
    written = list(ALWAYS)
    with contextlib.ExitStack() as end:
        with contextlib.closing(load_perception(config, notice=notice)) as perception:
            usable(out, [*FILES, *extra], overwrite)  # last, so that nothing that is refused leaves a folder behind
            end.callback(tell_earlier, out, written)  # however it ends: the rows are other ones from here on
            tell_engine(config)
            with _bar(console) as bar:
                task = bar.add_task(media.name, total=media.duration, done="")
                try:
                    summary = analyse(
                        media,
                        out,
                        config,
                        weights,
                        perception,
                        alignment=alignment,
                        pace=pace,
                        reached=lambda t: bar.update(task, completed=t, done=f"{t:.1f} s"),
                    )
                except EngineFault as fault:
                    raise Refused(
                        f"{media.name} cannot be analysed to its end ({fault}): what was written is kept; run it again"
                    ) from None
            for line in media.notices:
                notice(line)
        interrupted = bool(summary["interrupted"])
        if centred and not interrupted:
            if (out / CHALLENGE).exists():
                written.append(CHALLENGE)
            else:
                notice(f"nothing is known about any frame of {media.name}: no {CHALLENGE} is written")
        if formats and not interrupted:
            with kept(out):
                rows = read_rows(out / "decisions.jsonl")
                write_annotations(
                    out, rows, formats, title=media.name, media=file, tell=lambda path: written.append(path.name)
                )
        if overlay and not interrupted:
            try:
                written += [OVERLAY] if _draw(media, out / OVERLAY, console) else []
            except KeyboardInterrupt:
                interrupted = True
    _tell(console, summary, out, written, interrupted)
    return 130 if interrupted else 0


def analyse(
    media: MediaFile,
    out: Path,
    config: Config,
    weights: FusionWeights,
    perception: Perception,
    *,
    alignment: Alignment = "causal",
    pace: Literal["realtime", "fastest"] = "fastest",
    reached: Callable[[float], None] = lambda t: None,
) -> dict[str, Any]:
    """Analyse a file into a folder of results that is prepared; gives their summary.

    Parameters
    ----------
    media, out, config, weights : what is analysed, where to, and what is decided by
    perception : fresh, and not used again: it remembers faces and voices
    reached : told the media time of every decision, in seconds

    Raises
    ------
    Refused
        The folder cannot be written any more.

    Notes
    -----
    An interruption (KeyboardInterrupt) ends the analysis; what was analysed is kept, and the summary says so. The
    challenge's file is written only for whole films of which anything is known.
    """
    centred = alignment == "centred"
    items = media.items(grid_fps=None if centred else 5)
    paced = _paced(items) if pace == "realtime" else items
    decisions = (
        decide_centred(paced, media.fps or _USUAL_FPS, config, weights, perception)
        if centred
        else decide(paced, config, weights, perception)
    )
    challenge = Challenge()
    interrupted, last = False, 0.0
    with Results(out, config) as results:
        try:
            for decision in decisions:
                if ending.interrupted.is_set():
                    raise KeyboardInterrupt
                results.write(decision)
                if centred:
                    challenge.add(decision)
                last = decision.t
                reached(last)
        except KeyboardInterrupt:
            interrupted = True
        summary = results.finish(
            title=media.name,
            duration_s=media.end if media.end is not None and not interrupted else last,
            hashes=perception.hashes,
            source=_facts(media),
            notices=media.notices,
            alignment=alignment,
            interrupted=interrupted,
        )
    classes = challenge.classes()
    if centred and not interrupted and classes:
        with kept(out):
            write_challenge(out / CHALLENGE, Path(media.name).stem, classes)
    return summary


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _bar(console: Talk) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[done]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _draw(media: MediaFile, film: Path, console: Talk) -> bool:
    """Write the film; False where the file has no picture."""
    import av.error

    from realtime_cer.commands.overlay import write_overlay

    if not media.has_video:
        notice(f"no picture in {media.name}: no overlay is written")
        return False
    with _bar(console) as bar:
        task = bar.add_task(film.name, total=media.duration, done="")
        try:
            notices = write_overlay(
                media.path,
                read_rows(film.with_name("decisions.jsonl")),
                film,
                lambda t: bar.update(task, completed=t, done=f"{t:.1f} s"),
            )
        except (OSError, av.error.FFmpegError) as error:
            raise Refused(
                f"{film} cannot be written ({error.strerror or error}): the other results are whole"
            ) from None
    for line in notices:
        notice(line)
    return True


def _paced(items: Iterator[Item]) -> Iterator[Item]:
    """Hold every item back until its time has come."""
    begun = time.monotonic()
    for item in items:
        wait = begun + item_end(item) - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield item


def _facts(media: MediaFile) -> dict[str, object]:
    return {
        "file": media.name,
        "width": media.width,
        "height": media.height,
        "fps": media.fps,
        "rotation": media.rotation,
        "sample_rate": media.sample_rate,
        "has_video": media.has_video,
        "has_audio": media.has_audio,
    }


def _tell(console: Talk, summary: dict[str, object], out: Path, written: list[str], interrupted: bool) -> None:
    """The last lines: how it went, and where the results are."""
    labels = summary["labels"]
    assert isinstance(labels, dict)
    best = max(labels, key=lambda name: labels[name])
    most = f"most often {best} ({labels[best]})" if labels[best] else "nothing was named"
    reasons = summary["reasons"]
    assert isinstance(reasons, dict)
    why = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
    if interrupted:
        console.print(f"interrupted after {summary['duration_s']} s: what was analysed is kept")
    console.print(
        f"{summary['decisions']} decisions in {summary['wall_s']} s for {summary['duration_s']} s of media:"
        f" {most}, abstained {summary['abstained']} times" + (f": {why}" if why else ""),
    )
    console.print(f"results: {out}/{', '.join(written)}")

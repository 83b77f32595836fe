"""Many media files, one folder of results each: what there is to do, and how one of them is done.

Nothing here knows how many work at it, or where.

A folder of results is made under another name and takes its own only when it is whole, so what has the name is done,
and an interrupted run goes on where it was. An older folder in its place goes, but where people worked in it.
"""

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from realtime_cer.batch.made import give_way, read_object, read_record, source_of, worked_on, write_record
from realtime_cer.commands.run import Alignment
from realtime_cer.config import Config, load_weights
from realtime_cer.errors import Refused
from realtime_cer.fusion import weights_toml
from realtime_cer.labels import MODELS
from realtime_cer.sessions.folder import looking_at

_SOUND = "aac aif aiff flac m4a mka mp3 oga ogg opus wav wma"
_FILM = "3gp asf avi flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv"
SUFFIXES = frozenset(f".{name}" for name in f"{_SOUND} {_FILM}".split())
"""Names of files that are taken for media."""

_PART = ".part"

State = Literal["done", "refused", "fault"]


@dataclass(frozen=True, slots=True)
class Job:
    """One file to do: ``name`` is its path below the folder that was given, and that of its results below ``out``."""

    path: Path
    name: str
    size: int
    out: Path

    @property
    def results(self) -> Path:
        """Its folder of results."""
        return self.out / self.name

    @property
    def partial(self) -> Path:
        """Where they are while they are made."""
        return self.results.with_name(self.results.name + _PART)


@dataclass(frozen=True, slots=True)
class Task:
    """What is the same for all files."""

    config: Config
    alignment: Alignment = "causal"
    formats: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A hash of settings, weights and networks, as they are now: results with another one are other results.

        Raises
        ------
        Refused
            The weights, the profile or a manifest cannot be read.
        """
        from realtime_cer.inference.manifest import read_manifest
        from realtime_cer.inference.profile import read_profile

        folder = read_profile(self.config.profile).folder
        told = [
            self.config.model_dump(mode="json"),
            self.alignment,
            sorted(self.formats),
            weights_toml(load_weights(self.config.weights)),
            [read_manifest(name, folder).sha256 for name in MODELS],
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one file went.

    ``why`` is one line for people, empty where it is done; ``summary`` is that of its results; ``notices`` are what
    people should know of a file that is done, one line each.
    """

    name: str
    state: State
    why: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def collect(folder: Path, out: Path) -> tuple[list[Job], int]:
    """Every media file below a folder, in the order of names, and how many other files there are.

    What is below ``out`` is not looked at, links to folders are not followed, hidden files are not touched. Where two
    names become the same text, the later one is numbered.

    Raises
    ------
    Refused
        The folder is not there, cannot be read, or holds no media; or results would lie where media are.
    """
    with looking_at(folder):
        if not folder.is_dir():
            raise Refused(f"there is no folder {folder}: give one that holds films or sound; for one file use run")
    jobs, others, taken = list[Job](), 0, set[str]()
    apart = out.resolve()
    if apart == folder.resolve():
        raise Refused(f"{out} holds what is to be annotated: give another --out, which may be a folder in it")

    def stop(error: OSError) -> None:
        raise Refused(f"{error.filename} cannot be read ({error.strerror}): allow it, or move it away") from None

    for here, folders, files in os.walk(folder, onerror=stop):
        folders[:] = sorted(n for n in folders if not n.startswith(".") and (Path(here) / n).resolve() != apart)
        for name in sorted(files):
            path = Path(here) / name
            with looking_at(path):
                media = path.suffix.lower() in SUFFIXES and not name.startswith(".") and path.is_file()
            if not media:
                others += not name.startswith(".")
                continue
            plain = _alone(_plain(path.relative_to(folder)), taken)
            taken.add(plain)
            jobs.append(Job(path.absolute(), plain, path.stat().st_size, out.absolute()))
    if not jobs:
        told = f"{others} other file{'s' * (others != 1)}"
        raise Refused(f"{folder} holds no films and no sound ({told}): give another folder")
    _need_apart(jobs)
    return jobs, others


def _need_apart(jobs: Sequence[Job]) -> None:
    """Refuse results in the place of a file to do, or of a folder with some: they would replace it."""
    places = {place for job in jobs for place in (job.path, *job.path.parents)}
    real = {os.path.realpath(place) for place in places}
    for job in jobs:
        if os.path.realpath(job.results) in real:
            raise Refused(f"{job.results} is itself to be annotated, or holds what is: give another --out")


def _plain(path: Path) -> str:
    """A path as text on one line that every tool can read; what is no text is written as numbers."""
    text = os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace").replace("\\x", "%")
    breaks = {letter for letter in text if unicodedata.category(letter) in ("Cc", "Zl", "Zp")}
    return text.translate({ord(letter): "".join(f"%{n:02x}" for n in letter.encode()) for letter in breaks})


def _alone(name: str, taken: Set[str]) -> str:
    """A name that nobody has."""
    path = PurePosixPath(name)
    others = (str(path.with_name(f"{path.stem} ({n}){path.suffix}")) for n in itertools.count(2))
    return next(one for one in itertools.chain([name], others) if one not in taken)


def sort_out(jobs: Sequence[Job], task: Task, overwrite: bool) -> tuple[list[Job], list[Outcome]]:
    """What is still to do, the largest first, and what is not: what is done, and what is refused.

    A file that changed since is done again, but where people worked in its folder of results.

    Raises
    ------
    Refused
        Results with other settings, or somebody else's files, are in the way, and ``overwrite`` is not set.
    """
    due: list[Job] = []
    settled: list[Outcome] = []
    key = task.key
    tidy(jobs)
    for job in jobs:
        if not os.path.exists(job.results):  # nor where its name is too long, which ``do`` tells
            due.append(job)
            continue
        if not job.results.is_dir():
            raise Refused(f"{job.results} is a file, and no results: move it away, or give another --out")
        made = read_record(job.results)
        if overwrite:
            due.append(job)
        elif made is None:
            raise Refused(f"{job.results} is in the way: add --overwrite to replace it, or give another --out")
        elif made["key"] != key:
            what = "other settings, weights or networks"
            raise Refused(f"{job.results} was made with {what}: add --overwrite to replace it, or give another --out")
        elif made["source"] == source_of(job.path):
            settled.append(_done(job, read_object(job.results / "summary.json") or {}))
        elif worked_on(job.results):
            way_out = "add --overwrite, which keeps the old one beside the new one, or move it away"
            why = f"it changed, but {job.results} may hold people's corrections: {way_out}"
            settled.append(Outcome(job.name, "refused", why))
        else:
            due.append(job)
    return sorted(due, key=lambda job: -job.size), settled


def tidy(jobs: Sequence[Job]) -> None:
    """Remove what was begun only."""
    for job in jobs:
        shutil.rmtree(job.partial, ignore_errors=True)


def do(job: Job, task: Task, progress: Callable[[float], None]) -> Outcome:
    """Analyse one file into its folder; never raises, for one bad file must not stop the rest.

    Parameters
    ----------
    progress : told the share of the file that is done, 0 to 1
    """
    notices: list[str] = []
    try:
        with _folder(job, task, notices.append) as folder:
            summary = _analyse(job, task, folder, progress)
        return _done(job, summary, notices)
    except Refused as refusal:
        if isinstance(refusal.__context__, OSError) and str(job.partial) in str(refusal):
            # It would say that what was written is kept; here that goes.
            return _unwritten(job, refusal.__context__)
        why = " ".join(str(refusal).replace(f"{job.path} ", "it ").split())
        return Outcome(job.name, "refused", why)
    except OSError as error:
        return _unwritten(job, error)
    except Exception as error:  # told in the table and on the page; the other files go on
        return Outcome(job.name, "fault", f"{type(error).__name__}: {' '.join(str(error).split())}"[:300])


def _done(job: Job, summary: dict[str, Any], more: Sequence[str] = ()) -> Outcome:
    notices = (*(summary.get("notices") or ()), *more)
    return Outcome(job.name, "done", summary=summary, notices=tuple(" ".join(line.split()) for line in notices))


def _unwritten(job: Job, error: OSError) -> Outcome:
    why = f"{job.results} cannot be written ({error.strerror or error}): make room, then give the same command again"
    return Outcome(job.name, "refused", why)


@contextlib.contextmanager
def _folder(job: Job, task: Task, tell: Callable[[str], None]) -> Iterator[Path]:
    """The folder to fill; it gets its name if all went well, and goes if not; tells of an older one that is kept."""
    key = task.key  # before they are loaded: who changes them meanwhile gets other results the next time
    shutil.rmtree(job.partial, ignore_errors=True)
    job.partial.mkdir(parents=True)
    try:
        yield job.partial
        write_record(job.partial, job.path, job.name, key)
        before = give_way(job.results) if job.results.exists() else None
        if before is not None:
            tell(f"its older folder may hold people's corrections: kept as {before}")
        job.partial.rename(job.results)
    finally:
        shutil.rmtree(job.partial, ignore_errors=True)


def _analyse(job: Job, task: Task, folder: Path, progress: Callable[[float], None]) -> dict[str, Any]:
    """One file, as ``run`` does it, and its annotation files; gives the summary."""
    from realtime_cer.capture.media import open_media
    from realtime_cer.commands.run import analyse
    from realtime_cer.pipeline.steps import load_perception
    from realtime_cer.sinks.annotations import write_annotations
    from realtime_cer.sinks.tables import read_rows

    media = open_media(job.path)
    if task.alignment == "centred" and not media.has_video:
        raise Refused(f"no picture in {media.name}: --alignment centred decides for every frame")

    def reached(t: float) -> None:
        progress(share_of(t, media.duration))

    with contextlib.closing(load_perception(task.config)) as perception:
        weights = load_weights(task.config.weights)
        summary = analyse(media, folder, task.config, weights, perception, alignment=task.alignment, reached=reached)
    if summary["interrupted"]:
        raise KeyboardInterrupt
    if task.formats:
        rows = read_rows(folder / "decisions.jsonl")
        write_annotations(folder, rows, task.formats, title=media.name, media=job.path)
    return summary


def share_of(t: float, length: float | None) -> float:
    """The share of a file that is done at a media time: below 1, and it grows with every second.

    Parameters
    ----------
    t : in seconds
    length : as the file tells it, in seconds; it may tell none, or too little, and then go on
    """
    told = length or 60.0
    return 0.99 * t / told if t < told else 1 - 0.01 * told / t

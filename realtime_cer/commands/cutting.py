"""``sessions overlay`` and ``sessions reel``: films made of a session's film."""

import contextlib
from pathlib import Path

import av.error
from rich.progress import BarColumn, Progress, TextColumn

from realtime_cer.commands.console import Talk
from realtime_cer.commands.overlay import write_overlay
from realtime_cer.commands.rows import open_rows
from realtime_cer.errors import Refused
from realtime_cer.sessions.folder import FILMS, looking_at, read_session
from realtime_cer.sessions.reel import Scene, write_reel
from realtime_cer.sinks.session import CLEAN, DRAWN, REEL
from realtime_cer.sinks.timewords import digital


def run_overlay(folder: Path, *, overwrite: bool) -> int:
    """``sessions overlay``: draw what was recognised on the clean film; gives the exit code."""
    session = read_session(folder)
    if session.state != "whole":
        raise Refused(f"{folder} is {session.state}: end it, or repair it, first")
    film, out = folder / CLEAN, folder / DRAWN
    if not film.is_file():
        raise Refused(f"{folder} holds no {CLEAN} to draw on: give a session with one")
    if out.exists() and not overwrite:
        raise Refused(f"{out} is there already: add --overwrite to draw it again")
    rows = open_rows(folder).rows
    console, partial = Talk(stderr=True), out.with_suffix(".part")
    bar = Progress(TextColumn(DRAWN), BarColumn(), console=console, transient=True, disable=not console.is_terminal)
    try:
        with bar:
            task = bar.add_task(DRAWN, total=session.length_s)
            # A session's film is stamped from the same 0 as its rows, and a camera may have come later.
            told = write_overlay(film, rows, partial, lambda t: bar.update(task, completed=t), origin=0.0)
        if not partial.exists():
            raise Refused(told[0])
        partial.replace(out)
    except (OSError, av.error.FFmpegError) as error:
        raise Refused(f"{out} cannot be written ({error.strerror}): the session is as it was") from None
    finally:
        with contextlib.suppress(OSError):  # where it cannot be removed it could not be made
            partial.unlink(missing_ok=True)
    Talk().print(f"{len(rows)} decisions drawn: {out}")
    return 0


def run_reel(folder: Path, out: Path | None, *, overwrite: bool) -> int:
    """``sessions reel``: the strongest moments, and marked ones, as one film; gives the exit code."""
    session = read_session(folder)
    if session.state != "whole":
        raise Refused(f"{folder} is {session.state}: end it, or repair it, first")
    film = next((folder / name for name in reversed(FILMS) if (folder / name).is_file()), None)
    if film is None:
        raise Refused(f"{folder} holds no film to cut: give a session with one")
    out = out or folder / REEL
    with looking_at(out):
        if out.exists() and (not overwrite or out.samefile(film) or not out.is_file()):
            raise Refused(f"{out} is there already: add --overwrite to replace it, or give another --out")
    scenes = [Scene(one.t, one.label) for one in session.peaks]
    scenes += [Scene(one.t, f"mark {number}") for number, one in enumerate(session.marks, 1)]
    try:
        chapters = write_reel(film, scenes, out)
    except (OSError, av.error.FFmpegError) as error:
        raise Refused(f"{out} cannot be made of {film.name} ({error.strerror}): nothing was written") from None
    if not chapters:
        raise Refused(f"{folder} has no moment that stands out: no reel is written")
    console = Talk()
    for one in chapters:
        console.print(f"{digital(one.start)}  {one.scene.name}, {digital(one.scene.t)} of the session")
    console.print(f"{len(chapters)} moment{'s' * (len(chapters) != 1)}: {out}")
    return 0

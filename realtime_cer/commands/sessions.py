"""``sessions``: what was recorded, listed, shown, repaired, exported and deleted."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime_cer.commands import export
from realtime_cer.commands.console import Talk, notice
from realtime_cer.errors import Refused

if TYPE_CHECKING:
    from realtime_cer.sessions.folder import Session
    from realtime_cer.sessions.repair import Repaired

EXAMPLES = """examples:
  realtime-cer sessions list recordings
  realtime-cer sessions show recordings/2026-05-04_10-30-00
  realtime-cer sessions repair recordings             what a program that was killed has left behind
  realtime-cer sessions export recordings/2026-05-04_10-30-00 --format eaf
  realtime-cer sessions reel recordings/2026-05-04_10-30-00
  realtime-cer sessions delete recordings/2026-05-04_10-30-00"""

_DELETE = """What a session says, and both ends of its films, are overwritten before the files are removed. Drives with
flash memory, snapshots and backups may keep what was there before all the same."""


def add_arguments(commands: Any, raw: type[argparse.HelpFormatter]) -> None:
    """Add the ``sessions`` command."""
    parser = commands.add_parser(
        "sessions", help="list, show, repair, export, cut and delete recordings", epilog=EXAMPLES, formatter_class=raw
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all sessions of a folder, with lengths, sizes and labels")
    listing.add_argument("folder", type=Path, metavar="DIR", help="what was given to live --record")
    showing = actions.add_parser("show", help="all that is known of one session, its peaks and marks among it")
    showing.add_argument("session", type=Path, metavar="SESSION")
    for one in (listing, showing):
        one.add_argument("--json", action="store_true", help="JSON instead of a table")
    repairing = actions.add_parser("repair", help="finish the files of sessions whose program was killed")
    repairing.add_argument("folder", type=Path, nargs="?", default=Path(), metavar="DIR", help="default: this folder")
    export.add_arguments(
        actions.add_parser(
            "export", help="rows as files that other tools open", epilog=export.EXAMPLES, formatter_class=raw
        )
    )
    drawing = actions.add_parser("overlay", help="draw overlay.mkv: the film with what was recognised")
    drawing.add_argument("session", type=Path, metavar="SESSION")
    drawing.add_argument("--overwrite", action="store_true", help="draw it again")
    cutting = actions.add_parser("reel", help="peaks and marked moments as one film with chapters")
    cutting.add_argument("session", type=Path, metavar="SESSION")
    cutting.add_argument("--out", type=Path, metavar="FILE", help="default: reel.mkv in the session")
    cutting.add_argument("--overwrite", action="store_true", help="replace a film that is there")
    deleting = actions.add_parser("delete", help="delete sessions for good", epilog=_DELETE)
    deleting.add_argument("sessions", type=Path, nargs="+", metavar="SESSION")
    deleting.add_argument("--yes", action="store_true", help="do not ask")


def run_sessions(options: argparse.Namespace) -> int:
    """The ``sessions`` command; gives the exit code."""
    if options.action == "delete":
        return _delete(options.sessions, sure=options.yes)
    from realtime_cer.sessions.deletion import refuse_forgotten

    named = {"list": "folder", "repair": "folder", "export": "place"}.get(options.action, "session")
    refuse_forgotten(getattr(options, named), datetime.now().astimezone())
    if options.action == "list":
        return _list(options.folder, as_json=options.json)
    if options.action == "show":
        return _show(options.session, as_json=options.json)
    if options.action == "repair":
        code = run_repair(options.folder)
        forget_old(options.folder)  # afterwards: one that cannot be deleted keeps no other from its repair
        return code
    if options.action == "overlay":
        from realtime_cer.commands.cutting import run_overlay

        return run_overlay(options.session, overwrite=options.overwrite)
    if options.action == "reel":
        from realtime_cer.commands.cutting import run_reel

        return run_reel(options.session, options.out, overwrite=options.overwrite)
    return export.run_export(options)


def run_repair(folder: Path, *, quiet: bool = False) -> int:
    """Repair the sessions of a folder; 2 where one of them could not be. ``quiet`` tells nothing where all is well."""
    from rich.progress import BarColumn, Progress, TextColumn

    from realtime_cer.sessions.repair import repair_all

    console = Talk(stderr=True)
    results: list[Repaired | Refused] = []
    bar = Progress(
        TextColumn("repairing"),
        BarColumn(),
        TextColumn("{task.completed}"),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task("repairing", total=None)

        def tell(done: "Repaired | Refused") -> None:
            results.append(done)
            bar.advance(task)

        repair_all(folder, tell, thorough=not quiet)
    for done in results:
        notice(str(done) if isinstance(done, Refused) else _told(done))
    if not results and not quiet:
        Talk().print(f"nothing to repair in {folder}")
    return 2 if any(isinstance(done, Refused) for done in results) else 0


def _told(done: "Repaired") -> str:
    words = [f"repaired {done.folder}: {done.decisions} decisions"]
    words += [f"{name} has an index again" for name in done.films]
    words += [f"{name} holds nothing that can be read" for name in done.unreadable]
    if done.torn:
        words.append("1 torn line was put beside" if done.torn == 1 else f"{done.torn} torn lines were put beside")
    return ", ".join(words)


def forget_old(folder: Path) -> None:
    """Delete the sessions of a folder whose days are over, and tell of each."""
    from realtime_cer.sessions.deletion import forget

    for session in forget(folder, datetime.now().astimezone()):
        notice(f"{session.name} was deleted, as was asked for when it was recorded (--forget-after)")


def _list(folder: Path, *, as_json: bool) -> int:
    from realtime_cer.sessions.folder import read_session, sessions_below

    forget_old(folder)
    found: list[Session] = []
    strange: list[Path] = []
    for path in sessions_below(folder):
        try:
            found.append(read_session(path))
        except Refused as refusal:
            notice(str(refusal))
            strange.append(path)
    _tell_troubles(found)
    if as_json:
        print(json.dumps([_facts(one) for one in found], indent=2))
        return 2 if strange else 0
    from rich.table import Table

    table = Table()
    for name in ("session", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("length", "size", "decisions"):
        table.add_column(name, justify="right")
    table.add_column("most often")
    table.add_column("strongest")
    for one in found:
        table.add_row(
            one.folder.name,
            _state(one),
            _clock(one.length_s),
            _bytes(one.size),
            str(one.decisions),
            _most(one.labels),
            _strongest(one),
        )
    for path in strange:
        table.add_row(path.name, "unreadable", *["–"] * 5)
    console = Talk()
    console.print(table if found or strange else f"no sessions in {folder}")
    if any(one.state == "broken" for one in found):
        console.print(f"broken ones were left behind by a program that died: realtime-cer sessions repair {folder}")
    return 2 if strange else 0


def _show(folder: Path, *, as_json: bool) -> int:
    from realtime_cer.sessions.folder import read_session

    session = read_session(folder)
    facts = _facts(session)
    _tell_troubles([session])
    if as_json:
        print(json.dumps(facts, indent=2))
        return 0
    from rich.table import Table

    table = Table(show_header=False, title=folder.resolve().name, title_justify="left")
    for name, value in (
        ("state", _state(session)),
        ("started", session.facts.get("started")),
        ("length", _clock(session.length_s)),
        ("decisions", session.decisions),
        *((f"  {name}", count) for name, count in sorted(session.labels.items(), key=lambda one: -one[1])),
        *((f"{what} at {_clock(t)}", said) for t, what, said in _moments(session)),
        *((path.name, _bytes(path.stat().st_size)) for path in sorted(folder.iterdir()) if path.is_file()),
        *((f"{one.get('kind')}", one.get("name")) for one in session.facts.get("sources") or []),
        *((f"engine of {name}", engine) for name, engine in (session.facts.get("engines") or {}).items()),
        ("consent", session.facts.get("consent")),
        ("forgotten after", _days(session.facts.get("forget_after_days"))),
        ("left out", ", ".join(f"{n} {what}" for what, n in (session.facts.get("lost") or {}).items()) or None),
        ("trouble", session.facts.get("error")),
        ("repaired", (session.facts.get("repaired") or {}).get("at")),
    ):
        if value is not None:
            table.add_row(name, str(value))
    Talk().print(table)
    return 0


def _delete(folders: list[Path], *, sure: bool) -> int:
    from realtime_cer.sessions.deletion import delete
    from realtime_cer.sessions.folder import is_session, looking_at

    for folder in folders:
        with looking_at(folder):
            if not is_session(folder):
                raise Refused(f"{folder} is no session: nothing was deleted")
    if not sure:
        if not sys.stdin.isatty():
            raise Refused("nobody can be asked whether to delete: add --yes")
        names = ", ".join(folder.name for folder in folders)
        try:
            answer = input(f"Delete {names} for good? Type yes: ")
        except EOFError:  # Ctrl-D
            answer = ""
        if answer.strip().lower() != "yes":
            raise Refused("nothing was deleted")
    for folder in folders:
        rest = delete(folder)
        told = f", but for {', '.join(rest)}, which this program has not made" if rest else ""
        Talk().print(f"deleted {folder}{told}")
    notice("what was deleted was overwritten; flash memory, snapshots and backups may keep a copy all the same")
    return 0


def _facts(session: "Session") -> dict[str, Any]:
    """A session as plain values for JSON."""
    return {
        "folder": str(session.folder),
        "state": session.state,
        "troubles": list(session.troubles),
        "size": session.size,
        "decisions": session.decisions,
        "length_s": round(session.length_s, 3),
        "labels": dict(session.labels),
        "peaks": [{"t": one.t, "label": one.label, "share": round(one.share, 4)} for one in session.peaks],
        "marks": [{"t": one.t} for one in session.marks],
        "session": dict(session.facts),
    }


def _moments(session: "Session") -> list[tuple[float, str, str]]:
    """Peaks and marks in the order of time: when, what it is, and what there is to say of it."""
    peaks = [(one.t, "peak", f"{one.label} {one.share:.0%}") for one in session.peaks]
    return sorted([*peaks, *((one.t, "mark", "by the operator") for one in session.marks)])


def _state(session: "Session") -> str:
    return "damaged" if session.troubles and session.state == "whole" else session.state


def _tell_troubles(sessions: "Iterable[Session]") -> None:
    for session in sessions:
        for trouble in session.troubles:
            notice(trouble)


def _most(labels: Mapping[str, int]) -> str:
    return max(labels, key=lambda name: labels[name]) if labels else "–"


def _strongest(session: "Session") -> str:
    best = max(session.peaks, key=lambda one: one.share, default=None)
    return f"{best.label} at {_clock(best.t)}" if best else "–"


def _days(days: Any) -> str | None:
    return None if days is None else f"{days:g} days"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"


def _bytes(size: float) -> str:
    if size < 1e6:
        return f"{size / 1e3:.1f} kB"
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"

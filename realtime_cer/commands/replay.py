"""``replay``: a session played again, and what would have been decided with other settings."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime_cer.commands.console import Talk, notice
from realtime_cer.commands.export import seconds
from realtime_cer.errors import Refused

if TYPE_CHECKING:
    from rich.table import Table

    from realtime_cer.commands.rows import Kept
    from realtime_cer.config import Config
    from realtime_cer.fusion import FusionWeights
    from realtime_cer.records import Decision
    from realtime_cer.sessions.differences import Differences
    from realtime_cer.sessions.replay import Settings

    SettingsOf = Callable[[Decision], Settings]

PICTURE = "differences.png"

EXAMPLES = """Nothing is analysed again: an hour takes seconds. With the settings of then the rows of then come out.

Where there is a screen the session is played in the window, with its sound: space plays, ? lists the keys.

examples:
  realtime-cer replay recordings/2026-05-04_10-30-00
  realtime-cer replay recordings/2026-05-04_10-30-00 --rule rule2 --compare     beside what was said then
  realtime-cer replay results --weights avcer-7cl --without acoustic --compare --no-window
  realtime-cer replay results --rule rule1 --always-decide --out other     rows, tables, summary and picture
  realtime-cer replay results --smoothing 1 --compare --out other"""


def add_arguments(commands: Any, raw: type[argparse.HelpFormatter], rules: Sequence[str]) -> None:
    """Add the ``replay`` command."""
    parser = commands.add_parser(
        "replay",
        help="play a session, and decide it again with other settings, in seconds",
        epilog=EXAMPLES,
        formatter_class=raw,
    )
    parser.add_argument("place", type=Path, metavar="SESSION|RESULTS", help="a session, or a folder of results")
    parser.add_argument("--rule", choices=rules, help="default: the one of then, as all that follows")
    parser.add_argument("--weights", metavar="FILE|NAME", help="equal, avcer-video, avcer-7cl, avcer-8cl, or a file")
    parser.add_argument("--always-decide", action=argparse.BooleanOptionalAction, help="never abstain, or do")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=["static", "dynamic", "acoustic"],
        help="as if this network had been missing; may be given twice",
    )
    parser.add_argument(
        "--smoothing", type=seconds, default=0.0, metavar="S", help="what a view shows that smooths over S seconds"
    )
    parser.add_argument(
        "--compare",
        action="store_true",
        help="a table of what differs from then; with --out a picture, in the window a second ribbon",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results, instead of a window")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are there")
    parser.add_argument("--no-window", action="store_true", help="tell what differs, also where there is a screen")


def run_replay(options: argparse.Namespace) -> int:
    """The ``replay`` command; gives the exit code."""
    from realtime_cer.commands.rows import open_rows
    from realtime_cer.sessions.deletion import refuse_forgotten
    from realtime_cer.sessions.differences import differences
    from realtime_cer.sessions.replay import replay
    from realtime_cer.smoothing import LONGEST_S

    if options.smoothing > LONGEST_S:
        raise Refused(f"--smoothing {options.smoothing:g} is too long: give 0 to {LONGEST_S:g} seconds")
    refuse_forgotten(options.place, datetime.now().astimezone())
    found = open_rows(options.place)
    config, settings_of = settings_by_row(found.facts, options)
    rows = list(replay(found.rows, settings_of, without=options.without, smoothing_s=options.smoothing))
    told = differences(found.rows, rows)
    if options.out is not None:
        changed = {"smoothing_s": options.smoothing, "without": sorted(set(options.without))}
        _write(options, found, rows, config, changed)
    console = Talk()
    if options.compare:
        console.print(_table(told, found.title))
    share = len(told.changed) / told.rows
    console.print(f"{len(told.changed)} of {told.rows} decisions of {found.title} differ from then ({share:.1%})")
    if options.out is None and not options.no_window and _screen():
        from realtime_cer.commands.replaywindow import show_replay

        show_replay(found, settings_of, None if options.smoothing else rows, config, options)
    return 0


def _screen() -> bool:
    """Whether there is a screen to open a window on."""
    from realtime_cer.ui.screen import screen_available

    return screen_available() is None


def settings_by_row(facts: Mapping[str, Any], options: argparse.Namespace) -> "tuple[Config, SettingsOf]":
    """Rule, abstention and weights: of the flags, else of then. Gives what the summary tells, and what each row gets.

    Raises
    ------
    Refused
        The folder does not tell what was decided by, and the flags do not either; or weights that cannot be read.
    """
    from realtime_cer.config import PUBLISHED, load_weights, read_config

    then = facts.get("settings")
    if not isinstance(then, Mapping):
        then = {}
        if options.rule is None or options.weights is None:
            raise Refused("session.json or summary.json is missing beside the rows: give --rule and --weights")
    chosen = {
        "rule": then.get("rule") if options.rule is None else options.rule,
        "weights": then.get("weights") if options.weights is None else options.weights,
        "always_decide": then.get("always_decide") if options.always_decide is None else options.always_decide,
    }
    config = read_config(None, chosen)
    kept = _weights_of_then(facts) if options.weights is None else None
    first = load_weights(config.weights) if kept is None else kept
    if first.oddity:
        notice(first.oddity)
    # Rule and weights may have been changed while it was recorded: every row names its own.
    by_name = {first.name: first}
    by_rule: dict[str, Config] = {config.rule: config}

    def settings_of(row: "Decision") -> "Settings":
        rule = row.rule if options.rule is None else config.rule
        name = row.weights if options.weights is None else first.name
        if rule not in by_rule:
            by_rule[rule] = read_config(None, {**chosen, "rule": rule})
        if name not in by_name:
            if name not in ("equal", *PUBLISHED):
                raise Refused(f"the row at {row.t:.1f} s was decided with weights {name!r} of then: give --weights")
            by_name[name] = load_weights(name)
        return by_rule[rule], by_name[name]

    return config, settings_of


def _weights_of_then(facts: Mapping[str, Any]) -> "FusionWeights | None":
    """The weights that a session was recorded with, number by number: their file may have changed."""
    import numpy as np

    from realtime_cer.fusion import FusionWeights

    kept = facts.get("fusion")
    if not isinstance(kept, Mapping):
        return None
    try:
        models = kept.get("models")
        return FusionWeights(
            np.array(kept["classes"], np.float64),
            None if models is None else np.array(models, np.float64),
            str(kept["name"]),
        )
    except (KeyError, TypeError, ValueError):
        raise Refused("the fusion weights in session.json are damaged: give --weights") from None


def _write(
    options: argparse.Namespace,
    found: "Kept",
    rows: "Sequence[Decision]",
    config: "Config",
    changed: Mapping[str, Any],
) -> None:
    from realtime_cer.commands.results import FILES, Results, kept, usable
    from realtime_cer.commands.rows import as_text
    from realtime_cer.sinks.comparison import draw_comparison

    out: Path = options.out
    if out.resolve() == found.folder.resolve():
        raise Refused(f"{out} holds the rows of then: give another --out")
    usable(out, FILES, options.overwrite)
    if (out / PICTURE).exists() and not options.overwrite:
        raise Refused(f"{out / PICTURE} is there already: add --overwrite to replace it, or give another --out")
    with Results(out, config) as results:
        for row in rows:
            results.write(row)
        results.finish(
            title=found.title,
            duration_s=found.span_ms[1] / 1000,
            hashes=dict(found.facts.get("networks") or {}),
            source=found.facts.get("source"),
            replayed={"rows": as_text(found.folder), **changed},
        )
    written = [name for name in FILES if (out / name).exists()]
    if options.compare:
        with kept(out):
            draw_comparison(out / PICTURE, found.rows, rows, ("then", "now"), found.title)
        written.append(PICTURE)
    notice(f"results: {out}/{', '.join(written)}")


def _table(told: "Differences", title: str) -> "Table":
    from rich.table import Table

    table = Table("expression", title=title, title_justify="left")
    for name in ("then", "now", "change"):
        table.add_column(name, justify="right")
    for name, (before, after) in told.counts.items():
        table.add_row(name, str(before), str(after), f"{after - before:+d}" if after != before else "")
    if told.moves:
        table.add_section()
    for source, target, count in told.moves[:10]:
        table.add_row(f"{source} → {target}", "", "", str(count))
    return table

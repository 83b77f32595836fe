"""The report of a session: one page that needs nothing beside itself, and one picture."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from realtime_cer import palette
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Decision
from realtime_cer.sinks import reportdrawings
from realtime_cer.sinks.reportfacts import STATES, Facts, Finding, gather
from realtime_cer.sinks.reportpicture import draw_report
from realtime_cer.sinks.segments import NO_ROWS
from realtime_cer.sinks.timewords import clock, percent

PAGE, PICTURE = "report.html", "report.png"

_SHOWN = 500
"""Segments that the page lists at most; the annotation files hold them all."""


def session_report(folder: Path, rows: Sequence[Decision], facts: Mapping[str, Any]) -> Path:
    """Write ``report.html`` and ``report.png``, each whole or not at all; gives the page.

    Parameters
    ----------
    folder : that exists
    rows : in the order of their times, at least one
    facts : what ``summary.json`` or ``session.json`` tells, and ``title``; whatever is missing is left out

    Raises
    ------
    ValueError
        No rows, or times that go back.
    OSError
        A file cannot be written.
    """
    if not rows:
        raise ValueError("a report needs at least one decision")
    found = gather(rows)
    # Names of files may hold bytes that are no letters.
    title = str(facts.get("title") or folder.resolve().name).encode("utf-8", "replace").decode("utf-8")
    draw_report(folder / PICTURE, rows, found, title, "   ·   ".join(_told(rows, found, facts)))
    page = folder / PAGE
    partial = page.with_name(page.name + ".part")
    partial.write_text(_page(rows, found, facts, title), encoding="utf-8")
    partial.replace(page)
    return page


def _told(rows: Sequence[Decision], found: Facts, facts: Mapping[str, Any]) -> list[str]:
    span = found.end_s - found.start_s
    told = [
        f"{len(rows)} decision{'s' * (len(rows) != 1)} in {clock(span, span)}",
        f"an expression named in {percent(found.named, found.rows)} of them",
        f"rule {_joined(row.rule.removeprefix('rule') for row in rows)}",
        f"weights {_joined(row.weights for row in rows)}",
    ]
    return told + ([f"recorded {str(facts['started'])[:16].replace('T', ' ')}"] if facts.get("started") else [])


def _joined(words: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(words))


def _page(rows: Sequence[Decision], found: Facts, facts: Mapping[str, Any], title: str) -> str:
    template = Template(files("realtime_cer.sinks").joinpath("sessionreport.html").read_text(encoding="utf-8"))
    reasons = [one.word for one in found.reasons]
    colours = [
        *(f"--c{i}: {colour};" for i, colour in enumerate(palette.COMPOUND)),
        *(f"--m{i}: {colour};" for i, colour in enumerate(palette.MODELS)),
    ]
    return template.substitute(
        title=escape(title),
        told=escape(" · ".join(_told(rows, found, facts))),
        colours=f"  {' '.join(colours)}",
        tiles="\n".join(f"<li><b>{escape(value)}</b><span>{name}</span></li>" for name, value in _tiles(found)),
        timeline=f"<figure>\n{reportdrawings.timeline(rows, reasons)}\n</figure>\n{_legend()}\n{_segments(found)}",
        shares=_shares(found, reasons),
        transitions=_transitions(found),
        responsible=_responsible(found),
        abstained=_abstained(found, reasons),
        made=_made(facts),
    )


def _tiles(found: Facts) -> list[tuple[str, str]]:
    span = found.end_s - found.start_s
    most = max(found.labels, key=lambda one: one.rows)
    parts = [part for part in found.parts if part.word in COMPOUND]
    tiles = [("analysed", clock(span, span)), ("named", percent(found.named, found.rows))]
    if most.rows:
        tiles.append(("most often", most.word))
    tiles.append(("segments with an expression", str(len(parts))))
    if found.shares is not None:
        share, name = max(zip(found.shares, MODELS, strict=True))
        tiles.append(("most responsible", f"{name}, {100 * share:.0f}\N{NO-BREAK SPACE}%"))
    return tiles


def _legend() -> str:
    """The colours of expressions and networks; those of reasons are in their table."""
    entries = [(f"var(--c{i})", name) for i, name in enumerate(COMPOUND)]
    entries += [(f"var(--m{i})", name) for i, name in enumerate(MODELS)]
    return '<ul class="legend">' + "".join(f"<li>{_dot(c)}{name}</li>" for c, name in entries) + "</ul>"


def _dot(colour: str) -> str:
    return f'<i style="background:{colour}"></i>'


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """A table whose first cells name their rows; cells are markup, and may bring their own ``<th`` or ``<td``."""
    top = "".join(cell if cell.startswith("<th") else f'<th scope="col">{cell}</th>' for cell in head)
    body = []
    for first, *rest in rows:
        cells = "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in rest)
        body.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    inside = "\n".join(body)
    return (
        f'<div class="wide"><table class="{kind}">\n<caption>{caption}</caption>\n'
        f"<thead><tr>{top}</tr></thead>\n<tbody>\n{inside}\n</tbody>\n</table></div>"
    )


def _bar(parts: Sequence[tuple[float, str]]) -> str:
    """Pieces of a bar; the numbers stand beside it, so it says nothing to a screen reader."""
    pieces = "".join(f'<b style="width:{100 * share:.2f}%;background:{colour}"></b>' for share, colour in parts)
    return f'<td class="grow" aria-hidden="true"><span class="bar">{pieces}</span></td>'


def _segments(found: Facts) -> str:
    shown = found.parts[:_SHOWN]
    rows = [
        [str(n), f"{part.start_ms / 1000:.1f}", f"{part.end_ms / 1000:.1f}", escape(part.word)]
        for n, part in enumerate(shown, 1)
    ]
    rest = f", the first {_SHOWN}" if len(found.parts) > _SHOWN else ""
    table = _table("Times in seconds; interruptions shorter than a second are passed over.", _SEGMENT_HEAD, rows)
    return f"<details><summary>All {len(found.parts)} segments{rest}, as a table</summary>{table}</details>"


_SEGMENT_HEAD = ("segment", "from", "to", "said")


def _shares(found: Facts, reasons: Sequence[str]) -> str:
    highest = max(one.rows for one in (*found.labels, *found.reasons))
    rows = []
    for one in (*found.labels, *found.reasons):
        colour = reportdrawings.colour_of(one.word, reasons)
        best = "–" if one.best_s is None else clock(one.best_s, found.end_s)
        rows.append(
            [
                f"{_dot(colour)}{escape(one.word)}",
                _bar([(one.rows / highest, colour)]),
                percent(one.rows, found.rows),
                _seconds(one.seconds),
                f'<td class="long">{_seconds(one.longest_s)}</td>',
                f'<td class="long">{best}</td>',
            ]
        )
    long = [f'<th scope="col" class="long">{name}</th>' for name in ("longest", "strongest at")]
    return _table(f"Of {found.rows} decisions.", ("said", "", "share", "time", *long), rows)


def _seconds(value: float) -> str:
    return clock(value, value) if value else "–"


def _transitions(found: Facts) -> str:
    counts = found.transitions
    if not counts.any():
        return "<p>Nothing ever follows anything else.</p>"
    most = max(int(counts.max()), 4)
    rows = []
    for name, line in zip(STATES, counts.tolist(), strict=True):
        cells = [
            f'<td style="background:rgba(var(--heat),{0.08 + 0.5 * count / most:.2f})">{count}</td>'
            if count
            else "<td></td>"
            for count in line
        ]
        rows.append([name, *cells])
    short = [f'<abbr title="{name}">{_short(name)}</abbr>' for name in STATES]
    return _table("How often the expression of a row is followed by that of a column.", ["", *short], rows, "matrix")


def _short(name: str) -> str:
    return "".join(word[:2].capitalize() for word in name.split()) if name in COMPOUND else "none"


def _responsible(found: Facts) -> str:
    named = [one for one in found.labels if one.shares is not None]
    if not named or found.shares is None:
        return "<p>No expression was named.</p>"
    rows = [_brought(one.word, one.shares) for one in named if one.shares is not None]
    rows.append(_brought("all together", found.shares))
    head = ["expression", "", *(f"{_dot(f'var(--m{i})')}{name}" for i, name in enumerate(MODELS))]
    return _table("What each network brought to the expressions that were named: means, in per cent.", head, rows)


def _brought(word: str, shares: Sequence[float]) -> list[str]:
    bar = _bar([(share, f"var(--m{i})") for i, share in enumerate(shares)])
    return [word, bar, *(f"{100 * share:.0f}" for share in shares)]


def _abstained(found: Facts, reasons: Sequence[str]) -> str:
    missing = sum(part.length_ms for part in found.parts if part.word == NO_ROWS) / 1000
    gap = f"<p>For {_seconds(missing)} there are no decisions at all.</p>" if missing else ""
    if not found.reasons:
        return f"<p>Every decision names an expression.</p>{gap}"
    rows = [_why(one, found, reasons) for one in found.reasons]
    return _table(f"Of {found.rows} decisions.", ("reason", "decisions", "share", "time", "longest"), rows) + gap


def _why(one: Finding, found: Facts, reasons: Sequence[str]) -> list[str]:
    name = f"{_dot(reportdrawings.colour_of(one.word, reasons))}{escape(one.word)}"
    return [name, str(one.rows), percent(one.rows, found.rows), _seconds(one.seconds), _seconds(one.longest_s)]


def _made(facts: Mapping[str, Any]) -> str:
    """Networks, versions and what was lost, as far as it is told."""
    rows = []
    for name, key in (("network", "networks"), ("version of", "versions"), ("left out:", "lost")):
        told = facts.get(key)
        if isinstance(told, Mapping):
            rows += [[f"{name} {escape(str(what))}", escape(str(value)[:64])] for what, value in told.items()]
    notices = facts.get("notices")
    lines = "".join(f"<p>{escape(str(line))}</p>" for line in notices) if isinstance(notices, list) else ""
    if not rows:
        return lines or "<p>Nothing is told beside the decisions.</p>"
    table = _table("As the session tells.", ("what", "which"), rows)
    return f"{lines}<details><summary>Networks and versions</summary>{table}</details>"

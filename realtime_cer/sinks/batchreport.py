"""The report of many files: one page that needs nothing beside itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from realtime_cer import palette
from realtime_cer.labels import COMPOUND
from realtime_cer.records import Decision
from realtime_cer.sinks.series import runs, series
from realtime_cer.sinks.tables import read_rows
from realtime_cer.sinks.timewords import clock, percent

_BANDS = 240
_WIDTH = 1000


def batch_report(page: Path, facts: Mapping[str, Any]) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    page : its path; the folders of results lie beside it
    facts : ``files``, each with file, state, why, duration_s, decisions, abstained, most_often and notices;
        ``not_done``, names of files that were not reached; ``settings``; ``versions``

    Raises
    ------
    OSError
        It cannot be written.
    """
    done = [one for one in facts["files"] if one["state"] == "done"]
    said: Counter[str] = Counter()
    lines = []
    for one in done:
        rows = _rows(page.parent / one["file"])
        said.update(row.label or "" for row in rows)
        lines.append(_line(one, rows))
    length = sum(one["duration_s"] or 0.0 for one in done)
    count = len(facts["files"]) + len(facts["not_done"])
    template = Template(files("realtime_cer.sinks").joinpath("batchreport.html").read_text(encoding="utf-8"))
    text = template.substitute(
        title=escape(page.parent.resolve().name),
        told=f"{len(done)} of {count} files, {clock(length, length)}, {said.total()} decisions",
        colours=" ".join(f"--c{i}: {colour};" for i, colour in enumerate(palette.COMPOUND)),
        failures=_failures(facts),
        legend=_legend(),
        shares=_shares(said),
        files="\n".join(lines),
        made=escape(_made(facts)),
    )
    partial = page.with_name(page.name + ".part")
    partial.write_text(text, encoding="utf-8", errors="replace")
    partial.replace(page)


def _rows(folder: Path) -> list[Decision]:
    """The rows of one file; none where they have gone meanwhile, for a report is not worth failing for."""
    try:
        return read_rows(folder / "decisions.jsonl")
    except (OSError, ValueError):
        return []


def _failures(facts: Mapping[str, Any]) -> str:
    lines = [(one["file"], one["why"]) for one in facts["files"] if one["state"] != "done"]
    lines += [(name, "not reached: the run was interrupted") for name in facts["not_done"]]
    if not lines:
        return ""
    rows = "\n".join(
        f'<tr class="bad"><th scope="row">{escape(name)}</th><td>{escape(why)}</td></tr>' for name, why in lines
    )
    return f'<section>\n<h2>Not done</h2>\n<div class="wide"><table><tbody>\n{rows}\n</tbody></table></div>\n</section>'


def _legend() -> str:
    entries = [(f"var(--c{i})", name) for i, name in enumerate(COMPOUND)] + [("var(--none)", "nothing named")]
    return (
        '<ul class="legend">'
        + "".join(f'<li><i style="background:{colour}"></i>{name}</li>' for colour, name in entries)
        + "</ul>"
    )


def _shares(said: Counter[str]) -> str:
    total = said.total()
    if not total:
        return '<p class="faint">Nothing was analysed.</p>'
    shapes, x = [], 0.0
    for i, name in enumerate(COMPOUND):
        width = _WIDTH * said[name] / total
        if width:
            told = f"<title>{name}, {percent(said[name], total)}</title>"
            shapes.append(f'<rect x="{x:.2f}" y="0" width="{width:.2f}" height="10" fill="var(--c{i})">{told}</rect>')
        x += width
    words = ", ".join(f"{name} {percent(said[name], total)}" for name in COMPOUND if said[name])
    rest = f"nothing named {percent(said[''], total)}" if said[""] else ""
    return f"{_svg('Shares of all decisions.', shapes)}\n<p>{', '.join(filter(None, [words, rest]))}</p>"


def _line(one: Mapping[str, Any], rows: Sequence[Decision]) -> str:
    link = f'<a href="{quote(one["file"])}/timeline.png">{escape(one["file"])}</a>'
    length = one["duration_s"] or 0.0
    shapes = []
    if rows:
        bands = series(rows, _BANDS)
        start, end = float(bands.left[0]), float(bands.right.max())
        for run in runs(bands):
            if run.word in COMPOUND and end > start:
                x, width = _WIDTH * (run.start - start) / (end - start), _WIDTH * (run.end - run.start) / (end - start)
                fill = f"var(--c{COMPOUND.index(run.word)})"
                shapes.append(
                    f'<rect x="{x:.2f}" y="0" width="{width:.2f}" height="10" fill="{fill}">'
                    f"<title>{run.word}, from {clock(run.start, end)}</title></rect>"
                )
    abstained = percent(one["abstained"], one["decisions"]) if one["decisions"] else "–"
    notices = escape("; ".join(one["notices"]))
    # In a row of their own, over the whole width: in a cell they would make the row high and the bands narrow.
    kind, below = (' class="told"', f'<tr class="notices"><td colspan="5">{notices}</td></tr>') if notices else ("", "")
    return (
        f'<tr{kind}><th scope="row">{link}</th><td class="number">{clock(length, length)}</td>'
        f'<td class="band">{_svg("What was said over time.", shapes)}</td>'
        f'<td>{one["most_often"] or "–"}</td><td class="number long">{abstained}</td></tr>{below}'
    )


def _svg(told: str, shapes: Sequence[str]) -> str:
    inside = "".join(shapes)
    return f'<svg role="img" aria-label="{told}" viewBox="0 0 {_WIDTH} 10" preserveAspectRatio="none">{inside}</svg>'


def _made(facts: Mapping[str, Any]) -> str:
    settings, versions = facts["settings"], facts["versions"]
    rule = settings["rule"].removeprefix("rule")
    return (
        f"Made by realtime-cer {versions['realtime-cer']}: profile {settings['profile']}, rule {rule},"
        f" weights {Path(settings['weights']).stem}, {facts['alignment']} alignment."
    )

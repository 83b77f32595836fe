"""The parts of the terminal view: each takes a snapshot and a width, and gives lines. Pure functions."""

from collections.abc import Sequence

from rich.text import Text

from realtime_cer import palette
from realtime_cer.labels import BASIC, COMPOUND, MODELS
from realtime_cer.records import Decision, Snapshot, SourceReport
from realtime_cer.ui import words
from realtime_cer.ui.cells import DASH, bar, large, spark, stacked

Lines = list[Text]

NAME = max(map(len, COMPOUND))
_SHORT = ("Neutr", "Anger", "Disg", "Fear", "Happy", "Sad", "Surpr")
_QUIETEST_DB = -60.0
_OLD_S = 1.0
_STATES = {
    "live": ("●", palette.GOOD),
    "ended": ("■", palette.QUIET),
    "opening": ("○", palette.QUIET),
}


def header(title: str, right: str, width: int) -> Lines:
    """The title at the left, how is decided at the right."""
    text = Text(title, "bold")
    if len(title) + len(right) + 2 <= width:
        text.append(" " * (width - len(title) - len(right)))
        text.append(right, "dim")
    return [text]


def verdict(snapshot: Snapshot, width: int, *, big: bool) -> Lines:
    """What is decided: one line, or four with large letters. As many lines whatever is decided."""
    decision = snapshot.decision
    if decision is None:
        return _calm("starting", _waiting(snapshot), big=big)
    best = words.strongest(decision)
    if decision.label is None:
        hint = f"strongest: {best[0]} {best[1]:.2f}" if best else ""
        return _calm(f"abstains: {words.reason(decision)}", hint, big=big)
    style = f"bold {palette.COMPOUND[decision.label]}"
    value = f"{best[1]:.2f}" if best else DASH
    letters = large(decision.label) if big else None
    if letters and len(letters[0]) > width:
        letters = None
    if not big:
        pair = f"  {words.pair(decision.label)}"
        line = Text.assemble((decision.label.upper(), style), f"  {value}")
        return [line.append(pair, "dim") if len(line) + len(pair) <= width else line]
    rows = [Text(row, style) for row in letters or ("", decision.label.upper(), "")]
    return [*rows, Text.assemble(value, (f"  {words.pair(decision.label)}", "dim"))]


def _calm(headline: str, hint: str, *, big: bool) -> Lines:
    """Nothing is named: no colour, no capitals."""
    first = Text.assemble(("○ ", palette.QUIET), (headline, "italic"))
    if not big:
        return [first.append(f"  {hint}", "dim") if hint else first]
    return [Text(), first, Text(), Text(hint, "dim")]


def _waiting(snapshot: Snapshot) -> str:
    troubled = [source for source in snapshot.sources if source.state not in ("live", "ended")]
    return f"waiting for {troubled[0].name}" if troubled else "waiting for the first decision"


def compound(decision: Decision | None, width: int) -> Lines:
    """Seven bars. While the program abstains they stay without colour, and the strongest has a hollow mark."""
    values = decision.compound if decision else None
    best = words.strongest(decision) if decision else None
    # With weights for whole models everything is smaller; bars are shares of all the probability there is.
    total = sum(decision.basic) if decision and decision.basic else 0.0
    named = decision is not None and decision.label is not None
    lines = []
    for n, name in enumerate(COMPOUND):
        mine = best is not None and best[0] == name
        style = palette.COMPOUND[name] if named else palette.QUIET
        line = Text(("▸ " if named else "▹ ") if mine else "  ", style)
        line.append(f"{name:<{NAME}} ", ("bold" if named else "") if mine else "dim" if not named else "")
        value = values[n] if values else None
        length = max(width - len(line) - 5, 4)
        line.append_text(bar(value / total if value is not None and total > 0 else 0.0, length, style))
        lines.append(line.append(f" {value:.2f}" if value is not None else f"    {DASH}", "bold" if mine and named else ""))
    return lines


def why(decision: Decision | None, width: int) -> Lines:
    """The models' shares of the strongest class: one bar, and a legend under it."""
    shares = decision.contributions if decision else {}
    here = [name for name in MODELS if shares.get(name, 0.0) > 0]
    styles, fills = [palette.MODELS[name] for name in MODELS], "█▓▒"
    line = Text("why ", "dim")
    line.append_text(stacked([shares.get(name, 0.0) for name in MODELS], width - 4, styles, fills))
    legend = Text("    ")
    for name, style, fill in zip(MODELS, styles, fills, strict=True):
        share = f"{shares[name] * 100:.0f} %" if name in here else DASH
        legend.append(f"{fill} ", style).append(f"{words.MODELS[name]} {share:<7}", "" if name in here else "dim")
    return [line, legend]


def models_full(snapshot: Snapshot, width: int) -> Lines:
    """The basic probabilities of the three models side by side, one row for each emotion."""
    column = (width - 10) // len(MODELS)
    head, missing = Text(" " * 10), {}
    for model in MODELS:
        probabilities = snapshot.decision.models.get(model) if snapshot.decision else None
        title = words.MODELS[model]
        missing[model] = words.missing(model, snapshot) if probabilities is None else None
        head.append(f"{title:<{column}}", f"bold {palette.MODELS[model]}" if probabilities else f"dim {palette.QUIET}")
    lines = [head]
    for n, name in enumerate(BASIC):
        line = Text(f"{name:<10}", "dim")
        for model in MODELS:
            why_not = missing[model]
            if why_not is None and snapshot.decision:
                value = (snapshot.decision.models[model] or ())[n]
                line.append_text(bar(value, column - 7, palette.BASIC[name])).append(f" {value * 100:3.0f}   ")
            else:
                line.append(f"{f'{DASH} {why_not}' if n == 0 else '':<{column}}", "dim")
        lines.append(line)
    return lines


def models_compact(snapshot: Snapshot, width: int) -> Lines:
    """The same in one row for each model: a small column and the percentage."""
    cell = max((width - 9) // len(BASIC), 5)
    head = Text(" " * 9)
    for name in _SHORT:
        head.append(f"{name:<{cell}}"[:cell], "dim")
    lines = [head]
    for model in MODELS:
        probabilities = snapshot.decision.models.get(model) if snapshot.decision else None
        line = Text(f"{words.MODELS[model]:<9}", palette.MODELS[model] if probabilities else "dim")
        if probabilities is None:
            line.append(f"{DASH} {words.missing(model, snapshot)}", "dim")
        else:
            for name, value in zip(BASIC, probabilities, strict=True):
                line.append(spark(value), palette.BASIC[name]).append(f"{value * 100:3.0f}".ljust(cell - 1)[: cell - 1])
        lines.append(line)
    return lines


def picture(snapshot: Snapshot, width: int) -> Lines:
    """The size and age of the newest picture, and where the face is."""
    line = Text("picture ", "dim")
    if snapshot.frame is None:
        return [line.append(DASH)]
    tall, wide = snapshot.frame.picture.shape[:2]
    old = max(snapshot.t - snapshot.frame.t, 0.0)
    line.append(f"{wide}×{tall}").append(" · ", "dim")
    line.append(f"{words.age(old)} old", palette.WARN if old > _OLD_S else "").append(" · ", "dim")
    face = snapshot.visual.face if snapshot.visual else None
    if face is None:
        return [line.append("no face", palette.QUIET)]
    x, y, w, h = (round(v) for v in face.box)
    long = f"face {w}×{h} at {x}, {y}"
    return [line.append(long if len(line) + len(long) <= width else f"face {w}×{h}")]


def sound(snapshot: Snapshot, width: int) -> Lines:
    """The level, and whether there is a voice."""
    line = Text("sound   ", "dim")
    heard = snapshot.sound
    if heard is None:
        return [line.append(f"{DASH} {words.missing('acoustic', snapshot)}", "dim")]
    length = min(max(width - 31, 6), 30)
    line.append_text(bar(1 - heard.level_db / _QUIETEST_DB, length, palette.MODELS["acoustic"]))
    level = f"{max(heard.level_db, _QUIETEST_DB):4.0f} dB  " if heard.level_db > -119 else "  silent "
    line.append(f" {level}")
    line.append("● voice" if heard.voice else "○ no voice", palette.GOOD if heard.voice else palette.QUIET)
    return [line]


def sources(reports: Sequence[SourceReport], width: int, most: int) -> Lines:
    """One line for each source, or the first few and how many more there are."""
    if not reports:
        return [Text("no sources", "dim")]
    # What needs attention comes first when not all of it fits.
    order = sorted(reports, key=lambda one: one.state == "live") if len(reports) > most else list(reports)
    lines = []
    for report in order[:most]:
        mark, style = _STATES.get(report.state, ("○", palette.WARN))
        line = Text.assemble((f"{mark} {report.state}", style), f" {report.kind} ", (report.name, "bold"))
        counts = f" · {report.frames} in" + (f", {report.dropped} lost" if report.dropped else "")
        detail = f" · {report.detail}" if report.detail and report.detail != report.state else ""
        line.append(detail, style if style == palette.WARN else "")
        if len(line) + len(counts) <= width:
            line.append(counts, "dim")
        lines.append(line)
    if len(order) > most:
        lines[-1].append(f" · {len(order) - most} more", "dim")
    return lines


def statistics(snapshot: Snapshot, width: int) -> Lines:
    """How fast, how late, what was lost, and on which engines."""
    late = snapshot.latency_ms
    parts = [
        f"{snapshot.rate:.1f} decisions/s",
        f"{late[0]:.0f} / {late[1]:.0f} ms (p50 / p95)" if late else f"{DASH} ms",
        f"{snapshot.dropped} dropped",
    ]
    line = Text(" · ".join(parts), "dim")
    if len(line) > width:
        line = Text(f"{snapshot.rate:.1f}/s · {late[0]:.0f}/{late[1]:.0f} ms" if late else f"{snapshot.rate:.1f}/s", "dim")
    return [line]


def engines(snapshot: Snapshot, width: int) -> Lines:
    """The engine of every network; one word where all are the same."""
    names = set(snapshot.engines.values())
    if len(names) == 1:
        return [Text(f"engine {names.pop()}", "dim")]
    each = [f"{words.MODELS.get(name, name)} {engine}" for name, engine in snapshot.engines.items()]
    return [Text("engines " + ", ".join(each), "dim")] if each else [Text(f"engine {DASH}", "dim")]

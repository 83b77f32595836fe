"""The parts of the terminal view: each takes a snapshot and a width, and gives lines. Pure functions."""

from collections.abc import Mapping, Sequence

from rich.text import Text

from realtime_cer import palette
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Decision, Snapshot, SourceReport
from realtime_cer.ui import words
from realtime_cer.ui.cells import bar, large, spark, stacked
from realtime_cer.ui.text import Text as Words
from realtime_cer.ui.words import DASH

Lines = list[Text]


def largest(text: Words) -> int:
    """Cells that the longest name takes in large letters, on one line."""
    return max(len((large(name) or [name])[0]) for name in text.compound)


_QUIETEST_DB = -60.0
_OLD_S = 1.0
_COMPOUND = dict(zip(COMPOUND, palette.COMPOUND, strict=True))
_MODELS = dict(zip(MODELS, palette.MODELS, strict=True))
_STATES = {
    "live": ("●", palette.GOOD),
    "ended": ("■", palette.QUIET),
    "opening": ("○", palette.QUIET),
    "muted": ("○", palette.QUIET),
}


def header(title: str, right: str, width: int) -> Lines:
    """The title at the left, how is decided at the right."""
    text = Text().append(title, "bold")
    if len(title) + len(right) + 2 <= width:
        text.append(" " * (width - len(title) - len(right)))
        text.append(right, "dim")
    return [text]


def _label(name: str) -> Text:
    return Text().append(name, "dim")


def verdict(snapshot: Snapshot, text: Words, width: int, *, big: bool) -> Lines:
    """What is decided: one line, or large letters and a line under them. As many lines whatever is decided."""
    decision = snapshot.decision
    if decision is None:
        return _calm(text, text.starting, words.waiting(text, snapshot), width, big=big)
    best = words.strongest(decision)
    if decision.label is None:
        hint = ""
        if best:
            value = words.number(text, best[1], 2)
            hint = text.strongest.format(name=words.name(text, best[0]), value=value)
        return _calm(text, f"{text.abstains}: {words.reason(text, decision.reason)}", hint, width, big=big)
    style, name = f"bold {_COMPOUND[decision.label]}", words.name(text, decision.label)
    value, pair = words.number(text, best[1], 2) if best else DASH, f"  {words.pair(text, decision.label)}"
    if not big:
        line = Text.assemble((name.upper(), style), f"  {value}")
        return [line.append(pair, "dim") if len(line) + len(pair) <= width else line]
    # A word for each row; a language that has three keeps the last two together.
    parts = [name] if width >= largest(text) else name.split(maxsplit=1)
    rows = [Text().append(row, style) for part in parts for row in large(part) or ["", part.upper(), ""]]
    return [*rows, Text.assemble(value, (pair, "dim"))]


def _calm(text: Words, headline: str, hint: str, width: int, *, big: bool) -> Lines:
    """Nothing is named: no colour, no capitals."""
    first = Text.assemble(("○ ", palette.QUIET), (headline, "italic"))
    if not big:
        return [first.append(f"  {hint}", "dim") if hint and len(first) + len(hint) + 2 <= width else first]
    above, below = (1, 1) if width >= largest(text) else (2, 3)
    return [*[Text()] * above, first, *[Text()] * below, _label(hint)]


def compound(decision: Decision | None, text: Words, width: int) -> Lines:
    """Seven bars. While the program abstains they stay without colour, and the strongest has a hollow mark."""
    values = decision.compound if decision else None
    best = words.strongest(decision) if decision else None
    # With weights for whole models everything is smaller; bars are shares of all the probability there is.
    total = sum(decision.basic) if decision and decision.basic else 0.0
    named = decision is not None and decision.label is not None
    longest = max(map(len, text.compound))
    lines = []
    for n, name in enumerate(COMPOUND):
        mine = best is not None and best[0] == name
        style = _COMPOUND[name] if named else palette.QUIET
        words_style = "dim" if not named else f"bold {style}" if mine else ""
        line = Text().append(("▸ " if named else "▹ ") if mine else "  ", style)
        line.append(f"{text.compound[n]:<{longest}} ", "" if mine and not named else words_style)
        value = values[n] if values else None
        length = max(width - len(line) - 5, 4)
        line.append_text(bar(value / total if value is not None and total > 0 else 0.0, length, style))
        lines.append(
            line.append(
                f" {words.number(text, value, 2)}" if value is not None else f"    {DASH}",
                "bold" if mine and named else "",
            )
        )
    return lines


def why(
    decision: Decision | None, text: Words, width: int, without: Mapping[str, str | None], *, colour: bool
) -> Lines:
    """The models' shares of the strongest class: one bar, a legend under it, and what it would be without each.

    Textures take the place of colours where there are none.
    """
    shares = decision.contributions if decision else {}
    here = [name for name in MODELS if shares.get(name, 0.0) > 0]
    styles, fills = [_MODELS[name] for name in MODELS], "███" if colour else "█▓░"
    line = _label(f"{text.why} ")
    indent = len(line)
    line.append_text(stacked([shares.get(name, 0.0) for name in MODELS], width - indent, styles, fills))
    legend = Text(" " * indent)
    for name, style, fill in zip(MODELS, styles, fills, strict=True):
        share = f"{shares[name] * 100:.0f} %" if name in here else DASH
        legend.append("■ " if colour else f"{fill} ", style).append(
            f"{text.models[name]} {share:<7}", "" if name in here else "dim"
        )
    if not without:
        return [line, legend]
    rest = []
    for name in (name for name in MODELS if name in without):
        label = without[name]
        told = text.without_abstains if label is None else text.without_it.format(name=words.name(text, label))
        rest.append(Text(f"{' ' * indent}{text.models[name]}: {told}", "dim"))
    return [line, legend, *rest]


def models_full(snapshot: Snapshot, text: Words, width: int) -> Lines:
    """The basic probabilities of the three models side by side, one row for each emotion."""
    names = max(map(len, text.basic)) + 1
    column = max((width - names) // len(MODELS), 9)
    head, missing = Text(" " * names), {}
    for model in MODELS:
        probabilities = snapshot.decision.models.get(model) if snapshot.decision else None
        title = text.models[model]
        missing[model] = words.missing(text, model, snapshot) if probabilities is None else None
        head.append(f"{title:<{column}}", f"bold {_MODELS[model]}" if probabilities else f"dim {palette.QUIET}")
    lines = [head]
    for n, name in enumerate(text.basic):
        line = _label(f"{name:<{names}}")
        for model in MODELS:
            why_not = missing[model]
            if why_not is None and snapshot.decision:
                value = (snapshot.decision.models[model] or ())[n]
                line.append_text(bar(value, column - 7, palette.BASIC[n])).append(f" {value * 100:3.0f}   ")
            else:
                line.append(f"{f'{DASH} {why_not}' if n == 0 else '':<{column}}", "dim")
        lines.append(line)
    return lines


def models_compact(snapshot: Snapshot, text: Words, width: int) -> Lines:
    """The same in one row for each model: a small column and the percentage."""
    names = max(map(len, text.models.values())) + 2
    cell = max((width - names) // len(text.basic), 5)
    head = Text(" " * names)
    for name in text.basic_short:
        head.append(f"{name:<{cell}}"[:cell], "dim")
    lines = [head]
    for model in MODELS:
        probabilities = snapshot.decision.models.get(model) if snapshot.decision else None
        line = Text().append(f"{text.models[model]:<{names}}", _MODELS[model] if probabilities else "dim")
        if probabilities is None:
            line.append(f"{DASH} {words.missing(text, model, snapshot)}", "dim")
        else:
            for colour, value in zip(palette.BASIC, probabilities, strict=True):
                line.append(spark(value), colour).append(f"{value * 100:3.0f}".ljust(cell - 1)[: cell - 1])
        lines.append(line)
    return lines


def picture(snapshot: Snapshot, text: Words, width: int) -> Lines:
    """The size and age of the newest picture, and where the face is."""
    line = _label(f"{text.picture} ")
    if snapshot.frame is None:
        return [line.append(DASH)]
    tall, wide = snapshot.frame.picture.shape[:2]
    old = max(snapshot.t - snapshot.frame.t, 0.0)
    line.append(f"{wide}×{tall}").append(" · ", "dim")
    line.append(text.old.format(age=words.age(text, old)), palette.WARN if old > _OLD_S else "").append(" · ", "dim")
    face = snapshot.visual.face if snapshot.visual else None
    if face is None:
        return [line.append(text.no_face, palette.QUIET)]
    x, y, w, h = (round(v) for v in face.box)
    long = text.face_at.format(wide=w, tall=h, x=x, y=y)
    return [line.append(long if len(line) + len(long) <= width else text.face.format(wide=w, tall=h))]


def sound(snapshot: Snapshot, text: Words, width: int) -> Lines:
    """The level, and whether there is a voice."""
    line = _label(f"{text.sound:<{len(text.picture)}} ")
    heard = snapshot.sound
    if heard is None:
        return [line.append(f"{DASH} {words.missing(text, 'acoustic', snapshot)}", "dim")]
    length = min(max(width - 31, 6), 30)
    line.append_text(bar(1 - heard.level_db / _QUIETEST_DB, length, _MODELS["acoustic"]))
    level = f"{max(heard.level_db, _QUIETEST_DB):4.0f} dB  " if heard.level_db > -119 else f"  {text.silent} "
    line.append(f" {level}")
    if heard.voice is not None:  # the detector has an answer
        line.append(
            f"● {text.voice}" if heard.voice else f"○ {text.no_voice}", palette.GOOD if heard.voice else palette.QUIET
        )
    return [line]


def people(snapshot: Snapshot, text: Words, width: int) -> Lines:
    """One line for each face: what is said of it, whether the sound is its own, and its neutral.

    Nothing where there is one face alone, of which nothing is learned.
    """
    seen = sorted(snapshot.people, key=lambda one: one.id)
    if len(seen) < 2 and not any(words.baseline(text, one) for one in seen):
        return []
    target = snapshot.visual.face.id if snapshot.visual and snapshot.visual.face else None
    lines = []
    for n, one in enumerate(seen, 1):
        label = one.decision.label
        told = words.name(text, label) if label else f"{text.abstains}: {words.reason(text, one.decision.reason)}"
        rest = [part for part in (words.evidence(text, one), words.baseline(text, one)) if part]
        if len(told) + sum(len(part) + 3 for part in rest) + 4 > width:
            told = told if label else text.abstains
            rest = rest[1:] or [text.with_sound if one.gated else text.picture_only]
        line = Text.assemble("▸ " if one.id == target else "  ", (f"{n} ", "dim"))
        line.append(told, f"bold {_COMPOUND[label]}" if label else "italic")
        line.append("".join(f" · {part}" for part in rest), "dim")
        line.truncate(width, overflow="ellipsis")
        lines.append(line)
    return lines


def sources(reports: Sequence[SourceReport], text: Words, width: int, most: int) -> Lines:
    """One line for each source, or the first few and how many more there are."""
    if not reports:
        return [Text(text.no_sources, "dim")]
    # What needs attention comes first when not all of it fits.
    order = sorted(reports, key=lambda one: one.state == "live") if len(reports) > most else list(reports)
    lines = []
    for n, report in enumerate(order[:most], 1):
        rest = f" +{len(order) - most}" if n == most < len(order) else ""
        lines.append(_source(report, text, width - len(rest)).append(rest, "dim"))
    return lines


def _source(report: SourceReport, text: Words, width: int) -> Text:
    mark, style = _STATES.get(report.state, ("○", palette.WARN))
    kind = text.kinds.get(report.kind, report.kind)
    head, name = f"{mark} {text.states.get(report.state, report.state)}", report.name
    detail = f" · {report.detail}" if report.detail and report.detail != report.state else ""
    lost = f", {text.lost.format(count=report.dropped)}" if report.dropped else ""
    counts = f" · {text.frames_in.format(count=report.frames)}{lost}"
    over = len(head) + len(kind) + len(name) + len(detail) + 2 - width
    # A long address gives way to what is the matter.
    if over > 0 and len(name) > 9:
        name = f"{name[: max(len(name) - over - 1, 8)]}…"
    line = Text.assemble((head, style), f" {kind} ", (name, "bold"))
    line.append(detail, style if style == palette.WARN else "")
    if len(line) + len(counts) <= width:
        line.append(counts, "dim")
    line.truncate(width, overflow="ellipsis")
    return line


def statistics(snapshot: Snapshot, text: Words, width: int) -> Lines:
    """How fast, how late, and what was lost; in fewer words where there is less room."""
    late, rate = snapshot.latency_ms, words.number(text, snapshot.rate, 1)
    dropped = f"{snapshot.dropped} {text.dropped}"
    p50, p95 = (f"{late[0]:.0f}", f"{late[1]:.0f}") if late else (DASH, DASH)
    forms = (
        f"{rate} {text.decisions_per_s} · {p50} / {p95} ms {text.to_decide} · {dropped}",
        f"{rate} {text.decisions_per_s} · {p50}/{p95} ms · {dropped}",
        f"{rate}/s · {p50}/{p95} ms · {dropped}",
    )
    line = _label(next((form for form in forms if len(form) <= width), forms[-1]))
    # What the program does without comes before all figures.
    less = words.rung(text, snapshot)
    return [Text.assemble((less, palette.WARN), " · ").append_text(line) if less else line]


def engines(snapshot: Snapshot, text: Words, width: int) -> Lines:
    """The engine of every network; one word where all are the same."""
    return [Text(words.engines(text, snapshot), "dim")]

"""A report as one Markdown page, from the same values as its JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.metrics import BINS

NONE = "–"

_RULES = {
    "none": "plain sum (`none`)",
    "rule1": "Rule 1 (`rule1`)",
    "rule2": "Rule 2 (`rule2`)",
    "rule3": "Rule 3 (`rule3`)",
}


def page(report: Mapping[str, Any], command: str, card: str | None) -> str:
    """Write the page.

    Parameters
    ----------
    report : as ``report.gather`` and ``report.draw`` leave it, with ``clip`` where a clip was drawn
    command : what made it, without folders of this machine
    card : relative link to the model card, where there is one
    """
    blocks = [*_head(report, command, card), *(block for section in _SECTIONS for block in section(report))]
    return "\n\n".join(blocks) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A Markdown table whose columns also stand under each other in plain text; the first ``words`` are of words."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [c.ljust(w) if i < words else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * w if i < words else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([line(head), "| " + " | ".join(rule) + " |", *map(line, rows)])


def percent(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A share in per cent, with its interval where there is one."""
    if value is None:
        return NONE
    return f"{100 * value:.1f}" + (f" ({100 * interval[0]:.1f}–{100 * interval[1]:.1f})" if interval else "")


def _head(report: Mapping[str, Any], command: str, card: str | None) -> list[str]:
    networks = [[name, f"`{n['sha256'][:12]}`", f"{n['temperature']:g}"] for name, n in report["networks"].items()]
    model_card = f"[model card]({card})" if card else "model card (`engines/MODEL_CARD.md`)"
    blocks = [
        "# How good the networks are",
        f"What these networks must not be used for, and how they were made: {model_card}.",
        "Figures are in per cent; in parentheses the 95 % interval of a bootstrap (1000 draws)."
        " It draws whole speakers anew where a corpus has five or more of them in the part measured, files otherwise."
        " F1 is the mean over the classes that occur, UAR the mean of their recalls: about 14 by chance.",
        f"Everything here, pictures included, was made by\n\n```sh\n{command}\n```",
        table(["network", "SHA-256", "temperature"], networks),
    ]
    seen = [name for name, found in report["measured"].items() if found.get("held_out", found["n"]) < found["n"]]
    if seen:
        told = f"**Part `all` of {', '.join(seen)} includes files that training may see: these figures are too good.**"
        blocks.insert(3, told)
    return blocks


def _models_and_fusions(report: Mapping[str, Any]) -> Iterator[str]:
    """The paper's Table 2, basic emotions: a row for each model and fusion, F1 and UAR for each corpus."""
    basic = {name: found for name, found in report["measured"].items() if "rules" not in found}
    fusions = report["fusions"]
    stored = [] if fusions is None or "rules" in fusions["rows"][0] else fusions["rows"]
    if not basic and not stored:
        return
    columns = [*basic, *(["stored"] if stored else [])]
    rows = []
    for model in MODELS:
        alone = [row for row in stored if row["models"] == model]
        cells = [found if model in _network(found) else None for found in basic.values()]
        rows.append((model, [*cells, *(alone or [None] * bool(stored))]))
    rows += [(_fusion_name(row), [*[None] * len(basic), row]) for row in stored if row["fusion"] is not None]
    yield "## Models and fusions: basic emotions"
    counts = ", ".join(f"{name} {found['n']}" for name, found in basic.items())
    yield f"Laid out as the paper's Table 2. How many files: {counts or 'none'}" + (
        f"; stored {fusions['n']} of {fusions['of']}." if stored else "."
    )
    head = ["model or fusion", *(f"{name}: {figure}" for name in columns for figure in ("F1", "UAR"))]
    yield table(
        head, [[name, *(_cell(c, f) for c in cells for f in ("f1", "uar"))] for name, cells in rows if any(cells)]
    )
    for name, found in basic.items():
        rest = found.get("without_copies")
        if rest:
            yield (
                f"Of {name}'s files {rest['copies']} are, byte for byte, in the part trained on too; without them:"
                f" F1 {percent(rest['f1'])}, UAR {percent(rest['uar'])}, accuracy {percent(rest['accuracy'])}"
                f" (of all {percent(found['accuracy'])})."
            )
    if stored:
        yield from _about_stored(fusions)
    else:
        yield "Fusions need what all three models say of the same moments: `--probabilities FILE` gives them."


def _about_stored(fusions: Mapping[str, Any]) -> Iterator[str]:
    halves = (
        "Measured on the half on which `scripts/fit_fusion` fits no weights."
        if fusions["n"] < fusions["of"]
        else "The file tells no halves: weights that were fitted on it look too good."
    )
    alike = "Rows made of the same picture or voice are alike, so the true intervals are wider."
    yield f"*stored*: {fusions['source']}. {halves} {alike}"


def _fusion_name(row: Mapping[str, Any]) -> str:
    return f"{row['models']}, {row['fusion']}" if row["fusion"] else str(row["models"])


def _network(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(found.get("engines", ())) or (found["calibration"]["network"],)


def _cell(found: Mapping[str, Any] | None, figure: str) -> str:
    return NONE if found is None else percent(found[figure], found["interval95"][figure])


def _rules(report: Mapping[str, Any]) -> Iterator[str]:
    """Every rule on compound faces: zero-shot."""
    for name, found in report["measured"].items():
        if "rules" in found:
            yield f"## Rules on compound expressions: {name}"
            yield (
                f"{found['n']} faces of the seven classes, zero-shot: no network was ever trained on compound labels."
                " Faces only: static alone, the other two missing. Every face gets the argmax, nothing abstains."
            )
            yield _rule_table(found["rules"], found["default_rule"])
            yield (
                "Another rule is better by evidence where the whole interval of the difference lies above 0."
                " Where the default was chosen by these very figures, its own are a little too good."
            )
    fusions = report["fusions"]
    if fusions and "rules" in fusions["rows"][0]:
        yield "## Models, fusions and rules: compound expressions"
        rules = list(fusions["rows"][0]["rules"])
        head = ["model or fusion", *(f"{rule}: {figure}" for rule in rules for figure in ("F1", "UAR"))]
        rows = [
            [_fusion_name(row), *(_cell(row["rules"][rule], f) for rule in rules for f in ("f1", "uar"))]
            for row in fusions["rows"]
        ]
        yield table(head, rows)
        yield from _about_stored(fusions)


def _rule_table(rules: Mapping[str, Any], default: str) -> str:
    rows = []
    for rule, found in rules.items():
        beyond = found.get("f1_beyond_default")
        told = "the default" if rule == default else _signed(beyond["value"], beyond["interval95"])
        figures = [percent(found[f], found["interval95"][f]) for f in ("f1", "uar", "accuracy")]
        rows.append([_RULES.get(rule, rule), *figures, told])
    return table(["rule", "F1", "UAR", "accuracy", "F1 beyond the default's, paired"], rows)


def _signed(value: float, interval: Sequence[float]) -> str:
    return f"{100 * value:+.1f} ({100 * interval[0]:+.1f} to {100 * interval[1]:+.1f})"


def _calibration(report: Mapping[str, Any]) -> Iterator[str]:
    if not report["calibration"]:
        return
    rows = []
    for name, found in report["calibration"].items():
        before, after = found.get("before", {}), found["after"]
        cells = [percent(before.get("ece")), percent(after["ece"], after["interval95"])]
        cells += [_number(when.get(key)) for key in ("brier", "nll") for when in (before, after)]
        rows.append([name, *cells])
    yield "## Calibration"
    yield (
        f"Whether probabilities mean what they say. Expected calibration error (ECE, %) over {BINS} bins of equal"
        " width, Brier score and negative log-likelihood (NLL, nats); less is better."
        " *Before* is at temperature 1, *after* as shipped; of stored probabilities only what was stored is known."
    )
    yield table(["", *(f"{key} {when}" for key in ("ECE", "Brier", "NLL") for when in ("before", "after"))], rows)
    for name, file in report["pictures"]["reliability"].items():
        yield f"![Reliability of {name}]({file})"


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _classes(report: Mapping[str, Any]) -> Iterator[str]:
    if not report["measured"]:
        return
    yield "## Each class"
    for compound in (False, True):
        columns = {name: r for name, r in report["measured"].items() if (tuple(r["classes"]) == COMPOUND) == compound}
        if columns:
            classes = next(iter(columns.values()))["classes"]
            rows = [[c, *(_recall(found, c) for found in columns.values())] for c in classes]
            yield "Recall, and of how many files:" if not compound else "Recall under the default rule:"
            yield table(["", *columns], rows)
    for name, file in report["pictures"]["confusion"].items():
        yield f"![What is taken for what: {name}]({file})"
    yield (
        "One of these alone, for a corpus:"
        f" `scripts/evaluate --corpus NAME --data DIR --part {report['part']} --picture FILE`."
    )


def _recall(found: Mapping[str, Any], name: str) -> str:
    n = sum(found["confusion"][found["classes"].index(name)])
    return f"{percent(found['recall'][name])} of {n}" if n else NONE


def _groups(report: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        [f"{name}: {kind} {group}", str(g["n"]), *(percent(g[f], g["interval95"][f]) for f in ("accuracy", "uar"))]
        for name, found in report["measured"].items()
        for kind, groups in found.get("groups", {}).items()
        for group, g in groups.items()
    ]
    yield "## By group"
    if rows:
        yield "Where a corpus tells. Intervals draw files; groups of few people say little of others."
        yield table(["", "n", "accuracy", "UAR"], rows)
    else:
        yield "None of the corpora measured tells of groups of people."


def _weights(report: Mapping[str, Any]) -> Iterator[str]:
    yield "## Weights of the models"
    yield "Which model is trusted for which emotion, as in the paper's Figure 2."
    yield f"![Weight of each model for each emotion]({report['pictures']['weights']})"


def _clip(report: Mapping[str, Any]) -> Iterator[str]:
    clip = report.get("clip")
    if clip:
        yield "## Timelines of a clip"
        yield (
            f"`{clip['file']}`, {clip['decisions']} decisions, rule `{clip['rule']}`, weights {clip['weights']}: what"
            " each model would say alone, and what the fusion says, as in the paper's Figure 3. The band above a panel"
            " is what is named."
        )
        yield f"![Compound timelines of each model and the fusion]({clip['picture']})"


def _absent(report: Mapping[str, Any]) -> Iterator[str]:
    if report["absent"]:
        yield "## Not measured"
        yield table(["corpus", "why"], [[name, why] for name, why in report["absent"].items()], words=2)


_SECTIONS = (_models_and_fusions, _rules, _calibration, _classes, _groups, _weights, _clip, _absent)

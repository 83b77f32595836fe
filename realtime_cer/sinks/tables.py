"""Rows: one decision as JSON or CSV, flushed one by one so that a crash loses at most the last."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from realtime_cer.labels import BASIC, COMPOUND, MODELS
from realtime_cer.records import Decision, Person


def _short(value: float) -> float:
    """Nine significant digits: exactly what tells one float32 from the next."""
    return float(f"{value:.9g}")


def _named(names: Sequence[str], values: Sequence[float] | None) -> dict[str, float] | None:
    return None if values is None else {n: _short(v) for n, v in zip(names, values, strict=True)}


def to_row(decision: Decision) -> dict[str, Any]:
    """A decision as plain values for JSON.

    Times have microseconds, ages tenths of a millisecond; probabilities have nine significant digits, from which the
    networks' float32 numbers come back bit for bit. The key ``people``, the others in view, is there only
    where there are any, and ``meters`` only where the decision has some.
    """
    row: dict[str, Any] = {
        "t": round(decision.t, 6),
        "seq": decision.seq,
        "face": None if decision.face is None else [round(v, 1) for v in decision.face],
        "label": decision.label,
        "reason": decision.reason,
        "basic": _named(BASIC, decision.basic),
        "compound": _named(COMPOUND, decision.compound),
        "models": {name: _named(BASIC, decision.models.get(name)) for name in MODELS},
        "contributions": {name: round(share, 6) for name, share in decision.contributions.items()},
        "age_ms": {name: None if age is None else round(age, 1) for name, age in decision.age_ms.items()},
        "dropped": decision.dropped,
        "rule": decision.rule,
        "weights": decision.weights,
        "engine": dict(decision.engine),
    }
    if decision.people:
        row["people"] = [_person(one) for one in decision.people]
    if decision.meters is not None:
        row["meters"] = dict(decision.meters)
    return row


def from_row(row: Mapping[str, Any]) -> Decision:
    """The decision that a row of ``to_row`` stands for.

    Raises
    ------
    KeyError
        A key of the row format is missing.
    """

    def values(names: Sequence[str], table: Mapping[str, float] | None) -> tuple[float, ...] | None:
        return None if table is None else tuple(table[name] for name in names)

    x, y, width, height = row["face"] or (0, 0, 0, 0)
    return Decision(
        t=row["t"],
        seq=row["seq"],
        face=(x, y, width, height) if row["face"] else None,
        label=row["label"],
        reason=row["reason"],
        basic=values(BASIC, row["basic"]),
        compound=values(COMPOUND, row["compound"]),
        models={name: values(BASIC, row["models"][name]) for name in MODELS},
        contributions=dict(row["contributions"]),
        age_ms=dict(row["age_ms"]),
        dropped=row["dropped"],
        rule=row["rule"],
        weights=row["weights"],
        engine=dict(row["engine"]),
        meters=row.get("meters"),
        people=tuple(_person_from(one, row) for one in row.get("people", ())),
    )


def _person(person: Person) -> dict[str, Any]:
    """One of the others in view; what is not here is as in the row around it."""
    own = to_row(person.decision)
    kept = ("face", "label", "reason", "basic", "compound", "models", "contributions")
    speaking = None if person.speaking is None else round(person.speaking, 6)
    known = {"gated": person.gated, "speaking": speaking, "calibrated": person.calibrated}
    return {"id": person.id, **{key: own[key] for key in kept}, **known}


def _person_from(one: Mapping[str, Any], row: Mapping[str, Any]) -> Person:
    around = {key: value for key, value in row.items() if key not in ("people", "meters")}
    x, y, width, height = one["face"]
    return Person(
        id=one["id"],
        box=(x, y, width, height),
        decision=from_row({**around, **one}),
        speaking=one["speaking"],
        gated=one["gated"],
        calibrated=one["calibrated"],
    )


def to_json(decision: Decision) -> str:
    """A decision as one line of JSON, without its line end."""
    return json.dumps(to_row(decision), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read_rows(path: Path) -> list[Decision]:
    """Every whole row of a ``decisions.jsonl``; a torn last line is left out.

    Raises
    ------
    ValueError
        A line in the middle is no row.
    """
    # As bytes: a line may be torn in the middle of a letter.
    lines = path.read_bytes().split(b"\n")
    rows = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            rows.append(from_row(json.loads(line.decode("utf-8"))))
        except (ValueError, KeyError, TypeError):
            if number == len(lines):
                break
            raise ValueError(f"{path}: line {number} is no decision") from None
    return rows


def csv_header() -> list[str]:
    """Names of the CSV columns."""
    return [
        *("t", "seq", "label", "reason", "face_x", "face_y", "face_width", "face_height"),
        *(f"basic_{name}" for name in BASIC),
        *(f"compound_{name}" for name in COMPOUND),
        *(f"{model}_{name}" for model in MODELS for name in BASIC),
        *(f"share_{model}" for model in MODELS),
        *(f"age_{model}_ms" for model in MODELS),
        *(f"engine_{model}" for model in MODELS),
        *("dropped", "rule", "weights"),
    ]


def to_csv(decision: Decision) -> list[Any]:
    """A decision as one value for each column of ``csv_header``; None is an empty cell."""
    row = to_row(decision)

    def cells(names: Iterable[str], table: Mapping[str, Any] | None) -> list[Any]:
        return [(table or {}).get(name) for name in names]

    return [
        *(row["t"], row["seq"], row["label"], row["reason"]),
        *(row["face"] or [None] * 4),
        *cells(BASIC, row["basic"]),
        *cells(COMPOUND, row["compound"]),
        *(value for model in MODELS for value in cells(BASIC, row["models"][model])),
        *cells(MODELS, row["contributions"]),
        *cells(MODELS, row["age_ms"]),
        *cells(MODELS, row["engine"]),
        *(row["dropped"], row["rule"], row["weights"]),
    ]


class Tables:
    """Writes ``decisions.jsonl`` and ``decisions.csv`` into a folder that exists.

    Raises
    ------
    OSError
        The files cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._jsonl = (folder / "decisions.jsonl").open("w", encoding="utf-8", newline="\n")
        try:
            self._csv = (folder / "decisions.csv").open("w", encoding="utf-8", newline="")
        except OSError:
            self._jsonl.close()
            raise
        self._writer = csv.writer(self._csv)
        self._writer.writerow(csv_header())

    def write(self, decision: Decision) -> None:
        """Write one row into both files, down to the operating system."""
        self._jsonl.write(to_json(decision) + "\n")
        self._jsonl.flush()
        self._writer.writerow(to_csv(decision))
        self._csv.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._jsonl.close()
        finally:
            self._csv.close()

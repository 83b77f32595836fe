"""Rows survive the way out and back, and a kill in the middle of writing."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_cer.labels import BASIC, COMPOUND, MODELS
from realtime_cer.records import Decision
from realtime_cer.sinks.tables import Tables, csv_header, from_row, read_rows, to_csv, to_json, to_row

finite = st.floats(0, 1)
seven = st.tuples(*[finite] * 7)
words = st.text(min_size=1, max_size=20)

decisions = st.builds(
    Decision,
    t=st.floats(-10, 1e6),
    seq=st.integers(0, 10**9),
    face=st.none() | st.tuples(*[st.floats(-100, 4000)] * 4),
    label=st.none() | st.sampled_from(COMPOUND),
    reason=st.none() | words,
    basic=st.none() | seven,
    compound=st.none() | seven,
    models=st.fixed_dictionaries({name: st.none() | seven for name in MODELS}),
    contributions=st.dictionaries(st.sampled_from(MODELS), finite),
    age_ms=st.fixed_dictionaries({name: st.none() | st.floats(0, 1e5) for name in MODELS}),
    dropped=st.integers(0, 1000),
    rule=words,
    weights=words,
    engine=st.fixed_dictionaries({name: st.none() | words for name in MODELS}),
)


def whole() -> Decision:
    third = (0.1, 0.05, 0.05, 0.1, 0.4, 0.1, 0.2)
    return Decision(
        t=1.2,
        seq=6,
        face=(10.0, 20.5, 100.0, 120.0),
        label="Happily Surprised",
        reason=None,
        basic=third,
        compound=(0.3, 0.6, 0.3, 0.25, 0.25, 0.2, 0.15),
        models={"static": third, "dynamic": third, "acoustic": None},
        contributions={"static": 0.6, "dynamic": 0.4},
        age_ms={"static": 20.0, "dynamic": 20.0, "acoustic": None},
        dropped=1,
        rule="rule1",
        weights="equal",
        engine={"static": "cpu", "dynamic": "cpu", "acoustic": None},
    )


def nothing() -> Decision:
    none = dict.fromkeys(MODELS)
    return Decision(0.0, 0, None, None, "no face", None, None, none, {}, none, 0, "none", "equal", none)


def test_rows_look_as_they_did(golden: Callable[[str, str], None]) -> None:
    golden("decisions.jsonl", "".join(to_json(d) + "\n" for d in (whole(), nothing())))


@given(decisions)
def test_a_row_comes_back_exactly(decision: Decision) -> None:
    row = to_row(decision)
    again = from_row(json.loads(to_json(decision)))
    assert to_row(again) == row
    assert from_row(to_row(again)) == again


@given(decisions)
def test_json_is_one_line_and_csv_fits_its_header(decision: Decision) -> None:
    assert "\n" not in to_json(decision)
    named = dict(zip(csv_header(), to_csv(decision), strict=True))
    assert named["t"] == to_row(decision)["t"]
    for i, name in enumerate(BASIC):
        values = decision.models["dynamic"]
        assert named[f"dynamic_{name}"] == (None if values is None else float(f"{values[i]:.9g}"))


def test_no_nan_is_ever_written(tmp_path: Path) -> None:
    broken = to_row(whole()) | {"t": float("nan")}
    with Tables(tmp_path) as tables, pytest.raises(ValueError, match="JSON"):
        tables.write(from_row(broken))
    assert read_rows(tmp_path / "decisions.jsonl") == []


def test_both_files_hold_every_row(tmp_path: Path) -> None:
    with Tables(tmp_path) as tables:
        tables.write(whole())
        tables.write(nothing())
        assert read_rows(tmp_path / "decisions.jsonl") == [whole(), nothing()], "rows are there before the end"
    with (tmp_path / "decisions.csv").open(encoding="utf-8", newline="") as text:
        first, second = csv.DictReader(text)
    assert (first["label"], first["compound_Happily Surprised"], first["acoustic_Fear"]) == (
        "Happily Surprised",
        "0.6",
        "",
    )
    assert (second["reason"], second["face_x"], second["share_static"]) == ("no face", "", "")


def test_a_torn_last_line_is_left_out_and_one_in_the_middle_is_told(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    line = to_json(whole())
    path.write_text(f"{line}\n{line[:50]}", encoding="utf-8")
    assert read_rows(path) == [whole()]
    path.write_text(f"{line[:50]}\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 1"):
        read_rows(path)


def test_a_line_torn_within_a_letter_is_left_out_too(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    line = to_json(replace(whole(), weights="größer")).encode()
    path.write_bytes(line + b"\n" + line[: line.index(b"\xc3") + 1])
    assert [row.weights for row in read_rows(path)] == ["größer"]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_kill_costs_at_most_the_last_row(tmp_path: Path) -> None:
    code = (
        "import sys; from dataclasses import replace; from pathlib import Path; from test_tables import whole\n"
        "from realtime_cer.sinks.tables import Tables\n"
        "tables = Tables(Path(sys.argv[1])); n = 0\n"
        "while True: tables.write(replace(whole(), seq=n)); n += 1\n"
    )
    path = tmp_path / "decisions.jsonl"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environment)
    try:
        deadline = time.monotonic() + 30
        while not (path.exists() and path.stat().st_size > 200_000) and time.monotonic() < deadline:
            time.sleep(0.005)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    rows = read_rows(path)
    assert len(rows) > 100
    assert [row.seq for row in rows] == list(range(len(rows)))
    assert len(rows) >= path.read_text(encoding="utf-8").count("\n")

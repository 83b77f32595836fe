"""Replay: with the settings of then the rows of then, bit for bit; with others what live would have said."""

import itertools
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parts.replayed import by, decided, write_session

from realtime_cer.cli import main
from realtime_cer.config import Config, load_weights
from realtime_cer.labels import MODELS
from realtime_cer.rules import RULES
from realtime_cer.sessions.differences import ABSTAINED, differences
from realtime_cer.sessions.replay import replay
from realtime_cer.sinks.tables import to_json, to_row
from realtime_cer.smoothing import smooth

DEMO = Path(__file__).parents[1] / "realtime_cer" / "assets" / "demo.mp4"
WEIGHTS = ("equal", "avcer-video", "avcer-7cl", "avcer-8cl")


@pytest.mark.parametrize(("rule", "weights"), list(itertools.product(RULES, WEIGHTS)))
def test_the_settings_of_then_give_the_rows_of_then(rule: Any, weights: str) -> None:
    for always in (False, True):
        config = Config(rule=rule, always_decide=always)
        rows = decided(config, weights)
        again = list(replay(rows, by(config, load_weights(weights))))
        assert [to_json(row) for row in again] == [to_json(row) for row in rows]


def test_other_settings_give_what_live_would_have_said_with_them() -> None:
    rows = decided(Config(rule="none"), "equal")
    for rule, weights in itertools.product(RULES, WEIGHTS):
        config = Config(rule=rule, always_decide=True)
        again = list(replay(rows, by(config, load_weights(weights))))
        assert [to_json(row) for row in again] == [to_json(row) for row in decided(config, weights)]


def test_a_network_that_is_left_out_is_as_if_it_had_been_missing() -> None:
    config, weights = Config(rule="rule1"), load_weights("avcer-8cl")
    rows = decided(config, "avcer-8cl")
    known = [row for row in rows if row.face is not None]
    again = replay(known, by(config, weights), without=["acoustic"])
    missing = [row for row in decided(config, "avcer-8cl", without=("acoustic",)) if row.face is not None]
    assert [to_json(row) for row in again] == [to_json(row) for row in missing]
    deaf = list(replay(rows, by(config, weights), without=MODELS))
    assert {row.reason for row in deaf} == {"no face", "nothing fresh"}
    assert not any(row.contributions for row in deaf)


def test_smoothing_gives_what_a_view_shows() -> None:
    config, weights = Config(), load_weights("equal")
    rows = decided(config, "equal")
    again = list(replay(rows, by(config, weights), smoothing_s=0.6))
    shown = smooth(rows, 0.6)
    assert [(row.label, row.reason) for row in again] == [(one.label, one.reason) for one in shown]
    measured = [[to_row(row)["models"] for row in one] for one in (again, rows)]
    assert measured[0] == measured[1], "only what is shown is smoothed"
    assert len(differences(rows, again).changed) > 10


def test_differences_are_counted_by_what_became_of_what() -> None:
    rows = [replace(row, label="Sadly Angry", reason=None) for row in decided(Config(), "equal", count=10)]
    other = [replace(row, label=None, reason="no face") if k in (2, 7) else row for k, row in enumerate(rows)]
    told = differences(rows, other)
    assert (told.rows, told.changed) == (10, (2, 7))
    assert told.moves == (("Sadly Angry", ABSTAINED, 2),)
    assert told.counts == {"Sadly Angry": (10, 8), ABSTAINED: (0, 2)}


# The command


def test_what_run_wrote_is_written_again_to_the_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    then, again = tmp_path / "then", tmp_path / "again"
    assert main(["run", str(DEMO), "--out", str(then), "--rule", "rule2", "--weights", "avcer-7cl"]) == 0
    assert main(["replay", str(then), "--out", str(again)]) == 0
    assert "0 of " in capsys.readouterr().out
    for name in ("decisions.jsonl", "decisions.csv"):
        assert (again / name).read_bytes() == (then / name).read_bytes()
    other = tmp_path / "other"
    assert main(["run", str(DEMO), "--out", str(other), "--rule", "rule1", "--weights", "equal"]) == 0
    changed = tmp_path / "changed"
    words = ["replay", str(then), "--rule", "rule1", "--weights", "equal", "--out", str(changed), "--compare"]
    assert main(words) == 0
    assert (changed / "decisions.jsonl").read_bytes() == (other / "decisions.jsonl").read_bytes()
    assert {path.name for path in changed.iterdir()} == {
        *("decisions.jsonl", "decisions.csv", "summary.json", "timeline.png", "differences.png")
    }
    summary = json.loads((changed / "summary.json").read_text())
    assert (summary["settings"]["rule"], summary["replayed"]["without"]) == ("rule1", [])
    assert main(words) == 2, "it would replace results"


def test_what_live_recorded_is_decided_again_to_the_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["live", "--headless", "--camera", str(DEMO), "--duration", "4", "--record", str(tmp_path / "kept")]
    assert main([*words, "--record-film", "clean"]) == 0
    [session] = (tmp_path / "kept").iterdir()
    assert main(["replay", str(session), "--out", str(tmp_path / "again"), "--compare"]) == 0
    assert "0 of " in capsys.readouterr().out
    rows = (session / "decisions.jsonl").read_bytes()
    assert rows.count(b"\n") >= 15
    assert b'"static":{' in rows
    assert (tmp_path / "again" / "decisions.jsonl").read_bytes() == rows


def test_a_session_whose_name_is_no_text_is_replayed_into_whole_results(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/kept\xff")
    try:
        session = write_session(Path(name), decided(Config(), "equal", count=5), film=False)
    except OSError:
        pytest.skip("this file system holds only names that are text")
    out = tmp_path / "out"
    assert main(["replay", str(session), "--out", str(out)]) == 0
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["replayed"]["rows"] == f"{tmp_path}/kept?"
    assert not list(out.glob("*.part"))


def test_rows_keep_the_rule_and_weights_that_were_changed_while_it_was_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        *decided(Config(rule="rule1"), "equal")[:100],
        *decided(Config(rule="rule2"), "avcer-8cl")[100:],
    ]
    lines = [to_json(row) for row in rows]
    (tmp_path / "then").mkdir()
    (tmp_path / "then" / "decisions.jsonl").write_text("".join(line + "\n" for line in lines))
    settings = {"rule": "rule1", "weights": "equal", "always_decide": False}
    (tmp_path / "then" / "summary.json").write_text(json.dumps({"settings": settings}))
    assert main(["replay", str(tmp_path / "then"), "--out", str(tmp_path / "now")]) == 0
    assert (tmp_path / "now" / "decisions.jsonl").read_text().splitlines() == lines
    unknown = [line.replace('"avcer-8cl"', '"mine"') for line in lines]
    (tmp_path / "then" / "decisions.jsonl").write_text("".join(line + "\n" for line in unknown))
    capsys.readouterr()
    assert main(["replay", str(tmp_path / "then")]) == 2
    assert "decided with weights 'mine' of then: give --weights" in capsys.readouterr().err


def test_what_cannot_be_replayed_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = decided(Config(), "equal", count=10)
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "decisions.jsonl").write_text("".join(to_json(row) + "\n" for row in rows))
    place = str(tmp_path / "rows")
    for words, told in (
        ([str(tmp_path)], "holds no decisions.jsonl"),
        ([str(tmp_path / "none")], "does not exist"),
        ([place], "give --rule and --weights"),
        ([place, "--rule", "none", "--weights", "nobody"], "no weights 'nobody'"),
        ([place, "--rule", "none", "--weights", "equal", "--smoothing", "9"], "is too long"),
        ([place, "--rule", "none", "--weights", "equal", "--out", place], "give another --out"),
    ):
        assert main(["replay", *words]) == 2, words
        said = capsys.readouterr().err
        assert told in said
        assert said.count("\n") == 1
    assert main(["replay", place, "--rule", "none", "--weights", "equal", "--no-window"]) == 0


def test_a_torn_last_row_is_told_in_one_line_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = write_session(tmp_path / "session", decided(Config(), "equal", count=10), film=False)
    table = session / "decisions.jsonl"
    table.write_bytes(table.read_bytes()[:-40])
    for words in (["replay", "--no-window"], ["sessions", "export", "--format", "csv"]):
        assert main([*words, str(session)]) == 0
        told = capsys.readouterr()
        assert told.err.startswith(f"realtime-cer: {table}: 9 lines were read; line 10 is torn, and left out")
        assert told.err.count(" torn") == 1
        assert "9 decisions of" in told.out
    lines = table.read_bytes().split(b"\n")
    table.write_bytes(b"\n".join([*lines[:4], lines[4][:30], *lines[5:]]))
    assert main(["replay", str(session), "--no-window"]) == 2
    assert "line 5 is no decision of this version" in capsys.readouterr().err


@pytest.mark.parametrize("change", ["NaN", '"much"', "[]", "null"])
def test_values_that_are_none_of_a_decision_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    session = write_session(tmp_path / "session", decided(Config(), "equal", count=10), film=False)
    table = session / "decisions.jsonl"
    row = json.loads(table.read_text().splitlines()[3])
    for place in ("t", "seq", "dropped"):
        changed = json.dumps({**row, place: "\0"}, separators=(",", ":")).replace('"\\u0000"', change)
        lines = table.read_text().splitlines()
        (session / "changed.jsonl").write_text("\n".join([*lines[:3], changed, *lines[4:]]) + "\n")
        assert main(["replay", str(session / "changed.jsonl"), "--rule", "none", "--weights", "equal"]) == 2, place
        assert "row 4 holds other values than a decision" in capsys.readouterr().err


def test_an_hour_is_decided_again_row_for_row() -> None:
    rows = decided(Config(), "equal", count=500) * 36
    begun = time.perf_counter()
    again = list(replay(rows, by(Config(rule="rule2"), load_weights("avcer-7cl"))))
    print(f"{len(again)} rows in {time.perf_counter() - begun:.2f} s")
    assert len(again) == 18_000
    assert again[17_999].rule == "rule2"

"""What the long soak makes of rows: figures, promises, and a report that tells when one was broken."""

import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.chaos_judge import Injected, Usage, delays, growth, kept_up, lag, lost, quantile, quiet, recovery, slope
from parts.chaos_rows import Row
from rich.console import Console

from realtime_cer.buffers import GRID_S
from realtime_cer.pipeline.ladder import RATE

ROOT = Path(__file__).parents[1]

sys.path.insert(0, str(ROOT / "scripts"))
planning = importlib.import_module("_soak_plan")
figures = importlib.import_module("_soak_figures")
reporting = importlib.import_module("_soak_report")

ALL = frozenset({"static", "dynamic", "acoustic"})
SEEN = frozenset({"static", "dynamic"})
DELAY_S = 0.04


def row(seq: int, models: frozenset[str] = ALL, run: int = 0, late_s: float = 0.0, rung: int = 0) -> Row:
    t = seq * GRID_S
    issued = t + DELAY_S + late_s
    ages = {name: 1000 * (issued - t) if name in models else None for name in sorted(ALL)}
    return Row(run, seq, t, issued, models, ages, None, True, {}, 0.0, rung)


def rows_around(fault: Injected, seconds: float, back_s: float = 1.0) -> list[Row]:
    """Rows of a run in which what a fault touched is missing until ``back_s`` after its end."""

    def models(t: float) -> frozenset[str]:
        return ALL - fault.touches if fault.began <= t < fault.ended + back_s else ALL

    return [row(seq, models(seq * GRID_S)) for seq in range(round(seconds / GRID_S))]


CAMERA = Injected("camera killed", SEEN, False, 10.0, 12.0)


def test_rows_that_are_missing_twice_or_out_of_order_are_lost() -> None:
    assert lost([row(n) for n in range(9)]) == []
    assert lost([row(n) for n in (0, 1, 4, 5)]) == [(0, 2), (0, 3)]
    assert lost([row(n) for n in (1, 2)]) == [(0, 0)]
    assert lost([row(n) for n in (0, 1, 1, 2)]) == [(0, 1)]
    thin = [row(0), row(1, rung=RATE), row(2, rung=RATE), row(4, rung=RATE), row(6), row(7)]
    assert lost(thin) == []
    assert lost([*thin, row(9)]) == [(0, 8)]
    assert lost([row(2, rung=RATE), row(6, rung=RATE)]) == [(0, 0), (0, 1), (0, 4)]
    assert lost([row(0), row(1), row(0, run=1), row(2, run=1)]) == [(1, 1)]


def test_recovery_is_counted_from_the_end_to_a_row_that_uses_what_came_since() -> None:
    rows = rows_around(CAMERA, 20, back_s=1.0)
    assert recovery(rows, CAMERA) == pytest.approx(1.0 + DELAY_S)
    assert recovery(rows, CAMERA, until=12.5) is None
    stale = [replace(one, ages_ms={**one.ages_ms, "static": 5000.0}) for one in rows]
    assert recovery(stale, CAMERA) == pytest.approx(5 - DELAY_S, abs=GRID_S + 2 * DELAY_S)


def test_others_lag_by_the_rows_they_miss_and_by_rows_that_come_late() -> None:
    rows = rows_around(CAMERA, 20)
    assert lag(rows, CAMERA) == pytest.approx(DELAY_S)
    one_missed = [row(one.seq, one.models - {"acoustic"}) if one.seq == 52 else one for one in rows]
    assert lag(one_missed, CAMERA) == pytest.approx(GRID_S)
    three = [row(one.seq, one.models - {"acoustic"}) if one.seq in (52, 53, 54) else one for one in rows]
    assert lag(three, CAMERA) == pytest.approx(3 * GRID_S)
    late = [row(one.seq, one.models, late_s=0.3) if one.seq == 55 else one for one in rows]
    assert lag(late, CAMERA) == pytest.approx(0.3 + DELAY_S)


def test_no_promise_is_made_of_a_machine_that_does_not_keep_up() -> None:
    rows = rows_around(CAMERA, 40)
    assert kept_up(rows, CAMERA)
    assert not kept_up([replace(one, rung=RATE) if one.seq == 70 else one for one in rows], CAMERA)
    assert kept_up([replace(one, rung=RATE) if one.seq == 150 else one for one in rows], CAMERA)
    unfair = run_of()
    unfair = replace(unfair, rows=[replace(one, rung=RATE) for one in unfair.rows])
    found = {one.what: one for one in figures.promises(unfair)}
    assert found["faults while the machine kept up"].measured == "0"
    assert found["faults while the machine kept up"].kept is False


def test_what_is_quiet_begins_after_the_recovery() -> None:
    times = [9.9, 10.1, 13.9, 14.1, 30.0]
    assert quiet(times, [CAMERA], [0.5]).tolist() == [True, False, False, True, True]
    assert quiet(times, [CAMERA], [5.0]).tolist() == [True, False, False, False, True]
    assert quiet(times, [CAMERA], [None]).tolist() == [True, False, False, False, False]


def test_a_picture_that_came_too_late_counts_as_infinitely_late() -> None:
    ages = delays([row(n) for n in range(18)] + [row(18, ALL - SEEN), row(19, ALL - SEEN)])
    assert quantile(ages, 0.5) == pytest.approx(1000 * DELAY_S)
    assert quantile(ages, 0.95) == np.inf
    assert np.isnan(quantile(delays([]), 0.5))


def test_growth_is_told_from_noise_and_outliers() -> None:
    rng = np.random.default_rng(0)
    times = np.arange(0.0, 3600.0, 2.0)
    level = 400 + rng.normal(0, 2, len(times))
    level[rng.integers(0, len(times), 50)] += 100
    assert abs(slope(times, level)) * 3600 < 1
    assert slope(times, level + times / 100) == pytest.approx(0.01, rel=0.05)
    samples = [Usage(0, t, 400 + t / 100, 20 + (t > 3000), 16) for t in times]
    grown = growth(samples)
    assert grown is not None
    assert grown.memory_percent == pytest.approx(100 * 36 / 418, rel=0.01)
    assert grown.threads == (20, 21)
    assert grown.handles == (16, 16)
    assert growth(samples[:5]) is None


def test_a_plan_is_that_of_its_seed_and_plays_every_fault_as_often() -> None:
    names = [f"fault {n}" for n in range(26)]
    steps = planning.plan(7, 3600, 520, names)
    assert steps == planning.plan(7, 3600, 520, names)
    assert steps != planning.plan(8, 3600, 520, names)
    assert {sum(step.name == name for step in steps) for name in names} == {20}
    assert all(1 <= step.lasts_s <= 3 and 2 <= step.gap_s <= 4 for step in steps)
    taken = sum(step.lasts_s + step.gap_s for step in steps)
    assert taken < 0.9 * 3600
    assert sum(step.rest for step in steps) >= 5
    assert planning.most(3600) >= figures.PER_HOUR


def run_of(**changed: Any) -> Any:
    faults = [replace(CAMERA, began=at, ended=at + 2) for at in range(20, 600, 10)]
    rows = [
        row(n, ALL - SEEN if any(f.began <= n * GRID_S < f.ended + 0.5 for f in faults) else ALL) for n in range(3100)
    ]
    facts: dict[str, Any] = {
        "started": "2000-01-01T00:00:00+00:00",
        "command": "scripts/soak --hours 0.1",
        "seconds": 620.0,
        "hours": 0.1,
        "began": 0.0,
        "rows": rows,
        "faults": faults,
        "samples": [Usage(0, float(t), 400.0, 20, 16) for t in range(620)],
        "deaths": [],
        "damaged": [],
        "exit_code": 0,
        "ending_s": 0.4,
        "broken_off": None,
        "left_out": [],
    }
    return figures.Run(**facts | changed)


def test_a_run_that_kept_everything_is_reported_so(tmp_path: Path) -> None:
    assert reporting.write_report(run_of(), tmp_path, Console(quiet=True))
    told = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))
    assert {one["kept"] for one in told["promises"]} <= {True, None}
    assert told["faults"] == 58
    assert told["kinds"]["camera killed"]["recovery_worst_s"] == pytest.approx(0.5, abs=GRID_S + DELAY_S)
    text = (tmp_path / "soak.md").read_text(encoding="utf-8")
    assert "broken" not in text
    for name in ("recovery", "delay", "resources", "timeline"):
        assert f"({name}.png)" in text
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({"rows": [row(n) for n in range(3100) if n != 1000]}, "grid instants without a row"),
        ({"rows": rows_around(CAMERA, 620, back_s=900)}, "a source that is back is used again"),
        ({"rows": [row(n, ALL - {"acoustic"}) for n in range(3100)]}, "a fault in one modality: the other goes on"),
        ({"rows": [row(n, late_s=0.2) for n in range(3100)]}, "capture to decision outside of faults, 95th percentile"),
        ({"faults": [CAMERA]}, "faults while the machine kept up"),
        ({"deaths": ["ZeroDivisionError"]}, "starts of the program that were needed on the way"),
        ({"damaged": ["ValueError: torn"]}, "files of recordings that cannot be read"),
        ({"exit_code": None}, "the end when it is told to"),
        ({"samples": [Usage(0, float(t), 400.0, 20 + t // 310, 16) for t in range(620)]}, "threads, once warm"),
    ],
)
def test_every_promise_can_be_broken(changed: dict[str, Any], broken: str) -> None:
    found = {one.what: one.kept for one in figures.promises(run_of(**changed))}
    assert found[broken] is False


def test_a_run_that_was_broken_off_says_so_and_fails(tmp_path: Path) -> None:
    assert not reporting.write_report(run_of(broken_off="interrupted"), tmp_path, Console(quiet=True))
    assert "Broken off before its end: interrupted" in (tmp_path / "soak.md").read_text(encoding="utf-8")


def test_a_run_without_rows_faults_or_samples_is_reported_too(tmp_path: Path) -> None:
    assert not reporting.write_report(run_of(rows=[], faults=[], samples=[]), tmp_path, Console(quiet=True))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--hours", "0.1", "--faults", "5000"], "do not fit"),
        (["--hours", "0.1", "--only", "nobody"], "--list names all"),
        (["--hours", "never"], "no number"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_flags_that_cannot_be_are_refused_in_one_line(words: list[str], told: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "soak"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1

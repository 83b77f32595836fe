"""``scripts/bench engines``: what it measures and writes, and what it makes of figures that break a promise."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from realtime_cer.inference.engine import GPU_BACKENDS, absent
from realtime_cer.labels import MODELS

ROOT = Path(__file__).parents[1]

sys.path.insert(0, str(ROOT / "scripts"))
engines = importlib.import_module("_bench_engines")


def bench(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run the script as a user does."""
    command = [sys.executable, str(ROOT / "scripts" / "bench"), *words]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)


@pytest.mark.skipif(any(absent(one) is None for one in GPU_BACKENDS), reason="a GPU is there")
def test_every_network_is_measured_on_the_cpu(tmp_path: Path) -> None:
    done = bench("engines", "--repeats", "3", "--json", str(tmp_path / "b.json"), "--picture", str(tmp_path / "b.png"))
    report = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    assert report["failed"] == [], done.stderr
    rows: dict[str, dict[str, Any]] = {row["stage"]: row for row in report["engines"]}
    seen = ["static and dynamic", "both, 8 faces", "perception of one face"]
    assert [*rows] == [*MODELS, "face, 512x512", "crop of a face", "padding of sound", *seen]
    assert {stage: share > 0 for stage, share in report["preprocessing"].items()} == {
        "crop of a face": True,
        "padding of sound": True,
    }
    for row in rows.values():
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
    for name in MODELS:
        row = rows[name]
        assert (row["network"], row["engine"], row["precision"], row["build_s"]) == (name, "cpu", "fp32", None)
        assert 0 < row["per_s_batch_1"] < 1600 / row["p50_ms"], "of three calls two take the median or longer"
        assert row["per_s_batch_8"] > 0
        assert row["size_mb"] == round((ROOT / "engines" / f"{name}.onnx").stat().st_size / 1e6, 1)
        assert 0 < row["memory_mib"] < 1000
    assert report["machine"]["gpu"] is None
    assert {row["network"] for row in report["builds"]} in (set(), set(MODELS))
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")
    assert "perception" in done.stdout, "its name may be broken over lines"


def row(stage: str, p95_ms: float, **more: Any) -> dict[str, Any]:
    return {"stage": stage, "p50_ms": p95_ms / 2, "p95_ms": p95_ms, "p99_ms": p95_ms, **more}


@pytest.mark.parametrize(
    ("rows", "failed", "words"),
    [
        ([row("perception of one face", 44.0)], [], ""),
        ([row("perception of one face", 46.0)], [], "46.0 ms at the 95th percentile; promised: at most 45"),
        ([row("perception of one face of the paper", 90.0)], [], ""),
        ([row("static, cuda fp32", 1.0, agrees=False)], [], "static, cuda fp32: does not agree with the reference"),
        ([], ["default static cuda: [lost] device"], "failed: default static cuda: [lost] device"),
    ],
)
def test_broken_promises_are_told(
    rows: list[dict[str, Any]], failed: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engines.show({"engines": rows, "builds": [], "ratios": {}, "preprocessing": {}, "failed": failed}) == (
        not words
    )
    assert words in " ".join(capsys.readouterr().out.split())


def test_ours_are_compared_with_the_papers_stage_by_stage() -> None:
    rows = [row("static", 8.0), row("static of the paper", 80.0), row("face, 512x512", 10.0)]
    assert engines.ratios(rows) == {"static": 0.1}


def test_what_comes_before_a_network_must_not_cost_more_than_it(capsys: pytest.CaptureFixture[str]) -> None:
    def of(network: str, stage: str, p95_ms: float) -> dict[str, Any]:
        return row(stage, p95_ms, network=network, profile="default")

    crop = row("crop of a face", 2.0, before="static", profile="default")
    networks = [of("static", "static", 8.0), of("static", "static, cuda fp32", 1.0), of("acoustic", "acoustic", 0.5)]
    assert engines.shares([*networks, crop, {**crop, "stage": "crop of the paper", "profile": "paper"}]) == {
        "crop of a face": 2.0  # the fastest engine of the same profile's network counts
    }
    report = {"engines": [], "builds": [], "ratios": {}, "failed": []}
    assert engines.show({**report, "preprocessing": {"crop of a face": 0.3}})
    assert "crop of a face: 30.0% of the time" in capsys.readouterr().out
    assert not engines.show({**report, "preprocessing": {"crop of a face": 2.0}})
    assert "200.0% of the time of the network that takes it; promised" in capsys.readouterr().out


def test_what_cannot_be_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    for words in (["--repeats", "0"], ["--picture", str(tmp_path / "none" / "b.png")]):
        done = bench("engines", *words)
        assert done.returncode == 2
        assert words[0] in done.stderr or "none: make it first" in done.stderr
        assert "Traceback" not in done.stderr

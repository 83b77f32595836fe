"""Every network on every engine of this machine, and all that is done to see one face.

Each is measured in a process of its own: its memory is then its own, and a GPU that fails takes one row with it.
Engines for GPUs are built anew, into a cache that is thrown away, so that the time of building is measured too.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import _bench_one
import numpy as np
import psutil
from _bench_one import PAPER, SEEN, Row
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table
from rich.text import Text

PROMISED_MS = {SEEN: 45.0}
"""95th percentile on two cores."""

_TARGET = "8.6"
_COLUMNS = {
    "p50_ms": "p50\nms",
    "p95_ms": "p95\nms",
    "p99_ms": "p99\nms",
    "per_s_batch_1": "each\nsecond",
    "per_s_batch_8": "in\neights",
    "build_s": "build\ns",
    "size_mb": "\nMB",
    "memory_mib": "memory\nMiB",
}


def apart(*words: object, profiles: Path | None = None) -> list[Row]:
    """Measure in a process of its own; a ``RuntimeError`` tells its last words where it fails."""
    with tempfile.TemporaryDirectory(prefix="realtime-cer-") as folder:
        env = {**os.environ, "REALTIME_CER_CACHE": folder}
        env |= {"REALTIME_CER_PROFILES": str(profiles)} if profiles else {}
        command = [sys.executable, _bench_one.__file__, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, env=env)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {[*done.stderr.split(chr(10)), ''][-2].strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def paper_profile() -> Iterator[Path]:
    """A folder of profiles with the paper's networks in full size; their weights are random, which costs the same."""
    import torch

    from realtime_cer.inference.profile import FILE
    from realtime_cer.models.avcer_acoustic import AvcerAcoustic
    from realtime_cer.models.avcer_export import write_network
    from realtime_cer.models.avcer_visual import AvcerDynamic, AvcerStatic

    def acoustic() -> AvcerAcoustic:
        network = AvcerAcoustic(layers=12, classes=7)
        network.wav2vec2.encoder.pos_conv_embed.settle()
        for layer in (network.tl1, network.tl2):
            layer.positional_encoding.pe.zero_()
        return network

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(prefix="realtime-cer-") as made:
        folder = Path(made, PAPER)
        folder.mkdir()
        makers = {"static": AvcerStatic, "dynamic": AvcerDynamic, "acoustic": acoustic}
        console = Console(stderr=True)
        for name, make in track(makers.items(), "exporting the paper's networks", console=console, transient=True):
            write_network(name, make().eval().requires_grad_(False), folder, {"weights": "random"})
        words = {"name": PAPER, "title": "The paper's networks", "crop": "box", "weights": "equal", "rule": "none"}
        (folder / FILE).write_text("".join(f'{key} = "{value}"\n' for key, value in words.items()), encoding="utf-8")
        yield folder.parent


def builds() -> list[Row]:
    """Time and size of the engines that tensorrt-rtx builds for another GPU; none where it can run them, or is not."""
    import importlib.util

    from realtime_cer.inference.cache import ANY
    from realtime_cer.inference.cuda import Gpu
    from realtime_cer.inference.engine import absent
    from realtime_cer.inference.manifest import engines_folder, read_manifest
    from realtime_cer.inference.opening import built
    from realtime_cer.inference.tensorrt import FLAVOURS
    from realtime_cer.inference.typed import PRECISIONS
    from realtime_cer.labels import MODELS

    flavour = FLAVOURS["tensorrt-rtx"]
    if importlib.util.find_spec(flavour.module) is None or absent(flavour.name) is None:
        return []
    rows = []
    for name in MODELS:
        for precision in PRECISIONS:
            there = Gpu(ANY, _TARGET, ANY)
            plan, seconds = built(flavour, read_manifest(name), engines_folder(), precision, there, lambda share: True)
            row = {"network": name, "engine": flavour.name, "precision": precision, "target": _TARGET}
            rows.append(row | {"build_s": seconds, "size_mb": round(len(plan) / 1e6, 1)})
    return rows


def measure(repeats: int, profiles: Path | None) -> tuple[list[Row], list[str]]:
    """Every row, and what failed; with ``profiles`` the paper's networks come right after ours, under the same load."""
    from realtime_cer.config import DEFAULT_PROFILE
    from realtime_cer.inference.engine import BACKENDS, absent
    from realtime_cer.inference.opening import precisions
    from realtime_cer.labels import MODELS

    here = [(backend, p) for backend in BACKENDS if absent(backend) is None for p in precisions(backend)]
    sets = (DEFAULT_PROFILE, PAPER) if profiles else (DEFAULT_PROFILE,)
    tasks: list[tuple[object, ...]] = [(one, name, *how) for name in MODELS for how in here for one in sets]
    tasks += [(one, "seeing") for one in sets]
    rows, failed = [], []
    for words in track(tasks, "measuring", console=Console(stderr=True), transient=True):
        try:
            rows += apart(*words, repeats, profiles=profiles)
        except RuntimeError as error:
            failed.append(str(error))
    return rows, failed


def ratios(rows: Sequence[Row]) -> dict[str, float]:
    """Time of ours as a share of the paper's, by stage."""
    p50 = {row["stage"]: row["p50_ms"] for row in rows}
    return {s: round(p50[s] / p50[f"{s} of the paper"], 3) for s in p50 if f"{s} of the paper" in p50}


def shares(rows: Sequence[Row]) -> dict[str, float]:
    """Time of what is done before a network as a share of that network's, on its fastest engine."""
    fastest: dict[tuple[str, str], float] = {}
    for row in rows:
        if "network" in row:
            which = row["profile"], row["network"]
            fastest[which] = min(row["p50_ms"], fastest.get(which, row["p50_ms"]))
    before = {row["stage"]: (row["p50_ms"], (row["profile"], row["before"])) for row in rows if "before" in row}
    return {s: round(p50 / fastest[which], 4) for s, (p50, which) in before.items() if which in fastest}


def machine() -> Row:
    """What it was measured on, and when."""
    from realtime_cer.errors import Refused
    from realtime_cer.inference.cuda import gpu

    try:
        card: str | None = gpu().name
    except Refused:
        card = None
    # Cores that this process may use: fewer than the machine's inside a container.
    cores = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count()
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return {"cores": cores, "gpu": card, "date": datetime.date.today().isoformat(), "load_before": load}


def show(report: Mapping[str, Any]) -> bool:
    """Tables, and what was promised; gives whether every promise was kept, every engine agrees and nothing failed."""
    console, faults = Console(), [f"failed: {line}" for line in report["failed"]]
    columns = [Column(head, justify="right", no_wrap=True) for head in _COLUMNS.values()]
    table = Table(
        "stage", *columns, box=SIMPLE_HEAD, caption="calls with all copies, of batches of 1 unless it says so"
    )
    for row in report["engines"]:
        table.add_row(row["stage"], *(_cell(row, key) for key in _COLUMNS))
        if not row.get("agrees", True):
            faults.append(f"{row['stage']}: does not agree with the reference, so live would not use it")
    console.print(table)
    if report["builds"]:
        table = Table(
            "network", "engine", "build\ns", "\nMB", box=SIMPLE_HEAD, caption=f"for capability {_TARGET}, not run here"
        )
        for row in report["builds"]:
            engine = f"{row['engine']} {row['precision']}"
            table.add_row(row["network"], engine, _cell(row, "build_s"), _cell(row, "size_mb"))
        console.print(table)
    for stage, ratio in report["ratios"].items():
        console.print(f"{stage}: {ratio:.1%} of the time of the paper's")
    for stage, share in report["preprocessing"].items():
        line = f"{stage}: {share:.1%} of the time of the network that takes it"
        if share > 1:
            faults.append(f"{line}; promised: no more than it")
        else:
            console.print(line)
    for row in report["engines"]:
        promised = PROMISED_MS.get(row["stage"])
        if promised is not None and row["p95_ms"] > promised:
            faults.append(f"{row['stage']}: {row['p95_ms']} ms at the 95th percentile; promised: at most {promised:g}")
    for line in faults:
        console.print(Text(line, "red"))
    return not faults


def _cell(row: Row, key: str) -> str:
    value = row.get(key)
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.{2 if value < 1 else 3}g}"


def picture(report: Mapping[str, Any], path: Path) -> None:
    """Draw the median of every stage as a bar, with a line to its 95th percentile."""
    from realtime_cer.training.pictures import FAINT, GRID, INK, drawn

    rows = report["engines"][::-1]
    p50, p95 = (np.array([row[key] for row in rows]) for key in ("p50_ms", "p95_ms"))
    colours = {"cpu": "#4c72b0", "cuda": "#55a868", "tensorrt": "#c44e52", "tensorrt-rtx": "#dd8452"}
    with drawn(path, 8, 1.2 + 0.34 * len(rows)) as figure:
        axes = figure.subplots()
        paint = [colours.get(row.get("engine", ""), FAINT) for row in rows]
        pale = [0.45 if row["profile"] == PAPER else 1.0 for row in rows]
        axes.barh(range(len(rows)), p50, color=list(zip(paint, pale, strict=True)))
        axes.errorbar(p50, range(len(rows)), xerr=[0 * p50, np.maximum(p95 - p50, 0)], fmt="none", ecolor=INK, lw=1)
        for y, (a, b) in enumerate(zip(p50, p95, strict=True)):
            axes.text(b * 1.12, y, f"{a:.3g} / {b:.3g}", va="center", color=INK, fontsize=9)
        axes.set_yticks(range(len(rows)), [row["stage"] for row in rows])
        axes.set_xscale("log")
        axes.set_xlim(right=float(p95.max()) * 5)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.grid(axis="x", color=GRID)
        axes.set_xlabel("ms for one call, p50 / p95; each line is ten times the one before")
        about = report["machine"]
        axes.set_title(f"{about['gpu'] or 'no GPU'}, {about['cores']} cores, {about['date']}")


def bench_engines(options: argparse.Namespace) -> bool:
    """Measure, show, write what is wanted; gives whether every promise was kept."""
    about = machine()
    if options.paper:
        with paper_profile() as profiles:
            rows, failed = measure(options.repeats, profiles)
    else:
        rows, failed = measure(options.repeats, None)
    report = {"engines": rows, "builds": builds(), "ratios": ratios(rows), "preprocessing": shares(rows)}
    report |= {"failed": failed, "machine": about}
    kept = show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if options.picture:
        picture(report, options.picture)
    return kept

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
from rich.console import Console
from rich.progress import track
from rich.table import Table

PROMISED_MS = {SEEN: 45.0}
"""95th percentile on two cores."""

_TARGET = "8.6"
_COLUMNS = {
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p99_ms": "p99 ms",
    "per_s_batch_1": "a second",
    "per_s_batch_8": "in eights",
    "build_s": "built in s",
    "size_mb": "MB",
    "memory_mib": "memory MiB",
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
    from realtime_cer.inference.engine import BACKENDS, absent
    from realtime_cer.inference.opening import precisions
    from realtime_cer.inference.profile import DEFAULT
    from realtime_cer.labels import MODELS

    here = [(backend, p) for backend in BACKENDS if absent(backend) is None for p in precisions(backend)]
    sets = (DEFAULT, PAPER) if profiles else (DEFAULT,)
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
    """Tables, with what was promised; gives whether every promise was kept and nothing failed."""
    kept = not report["failed"]
    table = Table("stage", *_COLUMNS.values(), "promised", caption="calls with all copies; a batch of 1, and of 8")
    for row in report["engines"]:
        promised = PROMISED_MS.get(row["stage"])
        good = row.get("agrees", True) and (promised is None or row["p95_ms"] <= promised)
        kept &= good
        cells = ["" if row.get(key) is None else str(row[key]) for key in _COLUMNS]
        words = f"p95 at most {promised:g}" if promised else "" if row.get("agrees", True) else "does not agree"
        table.add_row(row["stage"], *cells, words, style=None if good else "red")
    console = Console()
    console.print(table)
    if report["builds"]:
        table = Table(
            "network", "engine", "built in s", "MB", caption=f"for compute capability {_TARGET}, not run here"
        )
        for row in report["builds"]:
            table.add_row(
                row["network"], f"{row['engine']} {row['precision']}", str(row["build_s"]), str(row["size_mb"])
            )
        console.print(table)
    for stage, ratio in report["ratios"].items():
        console.print(f"{stage}: {ratio:.1%} of the time of the paper's")
    for line in report["failed"]:
        console.print(f"[red]failed: {line}")
    return bool(kept)


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
        bars = axes.barh(range(len(rows)), p50, color=list(zip(paint, pale, strict=True)))
        axes.errorbar(p50, range(len(rows)), xerr=[0 * p50, np.maximum(p95 - p50, 0)], fmt="none", ecolor=INK, lw=1)
        axes.bar_label(bars, [f"{a:.1f} / {b:.1f}" for a, b in zip(p50, p95, strict=True)], padding=26, color=INK)
        axes.set_yticks(range(len(rows)), [row["stage"] for row in rows])
        axes.set_xscale("log")
        axes.set_xlim(right=float(p95.max()) * 4)
        axes.grid(axis="x", color=GRID)
        axes.set_xlabel("ms for one call, p50 / p95; each division is ten times the last")
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
    report = {"engines": rows, "builds": builds(), "ratios": ratios(rows), "failed": failed, "machine": about}
    kept = show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if options.picture:
        picture(report, options.picture)
    return kept

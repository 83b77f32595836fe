"""The process that scripts/bench engines measures in: one network on one engine, or all that is done to see one face.

Its words are a profile, a network with its engine and precision or else ``seeing``, and how often. It writes a JSON
object for each stage. The process must be fresh, and the cache of engines empty.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import psutil
from support import ROOT

Row = dict[str, Any]

PAPER = "paper"
"""The profile of the paper's networks."""

SEEN = "perception of one face"
"""The stage of landmarks, static and dynamic network together."""

_LONGEST_S = 20.0
_MOST = 8
"""Faces of the largest batch."""
_SPOKEN_S = 1.5
"""Length of the sound whose padding is measured."""


def timed(call: Callable[[], Any], repeats: int) -> list[float]:
    """Milliseconds of each call after warming up; fewer than ``repeats`` where they would take too long."""
    for _ in range(max(2, repeats // 10)):
        call()
    times: list[float] = []
    until = time.perf_counter() + _LONGEST_S
    while len(times) < repeats and (len(times) < 3 or time.perf_counter() < until):
        begun = time.perf_counter()
        call()
        times.append((time.perf_counter() - begun) * 1000)
    return times


def percentiles(times: Sequence[float]) -> Row:
    """Median, 95th and 99th percentile."""
    return {f"p{q}_ms": round(float(np.percentile(times, q)), 3) for q in (50, 95, 99)}


def measure_network(profile: str, name: str, backend: str, precision: str, repeats: int) -> Iterator[Row]:
    """One network on one engine."""
    from realtime_cer.inference import cache, ort
    from realtime_cer.inference.engine import load
    from realtime_cer.inference.manifest import read_manifest
    from realtime_cer.inference.opening import open_unverified
    from realtime_cer.inference.profile import read_profile
    from realtime_cer.inference.verify import LIMITS, inputs, verify

    folder = read_profile(profile).folder
    manifest = read_manifest(name, folder)
    batch = inputs(manifest)
    del ort  # imported for its memory, which is not the network's
    before = psutil.Process().memory_info().rss
    if backend == "cpu":
        engine = load(name, "cpu", folder)
    else:
        engine = open_unverified(backend, precision, manifest, folder, lambda line: None)
    one = timed(lambda: engine.run(batch[:1]), repeats)
    memory = psutil.Process().memory_info().rss - before
    eight = timed(lambda: engine.run(batch), max(repeats // 8, 3))
    kept = next(cache.entries(), None)
    where = "" if backend == "cpu" else f", {backend} {precision}"
    yield {
        "stage": _of(name + where, profile),
        "profile": profile,
        "network": name,
        "engine": backend,
        "precision": precision,
        **percentiles(one),
        "per_s_batch_1": round(1000 * len(one) / sum(one), 1),
        "per_s_batch_8": round(8000 * len(eight) / sum(eight), 1),
        "build_s": kept.facts["build_s"] if kept else None,
        "size_mb": round((kept.size if kept else (folder / manifest.file).stat().st_size) / 1e6, 1),
        "memory_mib": round(memory / 2**20),
        "agrees": backend == "cpu" or verify(engine, load(name, "cpu", folder), LIMITS[precision]).passed,
    }


def measure_seeing(profile: str, repeats: int) -> Iterator[Row]:
    """Landmarks, what is done before each network, both visual ones, and all of it as live, on the best engine."""
    sys.path.insert(0, str(ROOT / "tests"))
    from parts.perception import portrait

    from realtime_cer.config import Config
    from realtime_cer.inference.profile import read_profile
    from realtime_cer.perception.acoustic import pad, repeat
    from realtime_cer.perception.static import cut_of
    from realtime_cer.pipeline.steps import load_perception
    from realtime_cer.records import SAMPLE_RATE, Frame, GridFrame

    picture = portrait()
    perception = load_perception(Config(profile=profile))
    seeing, finder, k = perception.seeing, perception.finder, 0
    cut = cut_of(read_profile(profile), perception.networks["static"])
    fill = repeat if read_profile(profile).padding == "repeat" else pad
    spoken = np.random.default_rng(0).normal(0, 0.1, round(_SPOKEN_S * SAMPLE_RATE)).astype(np.float32)

    def see() -> Any:
        nonlocal k
        k += 1
        return seeing.see(GridFrame(k, k / 5, Frame(k / 5, k, picture)))

    face = see().face
    assert face is not None

    def networks(faces: int) -> None:
        said = seeing.static(Frame(0.0, 0, picture), [face] * faces)
        seeing.dynamic(0.0, range(faces), [vector for _, vector in said])

    def row(stage: str, call: Callable[[], Any], **more: Any) -> Row:
        return {"stage": _of(stage, profile), "profile": profile, **more, **percentiles(timed(call, repeats))}

    if profile != PAPER:  # it has the same landmarks
        yield row("face, 512x512", lambda: finder.find(picture))
    yield row("crop of a face", lambda: cut(picture, face.landmarks), before="static")
    yield row("padding of sound", lambda: fill(spoken), before="acoustic")
    engine = perception.engines["static"]
    yield row("static and dynamic", lambda: networks(1), engine=engine)
    yield row(f"both, {_MOST} faces", lambda: networks(_MOST), engine=engine)
    yield row(SEEN, see, engine=engine)
    perception.close()


def _of(stage: str, profile: str) -> str:
    return f"{stage} of the paper" if profile == PAPER else stage


if __name__ == "__main__":
    profile, what, *how, times = sys.argv[1:]
    rows = measure_seeing(profile, int(times)) if what == "seeing" else measure_network(profile, what, *how, int(times))
    for row in rows:
        print(json.dumps(row), flush=True)

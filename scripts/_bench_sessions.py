"""Measure recordings: killed at random moments, beside the analysis on two cores, in time, and decided again."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

PROMISES = {
    "kills_opened_share": ("at least", 1.0),
    "worst_film_lost_s": ("at most", 2.0),
    "worst_row_lost_s": ("at most", 1.0),
    "kills_repaired_share": ("at least", 1.0),
    "p95_against_not_recording": ("at most", 1.2),
    "decisions_lost": ("at most", 0),
    "pictures_lost_share": ("at most", 0.01),
    "replay_hour_s": ("at most", 3.0),
}
"""What recordings promise, for the table of scripts/bench."""

_AT_ONCE = 2
_LATEST_S = 6.0
_FIRST_CLUSTER_S = 1.0
"""A film that was begun no longer ago has nothing in it yet that could open."""


@contextlib.contextmanager
def busy_cores() -> Iterator[None]:
    """Meanwhile every core has something else to do, as with an analysis that takes all there is."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for one in spinning:
            one.kill()
            one.wait()


def bench_kills(count: int, seed: int) -> dict[str, Any]:
    """Recordings killed at random moments: what of each is lost, and whether repair makes it whole.

    Their encoders have the priority that every recorder gives them; of two pairs one records beside busy cores.
    """
    from parts.recording import film_times, judge, kill_recordings, moments

    from realtime_cer.sessions.folder import read_session
    from realtime_cer.sessions.repair import repair
    from realtime_cer.sinks.behind import NICER

    when = moments(seed, count, _LATEST_S)
    opened = repaired = early = 0
    films, beside, rows = [], [], []
    with tempfile.TemporaryDirectory() as folder, Progress(transient=True) as bar:
        task = bar.add_task("killing", total=count)
        for start in range(0, count, _AT_ONCE):
            busy = start // _AT_ONCE % 2 == 1
            with busy_cores() if busy else contextlib.nullcontext():
                killed = kill_recordings(Path(folder, str(start)), when[start : start + _AT_ONCE])
            for session in killed:
                found = judge(session)
                rows.append(found.row_lost_s)
                lost = [one for one in found.films.values() if one is not None]
                films += lost
                beside += lost if busy else []
                whole = len(lost) == len(found.films)
                early += not whole and found.killed_at < _FIRST_CLUSTER_S
                opened += whole
                done = repair(session)
                again = repair(session)
                ends = [film_times(session / name) for name, one in found.films.items() if one is not None]
                repaired += bool(done and again is None and all(ends) and read_session(session).state == "whole")
                bar.advance(task)
    return {
        "kills": count,
        "seed": seed,
        "kills_opened_share": round(opened / count, 3),
        "of_those_not_opened_killed_in_the_first_second": early,
        "worst_film_lost_s": round(max(films, default=0.0), 3),
        "worst_film_lost_beside_busy_cores_s": round(max(beside, default=0.0), 3),
        "encoders_nicer_by": NICER,
        "worst_row_lost_s": round(max(rows), 3),
        "kills_repaired_share": round(repaired / count, 3),
    }


def bench_recording(live: Callable[[list[str]], dict[str, Any]], turns: int, film: str = "clean") -> dict[str, Any]:
    """The same camera with recording and without, in turn: what recording costs the decisions.

    Parameters
    ----------
    live : measures the real command with more flags
    turns : of each
    film : as --record-film
    """
    without, recorded, lost, pictures = [], [], 0, 0
    missing = 0
    for _ in range(turns):
        without.append(live([]))
        with tempfile.TemporaryDirectory() as folder:
            recorded.append(live(["--record", folder, "--record-film", film]))
            [session] = Path(folder).iterdir()
            facts = json.loads((session / "session.json").read_text(encoding="utf-8"))
        lost += sum(count for what, count in facts["lost"].items() if "pictures" in what)
        pictures += facts["pictures"]
        missing += recorded[-1]["decisions"] - facts["decisions"] + facts["lost"].get("decisions", 0)

    def median(runs: list[dict[str, Any]], key: str) -> float:
        return float(np.median([run[key] for run in runs]))

    p95 = [median(runs, "capture_to_decision_p95_ms") for runs in (without, recorded)]
    return {
        "turns": turns,
        "seconds_each": recorded[0]["seconds"],
        "p95_ms_not_recording": p95[0],
        "p95_ms_recording": p95[1],
        "p95_against_not_recording": round(p95[1] / p95[0], 3),
        "missed_share_not_recording": median(without, "missed_share"),
        "missed_share_recording": median(recorded, "missed_share"),
        "cpu_cores_not_recording": median(without, "cpu_cores"),
        "cpu_cores_recording": median(recorded, "cpu_cores"),
        "decisions_lost": missing,
        "pictures": pictures,
        "pictures_lost_share": round(lost / max(pictures + lost, 1), 4),
    }


def bench_replay() -> dict[str, Any]:
    """An hour of rows decided again with other settings, by the real command."""
    from parts.recording import named

    from realtime_cer.sinks.tables import to_json

    with tempfile.TemporaryDirectory() as folder:
        rows = "".join(to_json(named(k, k / 5)) + "\n" for k in range(18_000))
        Path(folder, "decisions.jsonl").write_text(rows, encoding="utf-8")
        words = ["replay", folder, "--rule", "rule2", "--weights", "avcer-7cl", "--compare", "--no-window"]
        begun = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "realtime_cer", *words], check=True, capture_output=True, env=dict(os.environ)
        )
        wall = time.monotonic() - begun
    return {"replay_rows": 18_000, "replay_hour_s": round(wall, 2)}

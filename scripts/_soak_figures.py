"""What a soak amounts to: figures, and the promises with whether they were kept. Pure."""

import math
import platform
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from _bench_engines import machine
from support import ROOT

from realtime_cer.buffers import GRID_S
from realtime_cer.pipeline.ladder import NAMES
from realtime_cer.sinks.summary import library_versions
from realtime_cer.training.page import NONE

sys.path.insert(0, str(ROOT / "tests"))

from parts.chaos_judge import (
    AGAIN_S,
    BEYOND_S,
    Growth,
    Injected,
    Usage,
    between,
    delays,
    growth,
    kept_up,
    lag,
    lost,
    quantile,
    quiet,
    recovery,
)
from parts.chaos_rows import Row

PER_HOUR = 500
"""Faults that a long run has each hour."""

DELAY_MS = 150.0
ENDING_S = 2.0
GROWTH_PERCENT = 1.0

_WARM_S = 300.0
"""What memory does before is no growth: buffers and pools fill."""

_TELLING_S = 1800.0
"""Over less time a slope of memory tells nothing."""


@dataclass(frozen=True)
class Run:
    """What happened; times are of ``time.monotonic``. What follows from it is computed when it is asked for."""

    started: str
    command: str
    seconds: float
    hours: float
    began: float
    rows: Sequence[Row]
    faults: Sequence[Injected]
    samples: Sequence[Usage]
    deaths: Sequence[str]
    damaged: Sequence[str]
    exit_code: int | None
    ending_s: float
    broken_off: str | None
    left_out: Sequence[str]

    @cached_property
    def fair(self) -> list[bool]:
        """Of each fault, whether the machine kept up with everything around it: else nothing is promised."""
        return [kept_up(self.rows, fault, until) for fault, until in self._untils]

    @cached_property
    def back(self) -> list[float | None]:
        """How long each fault took to recover from, in seconds; None where the next one came first."""
        return [recovery(self.rows, fault, until) for fault, until in self._untils]

    @cached_property
    def lags(self) -> list[float | None]:
        """How far those not touched lagged behind, in seconds; None where nothing was promised of them."""
        return [
            None if not fair or fault.slows or fault.touches >= {"static", "acoustic"} else lag(self.rows, fault, until)
            for fair, (fault, until) in zip(self.fair, self._untils, strict=True)
        ]

    @property
    def _untils(self) -> list[tuple[Injected, float]]:
        nexts = [*(fault.began for fault in self.faults), math.inf][1:]
        return list(zip(self.faults, nexts, strict=True))

    @cached_property
    def calm_rows(self) -> list[Row]:
        """Rows outside of all faults, since the run began."""
        calm = quiet([row.t for row in self.rows], self.faults, self.back)
        return [row for row, good in zip(self.rows, calm, strict=True) if good and row.t >= self.began]

    @cached_property
    def calm_samples(self) -> list[Usage]:
        """Samples outside of all faults."""
        calm = quiet([one.t for one in self.samples], self.faults, self.back)
        return [one for one, good in zip(self.samples, calm, strict=True) if good]

    @cached_property
    def delays_ms(self) -> npt.NDArray[np.float64]:
        """From capture to decision, outside of all faults; infinite where a picture came too late."""
        return delays(self.calm_rows)

    @property
    def warm_since(self) -> float:
        """From when on memory, threads and handles are compared: some minutes, and every fault came once.

        What a fault needs is loaded when it first comes: an encoder, or networks for a worker that takes over.
        """
        firsts = {fault.name: fault.ended for fault in reversed(self.faults)}
        return max(self.began + min(_WARM_S, self.seconds / 4), *firsts.values(), 0.0)

    @cached_property
    def growth(self) -> Growth | None:
        """What became of memory, threads and handles, of the first program; None where too little was seen."""
        return growth([one for one in self.calm_samples if one.t >= self.warm_since and one.run == 0])


@dataclass(frozen=True, slots=True)
class Promise:
    """What was promised and what was measured, in words, and whether it was kept; None: this run cannot tell."""

    what: str
    promised: str
    measured: str
    kept: bool | None


def promises(run: Run) -> list[Promise]:
    """Hold a run against everything that is promised."""
    back = [math.inf if again is None else again for again, fair in zip(run.back, run.fair, strict=True) if fair]
    lags = [one for one in run.lags if one is not None]
    missing = lost(run.rows)
    broken = sum(not row.finite for row in run.rows)
    p95 = quantile(run.delays_ms, 0.95)
    wanted = math.ceil(PER_HOUR * run.hours)
    grown = run.growth
    found = [
        Promise(
            "a source that is back is used again",
            f"within {AGAIN_S:g} s",
            _worst(back, AGAIN_S, "s"),
            _kept(back, AGAIN_S),
        ),
        Promise("grid instants without a row", "none", f"{len(missing)} of {len(run.rows)}", not missing),
        Promise("rows with anything that is no number", "none", str(broken), not broken),
        Promise(
            "a fault in one modality: the other goes on",
            f"within {1000 * BEYOND_S:g} ms",
            _worst([1000 * one for one in lags], 1000 * BEYOND_S, "ms"),
            _kept(lags, BEYOND_S),
        ),
        Promise(
            "capture to decision outside of faults, 95th percentile",
            f"{DELAY_MS:g} ms",
            f"{p95:.0f} ms",
            None if math.isnan(p95) else p95 <= DELAY_MS,
        ),
        Promise("faults while the machine kept up", f"at least {wanted}", str(len(back)), len(back) >= wanted),
        Promise("starts of the program that were needed on the way", "none", str(len(run.deaths)), not run.deaths),
        Promise("files of recordings that cannot be read", "none", str(len(run.damaged)), not run.damaged),
        Promise(
            "the end when it is told to",
            f"within {ENDING_S:g} s, exit code 0",
            f"{run.ending_s:.1f} s, exit code {NONE if run.exit_code is None else run.exit_code}",
            run.exit_code == 0 and run.ending_s <= ENDING_S + 1,  # interpreter and libraries unload as well
        ),
    ]
    return found + _grown(run, grown)


def _grown(run: Run, grown: Growth | None) -> list[Promise]:
    if grown is None:
        return [Promise("memory, threads and handles", "as at the beginning", "too short to tell", None)]
    telling = run.seconds - (run.warm_since - run.began) >= _TELLING_S
    memory = "{:+.1f} % by a fitted line (medians of first and last quarter: {:.0f} and {:.0f} MiB)".format(
        grown.memory_percent, *grown.memory_mib
    )
    kept = grown.memory_percent < GROWTH_PERCENT if telling else None
    return [
        Promise("resident memory, once warm", f"grows by less than {GROWTH_PERCENT:g} %", memory, kept),
        *(
            Promise(f"{name}, once warm", "as many as at the beginning", f"{first:g}, then {last:g}", last <= first)
            for name, (first, last) in {"threads": grown.threads, "open handles": grown.handles}.items()
        ),
    ]


def _kept(values: Sequence[float], limit: float) -> bool | None:
    return max(values) <= limit + 1e-6 if values else None


def _worst(values: Sequence[float], limit: float, unit: str) -> str:
    if not values:
        return NONE
    beyond = sum(value > limit + 1e-6 for value in values)
    worst = (
        "never"
        if math.isinf(max(values))
        else f"{max(values):.2f} {unit}"
        if unit == "s"
        else f"{max(values):.0f} {unit}"
    )
    return f"at worst {worst}" + (f"; {beyond} of {len(values)} took longer" if beyond else f"; {len(values)} times")


def by_kind(run: Run) -> dict[str, dict[str, Any]]:
    """How often each fault came, and how it went."""
    kinds: dict[str, dict[str, Any]] = {}
    for name in sorted({fault.name for fault in run.faults}):
        places = [n for n, fault in enumerate(run.faults) if fault.name == name]
        fair = [run.back[n] for n in places if run.fair[n]]
        back = np.array([math.inf if again is None else again for again in fair])
        lags = [one for n in places if (one := run.lags[n]) is not None]
        kinds[name] = {
            "times": len(places),
            "lasted_s": round(sum(run.faults[n].ended - run.faults[n].began for n in places), 1),
            "recovery_median_s": _number(quantile(back, 0.5)),
            "recovery_worst_s": _number(quantile(back, 1.0)),
            "late": int(np.sum(back > AGAIN_S)),
            "others_worst_ms": round(1000 * max(lags)) if lags else None,
        }
    return kinds


def _number(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None


def facts(run: Run, found: Sequence[Promise]) -> dict[str, Any]:
    """Everything as plain values."""
    quiet_s = len(run.calm_rows) * GRID_S
    late = np.isinf(run.delays_ms)
    rungs = Counter((*NAMES, "one modality")[row.rung] for row in run.rows)
    return {
        "command": run.command,
        "started": run.started,
        "machine": {key: value for key, value in machine().items() if key in ("cores", "gpu")},
        "versions": library_versions() | {"system": platform.system()},
        "seconds": round(run.seconds),
        "rows": len(run.rows),
        "faults": len(run.faults),
        "quiet_s": round(quiet_s),
        "promises": [
            {"what": one.what, "promised": one.promised, "measured": one.measured, "kept": one.kept} for one in found
        ],
        "delay_ms": {f"p{q}": _number(quantile(run.delays_ms, q / 100)) for q in (50, 95, 99)},
        "pictures_too_late": round(float(late.mean()), 5) if len(late) else None,
        "rungs": {name: round(number / len(run.rows), 4) for name, number in rungs.most_common()},
        "kinds": by_kind(run),
        "deaths": list(run.deaths),
        "damaged": list(run.damaged),
        "broken_off": run.broken_off,
        "left_out": list(run.left_out),
        "each": [
            {
                "fault": fault.name,
                "at_s": round(fault.began - run.began, 2),
                "lasted_s": round(fault.ended - fault.began, 2),
                "recovery_s": None if again is None else round(again, 3),
                "others_ms": None if lagged is None else round(1000 * lagged),
                "kept_up": fair,
            }
            for fault, again, lagged, fair in zip(run.faults, run.back, run.lags, run.fair, strict=True)
        ],
    }


def minutes_of(run: Run, times: Sequence[float]) -> npt.NDArray[np.float64]:
    """Times as minutes since the run began."""
    return (np.asarray(times, float) - run.began) / 60


def rows_of_minute(run: Run, minute: int) -> Sequence[Row]:
    """Calm rows of a minute of the run."""
    return between(run.calm_rows, run.began + 60 * minute, run.began + 60 * (minute + 1))

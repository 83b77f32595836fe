"""Pictures of a soak: recovery by kind of fault, delay, memory, threads and handles over time, and the faults."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _soak_figures import AGAIN_S, DELAY_MS, Run, delays, minutes_of, quantile, rows_of_minute

from realtime_cer.palette import GOOD, MODELS, QUIET
from realtime_cer.training.pictures import FAINT, GRID, INK, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAD = "#d4483b"
_LINE = {"color": _BAD, "linewidth": 1.0, "linestyle": (0, (4, 3))}


def pictures(run: Run, out: Path) -> None:
    """Draw them all."""
    recovery_picture(run, out / "recovery.png")
    delay_picture(run, out / "delay.png")
    resources_picture(run, out / "resources.png")
    timeline_picture(run, out / "timeline.png")


def recovery_picture(run: Run, path: Path) -> None:
    """A dot for each fault: how long it took to recover from it."""
    kinds = _kinds(run)
    dice = np.random.default_rng(0)
    with drawn(path, 8.4, 1.2 + 0.27 * len(kinds)) as figure:
        axes = figure.subplots()
        for y, name in enumerate(kinds):
            judged = zip(run.faults, run.back, run.fair, strict=True)
            back = [again for fault, again, fair in judged if fair and fault.name == name]
            there = np.array([again for again in back if again is not None])
            spread = y + dice.uniform(-0.24, 0.24, len(there))
            colours = [GOOD if again <= AGAIN_S else _BAD for again in there]
            axes.scatter(there, spread, s=9, c=colours, alpha=0.65, linewidths=0)
            if len(there):
                axes.plot([np.median(there)] * 2, [y - 0.34, y + 0.34], color=INK, linewidth=1.4)
            never = len(back) - len(there)
            if never:
                axes.text(1.01, y, f"{never} never", color=_BAD, va="center", transform=axes.get_yaxis_transform())
        axes.axvline(AGAIN_S, **_LINE)
        axes.text(AGAIN_S, -0.9, f"promised: {AGAIN_S:g} s ", color=_BAD, ha="right", va="center", fontsize=9)
        axes.set_yticks(range(len(kinds)), kinds)
        axes.set_ylim(len(kinds) - 0.4, -1.4)
        axes.set_xlim(0, None)
        axes.set_xlabel("seconds from the end of a fault to the first row that uses what it had touched\nbar: median")
        _tidy(axes, "x")


def delay_picture(run: Run, path: Path) -> None:
    """Median and 95th percentile of each minute, and how often which delay came."""
    whole = range(math.ceil(run.seconds / 60))
    values = [delays(rows_of_minute(run, minute)) for minute in whole]
    with drawn(path, 8.4, 3.2) as figure:
        over, often = figure.subplots(1, 2, width_ratios=[3, 1], sharey=True)
        at = np.array(whole) + 0.5
        top = 1.35 * DELAY_MS
        for q, colour, words in ((0.95, MODELS[1], "95 % within"), (0.5, MODELS[0], "median")):
            height = np.array([quantile(each, q) for each in values])
            over.plot(at, np.minimum(height, top), color=colour, marker="o", markersize=2.6, linewidth=1.2, label=words)
        over.axhline(DELAY_MS, label="promised for 95 %", **_LINE)
        over.set_xlabel("minutes")
        over.set_ylabel("ms from capture to decision")
        over.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
        there = run.delays_ms[np.isfinite(run.delays_ms)]
        often.hist(there, bins=np.linspace(0, 160, 41), orientation="horizontal", color=MODELS[0])
        often.axhline(DELAY_MS, **_LINE)
        often.set_xlabel("rows")
        over.set_ylim(0, top)
        _tidy(over, "y")
        _tidy(often, "y")


def resources_picture(run: Run, path: Path) -> None:
    """Memory, threads and handles of the program."""
    names = {"memory_mib": "resident memory, MiB", "threads": "threads", "handles": "open handles"}
    calm = {one.t for one in run.calm_samples}
    at = minutes_of(run, [one.t for one in run.samples])
    dark = np.array([one.t in calm for one in run.samples], bool)
    with drawn(path, 8.4, 5.6) as figure:
        rows = figure.subplots(3, 1, sharex=True, height_ratios=[2, 1, 1])
        for axes, (name, words) in zip(rows, names.items(), strict=True):
            values = np.array([getattr(one, name) for one in run.samples], float)
            axes.scatter(at[~dark], values[~dark], s=4, color="#c9d0ee", linewidths=0)
            axes.scatter(at[dark], values[dark], s=5, color=MODELS[0], linewidths=0)
            axes.set_title(words)
            axes.axvline((run.warm_since - run.began) / 60, color=QUIET, linewidth=0.8, linestyle=":")
            if len(values):
                margin = max(0.15 * float(np.ptp(values)), 0.02 * float(values.max()))
                axes.set_ylim(float(values.min()) - margin, float(values.max()) + margin)
            _tidy(axes, "y")
        rows[0].text((run.warm_since - run.began) / 60, 0.98, " warm from here", color=FAINT, fontsize=9, va="top",
                     transform=rows[0].get_xaxis_transform())  # fmt: skip
        rows[-1].set_xlabel("minutes")


def timeline_picture(run: Run, path: Path) -> None:
    """When which fault came, and whether all was well again in time."""
    kinds = _kinds(run)
    with drawn(path, 8.4, 1.0 + 0.24 * len(kinds)) as figure:
        axes = figure.subplots()
        for fault, again, fair in zip(run.faults, run.back, run.fair, strict=True):
            begin, end = minutes_of(run, [fault.began, fault.ended])
            good = again is not None and again <= AGAIN_S
            colour = QUIET if not fair else MODELS[0] if good else _BAD
            axes.barh(
                kinds.index(fault.name), max(end - begin, run.seconds / 60 / 700), left=begin, height=0.7, color=colour
            )
        axes.set_yticks(range(len(kinds)), kinds)
        axes.set_ylim(len(kinds) - 0.4, -0.6)
        axes.set_xlim(0, run.seconds / 60)
        axes.set_xlabel("minutes; red: not used again in time; grey: the machine did not keep up")
        _tidy(axes, "x")


def _kinds(run: Run) -> list[str]:
    """Names of the faults that came, those of one source together."""
    from parts.chaos_faults import FAULTS

    came = {fault.name for fault in run.faults}
    return [fault.name for fault in FAULTS if fault.name in came]


def _tidy(axes: "Axes", grid: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.tick_params(length=0)

"""What rows and faults amount to: recovery, loss, delay, growth. Pure, but for the files of a session."""

import bisect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from realtime_cer.buffers import GRID_S
from realtime_cer.pipeline.ladder import RATE, SOUND
from realtime_cer.sinks.tables import read_rows

from .chaos_rows import Row

AGAIN_S = 2.0
"""How soon a source that is back is used again, at the latest."""

BEYOND_S = 0.2
"""How far the rows of a modality that is not touched may lag behind the grid."""

_AFTER_S = 10.0
"""By then a source that comes back at all has come back."""

_SETTLED_S = 1.0
"""After a recovery the machine is given so long before delays count again."""


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that was played: what, whom it touched, and from when to when, in seconds of ``time.monotonic``."""

    name: str
    touches: frozenset[str]
    slows: bool
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What the program held at ``t``; ``run`` counts the programs that were started."""

    run: int
    t: float
    memory_mib: float
    threads: int
    handles: int


def lost(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Grid instants without a row, and rows that came twice or out of order: run and number of each.

    Where a row has told that only every second instant is decided from now on, the others are not lost.
    """
    wrong: list[tuple[int, int]] = []
    due, run, thin = 0, -1, False
    for row in rows:
        if row.run != run:
            due, run, thin = 0, row.run, False
        wrong += [(run, seq) for seq in range(due, row.seq) if not (thin and seq % 2)]
        if row.seq < due:
            wrong.append((run, row.seq))
        due, thin = row.seq + 1, row.rung >= RATE
    return wrong


def between(rows: Sequence[Row], begin: float, end: float) -> Sequence[Row]:
    """Rows of the instants from ``begin`` to ``end``; rows are in their order."""
    first = bisect.bisect_left(rows, begin, key=lambda row: row.t)
    return rows[first : bisect.bisect_right(rows, end, key=lambda row: row.t)]


def uses_again(row: Row, since: float, models: frozenset[str]) -> bool:
    """Whether each of the models has something to say in a row of what was captured after ``since``."""
    captured = [row.issued - (row.ages_ms[name] or 0.0) / 1000 for name in models & row.models]
    return models <= row.models and all(t >= since for t in captured)


def recovery(rows: Sequence[Row], fault: Injected, until: float = np.inf) -> float | None:
    """Seconds from the end of a fault to the first row that uses all it touched again; None if none did."""
    for row in between(rows, fault.ended, until):
        if uses_again(row, fault.ended, fault.touches):
            return row.issued - fault.ended
    return None


def kept_up(rows: Sequence[Row], fault: Injected, until: float = np.inf) -> bool:
    """Whether the machine was fast enough, from before a fault until after it, for all that is promised.

    Else the program does less, as its rows tell: sound every second, fewer pictures, one modality.
    """
    around = between(rows, fault.began - _SETTLED_S, min(fault.ended + _AFTER_S, until))
    return all(row.rung < SOUND for row in around)


def lag(rows: Sequence[Row], fault: Injected, until: float = np.inf) -> float:
    """How far those that a fault did not touch lagged behind meanwhile, in seconds; 0 where it touched everyone.

    The longest of: from an instant to its row; from one row with a model to the next, beyond the grid.

    Parameters
    ----------
    rows, fault : what happened
    until : when the next fault began
    """
    if not rows:
        return 0.0
    begin, end = fault.began, min(fault.ended + AGAIN_S, until, rows[-1].t)
    inside = between(rows, begin, end)
    others = {"static", "acoustic"} - fault.touches
    if not others:
        return 0.0
    worst = max((row.issued - row.t for row in inside), default=end - begin)
    for model in others:
        times = [begin, *(row.t for row in inside if model in row.models), end]
        worst = max(worst, float(np.diff(times).max()) - GRID_S)
    return worst


def quiet(times: npt.ArrayLike, faults: Sequence[Injected], back: Sequence[float | None]) -> npt.NDArray[np.bool_]:
    """Which of the times are outside of all faults and of what it takes to recover from them.

    Parameters
    ----------
    times : (n,) seconds
    faults : in their order
    back : how long each took to recover; None where it never did
    """
    times = np.asarray(times, float)
    calm = np.ones(times.shape, bool)
    for n, (fault, again) in enumerate(zip(faults, back, strict=True)):
        following = faults[n + 1].began if n + 1 < len(faults) else np.inf
        end = following if again is None else fault.ended + max(again + _SETTLED_S, AGAIN_S)
        calm &= (times < fault.began) | (times > end)
    return calm


def delays(rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    """(n,) milliseconds from the capture of each row's picture to the row; infinite where it came too late for it."""
    return np.array([np.inf if row.ages_ms["static"] is None else row.ages_ms["static"] for row in rows], float)


def quantile(values: npt.NDArray[np.float64], q: float) -> float:
    """An order statistic, which infinite values do not spoil; NaN of nothing."""
    return float(np.quantile(values, q, method="higher")) if len(values) else float("nan")


def slope(times: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> float:
    """Median of the slopes of all pairs (Theil 1950, Sen 1968): what some outliers do not change."""
    most = max(1, len(times) // 1000)
    times, values = times[::most], values[::most]
    i, j = np.triu_indices(len(times), 1)
    return float(np.median((values[j] - values[i]) / (times[j] - times[i]))) if len(i) else 0.0


@dataclass(frozen=True, slots=True)
class Growth:
    """What became of memory (per cent over the time, by the slope), threads and handles (medians: first, last)."""

    memory_percent: float
    memory_mib: tuple[float, float]
    threads: tuple[float, float]
    handles: tuple[float, float]


def growth(samples: Sequence[Usage]) -> Growth | None:
    """Compare the beginning with the end: give samples that are warm, quiet and of one run, eight of them at least."""
    if len(samples) < 8:
        return None
    times = np.array([one.t for one in samples])
    memory, threads, handles = (
        np.array([getattr(one, name) for one in samples], float) for name in ("memory_mib", "threads", "handles")
    )

    def ends(values: npt.NDArray[np.float64]) -> tuple[float, float]:
        quarter = max(len(values) // 4, 2)
        return float(np.median(values[:quarter])), float(np.median(values[-quarter:]))

    risen = slope(times, memory) * float(times[-1] - times[0])
    return Growth(100 * risen / float(np.median(memory)), ends(memory), ends(threads), ends(handles))


def damaged(folder: Path) -> str | None:
    """What is wrong with the files of a recorded session, in a few words; None where all can be read."""
    try:
        json.loads((folder / "session.json").read_text(encoding="utf-8"))
        read_rows(folder / "decisions.jsonl")
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None

"""How far a machine and a human agree on a film, step by step. Pure."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_cer.labels import COMPOUND
from realtime_cer.metrics import accuracy, confusion, f1_scores, kappa, recalls
from realtime_cer.sinks.annotations.tiers import Mark
from realtime_cer.sinks.segments import NO_ROWS, Segment

STEP_MS = 200
"""Both are asked in the middle of every step of the 5 FPS grid."""

NONE = "no expression"
CLASSES = (*COMPOUND, NONE)

_Indices = npt.NDArray[np.int64]


def steps(parts: Sequence[Segment], marks: Sequence[Mark]) -> tuple[_Indices, _Indices]:
    """What both say in the middle of every step of the grid, as indices into ``CLASSES``.

    Parameters
    ----------
    parts : of the machine, in the order of time and without gaps; steps where rows are missing are left out
    marks : of the human, in the order of time; between them nothing is expressed

    Returns
    -------
    human, machine : (N,) each
    """
    start, end = (parts[0].start_ms, parts[-1].end_ms) if parts else (0, 0)
    middles = np.arange(start, end - STEP_MS // 2 + 1, STEP_MS) + STEP_MS // 2
    machine = np.array([_number(p.word) for p in parts], np.int64)[
        np.searchsorted([p.start_ms for p in parts], middles, side="right") - 1
    ]
    human = np.full(len(middles), CLASSES.index(NONE))
    for mark in marks:
        human[(middles >= mark.start_ms) & (middles < mark.end_ms)] = _number(mark.value)
    known = machine >= 0
    return human[known], machine[known]


def _number(word: str) -> int:
    """Its place in ``CLASSES``; -1 where rows are missing."""
    if word == NO_ROWS:
        return -1
    return COMPOUND.index(word) if word in COMPOUND else CLASSES.index(NONE)


def figures(human: _Indices, machine: _Indices) -> dict[str, Any]:
    """How far the two agree; None where a figure does not exist, as kappa where only one class occurs.

    Parameters
    ----------
    human, machine : (N,) indices into ``CLASSES``
    """
    n = len(CLASSES)
    # With the two exchanged, recall is precision.
    columns = (recalls(machine, human, n), recalls(human, machine, n), f1_scores(human, machine, n))
    matrix = confusion(human, machine, n)
    both = (human < n - 1) & (machine < n - 1)

    def agreement(where: npt.NDArray[np.bool_]) -> dict[str, Any]:
        one, other = human[where], machine[where]
        return {
            "steps": int(where.sum()),
            "agreement": _known(accuracy(one, other, n)),
            "kappa": _known(kappa(one, other, n)),
        }

    return {
        **agreement(np.ones(len(human), np.bool_)),
        "where_both_name_one": agreement(both),
        "classes": {
            name: {
                "human": int(matrix[i].sum()),
                "machine": int(matrix[:, i].sum()),
                **{key: _known(values[i]) for key, values in zip(("precision", "recall", "f1"), columns, strict=True)},
            }
            for i, name in enumerate(CLASSES)
        },
        "confusion": {"classes": list(CLASSES), "rows_are": "human", "counts": matrix.tolist()},
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)

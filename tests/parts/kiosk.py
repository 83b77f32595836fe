"""A kiosk over made moments, for tests and for pictures of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from realtime_cer.buffers import GRID_S
from realtime_cer.config import KioskConfig
from realtime_cer.records import Decision, Face, Picture, Snapshot, Visual

from .moments import BOX, NOW, Double, history, moment


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Room:
    """A kiosk's surroundings: who stands before it, and what it asks of the program around it.

    Attributes
    ----------
    control : what the window shows; its snapshot is that of ``clock``
    opening : how far the mouth of whoever is there is open
    forgotten, tests, restarts : how often the window asked for these
    """

    def __init__(self, picture: Picture | None = None, rows: Sequence[Decision] | None = None) -> None:
        self.clock = Clock()
        self._now = moment(history(60) if rows is None else rows, picture)
        self.control = Double(replace(self._now, visual=None))
        self.opening = 0.0
        self.forgotten = self.tests = self.restarts = 0
        self.trouble = ""

    def booth(self, config: KioskConfig | None = None, notice: str | None = None) -> Any:
        """What the window is given."""
        from realtime_cer.ui.kiosk.booth import Booth

        return Booth(
            config=config or KioskConfig(),
            notice=notice,
            gape=lambda landmarks: self.opening,
            forget=self._forget,
            test=self._test,
            restart=self._restart,
            trouble=lambda: self.trouble,
            seed=1,
        )

    def pass_s(self, seconds: float, face: int | None, step_s: float = GRID_S) -> Snapshot:
        """Let time pass, with this face in view or nobody; what was seen and decided is of the new moment."""
        clock, now = self.clock, self._now
        clock.now += seconds
        late = clock.now - now.t
        there = Visual(62, clock.now - 0.1, Face(face, BOX, np.zeros((478, 2), np.float32)), None, None)
        rows = tuple(replace(row, t=row.t + late) for row in now.history)
        self.control.now = replace(
            now,
            t=clock.now,
            frame=replace(now.frame, t=clock.now - 0.03) if now.frame else None,
            analysed=replace(now.analysed, t=clock.now - 0.1) if now.analysed else None,
            visual=there if face is not None else replace(there, face=None),
            history=rows,
            decision=rows[-1] if rows else None,
        )
        return self.control.now

    def _forget(self) -> None:
        self.forgotten += 1

    def _restart(self) -> None:
        self.restarts += 1

    def _test(self) -> None:
        self.tests += 1


def save(widget: Any, path: Path) -> None:
    """Keep what a window shows as a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert widget.grab().save(str(path))

"""What may be changed while a recogniser runs: rule, weights, sources, and whether the sound counts."""

import threading
from collections.abc import Callable

from realtime_cer.capture.source import Source
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.analysis import Analysis
from realtime_cer.pipeline.decider import Decider
from realtime_cer.pipeline.intake import Intake
from realtime_cer.pipeline.shared import Shared
from realtime_cer.pipeline.worker import Worker
from realtime_cer.records import SourceReport
from realtime_cer.rules import Rule

_PLACES = {"camera": ("camera", "file"), "file": ("camera", "file"), "microphone": ("microphone",)}
"""Whose place a source of a kind takes: there is one picture, and one sound."""


class Steering:
    """Changes a running recogniser. Every call returns at once and is safe from any thread.

    Parameters
    ----------
    shared : its board shows what is changed
    config, weights : what is decided by at first
    intake : whose sources may be exchanged

    Attributes
    ----------
    settings : what is decided by
    """

    def __init__(self, shared: Shared, config: Config, weights: FusionWeights, intake: Intake) -> None:
        self.settings = config, weights
        self._shared, self._intake = shared, intake
        self._decider: Decider | None = None
        self._analysis: Analysis | None = None
        self._opening: dict[str, object] = {}
        self._switching: tuple[Worker, ...] = ()
        self._lock = threading.Lock()

    def begin(self, decider: Decider, analysis: Analysis) -> None:
        """Steer these from now on."""
        with self._lock:
            self._decider, self._analysis = decider, analysis
            decider.change(*self.settings)

    def change(self, *, rule: Rule | None = None, weights: FusionWeights | None = None) -> None:
        """Decide by another rule, or other weights, from the next decision on."""
        with self._lock:
            config, known = self.settings
            self.settings = config.model_copy(update={"rule": rule} if rule else {}), weights or known
            if self._decider is not None:
                self._decider.change(*self.settings)

    @property
    def muted(self) -> bool:
        """Whether the sound does not count."""
        return self._intake.muted

    def mute(self, on: bool) -> None:
        """Take no sound in, neither for decisions nor for whoever records; or do so again."""
        self._intake.muted = self._shared.board.muted = on
        if on and self._decider is not None:
            self._decider.hush()

    def switch(self, name: str, kind: str, opening: Callable[[], Source], refused: Callable[[str], None]) -> None:
        """Open a source, and then let it take the place of the one there is. Decisions go on.

        Parameters
        ----------
        name : of the source, to be shown while it is opened
        kind : "camera", "file" or "microphone"
        opening : opens it, in a thread of its own; where it raises ``Refused`` everything stays as it is
        refused : told, in that thread, why
        """
        place, token = _PLACES[kind][0], object()
        self._opening[place] = token  # a later wish for the same place wins
        report = SourceReport(name, kind, "opening", "", 0, 0)
        self._show(place, report)

        def work(worker: Worker) -> None:
            try:
                source = opening()
            except Refused as refusal:
                if self._opening.get(place) is token:
                    self._show(place, None)
                    refused(str(refusal))
                return
            with self._lock:
                wanted = self._opening.get(place) is token and worker.going
                if wanted:
                    self._intake.exchange(_PLACES[kind], kind, source)
            if not wanted:
                source.close()
                return
            self._show(place, None)
            if place == "camera" and self._analysis is not None and self._decider is not None:
                self._analysis.forget_faces()  # nobody in the new picture is somebody of the old one
                self._decider.people.forget(self._shared.clock())

        worker = Worker(f"switch-{place}", work, self._shared.stop, self._shared.clock)
        worker.start()
        with self._lock:
            self._switching = (*(one for one in self._switching if one.alive or one.error), worker)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Those that open a source just now, or failed in it."""
        return self._switching

    def _show(self, place: str, report: SourceReport | None) -> None:
        with self._lock:
            others = tuple(one for one in self._shared.board.opening if _PLACES[one.kind][0] != place)
            self._shared.board.opening = others if report is None else (*others, report)

"""What a running recogniser shows: written by its threads, read as snapshots. Locks, no threads."""

import threading
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from realtime_cer.buffers import GRID_S, Latest
from realtime_cer.capture.source import Source
from realtime_cer.records import Decision, Frame, Snapshot, Sound, SourceReport, Visual

_SPAN_S = 60.0
_RATE_S = 10.0


class Board:
    """The newest of everything, and the last minute of decisions with their delays."""

    def __init__(self, sources: Sequence[tuple[str, Source]]) -> None:
        self.preview: Latest[Frame] = Latest()
        self.engines: Mapping[str, str] = {}
        """Backend of each network by name, once they are loaded."""
        self._sources = sources
        self._analysed: tuple[Frame | None, Visual | None] = (None, None)
        self._sound: Sound | None = None
        self._history: deque[Decision] = deque(maxlen=round(_SPAN_S / GRID_S))
        self._issued: deque[float] = deque(maxlen=round(_SPAN_S / GRID_S))
        self._delays: deque[tuple[float, float]] = deque(maxlen=round(_SPAN_S / GRID_S))
        self._decisions = self._dropped = 0
        self._began: float | None = None
        self._lock = threading.Lock()

    def seen(self, frame: Frame, visual: Visual) -> None:
        """Note what was seen in a frame."""
        with self._lock:
            self._analysed = (frame, visual)

    def delayed(self, visual: Visual, now: float) -> None:
        """Note when a result reached its decision, in time or too late."""
        with self._lock:
            self._delays.append((now, (now - visual.frame_t) * 1000))

    def heard(self, sound: Sound) -> None:
        """Note what was heard."""
        with self._lock:
            self._sound = sound

    def issued(self, decision: Decision, now: float) -> None:
        """Note a decision that was issued at ``now``."""
        with self._lock:
            self._began = now if self._began is None else self._began
            self._history.append(decision)
            self._issued.append(now)
            self._decisions += 1
            self._dropped += decision.dropped

    def snapshot(self, now: float) -> Snapshot:
        """What a view may show of this moment."""
        with self._lock:
            frame, visual = self._analysed
            sound, history = self._sound, tuple(self._history)
            issued, delays = tuple(self._issued), tuple(self._delays)
            decisions, dropped = self._decisions, self._dropped
            began = now if self._began is None else self._began
        ages = [delay for t, delay in delays if t >= now - _SPAN_S]
        lately = sum(t >= now - _RATE_S for t in issued)
        p50, p95 = np.percentile(ages, [50, 95]) if ages else (0.0, 0.0)
        return Snapshot(
            t=now,
            frame=self.preview.peek(),
            analysed=frame,
            visual=visual,
            sound=sound,
            decision=history[-1] if history else None,
            sources=tuple(_report(kind, source) for kind, source in self._sources),
            # What ran last: an engine may have taken over from another since the start.
            engines={**self.engines, **{k: v for one in history[-5:] for k, v in one.engine.items() if v}},
            rate=lately / min(_RATE_S, now - began + GRID_S),  # n decisions span n - 1 steps
            latency_ms=(float(p50), float(p95)) if ages else None,
            decisions=decisions,
            dropped=dropped,
            history=history,
        )


def _report(kind: str, source: Source) -> SourceReport:
    status, counters = source.status, source.counters
    return SourceReport(source.name, kind, status.state, status.detail, counters.frames, counters.dropped)

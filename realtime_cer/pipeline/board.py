"""What a running recogniser shows: written by its threads, read as snapshots. Locks, no threads."""

import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence

import numpy as np

from realtime_cer.buffers import GRID_S, Latest
from realtime_cer.capture.source import Source
from realtime_cer.records import Decision, Frame, Meters, Person, Snapshot, Sound, SourceReport, Visual, read_only

_SPAN_S = 60.0
_RATE_S = 10.0
_SMALL_S = 0.1 - 1e-3  # stamps jitter


class Board:
    """The newest of everything, and the last minute of decisions with their delays.

    Attributes
    ----------
    engines : backend of each network by name, once they are loaded
    opening : sources that are being opened in the place of others
    muted : the sound does not count
    """

    def __init__(self, sources: Sequence[tuple[str, Source]]) -> None:
        self.preview: Latest[Frame] = Latest()
        self.engines: Mapping[str, str] = {}
        self.opening: tuple[SourceReport, ...] = ()
        self.muted = False
        self._sources = tuple(sources)
        self._gone: Counter[str] = Counter()
        self._analysed: tuple[Frame | None, Visual | None] = (None, None)
        self._sound: Sound | None = None
        self.voice_t = float("-inf")
        """When there was a voice last."""
        self._history: deque[Decision] = deque(maxlen=round(_SPAN_S / GRID_S))
        self._people: tuple[Person, ...] = ()
        self._issued: deque[float] = deque(maxlen=round(_SPAN_S / GRID_S))
        self._delays: deque[tuple[float, float]] = deque(maxlen=round(_SPAN_S / GRID_S))
        self._decisions = self._dropped = 0
        self._began: float | None = None
        self._forgotten = float("-inf")
        self._lock = threading.Lock()

    def forget(self, now: float) -> None:
        """Let go of all pictures, sounds and decisions, also of those captured before ``now`` and still to come."""
        with self._lock:
            self._forgotten = now
            self._analysed, self._sound = (None, None), None
            self._history.clear()
            self._people = ()
        self.preview.clear()

    def show(self, frame: Frame, *, small: bool) -> None:
        """Take the newest picture for views; small ones, and not many of them, where the machine has no time."""
        if frame.t < self._forgotten:
            return
        if not small:
            self.preview.put(frame)
            return
        shown = self.preview.peek()
        if shown is None or not 0 <= frame.t - shown.t < _SMALL_S:
            self.preview.put(Frame(frame.t, frame.seq, read_only(frame.picture[::2, ::2].copy())))

    def seen(self, frame: Frame, visual: Visual) -> None:
        """Note what was seen in a frame; one that was not searched leaves what was seen before."""
        with self._lock:
            if visual.searched and frame.t >= self._forgotten:
                self._analysed = (frame, visual)

    def delayed(self, visual: Visual, now: float) -> None:
        """Note when a result reached its decision, in time or too late."""
        with self._lock:
            self._delays.append((now, (now - visual.frame_t) * 1000))

    def heard(self, sound: Sound) -> None:
        """Note what was heard."""
        with self._lock:
            if sound.t >= self._forgotten:
                self._sound = sound
            if sound.voice:
                self.voice_t = sound.t

    def issued(self, decision: Decision, now: float, people: tuple[Person, ...] = ()) -> None:
        """Note a decision that was issued at ``now``, and everybody in view."""
        with self._lock:
            self._began = now if self._began is None else self._began
            if decision.t >= self._forgotten:
                self._history.append(decision)
                while self._history[0].t <= decision.t - _SPAN_S:  # there are fewer in a minute at half the rate
                    self._history.popleft()
                self._people = people
            self._issued.append(now)
            self._decisions += 1
            self._dropped += decision.dropped

    def lost_by_sources(self) -> dict[str, int]:
        """What the sources did not hand out, by cause."""
        lost = Counter(self._gone)
        for kind, source in self._sources:
            lost.update(_lost(kind, source))
        return dict(lost)

    def exchanged(self, sources: Sequence[tuple[str, Source]]) -> None:
        """Show these sources from now on; what those before have lost stays counted."""
        for kind, source in self._sources:
            if all(source is not one for _, one in sources):
                self._gone.update(_lost(kind, source))
        self._sources = tuple(sources)

    def snapshot(self, now: float, meters: Meters | None = None) -> Snapshot:
        """What a view may show of this moment."""
        with self._lock:
            frame, visual = self._analysed
            sound, history, people = self._sound, tuple(self._history), self._people
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
            sound=None if self.muted else sound,
            decision=history[-1] if history else None,
            sources=(*(_report(kind, source, self.muted) for kind, source in self._sources), *self.opening),
            # What ran last: an engine may have taken over from another since the start.
            engines={**self.engines, **{k: v for one in history[-5:] for k, v in one.engine.items() if v}},
            rate=lately / min(_RATE_S, now - began + GRID_S),  # n decisions span n - 1 steps
            latency_ms=(float(p50), float(p95)) if ages else None,
            decisions=decisions,
            dropped=dropped,
            history=history,
            meters=meters,
            people=people,
            muted=self.muted,
        )


def _lost(kind: str, source: Source) -> dict[str, int]:
    """What a source did not hand out, by cause."""
    counters = source.counters
    causes = {kind: counters.dropped, f"{kind} frozen": counters.frozen, f"{kind} damaged": counters.damaged}
    return {cause: count for cause, count in causes.items() if count}


def _report(kind: str, source: Source, muted: bool) -> SourceReport:
    status, counters = source.status, source.counters
    return SourceReport(
        source.name,
        kind,
        "muted" if muted and kind == "microphone" and status.state == "live" else status.state,
        status.detail,
        counters.frames,
        counters.dropped,
        frozen=counters.frozen,
        damaged=counters.damaged,
        overflows=counters.overflows,
        underflows=counters.underflows,
        hopeless=status.hopeless,
    )

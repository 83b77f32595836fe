"""A microphone as a source that is supervised: named states, retries, never blocking.

Concurrent activities: the sound library calls `SoundStream.callback` from a thread of its own, which copies and
enqueues; one daemon thread at a time (`Attempt`) opens a stream, for that may hang; whoever iterates
`Microphone.items` drains the queue, watches how much comes and starts the next attempt.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator

from realtime_cer.capture.attempt import RETRY_S, Attempt, let_go, pause_s
from realtime_cer.capture.lasting import lasting_name
from realtime_cer.capture.portaudio import Hanging, Input, Unavailable
from realtime_cer.capture.soundserver import CHOOSES, Origin
from realtime_cer.capture.soundstream import SoundStream
from realtime_cer.capture.source import Clock, Counters, SourceStatus, State
from realtime_cer.errors import Refused
from realtime_cer.records import AudioBlock

_POLL_S = 0.05
_STALL_S = 0.6
"""Age of the last sound at which a microphone counts as stalled."""
_GONE_S = 1.0
"""Age at which one that gave sound is lost: not every library says that its device has gone."""
_WATCH_S = 3.0
"""A microphone that gave less than half of this many seconds in as much time is lost."""
_SILENT_S = 3.0
"""Sound that is exactly zero for so long comes from no room: even a quiet one leaves noise in the last bit."""
_ANSWER_S = 2.0
"""So long an answer is awaited by those who would wait for the microphone itself: a sound system may hang."""
_HOPELESS_S = 60.0
"""A sound system that does not answer for so long does not come back, and this process cannot ask another one: the
library bears one question at a time, and nothing breaks that off."""


def open_microphone(
    spec: str | int, clock: Clock = time.monotonic, wait: bool = False, *, open_timeout_s: float = 5.0
) -> "Microphone":
    """Open a microphone and wait for its first sound.

    Parameters
    ----------
    spec : a number, a name, a part of a name that fits only one, or ``default``
    clock : stamps the sound, in seconds
    wait : return soon, also if the microphone is not there yet: it is waited for
    open_timeout_s : how long the first sound may take

    Raises
    ------
    Refused
        Without ``wait``: it is not there or gives no sound. Always: the name fits several, no sample rate
        suits it, or PortAudio is missing, if that is found out soon.
    """
    microphone = Microphone(str(spec).strip(), clock, open_timeout_s=open_timeout_s)
    if wait:
        microphone.await_answer(min(_ANSWER_S, open_timeout_s))
    else:
        microphone.await_first()
    return microphone


class Microphone:
    """A `Source` of blocks of 0.05 s of sound. Made by `open_microphone`.

    Attributes
    ----------
    name : as the system calls it, once it was found
    rate : its own samples per second, once it is open
    status, counters : may be read from any thread
    """

    def __init__(self, spec: str, clock: Clock, *, open_timeout_s: float = 5.0) -> None:
        self.name = spec
        self.rate: int | None = None
        self.counters = Counters()
        self._spec, self._clock, self._open_timeout_s = spec, clock, open_timeout_s
        self.status = SourceStatus("opening", f"opening microphone {spec}", clock())
        self._known: Input | None = None
        self._origin: Origin | None = None
        self._instead = self._why = ""
        self._seen = False
        self._begun = self._last = self._sounded = self._tried = self._answered = clock()
        self._next_try = 0.0
        self._heard: deque[tuple[float, float]] = deque()
        self._stream: SoundStream | None = None
        self._attempt: Attempt | None = Attempt(spec, None, clock)

    def await_first(self) -> None:
        """Wait for the first sound; raises Refused with the reason and the remedy if it does not come."""
        self.await_answer(self._open_timeout_s)
        if self._attempt is not None:
            self._unanswered(self._clock())
        end = time.monotonic() + self._open_timeout_s
        while self._stream is not None and self._stream.pieces.empty() and time.monotonic() < end:
            time.sleep(0.005)
        if self._stream is None or self._stream.pieces.empty():
            why = self.status.detail if self.status.state == "absent" else f"microphone {self.name} gives no sound"
            self.close()
            raise Refused(f"{why}; or wait for it with --wait")

    def await_answer(self, timeout_s: float) -> None:
        """Wait until the attempt to open it has ended, at most; raises Refused where waiting would not help."""
        if self._attempt is not None:
            self._attempt.over.wait(timeout_s)
            fault = self._attempt.fault
            self._look_at_attempt(self._attempt)
            if isinstance(fault, Refused):
                self.close()
                raise fault

    def items(self, stop: threading.Event) -> Iterator[AudioBlock]:
        """Yield blocks of 16 kHz mono sound as they come; reopens for ever, ends when stopped."""
        try:
            while not stop.is_set():
                stream = self._stream
                if stream is None:
                    self._reopen(stop)
                    continue
                piece = stream.take(_POLL_S)
                if piece is not None:
                    self._last = self._clock()
                    self._heard.append((self._last, len(piece.mono) / stream.rate))
                    if piece.mono.any():
                        self._sounded = self._last
                self._watch(stream)
                if piece is None or self._stream is None:
                    continue
                gaps, lost = stream.gaps, piece.lost
                for block in stream.blocks(piece):
                    self.counters.frames += 1
                    yield block
                self.counters.gaps += stream.gaps - gaps
                overflows = bool(lost) + piece.broken
                self.counters.dropped += overflows
                self.counters.overflows += overflows
                self.counters.underflows += piece.starved
        finally:
            self.close()

    def close(self) -> None:
        """Release the microphone; if the sound system hangs, that happens when it lets go."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.abandon()
        self._release()
        self._move("ended", f"microphone {self.name} is closed")

    def _watch(self, stream: SoundStream) -> None:
        """Judge the stream by how much it gave: one that was unplugged may seem active and give next to nothing."""
        now = self._clock()
        while self._heard and self._heard[0][0] < now - _WATCH_S:
            self._heard.popleft()
        heard = sum(seconds for _, seconds in self._heard)
        starved = now - self._begun > _WATCH_S and heard < _WATCH_S / 2
        gone = self._last > self._begun and now - self._last > _GONE_S
        state, since = self.status.state, self.status.t
        if stream.ended:
            self._lose(now, "it was unplugged, or its sound server ended")
        elif stream.origin != self._origin and stream.origin is not None and not self._takes(stream.origin):
            self._lose(now, f"the sound server gave another microphone in its place: {stream.origin.title}")
            self._next_try = self._begun + RETRY_S  # likely it gives that one again
        elif gone or (starved and state != "live" and now - since > _STALL_S):
            self._lose(now, "hardly any sound comes")
        elif starved or now - self._last > _STALL_S:
            if state == "live":
                self._move("stalled", f"microphone {self.name}: hardly any sound comes")
        elif self._heard and state != "live":
            self.counters.reopened += self._seen and state != "stalled"
            self._seen = True
            self._move("live", self._how(now))
        elif state == "live":
            self._move("live", self._how(now))

    def _takes(self, origin: Origin) -> bool:
        """May the sound come from there? Another microphone than at first is taken only where any would do."""
        before = self._origin
        if before is not None and self._known is not None and not {self._spec, self._known.name} & CHOOSES:
            return False
        if before is not None:
            self._instead = f", {origin.title} in place of {before.title}: the system's default has changed"
        self._origin = origin
        return True

    def _how(self, now: float) -> str:
        """What to say of a microphone that is live."""
        silent = now - max(self._sounded, self._begun) > _SILENT_S
        muted = ": no sound at all: is it muted?" if silent else ""
        return f"microphone {self.name} at {self.rate} Hz{self._instead}{muted}"

    def _reopen(self, stop: threading.Event) -> None:
        """There is no stream: look after the attempt to open one, or begin one."""
        now = self._clock()
        if self._attempt is not None:
            self._attempt.over.wait(_POLL_S)
            if now - self._tried > self._open_timeout_s:
                self._unanswered(now)
            self._look_at_attempt(self._attempt)
        elif now >= self._next_try:
            if self._seen:
                self._move("retrying", f"microphone {self.name}: {self._why}: trying again")
            self._tried, self._next_try = now, now + RETRY_S
            self._attempt = Attempt(self._spec, self._known, self._clock, restart=True)
        else:
            stop.wait(_POLL_S)

    def _look_at_attempt(self, attempt: Attempt) -> None:
        if not attempt.over.is_set():
            return
        self._attempt = None
        if isinstance(attempt.fault, Hanging):
            self._unanswered(self._clock())
            return
        self._answered = self._clock()
        self._next_try = self._tried + pause_s(self._answered - self._tried)
        if attempt.stream is not None and attempt.device is not None:
            name = attempt.device.name
            if self._known is not None and lasting_name(self._known.name) != lasting_name(name):  # of ``default`` alone
                self._instead = f", in place of {self._known.name}: the system's default has changed"
            self._known, self.name, self.rate = attempt.device, name, attempt.stream.rate
            self._stream = attempt.stream
            self._begun = self._last = self._clock()
            self._heard.clear()
        elif isinstance(attempt.fault, Unavailable | Refused):
            self._move(self._absent, str(attempt.fault))
        elif attempt.fault is not None:
            raise attempt.fault

    def _unanswered(self, now: float) -> None:
        """The library hangs, in this attempt or in what came before it."""
        why = f"microphone {self.name}: the sound system does not answer"
        self.status = self.status.moved(self._absent, why, now, hopeless=now - self._answered > _HOPELESS_S)

    @property
    def _absent(self) -> State:
        return "retrying" if self._seen else "absent"

    def _lose(self, now: float, why: str) -> None:
        self._why, self._answered = why, now
        self._release()
        self._move("lost" if self._seen else "absent", f"microphone {self.name}: {why}")

    def _release(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            let_go(stream)

    def _move(self, state: State, detail: str) -> None:
        self.status = self.status.moved(state, detail, self._clock())

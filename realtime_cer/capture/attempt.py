"""One try to open a microphone, and how soon the next one may follow.

Concurrent activities: each `Attempt` has a daemon thread, for the sound system may hang; `let_go` has one that closes.
"""

import threading

from realtime_cer.capture import portaudio
from realtime_cer.capture.portaudio import Input, Unavailable
from realtime_cer.capture.soundstream import SoundStream
from realtime_cer.capture.source import Clock
from realtime_cer.errors import Refused

RETRY_S, SOON_S = 1.0, 0.5
"""From the beginning of one try to that of the next, at most and at least; after a longer try at once."""
_SHARE = 0.2
"""Share of the time that trying may take, as long as that keeps the pause between the two."""


def pause_s(took_s: float) -> float:
    """From the beginning of a try that took so long to that of the next: where devices are many, listing takes long."""
    return min(max(took_s / _SHARE, SOON_S), RETRY_S)


class Attempt:
    """One try to open the microphone, in a thread of its own; what it opens after it was abandoned, it closes."""

    def __init__(self, spec: str, known: Input | None, clock: Clock, restart: bool = False) -> None:
        self.over = threading.Event()
        self.fault: Exception | None = None
        self.device: Input | None = None
        self.stream: SoundStream | None = None
        self._spec, self._known, self._clock, self._restart = spec, known, clock, restart
        self._lock = threading.Lock()
        self._abandoned = False
        threading.Thread(target=self._run, name="microphone opener", daemon=True).start()

    def abandon(self) -> None:
        """Nobody waits for the result any more."""
        with self._lock:
            self._abandoned = True
            stream, self.stream = self.stream, None
        if stream is not None:
            let_go(stream)

    def _run(self) -> None:
        stream = SoundStream(self._clock)
        try:
            if self._restart:
                portaudio.restart()
            device = portaudio.find(self._spec, self._known)
            stream.open(device)
            with self._lock:
                if not self._abandoned:
                    self.device, self.stream, stream = device, stream, SoundStream(self._clock)
        except (Unavailable, Refused) as problem:
            self.fault = problem
        except Exception as error:  # ours is raised to whoever iterates, the library's is told
            self.fault = error if not portaudio.is_fault(error) else Unavailable(f"microphone {self._spec}: {error}")
        finally:
            stream.close()
            self.over.set()


def let_go(stream: SoundStream) -> None:
    """Close a stream; a library that hangs is not waited for."""
    closing = threading.Thread(target=stream.close, name="microphone closer", daemon=True)
    closing.start()
    closing.join(0.1)

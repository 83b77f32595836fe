"""Which microphone a sound server gives a recording stream: it may exchange it for another one and raise nothing.

PulseAudio and PipeWire move a stream when its microphone is unplugged or another default is chosen; through ALSA and
the sound library it looks the same as before. Here the server itself is asked.

Concurrent activities: each `Watch` has a daemon thread, which sleeps until the server tells of a change. Where the
server hangs, the thread may hang with it: nobody waits for it, and it ends when the server goes on or gives up.
"""

import importlib
import os
import threading
from dataclasses import dataclass, field
from typing import Any

CHOOSES = frozenset({"default", "pulse", "pipewire"})
"""ALSA's names for whichever microphone the sound server chooses."""

_TURN_S = 0.5
"""So long the thread stays after `Watch.end`, at most."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A microphone as the sound server knows it: ``name`` is the same when it comes back, ``title`` is for people."""

    name: str
    title: str = field(compare=False)


class Watch:
    """Follows the newest recording stream of this process. Made when one was opened; sees nothing without a server.

    Attributes
    ----------
    origin : where the stream is taken from now; None until that is known, and for ever where no sound server has it.
        May be read from any thread
    """

    def __init__(self) -> None:
        self.origin: Origin | None = None
        self._over = self._changed = False
        threading.Thread(target=self._run, name="sound server watch", daemon=True).start()

    def end(self) -> None:
        """Watch no longer; returns at once."""
        self._over = True

    def _run(self) -> None:
        try:
            pulsectl = importlib.import_module("pulsectl")
        except (ImportError, OSError):  # other systems, and ALSA alone, have no such server
            return
        faults = (pulsectl.PulseError, pulsectl.PulseDisconnected, pulsectl.pulsectl.c.pa.CallError)
        pulse = pulsectl.Pulse("realtime-cer", connect=False)
        try:
            pulse.connect()
            self._follow(pulse, pulsectl.PulseLoopStop)
        except faults:  # no server, or it has ended, or the stream has: whoever reads the stream sees that too
            return
        finally:
            pulse.close()

    def _follow(self, pulse: Any, leave: type[Exception]) -> None:
        """Keep `origin` true until the stream or the watch ends."""
        stream = _newest(pulse)
        if stream is None:
            return

        def told(event: Any) -> None:
            if event.index == stream:
                self._changed = True
                raise leave

        pulse.event_callback_set(told)
        pulse.event_mask_set("source_output")
        self._changed = True  # also what happened before we were told of changes
        while not self._over:
            if self._changed:
                self._changed = False
                self.origin = _origin(pulse, stream) or self.origin
            else:
                pulse.event_listen(_TURN_S)


def _newest(pulse: Any) -> int | None:
    """Number of the recording stream that this process opened last."""
    process = str(os.getpid())
    streams = pulse.source_output_list()
    return max((each.index for each in streams if each.proplist.get("application.process.id") == process), default=None)


def _origin(pulse: Any, stream: int) -> Origin | None:
    """Where a stream is taken from; None while it is being moved."""
    number = pulse.source_output_info(stream).source
    return next((Origin(one.name, one.description) for one in pulse.source_list() if one.index == number), None)

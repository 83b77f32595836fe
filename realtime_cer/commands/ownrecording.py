"""A recording that is begun and ended in the window, at any time of a run."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime_cer.buffers import GRID_S, instant
from realtime_cer.commands.recording import Recording, Terms
from realtime_cer.errors import Refused
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import Perception
from realtime_cer.records import AudioBlock, Decision, Frame
from realtime_cer.told import Told

if TYPE_CHECKING:
    from realtime_cer.sinks.recorder import Recorder


class OwnRecording:
    """One recording at a time; everything may come from several threads at once.

    ``begin`` takes as long as the disk does, and nobody waits for it. ``end`` and ``close`` take as long as films move,
    and wait for one another.

    Parameters
    ----------
    folder : below which sessions are made
    terms : on which they are kept
    tell : told in one line, from any thread, what became of a wish, and what becomes of a recording
    """

    def __init__(self, folder: Path, terms: Terms, tell: Callable[[Told], None]) -> None:
        self._folder, self._terms, self._tell = folder, terms, tell
        self._recorder: Recorder | None = None
        self._origin = float("inf")
        self._lock = threading.Lock()
        self._beginning = self._closed = False

    @property
    def recorder(self) -> "Recorder | None":
        """What takes what is tapped; it may have ended by itself, or lost its film: see its ``recording``."""
        return self._recorder

    def tap(self, item: Frame | AudioBlock | Decision) -> None:
        """Take one item, from any thread, at once."""
        recorder = self._recorder
        if recorder is not None and item.t >= self._origin:
            recorder.tap(item)

    def begin(self, live: Live, perception: Perception, sound_moved: Mapping[str, Any]) -> None:
        """Begin one, where none runs or is being begun; one that is not whole any more is ended before."""
        with self._lock:
            if self._beginning or self._closed or (self._recorder is not None and self._recorder.recording):
                return
            self._beginning = True
        try:
            self.settle()
            recorder = self._opened(live, perception, sound_moved)
        except Refused as refusal:
            self._tell(Told("no recording is begun: {why}", why=str(refusal)))
            return
        finally:
            self._beginning = False
        if recorder is not None:
            self._tell(Told("recording to {folder}", folder=recorder.folder))

    def _opened(self, live: Live, perception: Perception, sound_moved: Mapping[str, Any]) -> "Recorder | None":
        from realtime_cer.commands.record import open_recorder

        recording = Recording(self._folder)
        settings, tell = live.steering.settings, self._tell
        recorder = open_recorder(recording, self._terms, live.sources, *settings, perception, sound_moved, tell)
        # At an instant of the grid, so that rows begin at 0.
        self._origin = instant(live.origin, ceil((time.monotonic() - live.origin) / GRID_S))
        recorder.begin(self._origin, live.moment)
        with self._lock:
            if not self._closed:
                self._recorder = recorder
                return recorder
        # It was closed meanwhile: nobody is left to end it, and nothing has come yet.
        recorder.close()
        shutil.rmtree(recorder.folder, ignore_errors=True)
        return None

    def settle(self) -> None:
        """End one that has ended by itself or has lost its film, before anything else begins."""
        recorder = self._recorder
        if recorder is not None and not recorder.recording:
            self.end()

    def end(self) -> Told | None:
        """End the one that runs; gives where it is, and whether it is whole."""
        from realtime_cer.commands.record import end_recording

        with self._lock:
            recorder, self._recorder = self._recorder, None
            if recorder is None:
                return None
            return end_recording(recorder)

    def close(self) -> None:
        """End the one that runs, and begin none any more."""
        with self._lock:
            self._closed = True
        self.end()

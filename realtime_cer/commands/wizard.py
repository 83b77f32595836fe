"""The first start of ``live``: devices are tried out in a window, and what was picked is remembered."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from realtime_cer.buffers import Latest
from realtime_cer.capture.lasting import lasting_name
from realtime_cer.capture.remembered import Remembered, read_remembered, write_remembered
from realtime_cer.capture.source import Source
from realtime_cer.commands.console import notice
from realtime_cer.commands.finding import names_of
from realtime_cer.errors import Refused
from realtime_cer.records import AudioBlock, Frame, Snapshot, Sound, SourceReport

if TYPE_CHECKING:
    from realtime_cer.ui.wizardpanels import Kind

_LEVEL_S = 0.05
_LEAVE_S = 2.0
_FIND_S = 5.0


def pick_sources(
    *, ask: bool, again: bool = False, wait: bool = False, theme: str = "dark", language: str | None = None
) -> tuple[str | None, str | None]:
    """The words for camera and microphone where the user named none: picked before, or now; None for the default.

    Call from the main thread.

    Parameters
    ----------
    ask : let the user pick in a window, if nothing is remembered
    again : also where something is
    wait : what is remembered is waited for, there or not
    theme, language : of that window, None for the user's

    Raises
    ------
    Refused
        The user is to be asked again, and there is no screen.
    """
    known = None if again else read_remembered(notice)
    if known is not None and wait:
        return known.camera or "none", known.microphone or "none"
    if known is not None:
        return _there("camera", known.camera), _there("microphone", known.microphone)
    from realtime_cer.ui.screen import screen_available

    missing = screen_available() if ask or again else "nobody is asked"
    if missing is not None and again:
        raise Refused(f"{missing}; name the sources with --camera and --microphone instead of --wizard")
    if missing is not None:
        return None, None
    from realtime_cer.ui.app import Stage
    from realtime_cer.ui.moment import Looks
    from realtime_cer.ui.wizard import Wizard

    with (
        Rehearsal(names_of, _open) as rehearsal,
        Stage(lambda: Wizard(rehearsal, Looks(theme=theme, language=language))) as stage,
    ):
        stage.turn(lambda: False)
        answer = stage.window.answer
    if answer is None:
        return None, None
    try:
        write_remembered(Remembered(camera=answer[0], microphone=answer[1]))
    except Refused as refusal:
        notice(str(refusal))
    return answer[0] or "none", answer[1] or "none"


def _there(kind: "Kind", name: str | None) -> str | None:
    """The words for a remembered device; None, and a notice, where it is not there any more."""
    if name is None:
        return "none"
    found = names_of(kind) if kind == "camera" else _in_time(partial(names_of, kind))
    if found is not None and _is_among(found, kind, name):
        return name
    why = "is not there" if found is not None else "cannot be looked for: the sound system does not answer"
    notice(f"{kind} {name}, as picked before, {why}; pick another with --wizard")
    return None


def _in_time(ask: Callable[[], Sequence[str]]) -> Sequence[str] | None:
    """What there is; None where the sound system hangs, which must not keep Ctrl-C and the window from us."""
    answers: list[Sequence[str]] = []
    asking = threading.Thread(target=lambda: answers.append(ask()), name="finder", daemon=True)
    asking.start()
    asking.join(_FIND_S)
    return answers[0] if answers else None


def _is_among(found: Sequence[str], kind: "Kind", name: str) -> bool:
    """Is it there by its name, or, of microphones, under a new number of its card?"""
    if name in found or kind == "camera":
        return name in found
    return [lasting_name(each) for each in found].count(lasting_name(name)) == 1


def _open(kind: "Kind", name: str) -> Source:
    from realtime_cer.capture.camera import open_camera
    from realtime_cer.capture.microphone import open_microphone

    return open_camera(name, wait=True) if kind == "camera" else open_microphone(name, wait=True)


class Rehearsal:
    """Devices tried out, each in a thread of its own, as a context manager that releases them.

    Parameters
    ----------
    names : gives the devices of a kind
    opened : opens one by its name
    """

    def __init__(
        self,
        names: "Callable[[Kind], Sequence[str]]",
        opened: "Callable[[Kind, str], Source]",
    ) -> None:
        self.found: dict[Kind, Sequence[str]] | None = None
        self._names, self._open = names, opened
        self._frame: Latest[Frame] = Latest()
        self._sound: Latest[Sound] = Latest()
        self._trials: dict[Kind, _Trial] = {}
        self._searching: threading.Thread | None = None

    def __enter__(self) -> "Rehearsal":
        return self

    def __exit__(self, *error: object) -> None:
        until = time.monotonic() + _LEAVE_S
        for trial in self._trials.values():
            trial.stop.set()
        for trial in self._trials.values():
            trial.thread.join(max(until - time.monotonic(), 0.0))

    def search(self) -> None:
        """Look for devices, if nobody does already."""
        if self._searching is None or not self._searching.is_alive():
            self._searching = threading.Thread(target=self._search, name="devices", daemon=True)
            self._searching.start()

    def _search(self) -> None:
        cameras, microphones = self._names("camera"), _in_time(partial(self._names, "microphone"))
        self.found = {"camera": cameras, "microphone": microphones or ()}

    def pick(self, kind: "Kind", name: str | None) -> None:
        """Leave the device of this kind, and try another."""
        before = self._trials.pop(kind, None)
        if before is not None and before.name == name and before.thread.is_alive():
            self._trials[kind] = before
            return
        if before is not None:
            before.stop.set()
        (self._frame if kind == "camera" else self._sound).clear()
        if name is not None:
            self._trials[kind] = _Trial(kind, name, self._take, self._open, before.thread if before else None)

    def _take(self, item: Frame | AudioBlock) -> None:
        if isinstance(item, Frame):
            self._frame.put(item)
            return
        # A meter that follows every few milliseconds of sound would only flicker.
        shown = self._sound.peek()
        if shown is None or item.t - shown.t >= _LEVEL_S:
            power = float(np.mean(np.square(item.samples, dtype=np.float64))) if len(item.samples) else 0.0
            self._sound.put(Sound(item.t, 10 * math.log10(max(power, 1e-12)), 0.0, False, None))

    def snapshot(self) -> Snapshot:
        """What there is to show."""
        return Snapshot(
            t=time.monotonic(),
            frame=self._frame.peek(),
            analysed=None,
            visual=None,
            sound=self._sound.peek(),
            decision=None,
            sources=tuple(trial.report for trial in self._trials.values()),
            engines={},
            rate=0.0,
            latency_ms=None,
            decisions=0,
            dropped=0,
        )


class _Trial:
    """One device, tried out until it is told to stop; begins when the one before has let go."""

    def __init__(
        self,
        kind: "Kind",
        name: str,
        take: Callable[[Frame | AudioBlock], None],
        opened: "Callable[[Kind, str], Source]",
        before: threading.Thread | None,
    ) -> None:
        self.name = name
        self.stop = threading.Event()
        self._kind, self._take, self._open, self._before = kind, take, opened, before
        self._state, self._detail = "opening", ""
        self.thread = threading.Thread(target=self._try, name=f"try-{kind}", daemon=True)
        self.thread.start()

    @property
    def report(self) -> SourceReport:
        """How it does, for a view."""
        return SourceReport(self.name, self._kind, self._state, self._detail, 0, 0)

    def _try(self) -> None:
        if self._before is not None:
            self._before.join(_LEAVE_S)
        with suppress(Refused):  # the window shows that nothing comes
            source = self._open(self._kind, self.name)
            try:
                for item in source.items(self.stop):
                    self._state, self._detail = source.status.state, source.status.detail
                    if self.stop.is_set():
                        break
                    self._take(item)
            finally:
                source.close()

"""Everything that may go wrong on the stage: how each fault begins and ends, whom it touches, and how one sees it."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import psutil

from .chaos import FPS, Stage, WallClock
from .chaos_rows import Row

SEEN = frozenset({"static", "dynamic"})
HEARD = frozenset({"acoustic"})
NOBODY: frozenset[str] = frozenset()

HANGS_S = 9.0
"""By then a worker that hangs has been replaced."""

Act = Callable[[Stage], object]

Seen = Callable[[Sequence[Row]], bool]
"""Whether a fault shows in the rows since it began."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes
    ----------
    name : a few plain words
    touches : models that may have nothing to say meanwhile; all others must go on
    begin, end : let it happen, and mend it
    shows : whether it is seen to have happened
    slows : whether the machine is too busy meanwhile for promises about delays
    least_s : how long it lasts at least
    """

    name: str
    touches: frozenset[str]
    begin: Act
    end: Act
    shows: Seen
    slows: bool = False
    least_s: float = 1.0


def without(*models: str) -> Seen:
    """Some row has nothing of any of these models."""
    return lambda rows: any(not row.models & set(models) for row in rows)


unseen = without(*SEEN)


def renewed(*models: str) -> Seen:
    """Some row has nothing of any of these models, and the newest has of all, though the fault lasts."""
    return lambda rows: bool(rows) and rows[-1].models >= set(models) and without(*models)(rows)


def gone_on(rows: Sequence[Row]) -> bool:
    """Two seconds of rows have come."""
    return len(rows) >= 10


def seldom(rows: Sequence[Row]) -> bool:
    """After a second most rows have no picture: those between two, or all where each comes between two instants."""
    with_picture = [bool(row.models & SEEN) for row in rows[5:]]
    return len(with_picture) >= 10 and sum(with_picture) < len(with_picture) / 2


def seen_later(rows: Sequence[Row]) -> bool:
    """After a second there are rows with a picture: the library brings it to the size of the first."""
    return sum(bool(row.models & SEEN) for row in rows[5:]) >= 5


def stepped(rows: Sequence[Row]) -> bool:
    """The program's wall clock is not ours any more."""
    ours = time.time() - time.monotonic()
    return any(abs(row.wall - row.issued - ours) > 60 for row in rows)


def then_speak(act: Act) -> Act:
    """Mend a microphone, and speak into it at once."""

    def mend(stage: Stage) -> None:
        act(stage)
        stage.talker.speak()

    return mend


def _kill_both(stage: Stage) -> None:
    stage.microphone.kill()
    stage.camera.kill()


def _start_both(stage: Stage) -> None:
    stage.camera.start()
    stage.microphone.start()


def _suspend(on: bool, stage: Stage) -> None:
    stage.microphone.tell("suspend-sink", "stage", str(int(on)))


def _leave_default(stage: Stage) -> None:
    stage.microphone.choose("stage")
    stage.microphone.unplug("booth")


def _fill_disk(stage: Stage) -> None:
    stage.program.said.pop("recorded", None)
    stage.program.tell(record=str(stage.folder / "sessions"))
    stage.program.tell(full=True)


def _clear_disk(stage: Stage) -> None:
    stage.program.tell(full=False)
    stage.program.tell(recorded=True)


def _step(seconds: int, stage: Stage) -> None:
    assert stage.clock is not None
    stage.clock.step(seconds)


def _keep_busy(stage: Stage) -> None:
    command = [sys.executable, "-c", "while True: pass"]
    stage.busy += [subprocess.Popen(command) for _ in range(psutil.cpu_count() or 1)]


def _let_rest(stage: Stage) -> None:
    for process in stage.busy:
        process.kill()
        process.wait()
    stage.busy.clear()


def _camera(name: str, begin: Act, shows: Seen = unseen) -> Fault:
    return Fault(f"camera {name}", SEEN, begin, lambda stage: stage.camera.heal(), shows)


def _microphone(name: str, begin: Act, end: Act) -> Fault:
    return Fault(name, HEARD, begin, then_speak(end), without(*HEARD))


def _order(name: str, what: str | None, stage: Stage) -> None:
    stage.program.tell(engine=name, what=what)


def _network(name: str, what: str, words: str, touches: frozenset[str]) -> Fault:
    act = partial(_order, name)
    return Fault(f"{name} network {words}", touches, partial(act, what), partial(act, None), without(name))


def _library(name: str, touches: frozenset[str]) -> Fault:
    act = partial(_order, name)
    return Fault(f"{name} raises", touches, partial(act, "raise"), partial(act, None), without(*touches))


def _hang(stage: Stage) -> None:
    _order("static", "hang", stage)


CAMERA = (
    Fault("camera killed", SEEN, lambda s: s.camera.kill(), lambda s: s.camera.start(), unseen),
    _camera("frozen", lambda s: s.camera.frozen.set()),
    _camera("repeats one picture", lambda s: s.camera.repeat.set()),
    _camera("sends garbage", lambda s: s.camera.garbage.set()),
    _camera("at 1 frame a second", lambda s: s.camera.slow.set(), seldom),
    Fault(
        "camera of another size and rate",
        SEEN,
        lambda s: s.camera.switch(s.small, FPS / 2),
        lambda s: s.camera.switch(s.pictures, FPS),
        seen_later,
    ),
)
MICROPHONE = (
    _microphone("microphone unplugged", lambda s: s.microphone.unplug(), lambda s: s.microphone.plug()),
    _microphone("microphone starved", partial(_suspend, True), partial(_suspend, False)),
    _microphone("microphone silent", lambda s: s.talker.hush(), lambda s: None),
    Fault(
        "microphone from 48 to 44.1 kHz",
        HEARD,
        then_speak(lambda s: s.microphone.switch_rate(44_100)),
        then_speak(lambda s: s.microphone.switch_rate(48_000)),
        gone_on,
    ),
    # The sound server moves who listens to its default, and nobody speaks at the other one.
    Fault("another microphone the default", HEARD, lambda s: s.microphone.plug("booth"), _leave_default, gone_on),
    _microphone("sound server killed", lambda s: s.microphone.kill(), lambda s: s.microphone.start()),
    _microphone("sound server hangs", lambda s: s.microphone.hang(), lambda s: s.microphone.go_on()),
)
BOTH = (
    Fault("camera and sound server killed", SEEN | HEARD, _kill_both, then_speak(_start_both), without(*SEEN, *HEARD)),
)
NETWORKS = (
    _network("static", "raise", "raises", SEEN),
    _network("static", "nan", "gives no numbers", SEEN),
    # One call does not return as long as this lasts: another worker with fresh networks takes over.
    Fault("static network hangs", SEEN, _hang, partial(_order, "static", None), renewed("static"), least_s=HANGS_S),
    _network("dynamic", "raise", "raises", frozenset({"dynamic"})),
    _network("acoustic", "raise", "raises", HEARD),
    _network("acoustic", "nan", "gives no numbers", HEARD),
    _network("acoustic", "hang", "hangs", HEARD),
    _library("face finder", SEEN),
    _library("voice detector", HEARD),
)
MACHINE = (
    Fault("disk full while recording", NOBODY, _fill_disk, _clear_disk, gone_on, slows=True),
    Fault("clock an hour ahead", NOBODY, partial(_step, 3600), partial(_step, 0), stepped),
    Fault("clock a day behind", NOBODY, partial(_step, -86_400), partial(_step, 0), stepped),
    Fault("all cores busy", NOBODY, _keep_busy, _let_rest, gone_on, slows=True),
)
FAULTS = (*CAMERA, *MICROPHONE, *BOTH, *NETWORKS, *MACHINE)


def why_not(fault: Fault) -> str | None:
    """Why a fault cannot be played on this machine, or None."""
    return WallClock.missing() if fault.name.startswith("clock") else None

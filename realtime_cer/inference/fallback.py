"""An engine made of several: it runs the best one that works, and goes on with the safe one when that fails.

Two threads meet here. The worker calls ``run``; a climber opens a better engine (which may mean building it) and puts
it in place between two calls, by one assignment. The worker never waits for the climber.
"""

import atexit
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_cer.errors import EngineFault, Refused
from realtime_cer.inference.engine import Engine
from realtime_cer.inference.manifest import Manifest
from realtime_cer.inference.memory import trim
from realtime_cer.inference.patience import Patience
from realtime_cer.inference.vectors import Answer, Batch, VectorsLost, as_array, chained

GoingOn = Callable[[], bool]
"""Whether what takes long should be gone on with."""

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 600.0

_JOIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Rung:
    """A better engine that is not open yet. ``open`` gives it ready and verified, or raises; it may take long."""

    backend: str
    open: Callable[[GoingOn], Engine]


class Fallback:
    """Runs the best engine that works.

    An engine that raises, or gives numbers that are none for an input that is all numbers, is left within the same
    call: the safe one answers. The better ones are tried again later, after a wait that doubles from 5 s to 10 min.
    One that refuses to open is not tried again, unless it had worked before; one that fails to is, like any fault.

    Where the safe engine fails as well there is no answer: that is an ``EngineFault``. It is asked again with the next
    input, and opened anew after some faults (``Patience``). It works again when it has answered five times in a row:
    one that fails at every second input is not told of with every input.

    Parameters
    ----------
    safe : open already
    better : fastest first
    notice : told in one line whenever another engine takes over, or none is left, and why; from either thread
    clock : seconds that never go back
    anew : opens the safe engine once more, for when it keeps failing
    """

    def __init__(
        self,
        safe: Engine,
        better: Sequence[Rung],
        notice: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        anew: Callable[[], Engine] | None = None,
    ) -> None:
        self._safe = safe
        self._anew = anew
        self._patience = Patience()
        self._better = list(better)
        self._notice = notice
        self._clock = clock
        self._active = safe
        self._ran = safe.backend
        self._proven: set[str] = set()
        self._since = clock()
        self._due: float | None = None
        self._wait_s = FIRST_WAIT_S
        self._stop = threading.Event()
        self._swap = threading.Lock()
        self._climber: threading.Thread | None = None

    @property
    def backend(self) -> str:
        """The backend that gave the last outputs: one of ``BACKENDS``."""
        return self._ran

    @property
    def manifest(self) -> Manifest:
        """What the network promises: the same for every engine."""
        return self._safe.manifest

    def run(self, batch: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[Any]]:
        """Run the network on its one input; gives every output by name, all of them numbers.

        Raises
        ------
        EngineFault
            The safe engine has no answer either, or the input is not all numbers.
        """
        return self._answer(batch, lambda engine, batch: (engine.run(as_array(batch)), ()))[0]

    def chain(self, batch: Batch) -> Answer:
        """As ``run``, with vectors that may lie on a device.

        Raises
        ------
        EngineFault
            As for ``run``.
        VectorsLost
            Vectors of the batch are gone with their device.
        """
        return self._answer(batch, chained)

    def _answer(self, batch: Batch, call: Callable[[Engine, Batch], Answer]) -> Answer:
        due = self._due
        if due is not None and self._clock() >= due:
            self._due = None
            if not self.climb_apart():
                self._due = due
        engine = self._active  # once: the climber may put another in its place meanwhile
        answer = self._asked(engine, batch, call)
        if isinstance(answer, str) and engine is not self._safe:
            self._fall(engine, answer)
            engine = self._safe
            answer = self._asked(engine, batch, call)
        if isinstance(answer, str):
            self._tell_fault(answer)
            raise EngineFault(self.manifest.name, answer)
        if self._patience.answer():
            self._notice(f"{self.manifest.name}: {engine.backend} works again")
        self._ran = engine.backend
        return answer

    def _asked(self, engine: Engine, batch: Batch, call: Callable[[Engine, Batch], Answer]) -> Answer | str:
        """What an engine answers, or why that is no answer."""
        try:
            answer = call(engine, batch)
        except VectorsLost:
            raise
        except Exception as error:  # libraries have errors of their own, without a common base
            if isinstance(batch, np.ndarray) and not _fits(batch, self.manifest):
                raise  # a wrong call, and no fault of the engine's
            return " ".join(str(error).split())[:200] or type(error).__name__
        # Vectors on a device are not looked at: what is no number there makes no probabilities either.
        if all(_finite(array) for array in answer[0].values()):
            return answer
        if not _finite(as_array(batch)):
            raise EngineFault(self.manifest.name, "what it is given is not all numbers")
        return "its outputs are not numbers"

    def climb(self) -> None:
        """Open the best of the better engines that will, and put it in place; tells of those that will not."""
        for rung in list(self._better):
            if self._stop.is_set() or rung.backend == self._active.backend:
                return
            try:
                self.put(rung)
                return
            except Exception as error:  # told below, with what becomes of it
                if self._stop.is_set():
                    return
                reason = " ".join(str(error).split())[:300] or type(error).__name__
                again = rung.backend in self._proven or not isinstance(error, Refused)
                if not again:
                    self._better.remove(rung)
                elif self._due is None:
                    self._due = self._later()
                self._notice(f"{self.manifest.name}: {rung.backend} cannot be used: {reason}")

    def put(self, rung: Rung) -> None:
        """Open this engine and put it in place; what it raises is raised."""
        engine = rung.open(lambda: not self._stop.is_set())
        self._proven.add(rung.backend)
        with self._swap:
            self._active, self._since = engine, self._clock()
        self._notice(f"{self.manifest.name}: runs on {rung.backend} from now on")

    def climb_apart(self) -> bool:
        """``climb`` in a thread of its own, where any better engine is left; False where one is at it already."""
        if self._climber is not None and self._climber.is_alive():
            return False
        if self._better and not self._stop.is_set():
            name = f"climber-{self.manifest.name}"
            self._climber = threading.Thread(target=self.climb, name=name, daemon=True)
            # Native libraries do not like to be left in the middle when Python ends.
            atexit.unregister(self.close)
            atexit.register(self.close)
            self._climber.start()
        return True

    def settle(self, timeout_s: float) -> bool:
        """Wait until no better engine is being opened; False where that takes longer."""
        climber = self._climber
        if climber is not None:
            climber.join(timeout_s)
        return climber is None or not climber.is_alive()

    def close(self) -> None:
        """Stop opening better engines; a build under way is broken off. Running goes on."""
        atexit.unregister(self.close)
        self._stop.set()
        self.settle(_JOIN_S)

    def free(self) -> None:
        """Close, and let go of all engines, also where somebody still holds this: nothing runs any more."""
        self.close()
        self._notice = lambda line: None
        self._better, self._anew = [], None
        with self._swap:
            self._active = self._safe = _Freed(self._ran, self.manifest)

    def _fall(self, engine: Engine, fault: str) -> None:
        """Leave a broken engine; its memory is freed with it."""
        with self._swap:
            if self._active is engine:  # the climber may have put a working one in its place just now
                self._active = self._safe
        if self._clock() - self._since > LONGEST_WAIT_S:
            self._wait_s = FIRST_WAIT_S  # it did well for long
        wait_s = self._wait_s
        self._due = self._later()
        self._notice(
            f"{self.manifest.name}: {engine.backend} failed ({fault}); {self._safe.backend} goes on,"
            f" {engine.backend} is tried again in {wait_s:.0f} s"
        )

    def _tell_fault(self, why: str) -> None:
        """Tell of the safe engine's first fault, and open it anew where they do not end."""
        name, backend = self.manifest.name, self._safe.backend
        due = self._patience.fault()
        if self._patience.faults == 1:
            self._notice(
                f"{name}: {backend} failed ({why}), and nothing is below it: it is tried again with every input"
            )
        if self._anew is None or not due:
            return
        try:
            opened = self._anew()
        except Exception as error:  # the disk, or the memory: whatever it is, the next inputs are tried all the same
            self._notice(f"{name}: {backend} cannot be opened anew: {' '.join(str(error).split())[:200]}")
            return
        with self._swap:
            if self._active is self._safe:
                self._active = opened
            self._safe = opened
        trim()
        self._notice(f"{name}: {backend} was opened anew after {self._patience.faults} faults")

    def _later(self) -> float:
        due = self._clock() + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
        return due


@dataclass(frozen=True, slots=True)
class _Freed:
    """What is left of an engine: its name, and what it promised."""

    backend: str
    manifest: Manifest

    def run(self, batch: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[Any]]:
        raise RuntimeError("it is closed")


def _finite(array: npt.NDArray[Any]) -> bool:
    return bool(np.isfinite(array).all())


def _fits(array: npt.NDArray[Any], manifest: Manifest) -> bool:
    """Whether an array is one that the network promises to take."""
    tensor = manifest.inputs[0]
    return (
        array.dtype == tensor.dtype
        and array.ndim == len(tensor.shape)
        and all(have == want for have, want in zip(array.shape, tensor.shape, strict=True) if isinstance(want, int))
    )

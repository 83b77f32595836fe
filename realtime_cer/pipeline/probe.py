"""What watches a step of analysis from outside."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from realtime_cer.errors import EngineFault


class Probe(Protocol):
    """What watches the steps from outside; they read no clock themselves."""

    def timed(self, stage: str) -> AbstractContextManager[object]:
        """Stand around one stage."""

    def faulted(self, fault: EngineFault) -> None:
        """Take note that a model has no answer, and go on without it; or raise the fault."""


class Unwatched:
    """Measures nothing, and lets nothing pass."""

    def timed(self, stage: str) -> AbstractContextManager[object]:
        return nullcontext()

    def faulted(self, fault: EngineFault) -> None:
        raise fault

"""What the workers of one recogniser share."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from realtime_cer.capture.source import Clock
from realtime_cer.pipeline.board import Board
from realtime_cer.pipeline.meters import Metering
from realtime_cer.records import Sound, Visual


def _inbox() -> "queue.Queue[Visual | Sound]":
    return queue.Queue(maxsize=64)


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """One of each for all threads.

    Attributes
    ----------
    clock : seconds that never go back
    notice : told in one line, from any thread, what people should know
    board : shows what is so
    metering : is told how long everything takes, and what is lost
    inbox : from seeing and hearing to fusion
    stop : ends all
    """

    clock: Clock
    notice: Callable[[str], None]
    board: Board
    metering: Metering
    inbox: "queue.Queue[Visual | Sound]" = field(default_factory=_inbox)
    stop: threading.Event = field(default_factory=threading.Event)

"""The live driver by a clock that is set: what it makes of hours that are missing, and of people to be forgotten."""

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
from parts.perception import tiny_perception

from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.live import Live
from realtime_cer.records import Frame


class Lost:
    """A camera that gives these pictures, and then nothing more."""

    name = "lost"

    def __init__(self, *frames: Frame) -> None:
        self.status = SourceStatus("live", "", 0.0)
        self.counters = Counters()
        self._frames = frames

    def items(self, stop: threading.Event) -> Iterator[Frame]:
        yield from self._frames
        while not stop.wait(0.02):
            pass

    def close(self) -> None:
        """Nothing is open."""


def until(good: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_after_a_sleep_of_hours_it_goes_on_with_the_present_and_tells_what_is_left_out() -> None:
    now, told = 1000.0, list[str]()
    config = Config.model_validate({"ladder": False})
    sources = [("camera", Lost())]
    with Live(config, FusionWeights.equal(), tiny_perception(config), sources, lambda: now, notice=told.append) as live:
        rows = live.decisions()
        now += 0.4
        assert [next(rows).seq for _ in range(2)] == [0, 1]
        now += 8 * 3600 + 0.17
        assert next(rows).seq == 144_002
        now += 0.2
        assert next(rows).seq == 144_003
        meters = live.snapshot().meters
    assert "decisions stood still for 28800 s: 144000 are left out" in told
    assert meters is not None
    assert meters.drops["stood still"] == 144_000


def test_who_is_forgotten_is_not_shown_again_while_the_camera_is_lost() -> None:
    now = 1000.0
    config = Config.model_validate({"ladder": False})
    camera = Lost(Frame(now, 0, np.full((48, 64, 3), 150, np.uint8)))
    with Live(config, FusionWeights.equal(), tiny_perception(config), [("camera", camera)], lambda: now) as live:
        until(lambda: live.snapshot().people)
        now += 0.1
        live.forget()
        assert live.snapshot().people == ()
        now += 0.26
        until(lambda: live.snapshot().decisions == 2)
        [row] = live.snapshot().history
        assert row.seq == 1
        assert live.snapshot().people == ()

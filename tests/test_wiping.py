"""Forgetting a visitor: a running recogniser keeps no picture, no sound and no figure of who was there."""

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from parts.films import wait_for
from parts.moments import decision
from parts.perception import tiny_perception

from realtime_cer.buffers import AudioRing, FrameRing
from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.commands.booth import Attendant
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.board import Board
from realtime_cer.pipeline.live import Live
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Frame, Sound, Visual, read_only
from realtime_cer.sinks.keeper import Keeper


class Still:
    """A source that stays live: it gives what it has, and the rest when it is told to go on."""

    name = "still"

    def __init__(self, items: list[Any], rest: list[Any] | None = None) -> None:
        self.counters = Counters()
        self.status = SourceStatus("live", "", 0.0)
        self.go_on = threading.Event()
        self._items, self._rest = items, rest or []

    def items(self, stop: threading.Event) -> Iterator[Any]:
        """All there is; what was given is not kept."""
        while self._items:
            yield self._items.pop(0)
        while not (self.go_on.wait(0.02) or stop.is_set()):
            pass
        while self._rest:
            yield self._rest.pop(0)
        stop.wait()

    def close(self) -> None:
        """Nothing to release."""


def test_forgetting_leaves_no_picture_and_no_sound_in_the_recogniser() -> None:
    """They are not only hidden: the arrays are gone."""
    now = 100.0
    faces = [read_only(np.full((48, 64, 3), 200, np.uint8)) for _ in range(4)]
    frames = [Frame(now + 0.2 * k, k, face) for k, face in enumerate(faces)]
    held = [weakref.ref(face) for face in faces]
    dark = Frame(102.0, 9, read_only(np.zeros((48, 64, 3), np.uint8)))
    loud = AudioBlock(now, read_only(np.full(SAMPLE_RATE, 0.5, np.float32)))
    camera, microphone = Still(list(frames), [dark]), Still([loud])
    del faces, frames
    sources: Any = [("camera", camera), ("microphone", microphone)]
    with Live(Config(), FusionWeights.equal(), tiny_perception(Config()), sources, lambda: now) as live:
        wait_for(lambda: live.snapshot().visual is not None and live.snapshot().sound is not None)
        assert any(reference() is not None for reference in held)
        live.pause(True)
        now = 101.5
        live.forget()
        left = live.snapshot()
        assert left.frame is left.analysed is left.visual is left.sound is left.decision is None
        assert left.history == ()
        assert not live.paused
        camera.go_on.set()
        del left

        def gone() -> bool:
            gc.collect()
            return not any(reference() is not None for reference in held)

        wait_for(gone)
        gc.unfreeze()  # what was there when it started is not listed else
        gc.collect()  # recognisers of tests before
        rings = [one for one in gc.get_objects() if type(one) is AudioRing and one.end]
        assert rings
        assert not any(ring.window(ring.end, ring.end - ring.start).samples.any() for ring in rings)


def test_what_was_captured_before_is_never_shown_after() -> None:
    camera: Any = Still([])
    board = Board([("camera", camera)])
    picture = read_only(np.zeros((48, 64, 3), np.uint8))
    old, new = Frame(99.9, 0, picture), Frame(100.1, 1, picture)
    board.forget(100.0)
    board.show(old, small=False)
    board.show(old, small=True)
    board.seen(old, Visual(0, old.t, None, None, None))
    board.heard(Sound(99.9, -20.0, 0.5, True, None))
    board.issued(decision(1, 99.9), 100.1)
    late = board.snapshot(100.2)
    assert late.frame is late.analysed is late.visual is late.sound is late.decision is None
    board.show(new, small=False)
    board.issued(decision(2, 100.2), 100.3)
    assert board.snapshot(100.3).frame is new
    assert len(board.snapshot(100.3).history) == 1


def test_rings_forget_but_keep_their_place_in_time() -> None:
    ring = AudioRing(10.0, 2.0)
    ring.push(AudioBlock(10.0, read_only(np.ones(SAMPLE_RATE, np.float32))))
    ring.forget()
    window = ring.window(SAMPLE_RATE, SAMPLE_RATE)
    assert (window.heard, window.samples.any(), window.t) == (0, False, 11.0)
    assert ring.push(AudioBlock(11.0, read_only(np.ones(100, np.float32)))) == 0
    frames = FrameRing(0.0, size=3)
    frames.push(Frame(0.0, 0, read_only(np.zeros((2, 2, 3), np.uint8))))
    frames.forget()
    assert frames.waiting == 0
    assert frames.take(0.0) is None


def test_who_is_forgotten_is_forgotten_by_what_holds_the_last_moments(tmp_path: Path) -> None:
    said: list[str] = []
    keeper = Keeper(tmp_path / "kept", dict, said.append)
    with Live(Config(), FusionWeights.equal(), tiny_perception(Config()), []) as live:
        booth = Attendant(Config(), live, keeper).booth()
        keeper.tap(decision(1, time.monotonic()))
        booth.forget()
        keeper.keep()
        wait_for(lambda: bool(said))
    assert said == ["there is nothing to keep yet"]
    assert keeper.close()

"""The live path end to end: real camera streams, a real virtual microphone, the real command, real networks."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts import pulse
from parts.mjpeg import MjpegServer, numbered_jpegs
from parts.perception import tiny_perception

from realtime_cer.buffers import GRID_S
from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline import live as driver
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import Perception
from realtime_cer.records import AudioBlock, Frame


@pytest.fixture(scope="module")
def stage() -> Iterator[pulse.VirtualMicrophone]:
    why = pulse.missing()
    if why:
        pytest.skip(why)
    microphone = pulse.VirtualMicrophone()
    yield microphone
    microphone.close()


def rows_of_command(words: list[str], env: dict[str, str] | None = None) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "realtime_cer", "live", "--headless", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | (env or {}),
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_network_camera_and_a_microphone_become_rows(stage: pulse.VirtualMicrophone, tmp_path: Path) -> None:
    speech = pulse.speak(tmp_path / "speech.wav", "What a surprise to see you here. I am so very happy. Is it true?")
    over = threading.Event()

    def talk() -> None:
        while not over.is_set():
            stage.play(speech).wait(20)

    speaker = threading.Thread(target=talk)
    with MjpegServer(numbered_jpegs(60, 480, 480), fps=30) as camera:
        speaker.start()
        try:
            words = ["--camera", camera.url, "--microphone", "default", "--duration", "6"]
            rows = rows_of_command(words, stage.env)
        finally:
            over.set()
            speaker.join(20)
    assert [row["seq"] for row in rows] == list(range(30))
    steps = np.diff([row["t"] for row in rows])
    np.testing.assert_allclose(steps, GRID_S, atol=1e-5)
    late = rows[5:]
    assert sum(row["models"]["static"] is not None for row in late) >= 0.9 * len(late)
    assert any(row["models"]["acoustic"] is not None for row in late)
    for row in late:
        if row["models"]["acoustic"] is not None:
            assert 0 <= row["age_ms"]["acoustic"] <= 1000 + 150 + 50
        if row["models"]["static"] is not None:
            assert -1 <= row["age_ms"]["static"] <= 160


def test_a_microphone_alone_gives_a_row_for_every_instant(stage: pulse.VirtualMicrophone) -> None:
    rows = rows_of_command(["--camera", "none", "--microphone", "default", "--duration", "2"], stage.env)
    assert [row["seq"] for row in rows] == list(range(10))
    assert {row["reason"] for row in rows} == {"nothing fresh"}  # nobody speaks


def test_a_camera_alone_that_stops_is_told_and_comes_back() -> None:
    jpegs = numbered_jpegs(40, 480, 480)
    with MjpegServer(jpegs, fps=25) as camera:
        words = [sys.executable, "-m", "realtime_cer", "live", "--headless", "--camera", camera.url]
        process = subprocess.Popen([*words, "--microphone", "none"], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        seen: list[dict[str, Any]] = []

        def until(wanted: Any, seconds: float = 20) -> None:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                seen.append(json.loads(process.stdout.readline()))
                if wanted(seen[-1]):
                    return
            raise AssertionError(f"never came: {seen[-3:]}")

        try:
            until(lambda row: row["face"] is not None)
            camera.frozen.set()
            until(lambda row: row["reason"] == "nothing fresh")
            camera.frozen.clear()
            until(lambda row: row["face"] is not None)
        finally:
            process.terminate()
            process.communicate(timeout=20)
    assert process.returncode == 130
    assert [row["seq"] for row in seen] == list(range(len(seen)))


def test_a_file_plays_as_a_camera_with_its_sound_and_ends(portrait_clip: Path) -> None:
    begun = time.monotonic()
    rows = rows_of_command(["--camera", str(portrait_clip)])
    assert time.monotonic() - begun >= 5
    assert 24 <= len(rows) <= 26
    assert all(row["face"] for row in rows[2:-1])


class Fed:
    """A source that gives what it is fed."""

    name = "fed"

    def __init__(self, items: Iterator[Frame | AudioBlock]) -> None:
        self._items = items
        self.status = SourceStatus("live", "", 0.0)
        self.counters = Counters()
        self.closed = False

    def items(self, stop: threading.Event) -> Iterator[Frame | AudioBlock]:
        for item in self._items:
            if stop.is_set():
                return
            yield item

    def close(self) -> None:
        self.closed = True


def endless(seconds: float = 1e9) -> Iterator[Frame]:
    begun, n = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        yield Frame(time.monotonic(), n, np.full((48, 64, 3), 100 + n % 100, np.uint8))
        n += 1
        time.sleep(0.02)


def live_over(*sources: Fed) -> Live:
    config = Config()
    return Live(config, FusionWeights.equal(), tiny_perception(config), [("camera", source) for source in sources])


def test_leaving_stops_every_thread_and_closes_the_sources() -> None:
    before = {thread.name for thread in threading.enumerate()}
    source = Fed(endless())
    with live_over(source) as live:
        for _, _ in zip(range(5), live.decisions(), strict=False):
            pass
        begun = time.monotonic()
    assert time.monotonic() - begun < 1
    assert source.closed
    assert {thread.name for thread in threading.enumerate()} <= before


def test_a_programming_error_in_a_thread_stops_all_and_is_raised() -> None:
    def broken() -> Iterator[Frame]:
        yield from endless(0.5)
        raise ZeroDivisionError("a fault of ours")

    with live_over(Fed(broken())) as live, pytest.raises(ZeroDivisionError, match="a fault of ours"):
        for _ in live.decisions():
            pass
    assert live.ended


def test_a_source_that_refuses_later_is_told_to_the_caller() -> None:
    def refusing() -> Iterator[Frame]:
        yield from endless(0.3)
        raise Refused("the camera burnt down: buy another")

    with live_over(Fed(refusing())) as live, pytest.raises(Refused, match="burnt down"):
        list(live.decisions())


def test_a_programming_error_while_a_source_is_opened_is_raised_and_one_of_a_source_that_was_left_is_not() -> None:
    left = threading.Event()

    class Breaking(Fed):
        def items(self, stop: threading.Event) -> Iterator[Frame | AudioBlock]:
            yield from super().items(stop)
            left.set()
            raise ZeroDivisionError("in a driver that nobody needs any more")

    with live_over(Breaking(endless())) as live:
        rows = live.decisions()
        next(rows)
        live.steering.switch("other", "camera", lambda: Fed(endless()), pytest.fail)
        for _ in rows:
            if left.is_set():
                break
        for _, _ in zip(range(3), rows, strict=False):
            pass
        assert not live.ended

        def opening() -> Fed:
            raise ZeroDivisionError("a fault of ours")

        live.steering.switch("third", "camera", opening, pytest.fail)
        with pytest.raises(ZeroDivisionError, match="a fault of ours"):
            list(rows)


def test_snapshots_show_the_moment_and_can_be_held() -> None:
    with live_over(Fed(endless())) as live:
        for _, _ in zip(range(8), live.decisions(), strict=False):
            pass
        snapshot = live.snapshot()
        assert snapshot.frame is not None
        assert snapshot.visual is not None
        assert snapshot.visual.face is not None
        assert snapshot.decision is not None
        assert snapshot.decision == snapshot.history[-1]
        assert snapshot.sources[0].state == "live"
        assert snapshot.latency_ms is not None
        live.pause(True)
        held = live.snapshot()
        time.sleep(0.5)
        assert live.snapshot() is held
        live.pause(False)
        assert live.snapshot().decisions > held.decisions


def test_cameras_are_shown_while_the_networks_load() -> None:
    promise: Future[Perception] = Future()
    config = Config()
    sources = [("camera", Fed(endless())), ("file", Fed(iter([Frame(0.0, 0, np.zeros((48, 64, 3), np.uint8))])))]
    with Live(config, FusionWeights.equal(), promise, sources) as live:
        time.sleep(0.3)
        early = live.snapshot()
        assert early.frame is not None
        assert early.frame.picture.any()  # the camera's; the file has not begun
        assert early.decisions == 0
        assert early.engines == {}
        promise.set_result(tiny_perception(config))
        rows = [row for row, _ in zip(live.decisions(), range(6), strict=False)]
        late = live.snapshot()
    assert [row.seq for row in rows] == list(range(6))
    assert rows[0].t > early.t
    assert rows[-1].models["static"] is not None
    assert late.rate == pytest.approx(5, rel=0.25)


@pytest.mark.parametrize("error", [Refused("no network"), TimeoutError("a slow disk"), ValueError("ours")])
def test_networks_that_do_not_load_end_it(error: Exception) -> None:
    promise: Future[Perception] = Future()
    with Live(Config(), FusionWeights.equal(), promise, [("camera", Fed(endless()))]) as live:
        promise.set_exception(error)
        with pytest.raises(type(error), match=str(error)):
            list(live.decisions())


def test_stopping_before_the_networks_are_there_is_quick() -> None:
    with Live(Config(), FusionWeights.equal(), Future(), [("camera", Fed(endless()))]) as live:
        begun = time.monotonic()
        assert live.stop() == []
    assert time.monotonic() - begun < 1


def test_a_slow_network_drops_frames_and_says_so_but_never_falls_behind() -> None:
    config = Config()
    perception = tiny_perception(config)
    see = perception.seeing.see
    perception.seeing.see = lambda grid: (time.sleep(0.45), see(grid))[1]  # type: ignore[method-assign]
    live = Live(config, FusionWeights.equal(), perception, [("camera", Fed(endless()))])
    with live:
        rows = [row for row, _ in zip(live.decisions(), range(25), strict=False)]
        snapshot = live.snapshot()
    assert snapshot.latency_ms is not None
    assert snapshot.latency_ms[0] > 400  # those that came too late count as well
    assert [row.seq for row in rows] == list(range(25))
    assert sum(row.dropped for row in rows) >= 10
    assert all(row.models["static"] is None for row in rows)  # half a second late: never in time


def test_what_is_stopped_is_not_stopped_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_JOIN_S", 0.3)
    come_back = threading.Event()

    class Deaf(Fed):
        """A camera whose driver does not come back."""

        def items(self, stop: threading.Event) -> Iterator[Frame | AudioBlock]:
            come_back.wait(20)
            yield from ()

    with live_over(Deaf(iter(()))) as live:
        stuck = live.stop()
        assert "capture-camera" in stuck
        come_back.set()
        end = time.monotonic() + 20
        while not live._intake.over:
            assert time.monotonic() < end, "it did not come back"
            time.sleep(0.01)
        assert live.stop() == stuck

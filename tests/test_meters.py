"""Meters: what the stages took, what was lost and why, on the screen and in the rows, and never in those of files."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from parts.perception import tiny_perception

from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.config import Config
from realtime_cer.errors import EngineFault
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline import ladder, overseer
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.meters import SPAN_S, STAGES, Metering
from realtime_cer.pipeline.offline import decide
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Face, Frame, Meters, Scores, StageMeter, meters_row
from realtime_cer.sinks.tables import Tables, read_rows, to_row


class Time:
    """A clock that is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_stage_tells_its_percentiles_its_worst_and_its_rate() -> None:
    clock = Time()
    metering = Metering(clock)
    for n in range(100):
        clock.now = n / 5
        metering.add("static", (n + 1) / 1000)
    clock.now = 20.0
    [(name, meter)] = metering.stages().items()
    assert name == "static"
    assert meter.p50_ms == pytest.approx(50.5)
    assert meter.p95_ms == pytest.approx(95.05)
    assert meter.worst_ms == pytest.approx(100)
    assert meter.rate == pytest.approx(5)
    assert metering.total("static") == pytest.approx(5.05)


def test_only_the_last_minute_is_told_of() -> None:
    clock = Time()
    metering = Metering(clock)
    metering.add("face", 9.0)
    metering.add("draw", 1.0)
    clock.now = SPAN_S - 1
    metering.add("face", 0.001)
    assert metering.stages()["face"].worst_ms == pytest.approx(9000)
    clock.now = SPAN_S + 1
    assert list(metering.stages()) == ["face"]
    assert metering.stages()["face"].worst_ms == pytest.approx(1)


def test_a_stage_that_runs_often_keeps_its_newest_durations_and_its_rate() -> None:
    clock = Time()
    metering = Metering(clock)
    for n in range(20_000):
        clock.now = n / 200
        metering.add("draw", 0.002 if n >= 15_000 else 5.0)
    [meter] = metering.stages().values()
    assert meter.worst_ms == pytest.approx(2)
    assert meter.rate == pytest.approx(200, rel=0.01)


def test_figures_are_computed_a_few_times_a_second_however_often_they_are_read() -> None:
    clock = Time()
    metering = Metering(clock)
    metering.add("face", 0.001)
    first = metering.stages()
    metering.add("face", 0.003)
    assert metering.stages() is first
    clock.now = 0.3
    assert metering.stages()["face"].worst_ms == pytest.approx(3)


def test_a_block_is_timed_unless_it_raises() -> None:
    ticks = iter([1.0, 1.25, 2.0, 9.0])
    metering = Metering(Time(), lambda: next(ticks))
    with metering.timed("voice"):
        pass
    with pytest.raises(ZeroDivisionError), metering.timed("voice"):
        1 / 0  # noqa: B018
    assert metering.total("voice") == 0.25


def test_many_threads_may_count_at_once() -> None:
    metering = Metering(time.monotonic)

    def count() -> None:
        for _ in range(2000):
            metering.drop("late")
            metering.add("face", 0.001)
            metering.stages()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metering.drops == {"late": 8000}
    assert metering.total("face") == pytest.approx(8.0)


METERS = Meters(
    stages={"face": StageMeter(1.23456, 2.0, 3.0, 4.98765)},
    queues={"grid": 1},
    drops={"late": 3},
    rung=1,
    rung_name="smaller preview",
    memory_mib=512.34,
    stalled=("video",),
)


def test_a_row_carries_meters_through_json_and_has_no_key_without() -> None:
    config = Config()
    [decision, *_] = decide([picture(0.0, 0), picture(0.4, 1)], config, FusionWeights.equal(), tiny_perception(config))
    assert "meters" not in to_row(decision)
    row = to_row(replace(decision, meters=meters_row(METERS)))
    assert json.loads(json.dumps(row))["meters"] == {
        "stages": {"face": {"p50_ms": 1.23, "p95_ms": 2.0, "worst_ms": 3.0, "rate": 4.988}},
        "queues": {"grid": 1},
        "drops": {"late": 3},
        "rung": 1,
        "rung_name": "smaller preview",
        "memory_mib": 512.3,
        "stalled": ["video"],
    }


def test_rows_with_meters_are_read_back_whole(tmp_path: Path) -> None:
    config = Config()
    [decision, *_] = decide([picture(0.0, 0), picture(0.4, 1)], config, FusionWeights.equal(), tiny_perception(config))
    with Tables(tmp_path) as tables:
        tables.write(replace(decision, meters=meters_row(METERS)))
        tables.write(decision)
    first, second = read_rows(tmp_path / "decisions.jsonl")
    assert first.meters == meters_row(METERS)
    assert second.meters is None


# Over the real threads.


def picture(t: float, n: int) -> Frame:
    return Frame(t, n, np.full((48, 64, 3), 100 + n % 100, np.uint8))


class Talking:
    """A camera and a microphone in one, in real time."""

    name = "made"

    def __init__(self, *, wide: bool = False) -> None:
        self.status = SourceStatus("live", "", 0.0)
        self.counters = Counters(dropped=2, damaged=1)
        self._wide = wide

    def items(self, stop: threading.Event) -> Iterator[Frame | AudioBlock]:
        begun, n = time.monotonic(), 0
        while not stop.is_set():
            n += 1
            time.sleep(max(begun + n / 25 - time.monotonic(), 0))
            frame = picture(begun + n / 25, n)
            yield Frame(frame.t, n, np.full((480, 640, 3), 100, np.uint8)) if self._wide else frame
            loud = np.sin(np.arange(SAMPLE_RATE // 25) * 0.01).astype(np.float32) / 2
            yield AudioBlock(begun + (n - 1) / 25, loud)

    def close(self) -> None:
        """Nothing is open."""


def until(good: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that is asked for again and again."""
    end = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_a_live_snapshot_tells_of_every_stage() -> None:
    config = Config.model_validate({"ladder": False})
    with Live(config, FusionWeights.equal(), tiny_perception(config), [("file", Talking())]) as live:
        assert live.snapshot().meters is not None
        live.drew(0.004)
        until(lambda: set(live.snapshot().meters.stages) == set(STAGES))  # type: ignore[union-attr]
        for _ in range(10):
            next(live.decisions())
        meters = live.snapshot().meters
    assert meters is not None
    assert tuple(meters.stages) == STAGES
    assert meters.stages["draw"].worst_ms == pytest.approx(4)
    assert set(meters.queues) == {"grid", "results", "rows"}
    assert (meters.drops["file"], meters.drops["file damaged"]) == (2, 1)
    assert (meters.rung, meters.rung_name, meters.stalled) == (0, "full", ())
    assert 10 < meters.memory_mib < 10_000


def test_live_rows_get_meters_now_and_then_and_rows_of_files_never() -> None:
    config = Config.model_validate({"meters_s": 1.0, "ladder": False})
    with Live(config, FusionWeights.equal(), tiny_perception(config), [("file", Talking())]) as live:
        rows = [row for row, _ in zip(live.decisions(), range(12), strict=False)]
    measured = [row.seq for row in rows if row.meters is not None]
    assert 1 <= len(measured) <= 3
    assert json.dumps(to_row(rows[measured[0]]))
    items = [picture(n / 25, n) for n in range(600)]
    offline = list(decide(items, config, FusionWeights.equal(), tiny_perception(config)))
    assert len(offline) == 120
    assert all(row.meters is None for row in offline)


class Faulty:
    """A static model that has no answer for some of its frames, or one that is no number."""

    def __init__(self, nan: bool) -> None:
        self.calls = 0
        self._nan = nan

    def __call__(self, frame: Frame, faces: Sequence[Face]) -> list[tuple[Scores, np.ndarray]]:
        self.calls += 1
        if self.calls % 3 == 0:
            if not self._nan:
                raise EngineFault("static", "its session died")
            return [(Scores(frame.t, np.full(7, np.nan, np.float32), "cpu"), np.zeros(512, np.float32))]
        return [(Scores(frame.t, np.full(7, 1 / 7, np.float32), "cpu"), np.zeros(512, np.float32))]


@pytest.mark.parametrize("nan", [False, True])
def test_a_model_without_an_answer_is_missing_for_an_instant_and_counted(nan: bool) -> None:
    config = Config.model_validate({"ladder": False})
    perception = tiny_perception(config)
    perception.seeing.static = Faulty(nan)  # type: ignore[assignment]
    with Live(config, FusionWeights.equal(), perception, [("file", Talking())]) as live:
        rows = [row for row, _ in zip(live.decisions(), range(10), strict=False)]
        meters = live.snapshot().meters
    missing = [row for row in rows if row.face and row.models["static"] is None]
    assert 1 <= len(missing) <= 4
    assert all(row.models["dynamic"] is None for row in missing)
    assert any(row.models["static"] for row in rows)
    assert all(np.isfinite(row.basic).all() for row in rows if row.basic)
    assert meters is not None
    assert 1 <= meters.drops["fault of static"] <= 4


def test_sound_without_an_answer_is_missing_too() -> None:
    config = Config.model_validate({"ladder": False})
    perception = tiny_perception(config)

    def silent(window: object) -> Scores:
        raise EngineFault("acoustic", "no memory")

    perception.hearing.acoustic = silent  # type: ignore[assignment]
    with Live(config, FusionWeights.equal(), perception, [("file", Talking())]) as live:
        rows = [row for row, _ in zip(live.decisions(), range(10), strict=False)]
        snapshot = live.snapshot()
    assert all(row.models["acoustic"] is None for row in rows)
    assert any(row.models["static"] for row in rows)
    assert snapshot.sound is not None
    assert snapshot.sound.voice  # heard all the same
    assert snapshot.meters is not None
    assert snapshot.meters.drops["fault of acoustic"] >= 1


def test_a_file_is_not_analysed_past_a_model_without_an_answer() -> None:
    config = Config()
    perception = tiny_perception(config)
    perception.seeing.static = Faulty(nan=True)  # type: ignore[assignment]
    with pytest.raises(EngineFault, match="static: its outputs are not numbers"):
        list(decide([picture(n / 5, n) for n in range(10)], config, FusionWeights.equal(), perception))


def test_a_machine_that_is_too_slow_is_spared_announced_and_burdened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overseer, "_LOOK_S", 0.1)
    monkeypatch.setattr(ladder, "SPAN_S", 0.8)
    monkeypatch.setattr(ladder, "FIRST_CLIMB_S", 1.2)
    monkeypatch.setattr(ladder, "_LEAST", 2)
    config = Config()
    perception = tiny_perception(config)
    slow = threading.Event()
    slow.set()
    see = perception.seeing.tracker.see

    def slowly(frame: Frame) -> Face | None:
        time.sleep(0.22 if slow.is_set() else 0)
        return see(frame)

    perception.seeing.tracker.see = slowly  # type: ignore[method-assign]
    told: list[str] = []
    rows = []
    with Live(config, FusionWeights.equal(), perception, [("camera", Talking(wide=True))], notice=told.append) as live:
        for row in live.decisions():
            live.drew(0.01)
            rows.append(row)
            meters = live.snapshot().meters
            assert meters is not None
            if meters.rung == ladder.RATE and slow.is_set() and row.models["static"] is not None:
                small = live.snapshot().frame
                slow.clear()
            if meters.rung < ladder.RATE and not slow.is_set():
                break
            assert len(rows) < 150, "it never came back"
    assert small is not None
    assert small.picture.shape == (240, 320, 3)
    changes = [(row.meters["rung"], row.meters["rung_name"]) for row in rows if row.meters]
    assert [rung for rung, _ in changes][:4] == [1, 2, 3, 4]
    assert changes[3] == (4, "2.5 pictures a second")
    assert told[:2] == [
        "this machine does not keep up: smaller preview from now on",
        "this machine does not keep up: landmarks every second picture from now on",
    ]
    assert told[-1] == "there is room again: sound every second from now on"
    fallen = next(row.seq for row in rows if row.meters and row.meters["rung"] == ladder.RATE)
    thin = [row.seq for row in rows if row.seq > fallen + 1][:4]
    assert np.diff(thin).tolist() == [2, 2, 2]


def test_without_the_ladder_nothing_is_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "SPAN_S", 0.8)
    monkeypatch.setattr(ladder, "_LEAST", 1)
    config = Config.model_validate({"ladder": False})
    perception = tiny_perception(config)
    see = perception.seeing.see
    perception.seeing.see = lambda grid: (time.sleep(0.3), see(grid))[1]  # type: ignore[method-assign]
    with Live(config, FusionWeights.equal(), perception, [("camera", Talking())]) as live:
        rows = [row for row, _ in zip(live.decisions(), range(10), strict=False)]
        meters = live.snapshot().meters
    assert meters is not None
    assert meters.rung == 0
    assert meters.drops["late"] >= 2
    assert [row.seq for row in rows] == list(range(10))

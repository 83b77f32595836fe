"""The watchdog: who hangs is named, where it hangs is logged, and another goes on in its place."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from parts.perception import tiny_perception
from parts.talking import Talking

from realtime_cer.buffers import GRID_S, AudioRing, FrameRing
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline import analysis, ladder, overseer
from realtime_cer.pipeline.analysis import Analysis
from realtime_cer.pipeline.board import Board
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.meters import Metering
from realtime_cer.pipeline.shared import Shared
from realtime_cer.pipeline.steps import Perception, Seeing
from realtime_cer.pipeline.watchdog import Watchdog
from realtime_cer.pipeline.worker import Worker
from realtime_cer.records import Decision, Face, Frame, GridFrame, Visual


def until(good: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that is asked for again and again."""
    end = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


class Knot:
    """A call that hangs until it is undone, as a driver does: nothing can break it off."""

    def __init__(self) -> None:
        self.undone = threading.Event()
        self.calls = 0

    def hang_here(self) -> None:
        secret = "what nobody may log"
        self.calls += 1
        assert secret
        self.undone.wait(60)


@pytest.fixture
def knot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Knot]:
    monkeypatch.setattr(overseer, "_LOOK_S", 0.1)
    knot = Knot()
    yield knot
    knot.undone.set()


# On paper.


def busy_worker(work: Callable[[], object], stop: threading.Event) -> Worker:
    def run(worker: Worker) -> None:
        with worker.working():
            work()

    worker = Worker("video", run, stop, time.monotonic)
    worker.start()
    return worker


def test_a_worker_that_is_at_it_for_too_long_is_named_and_its_stack_logged_once(
    knot: Knot, caplog: pytest.LogCaptureFixture
) -> None:
    worker = busy_worker(knot.hang_here, threading.Event())
    until(lambda: knot.calls == 1)
    watchdog, now = Watchdog(5.0), time.monotonic()
    with caplog.at_level(logging.ERROR, "realtime_cer"):
        for n in range(40):
            assert watchdog.look([worker], now + n / 4) == ([worker] if n / 4 >= 5.1 else []) or 5 <= n / 4 < 5.1
    [record] = caplog.records
    assert record.name == "realtime_cer"
    assert re.match(r"video does not move for 5\.\d s:", record.getMessage())
    assert "hang_here" in record.getMessage()
    assert "test_watchdog.py" in record.getMessage()
    knot.undone.set()
    assert worker.join(5)
    assert watchdog.look([worker], now + 11) == []


def test_one_that_waits_for_work_may_wait_for_ever() -> None:
    worker = Worker("sound", lambda worker: None, threading.Event(), lambda: 0.0)
    watchdog = Watchdog(1.0)
    assert all(watchdog.look([worker], now) == [] for now in range(1000))


def test_time_in_which_everything_stood_still_is_nobodys_fault() -> None:
    worker = Worker("sound", lambda worker: None, threading.Event(), lambda: 10.0)
    watchdog = Watchdog(5.0)
    watchdog.look([worker], 10.0)
    with worker.working():
        assert watchdog.look([worker], 14.0 + 3600) == []  # the lid was closed
        assert watchdog.look([worker], 16.0 + 3600) == []
        assert watchdog.look([worker], 17.5 + 3600) == []
        assert watchdog.look([worker], 19.1 + 3600) == [worker]


def test_an_abandoned_worker_may_end_as_it_likes() -> None:
    stop, gate = threading.Event(), threading.Event()

    def broken() -> None:
        gate.wait(10)
        raise ZeroDivisionError

    worker = busy_worker(broken, stop)
    worker.abandon()
    assert not worker.going
    gate.set()
    assert worker.join(5)
    assert worker.error is None
    assert not stop.is_set()


# Over the real threads.


class Watched:
    """A running recogniser with its rows, as they come, and what it told."""

    def __init__(
        self, perception: Perception, reload: Callable[[], Perception] | None, *, ladder: bool = False
    ) -> None:
        config = Config.model_validate({"stall_s": 1.0, "ladder": ladder})
        self.told: list[str] = []
        self.rows: list[tuple[float, Decision]] = []
        self.live = Live(
            config, FusionWeights.equal(), perception, [("file", Talking())], reload=reload, notice=self.told.append
        )

    def __enter__(self) -> "Watched":
        self.live.__enter__()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def _read(self) -> None:
        for row in self.live.decisions():
            self.rows.append((time.monotonic(), row))

    def __exit__(self, *error: Any) -> None:
        self.live.stop()
        self._reader.join(10)
        assert not self._reader.is_alive()

    @property
    def stalled(self) -> tuple[str, ...]:
        meters = self.live.snapshot().meters
        assert meters is not None
        return meters.stalled

    @property
    def newest(self) -> Decision:
        return self.rows[-1][1]


def hanging(perception: Perception, knot: Knot, what: str) -> Perception:
    """A perception whose networks of one kind hang once they are wanted."""
    if what == "video":
        real = perception.seeing.static

        def static(frame: Frame, faces: Sequence[Face]) -> Any:
            knot.hang_here()
            return real(frame, faces)

        perception.seeing.static = static  # type: ignore[assignment]
    else:
        heard = perception.hearing.acoustic

        def acoustic(window: Any) -> Any:
            knot.hang_here()
            return heard(window)

        perception.hearing.acoustic = acoustic  # type: ignore[assignment]
    return perception


@pytest.mark.parametrize(("what", "model", "other"), [("video", "static", "acoustic"), ("sound", "acoustic", "static")])
def test_a_network_that_hangs_is_replaced_while_the_other_goes_on(
    knot: Knot, what: str, model: str, other: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = Config()
    ready = threading.Event()

    def reload() -> Perception:
        ready.wait(20)
        return tiny_perception(config)

    with Watched(hanging(tiny_perception(config), knot, what), reload) as watched:
        until(lambda: watched.stalled == (f"reload-{what}",))
        until(lambda: any("begun anew" in line for line in watched.told))
        begun = len(watched.rows)
        until(lambda: len(watched.rows) >= begun + 10)
        during = [row for _, row in watched.rows[begun : begun + 10]]
        assert all(row.models[model] is None for row in during)
        assert sum(row.models[other] is not None for row in during) >= 5
        ready.set()
        until(lambda: watched.newest.models[model] is not None)
        until(lambda: watched.stalled == ())
        knot.undone.set()  # the abandoned one comes back, and nobody wants what it brings
        until(lambda: watched.newest.models[other] is not None and watched.newest.models[model] is not None)
    assert watched.told == [f"{what} hangs and is begun anew; the other goes on", f"{what} goes on"]
    assert [row.seq for _, row in watched.rows] == list(range(len(watched.rows)))
    assert knot.calls == 1
    [record] = [record for record in caplog.records if "does not move" in record.getMessage()]
    assert "hang_here" in record.getMessage()
    assert "what nobody may log" not in record.getMessage().replace('secret = "what nobody may log"', "")


def test_decisions_keep_their_time_while_a_network_hangs(knot: Knot) -> None:
    config = Config()
    with Watched(hanging(tiny_perception(config), knot, "video"), None) as watched:
        until(lambda: len(watched.rows) >= 10)
        origin = watched.live.origin
    late = sorted(came - (origin + row.seq * GRID_S) - 0.15 for came, row in watched.rows)
    assert late[len(late) // 2] < 0.2


def test_without_fresh_networks_it_is_only_named_and_goes_on_when_it_comes_back(knot: Knot) -> None:
    with Watched(hanging(tiny_perception(Config()), knot, "video"), None) as watched:
        until(lambda: watched.stalled == ("video",))
        knot.undone.set()
        until(lambda: watched.newest.models["static"] is not None)
        until(lambda: watched.stalled == ())
    assert watched.told == ["video does not move"]


def test_networks_that_do_not_load_again_leave_the_other_modality(knot: Knot) -> None:
    def reload() -> Perception:
        raise Refused("no network: copy it back")

    with Watched(hanging(tiny_perception(Config()), knot, "video"), reload) as watched:
        until(lambda: any("given up" in line for line in watched.told))
        begun = len(watched.rows)
        until(lambda: len(watched.rows) >= begun + 8)
        assert watched.stalled == ("video",)
        assert any(row.models["acoustic"] for _, row in watched.rows[begun:])
    assert watched.told[-1] == "video cannot be begun anew and is given up: no network: copy it back"


def test_threads_are_not_abandoned_without_end(knot: Knot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "MOST_ABANDONED", 1)
    config = Config()
    made = []

    def reload() -> Perception:
        made.append(hanging(tiny_perception(config), knot, "video"))
        return made[-1]

    with Watched(hanging(tiny_perception(config), knot, "video"), reload) as watched:
        until(lambda: any("given up" in line for line in watched.told))
        assert len(made) == 1
        assert watched.stalled == ("video",)
        begun = len(watched.rows)
        until(lambda: len(watched.rows) >= begun + 5)
    assert watched.told[-1] == "video hangs once more and is given up: end the program and start it again"


def test_what_is_given_up_for_good_does_not_keep_the_ladder_from_its_work(
    knot: Knot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ladder, "SPAN_S", 1.0)
    monkeypatch.setattr(ladder, "_LEAST", 2)

    def reload() -> Perception:
        raise Refused("no network: copy it back")

    perception = hanging(tiny_perception(Config()), knot, "sound")
    see = perception.seeing.see

    def slowly(grid: GridFrame) -> Visual:
        if any("given up" in line for line in watched.told):
            time.sleep(0.35)  # too long for 5 pictures a second, and no stall
        return see(grid)

    monkeypatch.setattr(Seeing, "see", lambda seeing, grid: slowly(grid))
    with Watched(perception, reload, ladder=True) as watched:
        until(lambda: watched.stalled == ("sound",))
        until(lambda: any("does not keep up" in line for line in watched.told))
        assert watched.stalled == ("sound",)


def test_remains_of_a_network_that_hung_may_break_when_they_are_freed(
    knot: Knot, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("in the middle of something")

    first = hanging(tiny_perception(Config()), knot, "video")
    first.finder.close = broken  # type: ignore[method-assign]
    with Watched(first, lambda: tiny_perception(Config())) as watched:
        until(lambda: any("cannot be freed" in record.getMessage() for record in caplog.records))
        begun = len(watched.rows)
        until(lambda: len(watched.rows) >= begun + 5)
        assert watched.newest.models["static"] is not None
    assert watched.told[-1] == "video goes on"


def test_fresh_networks_are_closed_with_the_recogniser(knot: Knot) -> None:
    config = Config()
    closed: list[str] = []
    fresh = tiny_perception(config)
    fresh.finder.close = lambda: closed.append("fresh")  # type: ignore[method-assign]
    first = hanging(tiny_perception(config), knot, "video")
    first.finder.close = lambda: closed.append("first")  # type: ignore[method-assign]
    with Watched(first, lambda: fresh) as watched:
        until(lambda: watched.newest.models["static"] is not None if watched.rows else False)
        until(lambda: closed == ["first"])  # it has no use any more
    assert closed == ["first", "fresh"]


def test_networks_that_are_freed_slowly_do_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "_LEAVE_S", 0.05)
    config, go_on, freed = Config(), threading.Event(), list[str]()
    fresh = tiny_perception(config)

    def slowly() -> None:
        go_on.wait(20)
        freed.append("fresh")

    fresh.finder.close = slowly  # type: ignore[method-assign]
    shared = Shared(time.monotonic, lambda line: None, Board([]), Metering(time.monotonic))
    at_work = Analysis(shared, tiny_perception(config), FrameRing(0.0), AudioRing(0.0), lambda: fresh)
    assert at_work.renew(at_work.workers[0])
    until(lambda: not at_work.vacant)
    shared.stop.set()
    at_work.close()
    assert freed == []
    go_on.set()
    until(lambda: freed == ["fresh"])


def test_a_programming_error_still_stops_all_and_is_raised() -> None:
    perception = tiny_perception(Config())

    def broken(frame: Frame, faces: Sequence[Face]) -> Any:
        raise ZeroDivisionError("ours")

    perception.seeing.static = broken  # type: ignore[assignment]
    live = Live(
        Config(), FusionWeights.equal(), perception, [("file", Talking())], reload=lambda: tiny_perception(Config())
    )
    with live, pytest.raises(ZeroDivisionError, match="ours"):
        list(live.decisions())

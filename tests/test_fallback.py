"""What happens when an engine fails: real networks on ONNX Runtime, one of which misbehaves."""

import contextlib
import gc
import itertools
import threading
import weakref
from collections.abc import Callable

import numpy as np
import pytest
from parts.misbehaving import Misbehaving, Outputs, not_numbers, on_cpu

from realtime_cer.errors import EngineFault, Refused
from realtime_cer.inference.engine import Engine, load
from realtime_cer.inference.fallback import FIRST_WAIT_S, LONGEST_WAIT_S, Fallback, GoingOn, Rung
from realtime_cer.inference.manifest import read_manifest
from realtime_cer.inference.ort import OrtEngine
from realtime_cer.inference.patience import PATIENCE
from realtime_cer.inference.verify import inputs


def lost(outputs: Outputs) -> None:
    raise RuntimeError("cudaErrorDevicesUnavailable")


def well(outputs: Outputs) -> None:
    """Nothing is harmed."""


class Time:
    """A clock that is set."""

    now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture(scope="module")
def cpu() -> Engine:
    return on_cpu("static")


@pytest.fixture(scope="module")
def network() -> Engine:
    """The fastest one, for tests of many calls."""
    return on_cpu("dynamic")


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(scope="module")
def batch(cpu: Engine) -> np.ndarray:
    return inputs(cpu.manifest)[:1]


# Falling down and climbing up


def ladder(cpu: Engine, better: Engine, notices: list[str], time: Time) -> Fallback:
    engine = Fallback(cpu, [Rung("cuda", lambda going_on: better)], notices.append, time)
    engine.climb()
    return engine


def test_the_better_engine_runs_and_signs_its_outputs(
    cpu: Engine, batch: np.ndarray, notices: list[str], time: Time
) -> None:
    engine = Fallback(cpu, [Rung("cuda", lambda going_on: Misbehaving(cpu))], notices.append, time)
    engine.run(batch)
    assert engine.backend == "cpu"
    engine.climb()
    assert engine.backend == "cpu", "until it has given something"
    engine.run(batch)
    assert engine.backend == "cuda"
    assert engine.manifest is cpu.manifest
    assert notices == ["static: runs on cuda from now on"]


@pytest.mark.parametrize(("harm", "words"), [(lost, "cudaErrorDevicesUnavailable"), (not_numbers, "not numbers")])
def test_a_failing_engine_is_left_within_the_call(
    cpu: Engine, batch: np.ndarray, notices: list[str], time: Time, harm: Callable[[Outputs], None], words: str
) -> None:
    better = Misbehaving(cpu)
    engine = ladder(cpu, better, notices, time)
    engine.run(batch)
    better.harm = harm
    wanted = cpu.run(batch)
    for _ in range(3):
        outputs = engine.run(batch)
        for name in wanted:
            np.testing.assert_array_equal(outputs[name], wanted[name])
        assert engine.backend == "cpu"
    assert better.calls == 2, "it is not asked again before its time"
    [_, notice] = notices
    assert words in notice
    assert "cpu goes on" in notice
    assert "tried again in 5 s" in notice


def test_it_is_tried_again_after_waits_that_grow(network: Engine, notices: list[str], time: Time) -> None:
    opened: list[float] = []
    better = Misbehaving(network)
    batch = inputs(network.manifest)[:1]

    def open_again(going_on: GoingOn) -> Engine:
        opened.append(time.now)
        return better

    engine = Fallback(network, [Rung("cuda", open_again)], notices.append, time)
    engine.climb()
    better.harm = lost
    for _ in range(1250):
        engine.run(batch)
        assert engine.settle(5)
        time.now += 1
    waits = np.diff(opened)
    expected = np.array([5, 10, 20, 40, 80, 160, 320, 600])
    assert ((waits == expected) | (waits == expected + 1)).all(), waits  # the call that opens it may not have it yet
    # Once it did well for long, the next fault is a first one again.
    better.harm = well
    time.now += LONGEST_WAIT_S
    while engine.backend != "cuda":
        engine.run(batch)
        assert engine.settle(5)
    time.now += LONGEST_WAIT_S + 1
    better.harm = lost
    engine.run(batch)
    assert f"tried again in {FIRST_WAIT_S:.0f} s" in notices[-1]


def test_inputs_that_are_no_numbers_are_not_the_engines_fault(network: Engine, notices: list[str], time: Time) -> None:
    better = Misbehaving(network)
    engine = ladder(network, better, notices, time)
    batch = inputs(network.manifest)[:1]
    for _ in range(2 * PATIENCE):
        with pytest.raises(EngineFault, match="what it is given is not all numbers"):
            engine.run(np.full_like(batch, np.nan))
    engine.run(batch)
    assert engine.backend == "cuda"
    assert len(notices) == 1


def test_a_wrong_call_is_raised_to_the_caller(network: Engine, notices: list[str], time: Time) -> None:
    engine = ladder(network, Misbehaving(network), notices, time)
    with pytest.raises(Exception, match="rank"):
        engine.run(np.zeros(3, np.float32))


# Where nothing is below


@pytest.mark.parametrize(("harm", "why"), [(lost, "cudaErrorDevicesUnavailable"), (not_numbers, "its outputs are not")])
def test_where_the_last_engine_fails_there_is_no_answer_until_it_works_again(
    network: Engine, notices: list[str], harm: Callable[[Outputs], None], why: str
) -> None:
    last = Misbehaving(network, harm)
    engine = Fallback(last, [], notices.append)
    batch = inputs(network.manifest)[:1]
    for _ in range(3):
        with pytest.raises(EngineFault, match=f"^dynamic: {why}") as caught:
            engine.run(batch)
        assert caught.value.network == "dynamic"
        assert caught.value.why.startswith(why)
    assert last.calls == 3, "it is asked every time"
    [told] = notices
    assert "nothing is below it" in told
    assert why in told
    last.harm = well
    for _ in range(PATIENCE):
        assert notices[1:] == []
        assert engine.run(batch)["probabilities"].shape == (1, 7)
    assert notices[1:] == ["dynamic: cuda works again"]


def test_a_fault_of_both_engines_is_that_of_the_last(network: Engine, notices: list[str], time: Time) -> None:
    last, better = Misbehaving(network, not_numbers), Misbehaving(network, lost)
    last.backend = "cpu"
    engine = ladder(last, better, notices, time)
    with pytest.raises(EngineFault, match="not numbers"):
        engine.run(inputs(network.manifest)[:1])
    assert "cuda failed (cudaErrorDevicesUnavailable)" in notices[1]
    assert "cpu failed (its outputs are not numbers)" in notices[2]


def test_after_faults_in_a_row_the_last_engine_is_opened_anew(network: Engine, notices: list[str]) -> None:
    broken, batch = Misbehaving(network, lost), inputs(network.manifest)[:1]
    opened: list[int] = []

    def anew() -> Engine:
        opened.append(broken.calls)
        if len(opened) == 1:
            raise OSError("the disk is gone")
        return broken if len(opened) == 2 else network

    engine = Fallback(broken, [], notices.append, anew=anew)
    for _ in range(4 * PATIENCE):
        with pytest.raises(EngineFault):
            engine.run(batch)
    assert opened == [PATIENCE, 2 * PATIENCE, 4 * PATIENCE]
    for _ in range(PATIENCE):
        np.testing.assert_array_equal(engine.run(batch)["probabilities"], network.run(batch)["probabilities"])
    assert engine.backend == "cpu"
    assert [line.split(": ")[1][:24] for line in notices] == [
        *(
            "cuda failed (cudaErrorDe",
            "cuda cannot be opened an",
            "cuda was opened anew aft",
            "cuda was opened anew aft",
        ),
        "cpu works again",
    ]


def test_faults_with_enough_answers_between_them_open_nothing_anew(network: Engine, notices: list[str]) -> None:
    last, batch = Misbehaving(network), inputs(network.manifest)[:1]
    engine = Fallback(last, [], notices.append, anew=lambda: pytest.fail("opened anew"))
    for harm in 3 * [*(PATIENCE - 1) * [lost], *PATIENCE * [well]]:
        last.harm = harm
        try:
            engine.run(batch)
        except EngineFault:
            assert harm is lost
    assert [line.endswith("works again") for line in notices] == 3 * [False, True]


def test_one_that_fails_at_every_second_input_is_told_of_once_and_opened_anew(
    network: Engine, notices: list[str]
) -> None:
    last, batch = Misbehaving(network), inputs(network.manifest)[:1]
    engine = Fallback(last, [], notices.append, anew=lambda: last)
    for harm in 4 * PATIENCE * [well, lost]:
        last.harm = harm
        with contextlib.suppress(EngineFault):
            engine.run(batch)
    assert "nothing is below it" in notices[0]
    assert notices[1:] == [f"dynamic: cuda was opened anew after {n * PATIENCE} faults" for n in (1, 2, 4)]


def test_what_load_gives_never_says_what_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, batch = load("dynamic", "cpu"), inputs(read_manifest("dynamic"))[:1]
    wanted = engine.run(batch)["probabilities"]
    with monkeypatch.context() as patch:
        patch.setattr(OrtEngine, "run", lambda self, batch: {"probabilities": np.full((1, 7), np.inf, np.float32)})
        for _ in range(PATIENCE):
            with pytest.raises(EngineFault, match="dynamic: its outputs are not numbers"):
                engine.run(batch)
    np.testing.assert_array_equal(engine.run(batch)["probabilities"], wanted)


def test_one_that_never_opened_is_not_tried_again_and_the_next_is(
    network: Engine, notices: list[str], time: Time
) -> None:
    tries: list[str] = []

    def refuse(going_on: GoingOn) -> Engine:
        tries.append("tensorrt")
        raise Refused("tensorrt on this GPU\nis refused")

    engine = Fallback(
        network, [Rung("tensorrt", refuse), Rung("cuda", lambda going_on: Misbehaving(network))], notices.append, time
    )
    engine.climb()
    engine.climb()
    engine.run(inputs(network.manifest)[:1])
    assert engine.backend == "cuda"
    assert tries == ["tensorrt"]
    assert notices == [
        "dynamic: tensorrt cannot be used: tensorrt on this GPU is refused",
        "dynamic: runs on cuda from now on",
    ]


def test_one_that_cannot_be_opened_just_now_is_tried_later(network: Engine, notices: list[str], time: Time) -> None:
    tries: list[float] = []

    def open_at_last(going_on: GoingOn) -> Engine:
        tries.append(time.now)
        if len(tries) < 3:
            raise RuntimeError("cudaErrorMemoryAllocation")
        return Misbehaving(network)

    engine = Fallback(network, [Rung("cuda", open_at_last)], notices.append, time)
    engine.climb()
    batch = inputs(network.manifest)[:1]
    for _ in range(30):
        engine.run(batch)
        assert engine.settle(5)
        time.now += 1
    assert tries == [100, 105, 115]
    assert engine.backend == "cuda"


def test_a_better_engine_of_two_takes_over_again(network: Engine, notices: list[str], time: Time) -> None:
    first, second = Misbehaving(network), Misbehaving(network)
    first.backend, second.backend = "tensorrt", "cuda"
    opened: list[str] = []

    def opens(engine: Misbehaving) -> Rung:
        def open_it(going_on: GoingOn) -> Engine:
            opened.append(engine.backend)
            if engine.harm is lost:
                raise RuntimeError("lost")
            return engine

        return Rung(engine.backend, open_it)

    engine = Fallback(network, [opens(first), opens(second)], notices.append, time)
    engine.climb()
    first.harm = lost
    batch, seen = inputs(network.manifest)[:1], []
    for n in range(60):
        if n == 20:
            first.harm = well
        engine.run(batch)
        assert engine.settle(5)
        seen.append(engine.backend)
        time.now += 1
    assert [backend for backend, _ in itertools.groupby(seen)] == ["cpu", "cuda", "tensorrt"]
    assert opened.count("cuda") == 1, "it is not opened again while it runs"


def test_building_goes_on_beside_calls_and_none_is_lost(network: Engine, notices: list[str]) -> None:
    built = threading.Event()

    def build(going_on: GoingOn) -> Engine:
        assert built.wait(10)
        return Misbehaving(network)

    engine = Fallback(network, [Rung("cuda", build)], notices.append)
    batch = inputs(network.manifest)[:1]
    wanted = network.run(batch)["probabilities"]
    engine.climb_apart()
    ran = []
    for n in range(4000):
        if n == 100:
            built.set()
        np.testing.assert_array_equal(engine.run(batch)["probabilities"], wanted)
        ran.append(engine.backend)
        if len(ran) > 200 and ran[-1] == "cuda":
            break
    assert ran[:100] == ["cpu"] * 100
    assert [backend for backend, _ in itertools.groupby(ran)] == ["cpu", "cuda"]


def test_closing_breaks_off_a_build_and_running_goes_on(network: Engine, notices: list[str]) -> None:
    begun = threading.Event()

    def build(going_on: GoingOn) -> Engine:
        begun.set()
        while going_on():
            threading.Event().wait(0.01)
        raise Refused("stopped")

    engine = Fallback(network, [Rung("cuda", build)], notices.append)
    engine.climb_apart()
    assert begun.wait(5)
    engine.close()
    assert engine.settle(0)
    assert notices == []
    assert np.isfinite(engine.run(inputs(network.manifest)[:1])["probabilities"]).all()
    engine.close()


def test_what_is_freed_lets_go_of_its_engines_also_where_somebody_still_holds_it(notices: list[str]) -> None:
    safe = on_cpu("dynamic")
    gone, batch = weakref.ref(safe), inputs(safe.manifest)[:1]
    engine = Fallback(safe, [Rung("cuda", lambda _: Misbehaving(on_cpu("dynamic")))], notices.append)
    del safe
    engine.climb()
    engine.run(batch)
    engine.free()
    gc.collect()
    assert gone() is None
    assert (engine.backend, engine.manifest.name) == ("cuda", "dynamic")
    before = list(notices)
    with pytest.raises(EngineFault, match="closed"):  # a worker that hung, and comes back
        engine.run(batch)
    assert notices == before

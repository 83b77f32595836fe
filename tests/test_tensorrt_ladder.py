"""An engine for a GPU and the CPU behind it: kept, found again, built beside, refused; the CPU stands in for both."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from realtime_cer.errors import Refused
from realtime_cer.inference import cache, cuda, opening
from realtime_cer.inference.engine import Engine, load
from realtime_cer.inference.fallback import Fallback, Rung
from realtime_cer.inference.manifest import Manifest, engines_folder, read_manifest
from realtime_cer.inference.tensorrt import Flavour

pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install '.[tensorrt-rtx]'")

GPU = cuda.Gpu("A GPU for tests", "8.6", "13.0")


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("REALTIME_CER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "engines"


class OnCpu:
    """Stands for the engine on a GPU: remembers what it was loaded from, and says what the CPU says, harmed or not."""

    plans: list[bytes]
    harm: Callable[[str], float]

    def __init__(self, flavour: Flavour, plan: bytes, manifest: Manifest) -> None:
        if len(plan) < 100_000:
            raise Refused("TensorRT cannot load the engine: version 0")
        type(self).plans.append(plan)
        self.backend, self.manifest = flavour.name, manifest
        self._engine = load(manifest.name, "cpu")
        # Half precision makes smaller plans.
        self._offset = type(self).harm("fp16" if len(plan) < 1_800_000 else "fp32")

    def run(self, batch: np.ndarray) -> Mapping[str, np.ndarray]:
        """The CPU's outputs, off by a little."""
        outputs = dict(self._engine.run(batch))
        outputs["probabilities"] = outputs["probabilities"] + np.float32(self._offset)
        return outputs


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> type[OnCpu]:
    """A machine on which tensorrt-rtx works, but for the running."""
    OnCpu.plans = []
    OnCpu.harm = staticmethod(lambda precision: 0.0)
    monkeypatch.setattr(opening, "gpu", lambda: GPU)
    monkeypatch.setattr(opening, "TensorrtEngine", OnCpu)
    return OnCpu


def opened(notices: list[str], backend: str = "tensorrt-rtx") -> Engine:
    return opening.open_engine(
        backend, read_manifest("dynamic"), engines_folder(), load("dynamic", "cpu"), notices.append
    )


def test_an_engine_is_built_once_kept_and_found_again(gpu: type[OnCpu], cache_folder: Path) -> None:
    notices: list[str] = []
    assert opened(notices).backend == "tensorrt-rtx"
    assert notices == ["dynamic: building its tensorrt-rtx engine in fp16 for the A GPU for tests"]
    [entry] = cache.entries()
    assert entry.key is not None
    assert (entry.key.gpu, entry.key.capability, entry.key.driver) == ("A GPU for tests", "8.6", "13.0")
    assert entry.key.sha256 == read_manifest("dynamic").sha256
    opened(notices)
    assert len(notices) == 1
    assert gpu.plans[0] == gpu.plans[1]
    # A file of another version, or a damaged one, is built anew.
    assert entry.key is not None
    cache.keep(entry.key, b"an engine of another version")
    opened(notices)
    assert "built anew" in notices[1]
    assert cache.find(entry.key) == gpu.plans[-1]
    entry.path.write_bytes(entry.path.read_bytes()[:1000])
    opened(notices)
    assert cache.find(entry.key) == gpu.plans[-1]


def test_where_nothing_can_be_kept_it_runs_all_the_same(gpu: type[OnCpu], cache_folder: Path) -> None:
    cache_folder.parent.mkdir()
    cache_folder.write_text("in the way")
    notices: list[str] = []
    assert opened(notices).backend == "tensorrt-rtx"
    assert "this time it runs all the same" in notices[-1]


def test_a_network_that_disagrees_in_half_is_taken_in_full_or_not_at_all(gpu: type[OnCpu]) -> None:
    notices: list[str] = []
    gpu.harm = staticmethod(lambda precision: 0.05 if precision == "fp16" else 0.0)
    assert opened(notices).backend == "tensorrt-rtx"
    assert any("in fp16 is refused: it differs by 5.0e-02" in notice for notice in notices)
    gpu.harm = staticmethod(lambda precision: 0.05)
    with pytest.raises(Refused, match=r"in fp16 is refused.*in fp32 is refused"):
        opened(notices)


def test_load_takes_it_and_tells(gpu: type[OnCpu]) -> None:
    notices: list[str] = []
    engine = load("dynamic", "auto", notice=notices.append)
    engine.run(np.zeros((1, 10, 512), np.float32))
    assert engine.backend == "tensorrt-rtx"
    assert notices[-1] == "dynamic: runs on tensorrt-rtx from now on"
    assert load("dynamic", "tensorrt-rtx").backend == "cpu", "until it has run"
    gpu.harm = staticmethod(lambda precision: 0.05)
    engine = load("dynamic", "auto", notice=notices.append)
    engine.run(np.zeros((1, 10, 512), np.float32))
    assert engine.backend == "cpu"
    assert "tensorrt-rtx cannot be used" in notices[-1]
    with pytest.raises(Refused, match="is refused"):
        load("dynamic", "tensorrt-rtx")


def test_a_gpu_that_fails_at_once_is_refused_where_it_was_named(gpu: type[OnCpu]) -> None:
    def fail(precision: str) -> float:
        raise RuntimeError("cudaErrorECCUncorrectable")

    gpu.harm = staticmethod(fail)
    with pytest.raises(Refused, match="engine tensorrt-rtx cannot be used: cudaErrorECCUncorrectable"):
        load("dynamic", "tensorrt-rtx")
    assert load("dynamic", "auto").backend == "cpu"


def test_in_the_background_the_cpu_runs_meanwhile(gpu: type[OnCpu]) -> None:
    engine = load("dynamic", "auto", background=True)
    batch = np.zeros((1, 10, 512), np.float32)
    wanted = load("dynamic", "cpu").run(batch)["probabilities"]
    seen = []
    while not seen or seen[-1] == "cpu":
        np.testing.assert_array_equal(engine.run(batch)["probabilities"], wanted)
        seen.append(engine.backend)
        time.sleep(0.01)
    assert seen.index("tensorrt-rtx") > 10
    assert isinstance(engine, Fallback)
    engine.close()


def test_a_build_under_way_is_broken_off(gpu: type[OnCpu]) -> None:
    cpu = load("acoustic", "cpu")
    manifest = read_manifest("acoustic")
    rung = Rung(
        "tensorrt-rtx",
        lambda going_on: opening.open_engine("tensorrt-rtx", manifest, engines_folder(), cpu, notices.append, going_on),
    )
    notices: list[str] = []
    engine = Fallback(cpu, [rung], notices.append)
    engine.climb_apart()
    while not notices:
        time.sleep(0.01)
    engine.close()
    assert engine.settle(5)
    assert len(notices) == 1, "nobody is told of what was asked for"
    assert list(cache.entries()) == []

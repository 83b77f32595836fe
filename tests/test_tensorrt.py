"""TensorRT for RTX, whose builder needs no GPU: every shipped network is really built, and every refusal is real.

Running an engine takes a GPU and is not tested here. What surrounds it is: a network on ONNX Runtime stands where the
engine on the GPU would.
"""

import argparse
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from realtime_cer.commands.engines import add_arguments, run_engines
from realtime_cer.errors import Refused
from realtime_cer.inference import building, cache, cuda, opening
from realtime_cer.inference.engine import GPU_BACKENDS, Engine, absent, load
from realtime_cer.inference.fallback import Fallback, Rung
from realtime_cer.inference.manifest import Manifest, Tensor, engines_folder, read_manifest
from realtime_cer.inference.ort import OrtEngine
from realtime_cer.inference.tensorrt import FLAVOURS, Flavour, TensorrtEngine, build
from realtime_cer.inference.typed import Precision, typed
from realtime_cer.inference.verify import LIMITS, verify
from realtime_cer.labels import BASIC, MODELS

pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install '.[tensorrt-rtx]'")

RTX = FLAVOURS["tensorrt-rtx"]
GPU = cuda.Gpu("A GPU for tests", "8.6", "13.0")


def has_gpu() -> bool:
    try:
        cuda.gpu()
    except Refused:
        return False
    return True


without_gpu = pytest.mark.skipif(has_gpu(), reason="a GPU is there")


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("REALTIME_CER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "engines"


def manifest_of(name: str, taken: Tensor, given: Tensor) -> Manifest:
    words: dict[str, Any] = {"licence": "none", "version": "0", "temperature": 1.0, "normalisation": ""}
    return Manifest(
        name=name, file=f"{name}.onnx", sha256="", classes=BASIC, inputs=(taken,), outputs=(given,), **words
    )


# Typed networks


@pytest.mark.parametrize(("name", "precision"), [*((name, "fp16") for name in MODELS), ("static", "fp32")])
def test_typed_networks_agree_with_the_shipped_ones(name: str, precision: Precision, tmp_path: Path) -> None:
    manifest = read_manifest(name)
    copy = tmp_path / manifest.file
    copy.write_bytes(typed(engines_folder() / manifest.file, precision))
    onnx.checker.check_model(copy)
    agreement = verify(OrtEngine(copy, manifest), load(name, "cpu"), LIMITS[precision])
    assert agreement.passed, str(agreement)


@pytest.mark.parametrize("name", MODELS)
def test_half_precision_is_where_it_is_safe(name: str) -> None:
    model = onnx.load_from_string(typed(engines_folder() / f"{name}.onnx", "fp16"))
    graph = onnx.shape_inference.infer_shapes(model).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.value_info, *graph.input, *graph.output)}
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    halved = {node.op_type for node in graph.node if types.get(node.input[0]) == TensorProto.FLOAT16} - {"Cast"}
    assert halved & {"Conv", "Gemm", "MatMul"}
    assert not halved & {"Softmax", "LayerNormalization", "ReduceMean", "ReduceMax", "Sqrt", "Log", "Reciprocal"}
    assert {types[value.name] for value in graph.output} == {TensorProto.FLOAT}
    products = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    single = [node.name for node in products if types[node.input[1]] == TensorProto.FLOAT]
    # The Fourier transform and the mel filters, which come before the logarithm.
    assert len(single) == (2 if name == "acoustic" else 0), single


# Building


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("precision", "capability"), [("fp16", "8.6"), ("fp32", "12.0")])
def test_every_shipped_network_builds(name: str, precision: Precision, capability: str) -> None:
    manifest = read_manifest(name)
    network = typed(engines_folder() / manifest.file, precision)
    shares: list[float] = []
    plan = build(RTX, network, manifest, capability, lambda share: shares.append(share) is None)
    assert len(plan) > (engines_folder() / manifest.file).stat().st_size / 2
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.5 < shares[-1] <= 1


def mirrored_pixels(path: Path) -> Manifest:
    """A network that turns, mirrors and joins uint8 pictures before it computes, as ours do."""
    nodes = [
        helper.make_node("Slice", ["crop", "start", "end", "axis", "step"], ["mirrored"]),
        helper.make_node("Concat", ["crop", "mirrored"], ["both"], axis=0),
        helper.make_node("Transpose", ["both"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["values", "spatial"], ["mean"], keepdims=0),
        helper.make_node("Gemm", ["mean", "weight"], ["logits"]),
        helper.make_node("Reshape", ["logits", "pairs"], ["paired"]),
        helper.make_node("ReduceMean", ["paired", "first"], ["joined"], keepdims=0),
        helper.make_node("Softmax", ["joined"], ["probabilities"]),
    ]
    integers = {"start": [-1], "end": [-(2**62)], "axis": [2], "step": [-1], "spatial": [2, 3], "first": [0]}
    constants = [onnx.numpy_helper.from_array(np.array(v), k) for k, v in (integers | {"pairs": [2, -1, 7]}).items()]
    weight = np.random.default_rng(0).normal(0, 0.02, (3, 7)).astype(np.float32)
    return write(
        path,
        nodes,
        [*constants, onnx.numpy_helper.from_array(weight, "weight")],
        Tensor(name="crop", dtype="uint8", shape=("batch", 16, 16, 3)),
    )


def write(path: Path, nodes: list[Any], constants: list[Any], taken: Tensor) -> Manifest:
    """Write a network of one input and probabilities; gives its manifest."""
    kind = TensorProto.UINT8 if taken.dtype == "uint8" else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(taken.name, kind, taken.shape)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ("batch", 7))],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    given = Tensor(name="probabilities", dtype="float32", shape=("batch", 7))
    return manifest_of(path.stem, taken, given)


def test_pictures_may_be_turned_and_mirrored_in_the_graph(tmp_path: Path) -> None:
    path = tmp_path / "mirrored.onnx"
    manifest = mirrored_pixels(path)
    picture = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    for precision, tolerance in (("fp32", 0), ("fp16", 5e-3)):
        network = typed(path, precision)  # type: ignore[arg-type]
        before, after = (ort.InferenceSession(one).run(None, {"crop": picture})[0] for one in (str(path), network))
        np.testing.assert_allclose(before, after, atol=tolerance)
        assert build(RTX, network, manifest, "8.9")
    with pytest.raises(Refused, match=r"(?i)uint8"):
        build(RTX, path.read_bytes(), manifest, "8.9")


def test_an_operator_that_the_parser_refuses_is_named(tmp_path: Path) -> None:
    path = tmp_path / "strings.onnx"
    nodes = [
        helper.make_node("StringNormalizer", ["words"], ["normal"], name="the_culprit"),
        helper.make_node("Identity", ["x"], ["probabilities"]),
    ]
    manifest = write(path, nodes, [], Tensor(name="x", dtype="float32", shape=("batch", 7)))
    with pytest.raises(Refused, match="operator StringNormalizer of node the_culprit") as caught:
        build(RTX, path.read_bytes(), manifest, "8.6")
    assert "\n" not in str(caught.value)
    assert "strings" in str(caught.value)


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(Refused, match="dynamic"):
        build(RTX, b"no network at all" * 10, read_manifest("dynamic"), "8.6")


def test_shapes_that_the_manifest_describes_wrongly_are_refused() -> None:
    manifest = read_manifest("dynamic")
    network = typed(engines_folder() / manifest.file, "fp32")
    taken = manifest.inputs[0]
    for shape, words in ((("batch", 10, 256), "dynamic"), (("batch", "n", 512), "only its batch may be free")):
        wrong = manifest.model_copy(update={"inputs": (taken.model_copy(update={"shape": shape}),)})
        with pytest.raises(Refused, match=words) as caught:
            build(RTX, network, wrong, "8.6")
        assert "\n" not in str(caught.value)


def test_a_capability_that_the_library_does_not_know_is_refused() -> None:
    with pytest.raises(Refused, match=r"9\.0; it knows 7\.5, .*8\.6.*12\.0"):
        build(RTX, b"", read_manifest("dynamic"), "9.0")


def test_a_library_that_is_not_installed_is_refused_with_the_line_that_installs_it() -> None:
    with pytest.raises(Refused, match=r"nothing is not installed: pip install 'realtime-cer\[nothing\]'"):
        Flavour("nothing", "no_such_module", portable=True).library()


def test_building_can_be_stopped() -> None:
    manifest = read_manifest("dynamic")
    shares: list[float] = []
    with pytest.raises(Refused, match="stopped"):
        build(RTX, typed(engines_folder() / manifest.file, "fp32"), manifest, "8.6", lambda s: bool(shares.append(s)))
    assert len(shares) < 20


# Building in another process


def test_another_process_builds_and_tells_how_far_it_is() -> None:
    shares: list[float] = []
    plan = building.build_apart(RTX, "dynamic", engines_folder(), "fp16", "8.6", lambda s: shares.append(s) is None)
    assert len(plan) > 100_000
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] > 0.5


def test_its_refusals_are_ours(tmp_path: Path) -> None:
    for name in ("dynamic.toml", "dynamic.onnx"):
        (tmp_path / name).write_bytes((engines_folder() / name).read_bytes()[: 300_000 if "onnx" in name else None])
    with pytest.raises(Refused, match="altered or truncated"):
        building.build_apart(RTX, "dynamic", tmp_path, "fp16", "8.6", lambda share: True)
    with pytest.raises(Refused, match="it knows"):
        building.build_apart(RTX, "dynamic", engines_folder(), "fp16", "9.0", lambda share: True)
    with pytest.raises(Refused, match="stopped"):
        building.build_apart(RTX, "dynamic", engines_folder(), "fp16", "8.6", lambda share: False)


def test_a_builder_that_crashes_is_told_and_takes_nothing_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = building.subprocess.Popen

    def crashing(words: list[str], **rest: Any) -> Any:
        return real([words[0], "-c", f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})"], **rest)

    monkeypatch.setattr(building.subprocess, "Popen", crashing)
    with pytest.raises(Refused, match=f"dynamic with tensorrt-rtx failed with code -{int(signal.SIGSEGV)}"):
        building.build_apart(RTX, "dynamic", engines_folder(), "fp16", "8.6", lambda share: True)


# Loading


@without_gpu
def test_an_engine_without_a_gpu_is_refused_in_one_line() -> None:
    manifest = read_manifest("dynamic")
    plan = build(RTX, typed(engines_folder() / manifest.file, "fp16"), manifest, "8.6")
    for content in (plan, plan[: len(plan) // 2], b"no engine"):
        with pytest.raises(Refused, match="cannot load the engine") as caught:
            TensorrtEngine(RTX, content, manifest)
        assert "\n" not in str(caught.value)


@without_gpu
def test_the_missing_gpu_is_the_reason() -> None:
    with pytest.raises(Refused, match="needs an NVIDIA GPU"):
        opening.usable_gpu(RTX)
    with pytest.raises(Refused, match="needs an NVIDIA GPU"):
        load("dynamic", "tensorrt-rtx")


def test_what_cuda_gives_and_how_it_fails() -> None:
    runtime = pytest.importorskip("cuda.bindings.runtime")
    codes = runtime.cudaError_t
    assert cuda.value((codes.cudaSuccess, 5)) == 5
    assert cuda.value((codes.cudaSuccess,)) is None
    with pytest.raises(RuntimeError, match="cudaErrorMemoryAllocation"):
        cuda.value((codes.cudaErrorMemoryAllocation, 0))


@pytest.mark.skipif(not has_gpu(), reason="no GPU: what records is the driver's, and nothing stands for it")
def test_what_cannot_be_recorded_is_none_and_costs_no_answer() -> None:
    from cuda.bindings import runtime

    manifest = read_manifest("dynamic")
    lane = cuda.Lane(manifest, 1)

    def waits() -> None:
        runtime.cudaStreamSynchronize(lane.stream)  # not allowed meanwhile, which only the end of the recording tells

    assert lane.capture(waits) is None
    [tensor] = manifest.inputs
    batch = np.ones((1, *cuda.row_shape(tensor)), tensor.dtype)
    lane.put(tensor.name, batch)
    assert np.array_equal(lane.take([tensor.name], 1)[tensor.name], batch)
    assert lane.capture(lambda: lane.put(tensor.name, batch)) is not None


# From a backend's name to an engine, with ONNX Runtime where the GPU would be


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


# The command


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser.add_subparsers(), argparse.RawDescriptionHelpFormatter)
    return run_engines(parser.parse_args(["engines", *words]))


def test_the_command_builds_lists_and_clears(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("build", "--target", "8.9") == 0
    assert command("list") == 0
    lines = capsys.readouterr().out.splitlines()
    for name in MODELS:
        assert len([line for line in lines if line.startswith(name) and "fp16" in line]) == 2
    assert any("any" in line and "8.9" in line and "MB" in line for line in lines)
    assert command("build", "--target", "8.9") == 0
    assert capsys.readouterr().out.count("is there already") == 3
    # They serve every GPU of that kind.
    key = opening.key_of(read_manifest("static"), RTX, "fp16", cuda.Gpu("GeForce RTX 4070", "8.9", "13.1"))
    assert cache.find(key) is not None
    assert command("clear") == 0
    assert "removed 3 engines" in capsys.readouterr().out
    assert command("list") == 0
    assert "no engines are kept" in capsys.readouterr().out


def test_the_command_verifies_what_is_there_and_tells_what_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("verify") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.endswith("agrees")]) >= 6
    assert len([line for line in lines if line.endswith("the reference")]) == 3
    missing = [backend for backend in GPU_BACKENDS if absent(backend)]
    assert [line.split()[2] for line in lines if line.startswith("not verified: ")] == missing


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["build", "--target", "9.0"], "it knows"),
        (["build", "--target", "banana"], "--target 'banana' is no compute capability"),
        (["build", "--target", "8.6x"], "--target '8.6x' is no"),
        (["build", "--target", ""], "--target '' is no"),
        (["build", "--target", "8.6", "--engine", "tensorrt"], "this machine only"),
        (["build", "--target", "8.6", "--profile", "nobody"], "no profile 'nobody'"),
    ],
)
def test_what_the_command_refuses(words: list[str], told: str) -> None:
    with pytest.raises(Refused, match=told) as caught:
        command(*words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--target", "banana"], "--target 'banana'"),
        (["--profile", "nobody"], "no profile 'nobody'"),
        (["--target", "8.6", "--profile", "nobody"], "no profile 'nobody'"),
        (["--target", "8.6"], r"tensorrt-rtx is not installed: pip install"),
    ],
)
def test_a_bad_value_is_told_before_a_library_is_missed(
    words: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FLAVOURS, "tensorrt-rtx", Flavour("tensorrt-rtx", "no_such_module", portable=True))
    with pytest.raises(Refused, match=f"^{told}"):
        command("build", *words)


@without_gpu
def test_building_for_a_gpu_that_is_not_here_names_the_way_out() -> None:
    with pytest.raises(Refused, match=r"needs an NVIDIA GPU.*--target 8\.6"):
        command("build")


def test_the_command_says_when_nothing_can_be_kept(cache_folder: Path) -> None:
    cache_folder.parent.mkdir()
    cache_folder.write_text("in the way")
    with pytest.raises(Refused, match="cannot be kept"):
        command("build", "--target", "8.6", "--precision", "fp32")

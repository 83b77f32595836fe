"""TensorRT for RTX, whose builder needs no GPU: every shipped network is really built, and every refusal is real.

What surrounds the running of an engine, which takes a GPU, is in test_tensorrt_ladder.py.
"""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from parts.gpus import has_gpu, without_gpu

from realtime_cer.errors import Refused
from realtime_cer.inference import building, cuda, opening
from realtime_cer.inference.engine import load
from realtime_cer.inference.manifest import Manifest, Tensor, engines_folder, read_manifest
from realtime_cer.inference.ort import OrtEngine
from realtime_cer.inference.tensorrt import FLAVOURS, Flavour, TensorrtEngine, build
from realtime_cer.inference.typed import Precision, typed
from realtime_cer.inference.verify import LIMITS, verify
from realtime_cer.labels import BASIC, MODELS

pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install '.[tensorrt-rtx]'")

RTX = FLAVOURS["tensorrt-rtx"]


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

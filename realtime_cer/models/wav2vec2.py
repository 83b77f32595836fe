"""The encoder of wav2vec 2.0 large-robust, of any number of layers. Names are the transformers library's."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

WIDTH = 1024
"""Size of a state."""

_HEADS, _INNER = 16, 4096
_CHANNELS = 512
_KERNELS = (10, 3, 3, 3, 3, 2, 2)
_STRIDES = (5, 2, 2, 2, 2, 2, 2)
_REACH, _GROUPS = 128, 16


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Scaled dot-product attention in several heads, all of shape (B, T, W), without a mask."""
    query, key, value = (x.reshape(*x.shape[:2], heads, -1).transpose(1, 2) for x in (query, key, value))
    weights = torch.softmax(query @ key.transpose(2, 3) * query.shape[3] ** -0.5, -1)
    return (weights @ value).transpose(1, 2).flatten(2)


class ConvLayer(nn.Module):
    """A convolution over time, layer norm over channels, GELU."""

    def __init__(self, inputs: int, kernel: int, stride: int):
        super().__init__()
        self.conv = nn.Conv1d(inputs, _CHANNELS, kernel, stride)
        self.layer_norm = nn.LayerNorm(_CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T) to (B, 512, about T / stride)."""
        return F.gelu(self.layer_norm(self.conv(x).transpose(1, 2)).transpose(1, 2))


class FeatureExtractor(nn.Module):
    """Seven convolutions that turn samples into vectors of 20 ms each."""

    def __init__(self) -> None:
        super().__init__()
        inputs = (1, *[_CHANNELS] * (len(_KERNELS) - 1))
        self.conv_layers = nn.Sequential(*map(ConvLayer, inputs, _KERNELS, _STRIDES))

    def forward(self, waveform: Tensor) -> Tensor:
        """Sound (B, samples) to vectors (B, T, 512)."""
        x: Tensor = self.conv_layers(waveform[:, None])
        return x.transpose(1, 2)


class FeatureProjection(nn.Module):
    """Layer norm, then to the width of the encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(_CHANNELS)
        self.projection = nn.Linear(_CHANNELS, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 512) to (B, T, 1024)."""
        y: Tensor = self.projection(self.layer_norm(x))
        return y


class PositionalConv(nn.Module):
    """What says where a state is: a wide grouped convolution under weight norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = weight_norm(nn.Conv1d(WIDTH, WIDTH, _REACH, padding=_REACH // 2, groups=_GROUPS), dim=2)

    def settle(self) -> None:
        """Work the weight norm into the weights, once they are there."""
        parametrize.remove_parametrizations(self.conv, "weight")

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 1024) to (B, T, 1024)."""
        # An even kernel gives one step too many.
        return F.gelu(self.conv(x.transpose(1, 2))[..., :-1]).transpose(1, 2)


class Attention(nn.Module):
    """Self-attention of 16 heads."""

    def __init__(self) -> None:
        super().__init__()
        self.k_proj, self.v_proj = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.q_proj, self.out_proj = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 1024) to (B, T, 1024)."""
        y: Tensor = self.out_proj(attend(self.q_proj(x), self.k_proj(x), self.v_proj(x), _HEADS))
        return y


class FeedForward(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self) -> None:
        super().__init__()
        self.intermediate_dense, self.output_dense = nn.Linear(WIDTH, _INNER), nn.Linear(_INNER, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 1024) to (B, T, 1024)."""
        y: Tensor = self.output_dense(F.gelu(self.intermediate_dense(x)))
        return y


class Layer(nn.Module):
    """A transformer layer that norms before it attends: "stable layer norm"."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.layer_norm = Attention(), nn.LayerNorm(WIDTH)
        self.feed_forward, self.final_layer_norm = FeedForward(), nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 1024) to (B, T, 1024)."""
        x = x + self.attention(self.layer_norm(x))
        y: Tensor = self.feed_forward(self.final_layer_norm(x))
        return x + y


class Encoder(nn.Module):
    """Positions, layers, a last norm."""

    def __init__(self, layers: int):
        super().__init__()
        self.pos_conv_embed = PositionalConv()
        self.layers = nn.Sequential(*(Layer() for _ in range(layers)))
        self.layer_norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 1024) to (B, T, 1024)."""
        y: Tensor = self.layer_norm(self.layers(x + self.pos_conv_embed(x)))
        return y


class Wav2Vec2(nn.Module):
    """Sound to states, without masking and without dropout."""

    def __init__(self, layers: int):
        super().__init__()
        self.feature_extractor = FeatureExtractor()
        self.feature_projection = FeatureProjection()
        self.encoder = Encoder(layers)

    def forward(self, waveform: Tensor) -> Tensor:
        """Sound (B, samples), 16 kHz, zero mean and unit variance, to states (B, T, 1024) of 20 ms: 199 for 4 s."""
        x: Tensor = self.encoder(self.feature_projection(self.feature_extractor(waveform)))
        return x

"""The paper's visual networks: a ResNet-50 for one face, two LSTMs for ten of them. Names are the authors'."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime_cer.labels import BASIC
from realtime_cer.models.static import FEATURES

_EPS = 1e-3
_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
"""Blocks, and channels within a block, of each stage."""


def same_pads(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """What TensorFlow's 'same' padding adds before and after: the odd one goes after."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut; the stride is in the first."""

    def __init__(self, inputs: int, channels: int, stride: int, project: bool):
        super().__init__()
        outputs = 4 * channels
        self.conv1 = nn.Conv2d(inputs, channels, 1, stride, bias=False)
        self.batch_norm1 = nn.BatchNorm2d(channels, eps=_EPS)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.batch_norm2 = nn.BatchNorm2d(channels, eps=_EPS)
        self.conv3 = nn.Conv2d(channels, outputs, 1, bias=False)
        self.batch_norm3 = nn.BatchNorm2d(outputs, eps=_EPS)
        shortcut = (nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs, eps=_EPS))
        self.i_downsample = nn.Sequential(*shortcut) if project else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, 4 channels, H / stride, W / stride), rounded up."""
        y = torch.relu(self.batch_norm1(self.conv1(x)))
        y = torch.relu(self.batch_norm2(self.conv2(y)))
        y = self.batch_norm3(self.conv3(y))
        return torch.relu(y + (x if self.i_downsample is None else self.i_downsample(x)))


def _stage(blocks: int, inputs: int, channels: int, stride: int) -> nn.Sequential:
    first = Bottleneck(inputs, channels, stride, project=True)
    return nn.Sequential(first, *(Bottleneck(4 * channels, channels, 1, project=False) for _ in range(blocks - 1)))


class AvcerStatic(nn.Module):
    """A face to logits and features."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_layer_s2_same = nn.Conv2d(3, 64, 7, 2, bias=False)
        self.batch_norm1 = nn.BatchNorm2d(64, eps=_EPS)
        inputs = (64, *(4 * channels for _, channels in _STAGES))
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _stage(blocks, inputs[i], channels, stride=2 if i else 1) for i, (blocks, channels) in enumerate(_STAGES)
        )
        self.fc1 = nn.Linear(inputs[-1], FEATURES)
        self.fc2 = nn.Linear(FEATURES, len(BASIC))

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """Crops (B, 3, 224, 224), BGR minus means, to logits (B, 7) and ReLU features (B, 512)."""
        height, width = crop.shape[2:]
        x = self.conv_layer_s2_same(F.pad(crop, (*same_pads(width, 7, 2), *same_pads(height, 7, 2))))
        x = F.max_pool2d(torch.relu(self.batch_norm1(x)), 3, 2)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        features = torch.relu(self.fc1(x.mean((2, 3))))
        return self.fc2(features), features


class AvcerDynamic(nn.Module):
    """Ten feature vectors to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm1 = nn.LSTM(FEATURES, 512, batch_first=True)
        self.lstm2 = nn.LSTM(512, 256, batch_first=True)
        self.fc = nn.Linear(256, len(BASIC))

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, 10, 512), oldest first, to logits (B, 7)."""
        states, _ = self.lstm2(self.lstm1(features)[0])
        logits: Tensor = self.fc(states[:, -1])
        return logits

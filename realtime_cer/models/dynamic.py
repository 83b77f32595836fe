"""The dynamic network: ten feature vectors of the static network, 2 s, to 7 classes."""

import torch
from torch import Tensor, nn

from realtime_cer.labels import BASIC
from realtime_cer.models.static import FEATURES

LENGTH = 10
"""Feature vectors in a window."""


class Dynamic(nn.Module):
    """An LSTM over the window; its last state and the newest vectors' mean decide. Temperature and softmax inside."""

    temperature: Tensor

    def __init__(self, hidden: int = 128, newest: int = 4, dropout: float = 0.3):
        super().__init__()
        self.newest = newest
        self.reduce = nn.Linear(FEATURES, hidden)
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(hidden + FEATURES, len(BASIC))
        self.register_buffer("temperature", torch.ones(()))

    def logits(self, features: Tensor) -> Tensor:
        """Features (B, 10, 512), oldest first, to logits (B, 7), before temperature."""
        x = torch.relu(self.reduce(self.dropout(features)))
        states, _ = self.lstm(x)
        both = torch.cat([states[:, -1], features[:, -self.newest :].mean(1)], 1)
        logits: Tensor = self.fc(self.dropout(both))
        return logits

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, 10, 512), oldest first, to probabilities (B, 7)."""
        return torch.softmax(self.logits(features) / self.temperature, 1)

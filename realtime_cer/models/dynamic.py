"""The dynamic network: ten feature vectors of the static network, 2 s, to 7 classes."""

import torch
from torch import Tensor, nn

from realtime_cer.labels import BASIC
from realtime_cer.models.static import FEATURES
from realtime_cer.perception.dynamic import LENGTH


class Dynamic(nn.Module):
    """An LSTM over the window; its last state and the newest vectors' mean decide. Temperature and softmax inside.

    The LSTM is written out, so that the exported graph holds nothing but products and sums, which every engine folds.
    """

    temperature: Tensor

    def __init__(self, hidden: int = 128, newest: int = 4, dropout: float = 0.3):
        super().__init__()
        self.hidden, self.newest = hidden, newest
        self.reduce = nn.Linear(FEATURES, hidden)
        self.inputs = nn.Linear(hidden, 4 * hidden)
        self.recurrent = nn.Linear(hidden, 4 * hidden, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(hidden + FEATURES, len(BASIC))
        self.register_buffer("temperature", torch.ones(()))
        for gate in self.recurrent.weight.data.chunk(4):
            nn.init.orthogonal_(gate)
        # The gates are input, forget, output, candidate; at first everything is remembered.
        self.inputs.bias.data[hidden : 2 * hidden] = 1

    def logits(self, features: Tensor) -> Tensor:
        """Features (B, 10, 512), oldest first, to logits (B, 7), before temperature."""
        gates = self.inputs(torch.relu(self.reduce(self.dropout(features))))
        cell = torch.zeros_like(gates[:, 0, : self.hidden])
        state = cell
        for t in range(LENGTH):
            now = gates[:, t] + self.recurrent(state)
            enter, keep, leave = torch.sigmoid(now[:, : 3 * self.hidden]).chunk(3, 1)
            cell = keep * cell + enter * torch.tanh(now[:, 3 * self.hidden :])
            state = leave * torch.tanh(cell)
        both = torch.cat([state, features[:, -self.newest :].mean(1)], 1)
        logits: Tensor = self.fc(self.dropout(both))
        return logits

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, 10, 512), oldest first, to probabilities (B, 7)."""
        return torch.softmax(self.logits(features) / self.temperature, 1)

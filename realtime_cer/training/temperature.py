"""One number that makes a network's probabilities mean what they say."""

import torch
from torch import Tensor, nn


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """Return the temperature with the least cross-entropy: logits (N, 7), targets (N,) indices or (N, 7)."""
    scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale], max_iter=100, line_search_fn="strong_wolfe")
    logits = logits.detach().double()
    targets = targets.double() if targets.is_floating_point() else targets

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(logits / scale.exp(), targets)
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # untyped in torch
    return float(scale.detach().exp())

"""Batches that are functions of the step alone, so that a resumed run goes on exactly."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from realtime_cer.labels import BASIC

Batch = tuple[Tensor, Tensor]
"""What a network takes, and soft labels (B, 7)."""


def balance(labels: npt.NDArray[np.int64], power: float) -> npt.NDArray[np.float64]:
    """Return how often each sample is drawn per epoch (mean 1): its class's count to the power ``-power``."""
    counts = np.bincount(labels)
    weights = counts[labels].astype(np.float64) ** -power
    return np.asarray(weights / weights.mean())


def draw(weights: npt.NDArray[np.float64], batch: int, step: int, seed: int) -> npt.NDArray[np.int64]:
    """Return the indices of batch ``step``.

    An epoch holds as many samples as there are; each occurs as often as its weight says, to within one.
    """
    if not batch:
        return np.zeros(0, np.int64)
    count = len(weights)
    first, chosen = step * batch, []
    for epoch in range(first // count, (first + batch - 1) // count + 1):
        rng = np.random.default_rng([seed, epoch])
        edges = np.cumsum(weights) / weights.sum()
        order = rng.permutation(np.searchsorted(edges, (np.arange(count) + rng.random()) / count).clip(0, count - 1))
        chosen.append(order[max(first - epoch * count, 0) : first + batch - epoch * count])
    return np.concatenate(chosen).astype(np.int64)


def smoothed(labels: npt.NDArray[np.int64], smoothing: float) -> npt.NDArray[np.float32]:
    """Return soft labels (N, 7): ``smoothing`` of each spread over all classes."""
    one_hot = np.eye(len(BASIC), dtype=np.float32)[labels]
    return one_hot * np.float32(1 - smoothing) + np.float32(smoothing / len(BASIC))


def mixup(batch: Batch, alpha: float, rng: np.random.Generator) -> Batch:
    """Mix a batch with itself in another order; one share for all, from a Beta(alpha, alpha). Alpha 0 leaves it."""
    if not alpha:
        return batch
    drawn = float(rng.beta(alpha, alpha))
    share, order = max(drawn, 1 - drawn), torch.from_numpy(rng.permutation(len(batch[1])))
    x, y = (torch.lerp(part[order].float(), part.float(), share) for part in batch)
    return x, y


def ahead(make: Callable[[int], Batch], steps: range, workers: int = 1) -> Iterator[tuple[int, Batch]]:
    """Yield each step and its batch, the next ones being made in threads meanwhile."""
    with ThreadPoolExecutor(workers) as pool:
        coming: deque[Future[Batch]] = deque(pool.submit(make, step) for step in steps[:workers])
        for step in steps:
            batch = coming.popleft().result()
            if step + workers in steps:
                coming.append(pool.submit(make, step + workers))
            yield step, batch

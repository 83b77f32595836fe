"""What every training script needs: repeatable batches, a schedule, averaged weights, checkpoints, a log."""

import copy
import csv
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from realtime_cer.training.corpora import CorpusError

T = TypeVar("T")
N = TypeVar("N", bound=nn.Module)

_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
    TextColumn("{task.fields[told]}"),
)


def balance(labels: npt.NDArray[np.int64], power: float) -> npt.NDArray[np.float64]:
    """Return how often each sample is drawn per epoch (mean 1): its class's count to the power ``-power``."""
    counts = np.bincount(labels)
    weights = counts[labels].astype(np.float64) ** -power
    return np.asarray(weights / weights.mean())


def draw(weights: npt.NDArray[np.float64], batch: int, step: int, seed: int) -> npt.NDArray[np.int64]:
    """Return the indices of batch ``step``: a function of the arguments alone, so that a resumed run goes on exactly.

    An epoch holds as many samples as there are; each occurs as often as its weight says, to within one.
    """
    count = len(weights)
    first, chosen = step * batch, []
    for epoch in range(first // count, (first + batch - 1) // count + 1):
        rng = np.random.default_rng([seed, epoch])
        edges = np.cumsum(weights) / weights.sum()
        order = rng.permutation(np.searchsorted(edges, (np.arange(count) + rng.random()) / count).clip(0, count - 1))
        chosen.append(order[max(first - epoch * count, 0) : first + batch - epoch * count])
    return np.concatenate(chosen).astype(np.int64)


def ahead(make: Callable[[int], T], steps: range) -> Iterator[tuple[int, T]]:
    """Yield each step and its batch, the next one being made in a thread meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(make, steps.start) if len(steps) else None
        for step in steps:
            assert following is not None
            batch = following.result()
            following = pool.submit(make, step + 1)
            yield step, batch


def rate(step: int, steps: int, warmup: int, decay: float) -> float:
    """Return the learning rate's factor: up over ``warmup`` steps, level, down as a cosine over the last share."""
    start = steps * (1 - decay)
    if step < warmup:
        return (step + 1) / warmup
    if step < start:
        return 1.0
    return float(0.5 * (1 + np.cos(np.pi * min((step - start) / max(steps - start, 1), 1))))


class Average(Generic[N]):
    """Exponential average of a network's weights and buffers, with a short memory at first."""

    def __init__(self, network: N, decay: float):
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: N, step: int) -> None:
        """Take in the weights after ``step``."""
        keep = min(self.decay, (1 + step) / (10 + step))
        for mine, new in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if mine.dtype.is_floating_point:
                mine.lerp_(new.to(mine.dtype), 1 - keep)
            else:
                mine.copy_(new)


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint so that a broken-off write leaves the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(dict(state), part)
    os.replace(part, path)


def resume(path: Path, settings: Mapping[str, Any], free: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """Read a checkpoint, if there is one; refuse one that was made with other settings than these."""
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        made = state["settings"]
    except Exception as error:
        raise CorpusError(f"cannot resume from {path}: {str(error).splitlines()[0]}") from None
    other = [k for k in settings if k not in free and made.get(k) != settings[k]]
    if other:
        told = ", ".join(f"{k} was {made.get(k)!r}, is {settings[k]!r}" for k in other)
        raise CorpusError(f"cannot resume from {path}: {told}; give another --out, or the settings of then")
    return state


def log(path: Path, row: Mapping[str, Any]) -> None:
    """Append a row to a CSV file, with its header if it is new."""
    fresh = not path.is_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow(row)


@dataclass(frozen=True)
class Plan:
    """How a network is fitted: ``settings`` are what a checkpoint must have been made with to be resumed."""

    name: str
    out: Path
    settings: Mapping[str, Any]
    steps: int
    rate: float
    weight_decay: float
    warmup: int
    decay: float
    average: float
    seed: int
    check_every: int
    save_every: int = 100
    free: tuple[str, ...] = ("steps", "decay")


def fit(
    network: N,
    plan: Plan,
    make: Callable[[int], T],
    loss_of: Callable[[N, T], Tensor],
    check: Callable[[N], Mapping[str, float]],
) -> N:
    """Train, or go on from the checkpoint in ``plan.out`` exactly as if it had never stopped.

    Parameters
    ----------
    make : gives the batch of a step, as a function of the step alone
    loss_of : gives the loss of the network on a batch
    check : measures the averaged network; its columns go into ``log.csv``

    Returns
    -------
    The network with averaged weights, in evaluation mode.
    """
    path = plan.out / "checkpoint.pt"
    state = resume(path, plan.settings, plan.free)
    average = Average(network, plan.average)
    optimiser = torch.optim.AdamW(network.parameters(), plan.rate, weight_decay=plan.weight_decay)
    kept: dict[str, Any] = {"network": network, "average": average.network, "optimiser": optimiser}
    first = 0
    if state:
        first = state["step"]
        for name, thing in kept.items():
            thing.load_state_dict(state[name])
        _cut(plan.out / "log.csv", first)
    measured: Mapping[str, float] = dict.fromkeys(check(average.network), float("nan"))
    begun = time.monotonic()
    with Progress(*_COLUMNS, transient=True) as progress:
        task = progress.add_task(plan.name, total=plan.steps, completed=first, told="")
        for step, batch in ahead(make, range(first, plan.steps)):
            # Dropout is a function of the step too.
            torch.manual_seed(plan.seed * 1_000_003 + step)
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * rate(step, plan.steps, plan.warmup, plan.decay)
            network.train()
            loss = loss_of(network, batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            average.update(network, step)
            done, last = step + 1, step + 1 == plan.steps
            row = {"step": done, "loss": round(loss.item(), 4), "rate": optimiser.param_groups[0]["lr"]}
            told = dict.fromkeys(measured, "")
            if done % plan.check_every == 0 or last:
                measured = check(average.network)
                told = {k: f"{v:.4f}" for k, v in measured.items()}
                progress.print(f"{plan.name} {done}: " + ", ".join(f"{k} {v}" for k, v in told.items()))
            log(plan.out / "log.csv", row | told | {"seconds": round(time.monotonic() - begun, 1)})
            progress.update(task, completed=done, told=f"loss {loss.item():.3f}")
            if done % plan.save_every == 0 or last:
                states = {k: v.state_dict() for k, v in kept.items()}
                save(path, states | {"step": done, "settings": dict(plan.settings)})
    return average.network.eval()


def _cut(path: Path, step: int) -> None:
    """Drop the rows after a checkpoint's step from the log: the resumed run writes them again."""
    if path.is_file() and path.stat().st_size:
        header, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [row for row in rows if int(row.split(",")[0]) <= step]
        path.write_text(header + "".join(kept), encoding="utf-8")


def fit_temperature(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """Return the temperature with the least cross-entropy: logits (N, 7), targets (N,) indices or (N, 7)."""
    scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale], max_iter=100, line_search_fn="strong_wolfe")
    logits = logits.detach().double()
    targets = targets.double() if targets.is_floating_point() else targets

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(logits / scale.exp(), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return float(scale.detach().exp())

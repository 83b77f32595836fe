"""The loop of every training script: steps, averaged weights, the best kept, checkpoints that go on exactly."""

import copy
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from realtime_cer.errors import Refused
from realtime_cer.training.batches import Batch, ahead
from realtime_cer.training.runlog import RunLog
from realtime_cer.whole import whole

N = TypeVar("N", bound=nn.Module)

_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
    TextColumn("{task.fields[told]}"),
)
_CLIP = 5.0
"""The longest gradient."""

OPTIMISERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


@dataclass(frozen=True)
class Plan:
    """How a network is fitted.

    ``settings`` are what a checkpoint must have been made with to be resumed, but for those named in ``free``.
    ``rate_at`` gives the learning rate of a step. ``measures`` names what is measured; by the first of them the best
    network is kept, unless ``keep`` is "last".
    """

    name: str
    out: Path
    settings: Mapping[str, Any]
    steps: int
    rate_at: Callable[[int], float]
    measures: tuple[str, ...]
    optimiser: str = "adamw"
    weight_decay: float = 0.0
    average: float = 0.0
    seed: int = 1
    keep: Literal["best", "last"] = "best"
    check_every: int = 500
    save_every: int = 100
    free: tuple[str, ...] = ()
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    bf16: bool = False
    workers: int = 1

    @property
    def checkpoint(self) -> Path:
        """Where the run is kept."""
        return self.out / "checkpoint.pt"


class Average(Generic[N]):
    """Exponential average of a network's weights and buffers, with a short memory at first; decay 0 is a copy."""

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
    with whole(path) as part:
        torch.save(dict(state), part)


def resume(plan: Plan) -> dict[str, Any] | None:
    """Read a plan's checkpoint, if there is one; refuse one that was made with other settings or another rate."""
    path, settings = plan.checkpoint, plan.settings
    if not path.is_file():
        return None
    state = _read(path, "resume from")
    made = state.get("settings", {})
    other = [k for k in {**made, **settings} if k not in plan.free and made.get(k) != settings.get(k)]
    if other:
        told = ", ".join(f"{k} was {made.get(k)!r}, is {settings.get(k)!r}" for k in other)
        raise Refused(f"cannot resume from {path}: {told}; give another --out, or the settings of then")
    rate = plan.rate_at(state.get("step", 1) - 1)
    if state.get("rate", rate) != rate:
        raise Refused(
            f"cannot resume from {path}: its last rate was {state['rate']:.3g} and would have been {rate:.3g};"
            " give the length of then, or --start with it and another --out"
        )
    return state


def start(network: nn.Module, path: Path) -> None:
    """Fill a network with the averaged weights of another run's ``checkpoint.pt`` or ``best.pt``."""
    _fill({"average": network}, _read(path, "start from"), path, "start from")


def _read(path: Path, purpose: str) -> dict[str, Any]:
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except OSError as error:
        raise Refused(f"cannot {purpose} {path}: {error.strerror or error}") from None
    except Exception as error:  # a damaged file can make the reader raise anything
        raise Refused(f"cannot {purpose} {path}: it is no checkpoint ({str(error).splitlines()[0][:100]})") from None
    if not isinstance(state, dict):
        raise Refused(f"cannot {purpose} {path}: it is no checkpoint")
    return state


def _fill(things: Mapping[str, Any], state: Mapping[str, Any], path: Path, purpose: str) -> None:
    try:
        for name, thing in things.items():
            thing.load_state_dict(state[name])
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError):
        raise Refused(f"cannot {purpose} {path}: it is no checkpoint of this network; give another") from None


@contextmanager
def _held_back() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C back, so that the step is finished and kept; a second one ends at once. Gives: was it pressed?"""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def note(*_: object) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def fit(
    network: N,
    plan: Plan,
    make: Callable[[int], Batch],
    loss_of: Callable[[N, Batch], Tensor],
    check: Callable[[N], Mapping[str, float]],
) -> N:
    """Train, or go on from the checkpoint in ``plan.out`` exactly as if it had never stopped (on a CPU, to the bit).

    Parameters
    ----------
    make : gives the batch of a step, as a function of the step alone
    loss_of : gives the loss of the network on a batch
    check : measures the averaged network: ``plan.measures``

    Returns
    -------
    The network with averaged weights, in evaluation mode: the best by ``plan.measures[0]``, of equals the later one.

    Raises
    ------
    Refused
        The checkpoint was made with other settings or is damaged, or the loss is no number any more.
    KeyboardInterrupt
        After Ctrl-C, once the checkpoint is written.
    """
    state = resume(plan)
    network.to(plan.device)
    average = Average(network, plan.average)
    optimiser = OPTIMISERS[plan.optimiser](network.parameters(), plan.rate_at(0), weight_decay=plan.weight_decay)
    kept: dict[str, Any] = {"network": network, "average": average.network, "optimiser": optimiser}
    first, best = 0, None
    if state:
        _fill(kept, state, plan.checkpoint, "resume from")
        first, best = state["step"], state.get("best")
    log = RunLog(plan.out, plan.measures, first)
    begun = time.monotonic()
    with Progress(*_COLUMNS, transient=True) as progress, _held_back() as interrupted:
        task = progress.add_task(plan.name, total=plan.steps, completed=first, told="")
        try:
            for step, batch in ahead(make, range(first, plan.steps), plan.workers):
                done, last = step + 1, step + 1 == plan.steps
                values = {"loss": _step(network, optimiser, plan, step, batch, loss_of), "rate": plan.rate_at(step)}
                average.update(network, step)
                checked = bool(plan.measures) and (done % plan.check_every == 0 or last)
                if checked:
                    measured = check(average.network)
                    progress.print(f"{plan.name} {done}: " + ", ".join(f"{k} {v:.4f}" for k, v in measured.items()))
                    values |= measured
                    best = _better(best, measured[plan.measures[0]], done, average.network)
                log.row(done, values | {"seconds": round(time.monotonic() - begun, 1)})
                progress.update(task, completed=done, told=f"loss {values['loss']:.3f}")
                if done % plan.save_every == 0 or checked or last or interrupted():
                    states = {k: v.state_dict() for k, v in kept.items()}
                    told = {"step": done, "rate": values["rate"], "settings": dict(plan.settings), "best": best}
                    save(plan.checkpoint, states | told)
                if checked and best and best["step"] == done:
                    save(plan.out / "best.pt", best | {"settings": dict(plan.settings)})
                if interrupted():
                    raise KeyboardInterrupt
        finally:
            log.close()
    if best and plan.keep == "best":
        average.network.load_state_dict(best["average"])
    return average.network.eval()


def _step(
    network: N,
    optimiser: torch.optim.Optimizer,
    plan: Plan,
    step: int,
    batch: Batch,
    loss_of: Callable[[N, Batch], Tensor],
) -> float:
    """Take one step; return the loss before it."""
    torch.manual_seed(plan.seed * 1_000_003 + step)  # dropout is a function of the step too
    for group in optimiser.param_groups:
        group["lr"] = plan.rate_at(step)
    network.train()
    x, y = (part.to(plan.device, non_blocking=True) for part in batch)
    with torch.autocast(plan.device.type, torch.bfloat16, enabled=plan.bf16):
        loss = loss_of(network, (x, y))
    value = loss.item()
    if not math.isfinite(value):
        raise Refused(
            f"{plan.name}: the loss of step {step + 1} is {value}: the rate is too high; the checkpoint stays as it was"
        )
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
    nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
    optimiser.step()
    return value


def _better(best: dict[str, Any] | None, value: float, step: int, network: nn.Module) -> dict[str, Any]:
    """Return the better of what was kept and the network as it is now."""
    if best is not None and value < best["value"]:
        return best
    return {"value": value, "step": step, "average": {k: v.cpu().clone() for k, v in network.state_dict().items()}}

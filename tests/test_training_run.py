"""The training loop: runs that stop and go on exactly, what they refuse, and what they keep and tell."""

import csv
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from realtime_cer.errors import Refused
from realtime_cer.training import batches, loop, runlog, schedule
from realtime_cer.training.batches import Batch


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Many threads wait for each other on small networks."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Small(nn.Module):
    """A network with everything that a resumed run must carry: dropout, batch norm, weights."""

    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(6, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(0.3), nn.Linear(hidden, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


X = torch.from_numpy(np.random.default_rng(1).normal(size=(200, 6)).astype(np.float32))
Y = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()


def _plan(out: Path, rate: float = 0.01, **others: object) -> loop.Plan:
    plan = loop.Plan(
        "small", out, {"rate": rate}, 40, lambda step: rate * schedule.fall(step, 40, 5, 0.5), ("right",),
        weight_decay=0.01, average=0.9, seed=3, check_every=10, save_every=7,
    )  # fmt: skip
    return replace(plan, **others)


def _batch(step: int) -> Batch:
    chosen = torch.from_numpy(batches.draw(np.ones(200), 16, step, 1))
    return X[chosen], Y[chosen]


def _loss(network: Small, batch: Batch) -> Tensor:
    return nn.functional.cross_entropy(network(batch[0]).float(), batch[1])


def _right(network: Small) -> dict[str, float]:
    return {"right": (network(X).argmax(1) == Y).float().mean().item()}


def _fit(
    plan: loop.Plan,
    loss: Callable[[Small, Batch], Tensor] = _loss,
    check: Callable[[Small], dict[str, float]] = _right,
    hidden: int = 16,
) -> Small:
    torch.manual_seed(0)
    return loop.fit(Small(hidden), plan, _batch, loss, check)


def _same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def _rows(run: Path) -> list[dict[str, str]]:
    with (run / "log.csv").open() as file:
        return list(csv.DictReader(file))


class Stopped(Exception):
    pass


@pytest.mark.parametrize("precision", [{}, {"bf16": True, "optimiser": "adam", "average": 0.0}])
def test_a_stopped_run_goes_on_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: dict[str, object]
) -> None:
    whole = _fit(_plan(tmp_path / "whole", **precision))
    write, before = loop.save, tmp_path / "before.pt"

    def save_and_stop(path: Path, state: dict[str, object]) -> None:
        write(path, state)
        if path.name == "checkpoint.pt" and state["step"] == 28:
            raise Stopped
        if path.name == "checkpoint.pt":
            shutil.copy(path, before)

    monkeypatch.setattr(loop, "save", save_and_stop)
    with pytest.raises(Stopped):
        _fit(_plan(tmp_path / "parts", **precision))
    monkeypatch.setattr(loop, "save", write)
    # As if the machine had gone down before that checkpoint: the log is 7 rows ahead of the one before.
    shutil.copy(before, tmp_path / "parts" / "checkpoint.pt")
    parts = _fit(_plan(tmp_path / "parts", **precision))
    assert _same(whole, parts)
    kept = [torch.load(tmp_path / run / "checkpoint.pt", weights_only=True) for run in ("whole", "parts")]
    assert kept[0]["best"]["step"] == kept[1]["best"]["step"]
    for run in ("whole", "parts"):
        rows = _rows(tmp_path / run)
        assert [int(r["step"]) for r in rows] == list(range(1, 41))
        assert [bool(r["right"]) for r in rows] == [step % 10 == 0 for step in range(1, 41)]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert float(rows[-1]["right"]) > 0.6
    # A finished run is read, not trained again.
    assert _same(whole, _fit(_plan(tmp_path / "parts", **precision), loss=lambda *_: pytest.fail("trained")))


def test_ctrl_c_keeps_the_step_it_interrupts(tmp_path: Path) -> None:
    steps: list[int] = []

    def pressed(network: Small, batch: Batch) -> Tensor:
        steps.append(1)
        if len(steps) == 12:
            signal.raise_signal(signal.SIGINT)
        return _loss(network, batch)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        _fit(_plan(tmp_path / "parts"), pressed)
    assert signal.getsignal(signal.SIGINT) is before
    assert torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)["step"] == 12
    assert len(_rows(tmp_path / "parts")) == 12
    assert _same(_fit(_plan(tmp_path / "parts")), _fit(_plan(tmp_path / "whole")))


def test_the_best_is_kept_and_of_equals_the_later(tmp_path: Path) -> None:
    def scripted(seen: list[Small]) -> Callable[[Small], dict[str, float]]:
        values: Iterator[float] = iter((0.5, 0.9, 0.9, 0.3))

        def check(network: Small) -> dict[str, float]:
            seen.append(Small())
            seen[-1].load_state_dict(network.state_dict())
            return {"right": next(values)}

        return check

    seen: list[Small] = []
    kept = _fit(_plan(tmp_path / "best"), check=scripted(seen))
    assert not kept.training
    assert _same(kept, seen[2])
    assert not _same(seen[2], seen[3])
    best = torch.load(tmp_path / "best" / "best.pt", weights_only=True)
    assert (best["step"], best["value"]) == (30, 0.9)
    again = Small()
    loop.start(again, tmp_path / "best" / "best.pt")
    assert _same(again, kept)
    assert _same(_fit(_plan(tmp_path / "last", keep="last"), check=scripted([])), seen[3])


def test_a_resume_from_other_settings_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    _fit(_plan(tmp_path))
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert len(before) == 4
    with pytest.raises(Refused, match=r"rate was 0\.01, is 0\.02"):
        _fit(_plan(tmp_path, rate=0.02))
    with pytest.raises(Refused, match="no checkpoint of this network"):
        _fit(_plan(tmp_path), hidden=17)
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    (tmp_path / "checkpoint.pt").write_bytes(before[tmp_path / "checkpoint.pt"][:100])
    with pytest.raises(Refused, match="cannot resume"):
        _fit(_plan(tmp_path))


def test_a_run_becomes_longer_only_before_its_rate_falls(tmp_path: Path) -> None:
    longer = {"steps": 80, "rate_at": lambda step: 0.01 * schedule.fall(step, 80, 5, 0.5)}
    steps: list[int] = []

    def pressed(network: Small, batch: Batch) -> Tensor:
        steps.append(1)
        if len(steps) == 12:
            signal.raise_signal(signal.SIGINT)
        return _loss(network, batch)

    with pytest.raises(KeyboardInterrupt):
        _fit(_plan(tmp_path / "parts"), pressed)
    assert _same(_fit(_plan(tmp_path / "parts", **longer)), _fit(_plan(tmp_path / "whole", **longer)))
    _fit(_plan(tmp_path / "fallen"))
    with pytest.raises(Refused, match=r"its last rate was .* and would have been 0\.01;"):
        _fit(_plan(tmp_path / "fallen", **longer))


def test_a_start_from_no_checkpoint_of_this_network_is_refused_in_one_line(tmp_path: Path) -> None:
    _fit(_plan(tmp_path))
    (tmp_path / "text.pt").write_text("nothing")
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({"average": 3}, tmp_path / "number.pt")
    files = [(Small(17), "checkpoint.pt"), *((Small(), f"{x}.pt") for x in ("text", "list", "number", "absent"))]
    for network, name in files:
        with pytest.raises(Refused, match=f"cannot start from .*{name}: ") as refused:
            loop.start(network, tmp_path / name)
        assert "\n" not in str(refused.value)


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_what_was(tmp_path: Path) -> None:
    steps: list[int] = []

    def broken(network: Small, batch: Batch) -> Tensor:
        steps.append(1)
        return _loss(network, batch) * (float("nan") if len(steps) > 9 else 1.0)

    with pytest.raises(Refused, match="loss of step 10 is nan: the rate is too high"):
        _fit(_plan(tmp_path), broken)
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert kept["step"] == 7
    assert all(v.isfinite().all() for v in kept["network"].values())


def test_tensorboard_and_the_curves_show_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    calls: list[int] = []

    def stopping(network: Small, batch: Batch) -> Tensor:
        calls.append(1)
        if len(calls) == 25:
            raise Stopped
        return _loss(network, batch)

    with pytest.raises(Stopped):
        _fit(_plan(tmp_path), stopping)
    _fit(_plan(tmp_path))
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "rate", "right", "seconds"}
    assert [e.step for e in events.Scalars("loss")] == list(range(1, 41))
    assert [e.step for e in events.Scalars("right")] == [10, 20, 30, 40]
    logged = [float(row["loss"]) for row in _rows(tmp_path)]
    np.testing.assert_allclose([e.value for e in events.Scalars("loss")], logged, rtol=1e-5)
    assert (tmp_path / "curves.png").read_bytes()[1:4] == b"PNG"


def test_without_tensorboard_the_log_alone_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    log = runlog.RunLog(tmp_path, ("right",))
    log.row(1, {"loss": 0.5, "rate": 0.1, "seconds": 2.0})
    log.close()
    assert "tensorboard is not installed" in capsys.readouterr().err
    assert _rows(tmp_path) == [{"step": "1", "loss": "0.5", "rate": "0.1", "right": "", "seconds": "2"}]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curves.png", "log.csv"]

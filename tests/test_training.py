"""Batches, schedules, averaging, made windows and sequences, and the loop: runs that stop and go on exactly."""

import csv
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from realtime_cer.errors import Refused
from realtime_cer.perception.acoustic import pad
from realtime_cer.perception.dynamic import LENGTH
from realtime_cer.training import batches, encoded, loop, runlog, schedule
from realtime_cer.training.augment import augment
from realtime_cer.training.batches import Batch
from realtime_cer.training.sequences import Views, course, make
from realtime_cer.training.temperature import fit_temperature
from realtime_cer.training.windows import SAMPLES, placed, speech_range, windows


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Many threads wait for each other on small networks."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@given(st.integers(5, 200), st.integers(1, 32), st.integers(0, 3))
@settings(max_examples=25)
def test_an_epoch_holds_every_sample_as_often_as_its_weight_says(count: int, batch: int, seed: int) -> None:
    weights = np.random.default_rng(seed).uniform(0.2, 3, count)
    steps = -(-count // batch)
    drawn = np.concatenate([batches.draw(weights, batch, step, seed) for step in range(steps)])[:count]
    often = np.bincount(drawn, minlength=count)
    assert np.abs(often - weights / weights.mean()).max() <= 1
    assert batches.draw(weights, batch, 3, seed).tolist() == batches.draw(weights, batch, 3, seed).tolist()


def test_balance_brings_rare_classes_up() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    full, none = batches.balance(labels, 1.0), batches.balance(labels, 0.0)
    assert full[:90].sum() == pytest.approx(full[90:].sum())
    assert none.tolist() == [1] * 100


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_made_ahead_come_in_order_and_none_is_made_in_vain(workers: int) -> None:
    made: list[int] = []

    def numbered(step: int) -> Batch:
        made.append(step)
        return torch.tensor([step]), torch.tensor([step])

    assert [(step, int(b[0])) for step, b in batches.ahead(numbered, range(2, 7), workers)] == [
        (n, n) for n in range(2, 7)
    ]
    assert sorted(made) == [2, 3, 4, 5, 6]
    assert list(batches.ahead(numbered, range(4, 4), workers)) == []


def test_mixup_keeps_what_a_label_sums_to_and_the_greater_share() -> None:
    x, y = torch.eye(7) * 10, torch.eye(7)
    mixed, labels = batches.mixup((x, y), 0.3, np.random.default_rng(5))
    torch.testing.assert_close(labels.sum(1), torch.ones(7))
    torch.testing.assert_close(mixed, labels * 10)
    assert (labels.diagonal() >= 0.5).all()
    assert not torch.equal(labels, y)
    assert batches.mixup((x, y), 0, np.random.default_rng(5))[0] is x


def test_rate_rises_stays_and_falls() -> None:
    rates = [schedule.fall(step, 100, 10, 0.4) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert set(rates[10:60]) == {1.0}
    assert np.all(np.diff(rates[60:]) <= 0)
    assert rates[-1] < 0.01


@pytest.mark.parametrize("steps", [60, 61, 3000])
def test_warm_restarts_jump_up_five_times_and_fall_to_a_floor_below_the_rate(steps: int) -> None:
    rates = np.array([schedule.restarts(step, steps, 5, 0.01) for step in range(steps)])
    jumps = np.flatnonzero(np.diff(rates) > 0) + 1
    assert len(jumps) == 5
    assert rates[0] == 1
    assert (rates[jumps] > 0.95).all()
    assert (rates[[*(jumps - 1), -1]] < 0.1).all()
    assert rates.min() >= 0.01
    # Not the released program's constant rate, whose floor is the rate itself.
    assert rates.std() > 0.3
    with pytest.raises(ValueError, match="below 1"):
        schedule.restarts(0, steps, 5, 1.0)


def test_temperature_is_found() -> None:
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(0, 2, (20000, 7)))
    truth = torch.distributions.Categorical(logits=logits).sample()
    assert fit_temperature(logits * 3, truth) == pytest.approx(3, rel=0.05)


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


def test_augmentation_keeps_shape_and_varies() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    made = [augment(crop, np.random.default_rng(i), 96) for i in range(40)]
    assert {m.shape for m in made} == {(96, 96, 3)}
    assert {m.dtype for m in made} == {np.dtype(np.uint8)}
    assert len({m.tobytes() for m in made}) == 40
    assert (augment(crop, np.random.default_rng(7)) == augment(crop, np.random.default_rng(7))).all()


def test_windows_are_padded_as_at_run_time() -> None:
    rng = np.random.default_rng(0)
    short = (rng.normal(0, 0.1, 30000) + 0.05).astype(np.float32)
    np.testing.assert_allclose(windows(short)[0], pad(short), atol=1e-6)
    long = rng.normal(0, 0.1, SAMPLES + 9000).astype(np.float32)
    cut = windows(long)
    assert cut.shape == (3, SAMPLES)
    assert (cut[1] == long[8000 : 8000 + SAMPLES]).all()
    assert cut[2, -1] == pytest.approx(long[16000:].mean(), abs=1e-6)


def test_speech_is_found_between_silences() -> None:
    sound = np.zeros(48000, np.float32)
    sound[16000:32000] = np.sin(np.arange(16000) * 0.2)
    assert speech_range(sound) == (16000, 32000)
    assert speech_range(np.zeros(100, np.float32)) == (0, 100)


@pytest.mark.parametrize("seconds", [0.4, 1.7, 3.0, 6.0])
def test_made_windows_are_whole_and_hold_the_speech(seconds: float) -> None:
    rng = np.random.default_rng(0)
    sound = (np.sin(np.arange(int(seconds * 16000)) * 0.3) * 0.2).astype(np.float32)
    for i in range(12):
        window = placed(sound, np.random.default_rng(i))
        assert window.shape == (SAMPLES,)
        assert window.dtype == np.float32
        assert np.isfinite(window).all()
        assert np.abs(window).max() > 0.02
    assert placed(np.zeros(16000, np.float32), rng).shape == (SAMPLES,)


def _stills() -> Views:
    labels = np.repeat(np.arange(7), 3)
    features = np.zeros((21, 2, 512), np.float32)
    features[np.arange(21), :, labels] = 1
    probabilities = np.eye(7, dtype=np.float32)[labels][:, None].repeat(2, 1)
    return Views(features, probabilities, labels)


def test_made_sequences_are_labelled_by_what_their_newest_vectors_show() -> None:
    features, labels, probabilities = make(_stills(), 300, 5)
    assert features.shape == (300, LENGTH, 512)
    np.testing.assert_allclose(labels.sum(1), 1, atol=1e-5)
    # Each still's feature names its class, so the label can be read off the last three vectors.
    np.testing.assert_allclose(features[:, -3:, :7].mean(1), labels, atol=1e-5)
    np.testing.assert_allclose(features[:, :, :7], probabilities, atol=1e-5)
    # Some begin with one vector many times.
    cold = (features[:, 0] == features[:, 1]).all(1)
    assert cold.mean() > 0.1
    assert (make(_stills(), 10, 5)[0] == make(_stills(), 10, 5)[0]).all()


def test_courses_lie_between_both_stills() -> None:
    made = np.stack([course(np.random.default_rng(i)) for i in range(200)])
    assert made.shape == (200, LENGTH)
    assert made.min() >= 0
    assert made.max() <= 1


def test_the_published_change_of_a_window_is_one_of_three() -> None:
    t = np.arange(32000) / 16000
    sound = np.concatenate([np.zeros(16000), np.sin(2 * np.pi * 300 * t), np.zeros(16000)]).astype(np.float32)
    plain = windows(sound[slice(*speech_range(sound))])[0]
    kinds = set()
    for seed in range(24):
        made = encoded.published(sound, np.random.default_rng(seed))
        assert made.shape == (SAMPLES,)
        assert made.dtype == np.float32
        ratio = made[:30000].std() / plain[:30000].std()
        if np.array_equal(made, -plain):
            kinds.add("inverted")
        elif np.allclose(made, plain * ratio, atol=1e-5):
            kinds.add("gain")
        else:
            assert np.corrcoef(made, plain)[0, 1] > 0.9
            kinds.add("noise")
    assert kinds == {"inverted", "gain", "noise"}

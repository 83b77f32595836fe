"""Batches, schedules, mixing, and the temperature."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_cer.training import batches, schedule
from realtime_cer.training.batches import Batch
from realtime_cer.training.temperature import fit_temperature


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

"""Which engine may answer for a network: the answers it gives to set inputs are held against those of the CPU."""

from collections.abc import Callable

import numpy as np
import pytest
from parts.misbehaving import Misbehaving, Outputs, not_numbers, on_cpu

from realtime_cer.inference.engine import Engine, load
from realtime_cer.inference.verify import LIMITS, inputs, verify


@pytest.fixture(scope="module")
def cpu() -> Engine:
    return on_cpu("static")


@pytest.mark.parametrize("name", ["static", "dynamic", "acoustic"])
def test_inputs_are_the_same_every_time_and_get_different_answers(name: str) -> None:
    engine = load(name, "cpu")
    batch = inputs(engine.manifest)
    np.testing.assert_array_equal(batch, inputs(engine.manifest))
    assert len(batch) == 8
    assert batch.dtype == engine.manifest.inputs[0].dtype
    p = engine.run(batch)["probabilities"]
    assert p.std(axis=0).max() > 0.05
    agreement = verify(engine, engine, LIMITS["fp32"])
    assert agreement.passed
    assert agreement.difference < 1e-5, "one by one and as a batch"


def shifted(by: float) -> Callable[[Outputs], None]:
    def harm(outputs: Outputs) -> None:
        outputs["probabilities"][:, 2] += by

    return harm


def reversed_winner(outputs: Outputs) -> None:
    """Raise the runner-up just above the winner: by far more than the limit, or next to nothing in a tie."""
    p = outputs["probabilities"]
    for row in p:
        second, first = np.argsort(row)[-2:]
        row[second] = row[first] + 1e-6


def other_features(outputs: Outputs) -> None:
    outputs["features"][:, 7] += 0.2


def only_in_batches(outputs: Outputs) -> None:
    if len(outputs["probabilities"]) > 1:
        outputs["probabilities"][:] = outputs["probabilities"][::-1].copy()


@pytest.mark.parametrize(
    ("harm", "limit", "passed"),
    [
        (shifted(5e-4), LIMITS["fp32"], True),
        (shifted(2e-3), LIMITS["fp32"], False),
        (shifted(2e-3), LIMITS["fp16"], True),
        (shifted(2e-2), LIMITS["fp16"], False),
        (not_numbers, 1.0, False),
        (other_features, LIMITS["fp16"], False),
        (only_in_batches, LIMITS["fp16"], False),
    ],
)
def test_what_passes_and_what_is_refused(
    cpu: Engine, harm: Callable[[Outputs], None], limit: float, passed: bool
) -> None:
    agreement = verify(Misbehaving(cpu, harm), cpu, limit)
    assert agreement.passed == passed, str(agreement)
    assert f"limit {limit:g}" in str(agreement)


def test_another_winner_is_refused_unless_it_was_a_tie(cpu: Engine) -> None:
    assert verify(Misbehaving(cpu, reversed_winner), cpu, 0.01).winners > 0
    # With a limit so wide that every lead is a tie, nothing is another winner.
    assert verify(Misbehaving(cpu, reversed_winner), cpu, 1.0).passed

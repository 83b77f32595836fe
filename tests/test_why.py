"""What would have been said without a model is what is said when it is missing."""

import pytest
from parts.moments import decided, probabilities

from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.why import without


@pytest.mark.parametrize("weights", [FusionWeights.equal(), FusionWeights.published("avcer-7cl")])
def test_it_is_the_row_with_that_model_missing(weights: FusionWeights) -> None:
    told = set()
    for seed in range(60):
        scores = {name: probabilities(3 * seed + n) for n, name in enumerate(MODELS)}
        got = without(decided(scores, weights), weights, "none")
        assert set(got) == set(MODELS)
        for name in MODELS:
            assert got[name] == decided({**scores, name: None}, weights).label
        told |= set(got.values())
    assert None in told, "some abstain"
    assert len(told & set(COMPOUND)) > 3


def test_a_model_that_said_nothing_is_not_asked_and_the_only_one_leaves_nothing() -> None:
    weights = FusionWeights.equal()
    scores = {"static": probabilities(1), "dynamic": None, "acoustic": None}
    assert dict(without(decided(scores, weights), weights, "none")) == {"static": None}
    assert dict(without(decided(dict.fromkeys(MODELS), weights, face=False), weights, "none")) == {}


def test_weights_for_two_models_leave_the_third_out() -> None:
    weights = FusionWeights.published("avcer-video")
    scores = {name: probabilities(n) for n, name in enumerate(MODELS)}
    row = decided(scores)
    assert set(without(row, weights, "none")) == {"static", "dynamic"}


def test_who_always_decides_does_so_without_one_too() -> None:
    weights = FusionWeights.equal()
    neutral = (0.9, 0.02, 0.02, 0.02, 0.02, 0.01, 0.01)
    row = decided(dict.fromkeys(MODELS, neutral))
    assert set(without(row, weights, "none").values()) == {None}
    assert None not in without(row, weights, "none", always_decide=True).values()

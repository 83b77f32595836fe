"""Equations 1 to 3, the published weights, and what happens when a model is missing."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from realtime_cer.fusion import FusionWeights, fuse, read_weights, weights_toml
from realtime_cer.labels import BASIC, MODELS

NAMES = ("avcer-video", "avcer-7cl", "avcer-8cl")
scores = arrays(np.float64, (3, 7), elements=st.floats(0, 1))


def test_published_sets_have_one_column_a_class_that_sums_to_one() -> None:
    for name, models in zip(NAMES, (2, 3, 3), strict=True):
        weights = FusionWeights.published(name)
        assert weights.classes.shape == (models, 7)
        assert weights.models is not None
        assert weights.models.shape == (models,)
        sums = weights.classes.sum(axis=0)
        expected = np.ones(7)
        if name == "avcer-7cl":
            expected[BASIC.index("Disgust")] = 1.05355498  # as published
        np.testing.assert_allclose(sums, expected, atol=1e-6)


def test_figures_that_the_paper_prints_are_at_their_place() -> None:
    weights = FusionWeights.published("avcer-8cl")
    assert weights.classes[0, BASIC.index("Neutral")] == 0.89900098
    assert weights.classes[1, BASIC.index("Fear")] == 0.93791526
    assert weights.classes[2, BASIC.index("Anger")] == 0.68273542
    assert FusionWeights.published("avcer-video").classes[1, BASIC.index("Disgust")] == 0.98121534


@pytest.mark.parametrize("name", NAMES[1:])
@given(p=scores)
def test_all_present_is_exactly_the_equations(name: str, p: np.ndarray) -> None:
    weights = FusionWeights.published(name)
    fused, contributions = fuse(p, weights)
    for c in range(7):
        by_hand = sum(weights.models[m] * p[m, c] * weights.classes[m, c] for m in range(3))
        assert fused[c] == pytest.approx(by_hand, abs=1e-12)
    np.testing.assert_allclose(contributions.sum(axis=0), fused, atol=1e-12)
    again, _ = fuse(p, weights, np.ones(3, bool))
    np.testing.assert_array_equal(again, fused)
    plain, _ = fuse(p, weights.without_models())
    np.testing.assert_allclose(plain, (p * weights.classes).sum(axis=0), atol=1e-12)


@given(p=scores, present=arrays(np.bool_, (3,)))
def test_missing_models_are_ignored_and_the_rest_renormalised(p: np.ndarray, present: np.ndarray) -> None:
    weights = FusionWeights.published("avcer-7cl").without_models()
    holes = np.where(present[:, None], p, np.nan)
    fused, contributions = fuse(holes, weights, present)
    assert np.isfinite(fused).all()
    assert (contributions[~present] == 0).all()
    if 0 < present.sum() < 3:
        kept = weights.classes[present]
        np.testing.assert_allclose(fused, (p[present] * kept / kept.sum(axis=0)).sum(axis=0), atol=1e-12)
    if not present.any():
        assert (fused == 0).all()


def test_one_model_alone_says_what_it_says_also_under_v() -> None:
    p = np.full((3, 7), 1 / 7)
    p[1] = [0.1, 0.2, 0.05, 0.15, 0.3, 0.1, 0.1]
    for name in NAMES[1:]:
        fused, _ = fuse(p, FusionWeights.published(name), [False, True, False])
        np.testing.assert_allclose(fused, p[1], atol=1e-12)


def test_models_without_weight_share_a_class_evenly_when_alone() -> None:
    classes = np.array([[1.0] * 7, [0.0] * 7, [0.0] * 7])
    p = np.arange(21).reshape(3, 7) / 21
    fused, _ = fuse(p, FusionWeights(classes), [False, True, True])
    np.testing.assert_allclose(fused, p[1:].mean(axis=0))


def test_leading_dimensions_are_vectorised() -> None:
    rng = np.random.default_rng(0)
    p, present = rng.random((5, 4, 3, 7)), rng.random((5, 4, 3)) > 0.4
    weights = FusionWeights.published("avcer-8cl")
    fused, contributions = fuse(p, weights, present)
    assert fused.shape == (5, 4, 7)
    assert contributions.shape == p.shape
    for i in np.ndindex(5, 4):
        np.testing.assert_allclose(fused[i], fuse(p[i], weights, present[i])[0], atol=1e-12)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(\.\.\., 2, 7\)"):
        fuse(np.zeros((3, 7)), FusionWeights.published("avcer-video"))
    with pytest.raises(ValueError, match="present"):
        fuse(np.zeros((3, 7)), FusionWeights.equal(), [True, False])


@given(
    classes=arrays(np.float64, (3, 7), elements=st.floats(0.01, 1)),
    models=st.none() | arrays(np.float64, (3,), elements=st.floats(0.01, 0.5)),
)
def test_a_weights_file_is_read_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, classes: np.ndarray, models: np.ndarray | None
) -> None:
    weights = FusionWeights(classes / classes.sum(axis=0), models, "mine")
    path = tmp_path_factory.mktemp("weights") / "w.toml"
    path.write_text(weights_toml(weights), encoding="utf-8")
    back = read_weights(path)
    np.testing.assert_array_equal(back.classes, weights.classes)
    assert back.name == "mine"
    assert (back.models is None) == (models is None)
    if models is not None:
        np.testing.assert_array_equal(back.models, models)


def test_published_sets_survive_a_file_whatever_their_name(tmp_path: Path) -> None:
    for name in NAMES:
        weights = FusionWeights.published(name)
        odd = FusionWeights(weights.classes, weights.models, f'"{name}" of \u00e9')
        path = tmp_path / "w.toml"
        path.write_text(weights_toml(odd), encoding="utf-8")
        back = read_weights(path)
        np.testing.assert_array_equal(back.classes, weights.classes)
        np.testing.assert_array_equal(back.models, weights.models)
        assert back.name == odd.name


def test_the_set_that_does_not_sum_to_one_is_told_and_used() -> None:
    assert FusionWeights.equal().oddity is None
    assert FusionWeights.published("avcer-8cl").oddity is None
    told = FusionWeights.published("avcer-7cl").oddity
    assert told is not None
    assert "Disgust" in told
    assert "1.0536" in told


GOOD = weights_toml(FusionWeights.equal())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("classes = ", "not TOML"),
        (GOOD[: len(GOOD) // 2], "w.toml"),
        (GOOD.replace("acoustic", "sound"), "acoustic"),
        (GOOD + "\n[colours]\nred = 1\n", "colours"),
        (GOOD + "smell = [0, 0, 0, 0, 0, 0, 0]\n", "smell"),
        (GOOD + "\n[models]\nstatic = 1\n", "same models"),
        (GOOD.replace("0.333", "0.999", 1), "sums to"),
        (GOOD.replace("0.333", "-0.333", 1), "negative"),
        (GOOD.replace("[0.333", "[nan, 0.333", 1), "w.toml"),
        (GOOD.replace("0.3333333333333333]", "'much']", 1), "w.toml"),
    ],
)
def test_a_bad_weights_file_is_named_with_its_fault(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "w.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"w\.toml") as caught:
        read_weights(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_models_and_classes_are_in_one_order() -> None:
    assert MODELS == ("static", "dynamic", "acoustic")
    assert BASIC == ("Neutral", "Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")

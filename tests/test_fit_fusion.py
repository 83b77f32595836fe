"""The search for fusion weights against brute force, stored probabilities, and the command that fits."""

import tomllib
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_cer import metrics
from realtime_cer.fusion import FusionWeights, fuse, read_weights
from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.training import stored
from realtime_cer.training.fit_fusion import main
from realtime_cer.training.fusion_search import Samples, fit_classes, fit_models, flat_draws
from realtime_cer.training.stored import Stored

ANGER, FEAR = BASIC.index("Anger"), BASIC.index("Fear")
Floats = npt.NDArray[np.floating]


def samples(count: int, models: int, seed: int, missing: float = 0.0, skill: float = 0.2) -> Samples:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 7
    p = rng.dirichlet(np.ones(7), (count, models))
    p[np.arange(count), :, labels] += skill
    p /= p.sum(axis=2, keepdims=True)
    present = rng.random((count, models)) >= missing
    p[~present] = np.nan
    return Samples(p.astype(np.float32), present, labels)


def recall(given: Samples, weights: FusionWeights) -> float:
    """What the search must find the best of, word for word from the method."""
    fused, _ = fuse(given.probabilities, weights, given.present)
    recalls = metrics.recalls(given.labels, fused.argmax(axis=1))
    return round(float(np.mean([recalls[BASIC.index(c)] for c in BASIC if c != "Neutral"])), 12)


@given(
    count=st.integers(14, 300),
    models=st.sampled_from([2, 3]),
    seed=st.integers(0, 99),
    missing=st.sampled_from([0, 0.3]),
)
@settings(max_examples=15)
def test_the_best_draw_is_that_of_brute_force(count: int, models: int, seed: int, missing: float) -> None:
    given = samples(count, models, seed, missing)
    # More draws than one block holds.
    draws = flat_draws(np.ones((models, 7), bool), 530, seed)
    every = [recall(given, FusionWeights(w)) for w in draws]
    np.testing.assert_array_equal(fit_classes(given, draws), draws[int(np.argmax(every))])
    mean = fit_classes(given, draws, 3)
    np.testing.assert_array_equal(mean, draws[np.argsort(-np.array(every), kind="stable")[:3]].mean(axis=0))


def test_of_equal_classes_the_first_wins_as_at_run_time() -> None:
    rng = np.random.default_rng(0)
    # Quarters and eighths have exact sums, so that many classes are equal.
    p = rng.integers(0, 4, (210, 2, 7)) / 4
    given = Samples(p, np.ones((210, 2), bool), np.arange(210) % 7)
    first = rng.integers(0, 9, (40, 1, 7)) / 8
    draws = np.concatenate([first, 1 - first], axis=1)
    every = [recall(given, FusionWeights(w)) for w in draws]
    np.testing.assert_array_equal(fit_classes(given, draws), draws[int(np.argmax(every))])
    fused = (p[:, None] * draws).sum(axis=2)
    assert ((fused == fused.max(axis=2, keepdims=True)).sum(axis=2) > 1).mean() > 0.05


def test_v_of_two_models_is_that_of_the_whole_grid() -> None:
    given = samples(60, 2, 4, missing=0.3)
    classes = flat_draws(np.ones((2, 7), bool), 1, 8)[0]
    grid = [np.array(v) / 200 for v in product(range(2, 101), repeat=2)]
    every = [recall(given, FusionWeights(classes, v)) for v in grid]
    found = fit_models(given, classes)
    np.testing.assert_array_equal(found, grid[int(np.argmax(every))])
    assert max(every) > recall(given, FusionWeights(classes))


def test_v_of_three_models_is_sought_coarsely_then_finely() -> None:
    given = samples(60, 3, 5)
    classes = flat_draws(np.ones((3, 7), bool), 1, 9)[0]

    def best(points: list[tuple[int, ...]]) -> tuple[int, ...]:
        fused = np.einsum("gm,nmc,mc->gnc", np.array(points) / 200, given.probabilities, classes)
        right = fused.argmax(axis=2) == given.labels
        every = np.mean([right[:, given.labels == c].mean(axis=1) for c in range(1, 7)], axis=0).round(12)
        return points[int(np.argmax(every))]

    middle = best(list(product(range(2, 101, 10), repeat=3)))
    fine = best(list(product(*(range(max(k - 10, 2), min(k + 10, 100) + 1) for k in middle))))
    np.testing.assert_array_equal(fit_models(given, classes), np.array(fine) / 200)


def test_draws_are_flat_in_each_class_column_and_a_function_of_the_seed() -> None:
    draws = flat_draws(np.ones((3, 7), bool), 4000, 1)
    np.testing.assert_allclose(draws.sum(axis=1), 1)
    np.testing.assert_allclose(draws.mean(axis=0), 1 / 3, atol=0.02)
    # Of a flat Dirichlet distribution over three, one share is above a half in a quarter of the draws.
    np.testing.assert_allclose((draws > 0.5).mean(axis=0), 0.25, atol=0.03)
    assert (flat_draws(np.ones((3, 7), bool), 10, 1) == draws[:10]).all()
    assert (flat_draws(np.ones((3, 7), bool), 10, 2) != draws[:10]).all()


def test_a_model_that_never_spoke_on_a_class_gets_an_equal_share_there() -> None:
    given = samples(140, 3, 0)
    given.present[given.labels == FEAR, 2] = False
    draws = flat_draws(given.told, 1000, 1)
    assert (draws[:, 2, FEAR] == 1 / 3).all()
    np.testing.assert_allclose(draws.sum(axis=1), 1)
    assert draws[:, 0, FEAR].std() > 0.1
    assert draws[:, 2, ANGER].std() > 0.1


def test_each_emotion_goes_to_the_model_that_knows_it() -> None:
    experts = {0: (1, 2), 1: (3, 4), 2: (5, 6)}
    rng = np.random.default_rng(0)
    labels = np.arange(2100) % 7
    p = rng.dirichlet(np.ones(7) * 0.5, (2100, 3))
    for model, known in experts.items():
        # An expert tells its classes from the others; of the rest it knows nothing.
        mine = np.isin(labels, known)
        p[:, model, list(known)] *= 0.1
        p[mine, model, labels[mine]] += 1.0
    p /= p.sum(axis=2, keepdims=True)
    given = Samples(p, np.ones((2100, 3), bool), labels)
    weights = fit_classes(given, flat_draws(given.told, 5000, 1))
    for model, known in experts.items():
        assert (weights[:, list(known)].argmax(axis=0) == model).all(), weights.round(2)


@pytest.mark.parametrize("knowing", [0, 1, 2])
def test_the_v_of_a_model_multiplies_the_probabilities_of_that_model(knowing: int) -> None:
    """The released program multiplies the acoustic weights with the dynamic model's probabilities here."""
    given = samples(700, 3, 1, skill=0.0)
    right = np.full((700, 7), 0.1)
    right[np.arange(700), given.labels] = 0.4
    given.probabilities[:, knowing] = right
    classes = np.full((3, 7), 1 / 3)
    v = fit_models(given, classes)
    assert v.argmax() == knowing
    assert recall(given, FusionWeights(classes, v)) == 1.0 > recall(given, FusionWeights(classes))


def made(count: int = 280, half: bool = False) -> Stored:
    given = samples(count, 3, 3, missing=0.1)
    sides = (np.arange(count) // 7 % 2).astype(np.int8) if half else None
    return Stored(given.probabilities.astype(np.float32), given.present, given.labels, BASIC, "made by a test", sides)


@pytest.mark.parametrize("half", [False, True])
def test_stored_probabilities_are_read_back_as_they_were(tmp_path: Path, half: bool) -> None:
    one = made(half=half)
    stored.write(tmp_path / "deep" / "p.npz", one)
    again = stored.read(tmp_path / "deep" / "p.npz")
    np.testing.assert_array_equal(again.probabilities, one.probabilities)
    np.testing.assert_array_equal(again.present, one.present)
    np.testing.assert_array_equal(again.labels, one.labels)
    assert (again.classes, again.source) == (one.classes, one.source)
    assert (again.half is None) == (one.half is None)
    np.testing.assert_array_equal(again.halves(1), one.halves(1))
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["p.npz"]


def test_halves_hold_every_class_evenly() -> None:
    one = made(77)
    for side in (0, 1):
        assert set(np.bincount(one.labels[one.halves(5) == side])) <= {5, 6}
    assert (one.halves(5) != one.halves(6)).any()


def raw(**changed: object) -> dict[str, object]:
    one = made(14)
    keys = {key: getattr(one, key) for key in ("probabilities", "present", "labels", "classes", "source")}
    return {k: v for k, v in {**keys, **changed}.items() if v is not None}


def nan() -> Floats:
    p = made(14).probabilities.copy()
    p[made(14).present] = np.nan
    return p


WRONG_FILES = {
    "no file": (None, "cannot read"),
    "text": (b"probabilities", "is no file of arrays"),
    "cut": (b"PK\x03\x04", "is no file of arrays"),
    "missing": (raw(present=None), "lacks 'present'"),
    "unknown": (raw(weights=np.zeros(3)), "unknown key 'weights'"),
    "shape": (raw(probabilities=np.zeros((14, 2, 7), np.float32)), "probabilities must be (14, 3, 7), not (14, 2, 7)"),
    "whole numbers": (raw(probabilities=np.zeros((14, 3, 7), int)), "probabilities are of type int64"),
    "nan": (raw(probabilities=nan()), "NaN"),
    "logits": (raw(probabilities=made(14).probabilities * 3), "not summing to 1"),
    "label": (raw(labels=np.full(14, 7)), "labels must be 0 to 6"),
    "empty": (raw(**{k: getattr(made(14), k)[:0] for k in ("probabilities", "present", "labels")}), "no samples"),
    "objects": (raw(source=np.array({}, object)), "is no file of arrays"),
    "compound": (raw(classes=COMPOUND), "fusion is fitted on the classes Neutral"),
    "class": (raw(labels=np.zeros(14, int)), "no sample of class Anger"),
    "model": (raw(present=np.tile([True, True, False], (14, 1)) & made(14).present), "acoustic model; choose others"),
}


@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_wrong_files_are_refused_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    content, told = WRONG_FILES[wrong]
    file = tmp_path / "p.npz"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content:
        np.savez(file, **content)  # type: ignore[arg-type]
    assert main(["--probabilities", str(file), "--out", str(tmp_path / "w.toml")]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "w.toml").exists()


def test_wrong_flags_are_refused_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored.write(tmp_path / "p.npz", made())
    for flags, told in (
        (["--out", str(tmp_path)], "it is a folder"),
        (["--out", str(tmp_path / "p.npz" / "w.toml")], "p.npz"),
        (["--out", str(tmp_path / "w.toml"), "--store", "x.npz"], "leave them out"),
    ):
        assert main(["--probabilities", str(tmp_path / "p.npz"), *flags]) == 2
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1
    with pytest.raises(SystemExit) as ended:
        main(["--out", "w.toml", "--models", "acoustic"])
    assert ended.value.code == 2


@pytest.mark.parametrize(("models", "v"), [("static,dynamic,acoustic", False), ("static,dynamic", True)])
def test_the_command_writes_weights_that_score_as_it_says(tmp_path: Path, models: str, v: bool) -> None:
    one = made(half=True)
    stored.write(tmp_path / "p.npz", one)
    out = tmp_path / "new" / "w.toml"
    flags = ["--probabilities", str(tmp_path / "p.npz"), "--out", str(out), "--models", models, "--draws", "300"]
    assert main([*flags, "--name", "ours", *(["--v"] if v else [])]) == 0
    weights = read_weights(out)
    assert weights.name == "ours"
    assert (weights.models is not None) == v
    count = len(models.split(","))
    some = one.present[:, :count].any(axis=1)
    given = Samples(one.probabilities[some, :count], one.present[some, :count], one.labels[some])
    assert one.half is not None
    halves = [given.select(one.half[some] == side) for side in (0, 1)]
    # The file holds exactly what the search gives on the first half.
    classes = fit_classes(halves[0], flat_draws(halves[0].told, 300, 1))
    np.testing.assert_array_equal(weights.classes, classes)
    if v:
        np.testing.assert_array_equal(weights.models, fit_models(halves[0], classes))
    table = tomllib.loads(out.read_text(encoding="utf-8"))
    assert "made by a test" in table["notes"]
    assert f"fitted on {len(halves[0].labels)} of {some.sum()} samples" in table["notes"]
    published = {"avcer-video"} if v else {"avcer-7cl", "avcer-8cl"}
    assert set(table["scores"]) == {"fitted", "equal", *models.split(","), *published}
    for half, part in zip(("fitted_half", "unseen_half"), halves, strict=True):
        scores = {name: by_half[half] for name, by_half in table["scores"].items()}
        assert scores["fitted"]["mean_recall"] == pytest.approx(recall(part, weights), abs=1e-4)
        fused, _ = fuse(part.probabilities, weights, part.present)
        assert scores["fitted"]["macro_f1"] == pytest.approx(metrics.macro_f1(part.labels, fused.argmax(1)), abs=1e-4)
        there = part.present[:, 1]
        alone = np.where(there, np.where(there[:, None], part.probabilities[:, 1], 0).argmax(1), 0)
        assert scores["dynamic"]["macro_f1"] == pytest.approx(metrics.macro_f1(part.labels, alone), abs=1e-4)
        for figures in scores.values():
            for name in ("mean_recall", "macro_f1"):
                low, high = figures[f"{name}_interval95"]
                assert low <= figures[name] <= high
    assert (
        table["scores"]["fitted"]["fitted_half"]["mean_recall"]
        >= table["scores"]["equal"]["fitted_half"]["mean_recall"]
    )


def test_shrinking_goes_from_the_fitted_weights_to_equal_ones(tmp_path: Path) -> None:
    stored.write(tmp_path / "p.npz", made(half=True))
    found = []
    for share in ("0", "0.5", "1"):
        out = tmp_path / f"{share}.toml"
        flags = ["--probabilities", str(tmp_path / "p.npz"), "--out", str(out), "--draws", "300", "--shrink", share]
        assert main(flags) == 0
        found.append(read_weights(out).classes)
    np.testing.assert_allclose(found[2], 1 / 3)
    np.testing.assert_allclose(found[1], (found[0] + 1 / 3) / 2)
    assert abs(found[0] - 1 / 3).max() > 0.05


def test_few_samples_have_intervals_too(tmp_path: Path) -> None:
    """Drawn anew, three samples of a class are often none."""
    stored.write(tmp_path / "p.npz", made(42))
    out = tmp_path / "w.toml"
    assert main(["--probabilities", str(tmp_path / "p.npz"), "--out", str(out), "--draws", "20"]) == 0
    table = tomllib.loads(out.read_text(encoding="utf-8"))
    low, high = table["scores"]["fitted"]["unseen_half"]["mean_recall_interval95"]
    assert 0 <= low < high <= 1
    assert "dealt out at random" in table["notes"]

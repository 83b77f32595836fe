"""Batches, schedule, averaging, made windows and sequences, and runs of a few steps that stop and go on exactly."""

import copy
import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from realtime_cer.labels import BASIC
from realtime_cer.models.static import Static
from realtime_cer.perception.acoustic import pad
from realtime_cer.training import loop, train_static
from realtime_cer.training.augment import augment
from realtime_cer.training.corpora import CorpusError
from realtime_cer.training.sequences import LENGTH, Views, course, make
from realtime_cer.training.windows import SAMPLES, placed, speech_range, windows


@given(st.integers(5, 200), st.integers(1, 32), st.integers(0, 3))
@settings(max_examples=25)
def test_an_epoch_holds_every_sample_as_often_as_its_weight_says(count: int, batch: int, seed: int) -> None:
    weights = np.random.default_rng(seed).uniform(0.2, 3, count)
    steps = -(-count // batch)
    drawn = np.concatenate([loop.draw(weights, batch, step, seed) for step in range(steps)])[:count]
    often = np.bincount(drawn, minlength=count)
    assert np.abs(often - weights / weights.mean()).max() <= 1
    assert loop.draw(weights, batch, 3, seed).tolist() == loop.draw(weights, batch, 3, seed).tolist()


def test_balance_brings_rare_classes_up() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    full, none = loop.balance(labels, 1.0), loop.balance(labels, 0.0)
    assert full[:90].sum() == pytest.approx(full[90:].sum())
    assert none.tolist() == [1] * 100


def test_rate_rises_stays_and_falls() -> None:
    rates = [loop.rate(step, 100, 10, 0.4) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert set(rates[10:60]) == {1.0}
    assert np.all(np.diff(rates[60:]) <= 0)
    assert rates[-1] < 0.01


def test_temperature_is_found() -> None:
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(0, 2, (20000, 7)))
    truth = torch.distributions.Categorical(logits=logits).sample()
    assert loop.fit_temperature(logits * 3, truth) == pytest.approx(3, rel=0.05)


class Small(nn.Module):
    """A network with everything that a resumed run must carry: dropout, batch norm, weights."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


X = torch.from_numpy(np.random.default_rng(1).normal(size=(200, 6)).astype(np.float32))
Y = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()


def _fit(out: Path, steps: int, rate: float = 0.01) -> Small:
    plan = loop.Plan("small", out, {"rate": rate, "steps": steps}, steps, rate, 0.01, 5, 0.5, 0.9, 3, 10, save_every=7)

    def make_batch(step: int) -> tuple[Tensor, Tensor]:
        chosen = torch.from_numpy(loop.draw(np.ones(200), 16, step, 1))
        return X[chosen], Y[chosen]

    torch.manual_seed(0)
    return loop.fit(
        Small(),
        plan,
        make_batch,
        lambda n, b: nn.functional.cross_entropy(n(b[0]), b[1]),
        lambda n: {"right": (n(X).argmax(1) == Y).float().mean().item()},
    )


class Stopped(Exception):
    pass


def test_a_stopped_run_goes_on_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _fit(tmp_path / "whole", 40)
    write = loop.save

    def save_and_stop(path: Path, state: dict[str, object]) -> None:
        write(path, state)
        if state["step"] == 28:  # the one before lies 7 steps back, and so many rows of the log are one too many
            write(path, first)
            raise Stopped
        first.update(copy.deepcopy(state))

    first: dict[str, object] = {}
    monkeypatch.setattr(loop, "save", save_and_stop)
    with pytest.raises(Stopped):
        _fit(tmp_path / "parts", 40)
    monkeypatch.setattr(loop, "save", write)
    parts = _fit(tmp_path / "parts", 40)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name
    for run in ("whole", "parts"):
        with (tmp_path / run / "log.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [int(r["step"]) for r in rows] == list(range(1, 41))
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert float(rows[-1]["right"]) > 0.6


def test_a_resume_from_other_settings_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    _fit(tmp_path, 10)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(CorpusError, match=r"rate was 0\.01, is 0\.02"):
        _fit(tmp_path, 10, rate=0.02)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    (tmp_path / "checkpoint.pt").write_bytes(before[:100])
    with pytest.raises(CorpusError, match="cannot resume"):
        _fit(tmp_path, 10)


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


def test_the_static_recipe_runs_and_resumes_on_made_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(28) % 7
    pictures = rng.integers(0, 256, (28, 112, 112, 3), np.uint8)
    soft = np.eye(7, dtype=np.float32)[labels]
    made = [(pictures, soft, labels), (pictures[::-1].copy(), soft[::-1].copy(), labels[::-1].copy())]
    monkeypatch.setattr(train_static, "sources", lambda *_: (made, pictures[:7], torch.from_numpy(labels[:7])))
    monkeypatch.setattr(train_static, "load_imagenet", lambda network: None)
    flags = ["--data", ".", "--batch", "8", "--size", "64", "--save-every", "2", "--check-every", "4", "--warmup", "1"]
    threads = torch.get_num_threads()

    def run(out: str, steps: int) -> Static:
        return train_static.train(
            train_static.parser().parse_args(
                [*flags, "--decay", "0.5", "--out", str(tmp_path / out), "--steps", str(steps)]
            )
        )

    whole = run("whole", 4)
    write, stop = loop.save, tmp_path / "parts"

    def save_and_stop(path: Path, state: dict[str, object]) -> None:
        write(path, state)
        if state["step"] == 2 and stop in path.parents:
            raise Stopped

    monkeypatch.setattr(loop, "save", save_and_stop)
    with pytest.raises(Stopped):
        run("parts", 4)
    monkeypatch.setattr(loop, "save", write)
    parts = run("parts", 4)
    torch.set_num_threads(threads)
    assert float(whole.temperature) > 0
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(value, parts.state_dict()[name], rtol=1e-4, atol=1e-5, msg=name)


def test_flag_errors_are_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REALTIME_CER_DATA", raising=False)
    assert train_static.main([]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "REALTIME_CER_DATA" in error
    with pytest.raises(SystemExit) as ended:
        train_static.main(["--steps", "many"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert len(BASIC) == 7

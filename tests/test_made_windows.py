"""What training sees and hears: augmented pictures, made windows of sound, made sequences of pictures."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from realtime_cer.perception.acoustic import pad
from realtime_cer.perception.dynamic import LENGTH
from realtime_cer.training import encoded
from realtime_cer.training.augment import augment
from realtime_cer.training.sequences import Views, course, make
from realtime_cer.training.windows import SAMPLES, placed, speech_range, windows


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Many threads wait for each other on small networks."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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

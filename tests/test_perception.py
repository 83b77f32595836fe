"""Faces, crops, windows and voices, on real pictures and sound where that says more than made ones."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from parts.perception import LoudIsSpeech, TinyEngine, TinyFinder, landmarks_like, portrait

from realtime_cer.buffers import AudioRing
from realtime_cer.capture.media import open_media
from realtime_cer.config import Config, FaceConfig
from realtime_cer.errors import Refused
from realtime_cer.inference.engine import load
from realtime_cer.inference.vectors import MOST
from realtime_cer.perception.acoustic import AcousticModel, pad
from realtime_cer.perception.align import CROP_SIZE, TEMPLATE, align, anchors
from realtime_cer.perception.boxes import box_of, overlap
from realtime_cer.perception.dynamic import LENGTH, DynamicModel
from realtime_cer.perception.face import FaceFinder, bundle_path
from realtime_cer.perception.static import StaticModel
from realtime_cer.perception.tracker import FaceTracker
from realtime_cer.perception.voice import MouthVoice, SileroVoice, mouth_opening
from realtime_cer.pipeline.steps import Hearing
from realtime_cer.quiet import cv2
from realtime_cer.records import SAMPLE_RATE, AudioBlock, AudioWindow, Face, Floats, Frame


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    finder = FaceFinder(FaceConfig())
    yield finder
    finder.close()


def frames(pictures: list[np.ndarray]) -> list[Frame]:
    return [Frame(n * 0.2, n, picture) for n, picture in enumerate(pictures)]


def shifted(picture: np.ndarray, dx: float, dy: float = 0, scale: float = 1.0) -> np.ndarray:
    matrix = np.array([[scale, 0, dx], [0, scale, dy]])
    return cv2.warpAffine(picture, matrix, (picture.shape[1], picture.shape[0]), borderMode=cv2.BORDER_REPLICATE)


def test_a_real_face_is_found_and_cut_alike_wherever_it_is(finder: FaceFinder) -> None:
    picture = portrait()
    [landmarks] = finder.find(picture)
    crop = align(picture, landmarks)
    assert crop.shape == (CROP_SIZE, CROP_SIZE, 3)
    assert not crop.flags.writeable
    moved = shifted(picture, 40, 25, 0.8)
    [there] = finder.find(moved)
    other = align(moved, there)
    correlation = np.corrcoef(crop.ravel(), other.ravel())[0, 1]
    assert correlation > 0.95
    # RGB: the portrait's skin is redder than blue.
    assert crop[40:70, 40:70, 0].mean() > crop[40:70, 40:70, 2].mean() + 20


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0, 9.0])
def test_the_three_anchors_land_on_the_template(scale: float) -> None:
    size = int(200 * scale)
    landmarks = landmarks_like(size, size)
    picture = np.zeros((size, size, 3), np.uint8)
    for x, y in anchors(landmarks):
        cv2.circle(picture, (round(float(x)), round(float(y))), max(round(4 * scale), 2), (255, 255, 255), -1)
    crop = align(picture, landmarks)[..., 0]
    for x, y in TEMPLATE * CROP_SIZE:
        assert crop[round(float(y)), round(float(x))] > 150
    assert (crop > 150).mean() < 0.1


def test_landmarks_outside_the_picture_do_not_crash_the_crop() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    for offset in (-5000, 5000):
        assert align(picture, landmarks_like(3000, 3000) + offset).shape == (CROP_SIZE, CROP_SIZE, 3)
    assert align(picture, np.zeros((478, 2), np.float32)).shape == (CROP_SIZE, CROP_SIZE, 3)


def test_a_face_keeps_its_id_while_it_moves_and_is_lost_after_a_while(finder: FaceFinder) -> None:
    tracker = FaceTracker(finder, FaceConfig())
    picture = portrait()
    empty = np.full_like(picture, 90)
    walk = [shifted(picture, 12 * n) for n in range(6)]
    story = [*walk, empty, walk[-1], *[empty] * 8, walk[-1], walk[-1]]
    ids = [face.id if face else None for face in map(tracker.see, frames(story))]
    assert ids == [0] * 6 + [None, 0] + [None] * 9 + [1]


def test_a_fleeting_face_does_not_count(finder: FaceFinder) -> None:
    tracker = FaceTracker(finder, FaceConfig())
    picture = portrait()
    empty = np.full_like(picture, 90)
    story = [empty, picture, *[empty] * 8, picture, picture]
    assert [tracker.see(frame) is not None for frame in frames(story)] == [False] * 11 + [True]


UNCLOSED = """
import gc
from realtime_cer.config import Config, FaceConfig
from realtime_cer.perception.face import FaceFinder
finder = FaceFinder(FaceConfig())
finder.itself = finder
del finder
gc.collect()
print("alive")
"""


def test_a_finder_that_nobody_closed_does_not_hang_the_program() -> None:
    done = subprocess.run([sys.executable, "-c", UNCLOSED], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("alive\n", 0)


class Scripted(TinyFinder):
    """Gives the faces of a list, call by call, and confirms (or not) on a second look."""

    def __init__(self, boxes: list[list[tuple[float, float, float]]], confirm: bool = True) -> None:
        self._boxes = iter(boxes)
        self._confirm = confirm
        self._now: list[Floats] = []

    def find(self, picture: np.ndarray) -> list[Floats]:
        self._now = [landmarks_like(100, 100) * size / 100 + [x, y] for x, y, size in next(self._boxes)]
        self._now = [face.astype(np.float32) for face in self._now]
        return self._now

    def find_in(self, picture: np.ndarray, area: tuple[int, int, int, int]) -> list[Floats]:
        return self._now if self._confirm else []


BLANK = np.zeros((400, 600, 3), np.uint8)


def test_a_face_that_a_second_look_does_not_find_is_false() -> None:
    tracker = FaceTracker(Scripted([[(10, 10, 200)]] * 5, confirm=False), FaceConfig())  # type: ignore[arg-type]
    assert [tracker.see(frame) for frame in frames([BLANK] * 5)] == [None] * 5


def test_a_passer_by_does_not_take_over_but_a_larger_face_does() -> None:
    near, far, giant = (10.0, 10.0, 200.0), (350.0, 10.0, 210.0), (100.0, 200.0, 300.0)
    script = [[near], [near, far], [near, far], [near, giant], [near], *[[near, giant]] * 6, [giant]]
    tracker = FaceTracker(Scripted(script), FaceConfig())  # type: ignore[arg-type]
    ids = [face.id if face else None for face in map(tracker.see, frames([BLANK] * len(script)))]
    assert ids[:6] == [0] * 6
    assert ids[-1] not in (0, None)


def test_overlap_is_intersection_over_union() -> None:
    assert overlap((0, 0, 2, 2), (1, 0, 2, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 2, 2), (2, 2, 1, 1)) == 0
    assert box_of(np.array([[1, 2], [4, 8]], np.float32)) == (1, 2, 3, 6)


def test_faces_on_the_clips_are_found(finder: FaceFinder, data: Path) -> None:
    clips = sorted((data / "clips").glob("*.m[p4]*"))
    assert clips
    for clip in clips:
        tracker = FaceTracker(finder, FaceConfig())
        items = open_media(clip).items(grid_fps=5, sound=False)
        seen = [tracker.see(item) is not None for item in items if isinstance(item, Frame)]
        assert np.mean(seen) >= 0.95, clip.name


def test_a_small_face_is_found_in_a_large_picture_and_then_kept(finder: FaceFinder) -> None:
    room = np.full((720, 1280, 3), 120, np.uint8)
    head = cv2.resize(portrait()[:300, 100:400], (220, 220), interpolation=cv2.INTER_AREA)
    room[450:670, 900:1120] = head  # the face itself is about 100 pixels high
    assert finder.find(room) == []
    tracker = FaceTracker(finder, FaceConfig())
    seen = [tracker.see(frame) is not None for frame in frames([room] * 20)]
    assert any(seen[:10])
    first = seen.index(True)
    assert all(seen[first:])


def test_an_altered_bundle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "face_landmarker.task"
    with pytest.raises(Refused, match="no face bundle"):
        bundle_path(path)
    path.write_bytes(b"no bundle")
    with pytest.raises(Refused, match=r"face_landmarker\.task cannot be loaded"):
        FaceFinder(FaceConfig(bundle=path))


class Spy(TinyEngine):
    """Remembers what it was given."""

    def __init__(self, name: str) -> None:
        super().__init__(name, 0)
        self.seen: list[np.ndarray] = []

    def run(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        self.seen.append(batch.copy())
        return dict(super().run(batch))


def test_the_dynamic_window_starts_with_repeats_and_is_one_face_only() -> None:
    spy = Spy("dynamic")
    model, seen = DynamicModel(spy), spy.seen
    vectors = np.random.default_rng(0).normal(size=(12, 512)).astype(np.float32)
    for n, vector in enumerate(vectors):
        model(n * 0.2, [7], [vector])
    np.testing.assert_array_equal(seen[0][0], np.tile(vectors[0], (LENGTH, 1)))
    np.testing.assert_array_equal(seen[3][0], np.stack([vectors[0]] * 7 + list(vectors[1:4])))
    np.testing.assert_array_equal(seen[11][0], vectors[2:12])
    model(3.0, [8], [vectors[0]])
    np.testing.assert_array_equal(seen[12][0], np.tile(vectors[0], (LENGTH, 1)))
    model.keep([])
    model(3.2, [8], [vectors[5]])
    np.testing.assert_array_equal(seen[13][0], np.tile(vectors[5], (LENGTH, 1)))


def test_every_face_has_a_dynamic_window_of_its_own() -> None:
    spy = Spy("dynamic")
    model, seen = DynamicModel(spy), spy.seen
    a, b, c = np.random.default_rng(0).normal(size=(3, 512)).astype(np.float32)
    assert model(0.0, [], []) == []
    assert seen == [], "no engine is asked about no faces"
    model(0.0, [4, 9], [a, b])
    first, second = model(0.2, [9, 4], [c, b])  # in any order
    assert [batch.shape for batch in seen] == [(2, LENGTH, 512)] * 2
    np.testing.assert_array_equal(seen[1][0], np.stack([b] * 9 + [c]))
    np.testing.assert_array_equal(seen[1][1], np.stack([a] * 9 + [b]))
    assert first.t == second.t == 0.2
    model.keep([4, 5])
    model(0.4, [9, 4], [a, c])
    np.testing.assert_array_equal(seen[2][0], np.tile(a, (LENGTH, 1)))
    np.testing.assert_array_equal(seen[2][1], np.stack([a] * 8 + [b, c]))
    with pytest.raises(ValueError, match="8 are the most"):
        model(0.6, range(9), [a] * 9)


@pytest.mark.parametrize("n", [1, 2, 4, MOST])
def test_faces_in_one_batch_get_what_each_gets_alone(n: int) -> None:
    picture = portrait()
    frame = Frame(0.0, 0, picture)
    rng = np.random.default_rng(n)
    # As many faces as wanted in the one picture: the real landmarks, each time a little elsewhere.
    near = landmarks_like(400, 400) + np.array([20, -40], np.float32)
    faces = [Face(i, (0, 0, 1, 1), near + rng.normal(0, 12, 2).astype(np.float32)) for i in range(n)]
    static, together, alone = (
        StaticModel(load("static", "cpu")),
        *(DynamicModel(load("dynamic", "cpu")) for _ in "ab"),
    )
    for step in range(2):
        batch = static(frame, faces)
        singles = [static(frame, [face])[0] for face in faces]
        assert len(batch) == n
        for (scores, vector), (expected, wanted) in zip(batch, singles, strict=True):
            np.testing.assert_allclose(scores.probabilities, expected.probabilities, rtol=0, atol=1e-6)
            np.testing.assert_allclose(vector, wanted, rtol=0, atol=1e-5)
        said = together(step / 5, range(n), [vector for _, vector in singles])
        for i, scores in enumerate(said):
            [expected] = alone(step / 5, [i], [singles[i][1]])
            np.testing.assert_allclose(scores.probabilities, expected.probabilities, rtol=0, atol=1e-6)
    assert static(frame, []) == []
    assert n == 1 or np.ptp([scores.probabilities for scores, _ in batch], axis=0).max() > 1e-3, "they do differ"


def test_short_sound_is_padded_at_its_end_with_its_own_mean() -> None:
    padded = pad(np.array([1, 2, 3], np.float32), 5)
    assert padded.tolist() == [1, 2, 3, 2, 2]
    assert pad(np.arange(8, dtype=np.float32), 5).tolist() == [3, 4, 5, 6, 7]
    assert pad(np.zeros(0, np.float32), 2).tolist() == [0, 0]


def sound(t: float, loud: float, seconds: float = 0.5) -> AudioWindow:
    samples = np.full(round(seconds * SAMPLE_RATE), loud, np.float32)
    return AudioWindow(t, samples, len(samples))


def test_sound_that_goes_on_for_long_while_the_detector_is_asked_takes_no_window_away() -> None:
    ring, spy, config = AudioRing(0.0), Spy("acoustic"), Config()
    rng = np.random.default_rng(0)

    class Slow(LoudIsSpeech):
        def __call__(self, block: np.ndarray) -> float:
            if not spy.seen and ring.end == 4 * SAMPLE_RATE:
                for t in (4.0, 12.0):
                    ring.push(AudioBlock(t, np.zeros(8 * SAMPLE_RATE, np.float32)))
            return super().__call__(block)

    said = rng.uniform(-1, 1, 4 * SAMPLE_RATE).astype(np.float32)
    ring.push(AudioBlock(0.0, said))
    heard = Hearing(AcousticModel(spy), SileroVoice(Slow(), 0.5), config).hear(ring)
    assert heard.acoustic is not None
    assert ring.start > 0
    np.testing.assert_array_equal(spy.seen[0][0], said)


def test_the_share_of_speech_is_that_of_the_span_before() -> None:
    voice = SileroVoice(LoudIsSpeech(), 0.5)
    for n, loud in enumerate([0, 0, 1, 1, 0, 0]):
        voice.hear(sound(0.5 * (n + 1), loud))
    assert voice.share(1.0, 1.0) == 0
    assert voice.share(2.0, 1.0) > 0.95
    assert voice.share(2.5, 1.0) == pytest.approx(0.5, abs=0.06)
    assert voice.share(3.0, 1.0) < 0.06


def test_blocks_do_not_depend_on_how_the_sound_is_cut() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    shares = []
    for cut in (8000, 1600, 100):
        voice = SileroVoice(LoudIsSpeech(), 0.5)
        for end in range(cut, len(samples) + 1, cut):
            voice.hear(AudioWindow(end / SAMPLE_RATE, samples[end - cut : end], cut))
        shares.append(voice.share(2.0, 1.5))
    assert shares[0] == shares[1] == shares[2]


def mouth(opening: float, face_id: int = 0) -> Face:
    landmarks = landmarks_like(200, 200)
    upper, lower = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308], [88, 178, 87, 14, 317, 402, 318]
    landmarks[upper] = np.stack([np.linspace(80, 120, len(upper)), np.full(len(upper), 130)], axis=1)
    landmarks[[95, 324]] = [[80, 130 + opening], [120, 130 + opening]]
    landmarks[lower] = np.stack([np.linspace(85, 115, len(lower)), np.full(len(lower), 130 + opening)], axis=1)
    return Face(face_id, (0, 0, 1, 1), landmarks)


def test_mouth_opening_is_the_area_over_the_squared_distance_of_the_eyes() -> None:
    # 40 pixels wide and 10 high at most, the eyes 40 apart.
    assert mouth_opening(mouth(0).landmarks) == pytest.approx(0, abs=1e-6)
    assert mouth_opening(mouth(10).landmarks) == pytest.approx(400 / 1600, rel=0.2)
    assert mouth_opening(mouth(10).landmarks * 3) == pytest.approx(mouth_opening(mouth(10).landmarks), rel=1e-4)


def test_a_talking_mouth_is_a_voice_and_a_closed_one_is_none() -> None:
    voice = MouthVoice()
    for n in range(25):
        voice.look(n * 0.2, mouth(0))
    assert voice.share(4.8, 1.0) == 0
    for n in range(25, 35):
        voice.look(n * 0.2, mouth(8 + 4 * (n % 2)))
    assert voice.share(6.8, 1.0) == 1
    voice.look(7.0, None)
    assert voice.share(7.0, 0.2) == 0

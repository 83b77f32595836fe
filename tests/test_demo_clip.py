"""The clip that the package brings along is what the demo needs."""

from importlib.resources import files
from pathlib import Path

import av
import numpy as np
import pytest

from realtime_cer.config import FaceConfig
from realtime_cer.perception.face import FaceFinder


@pytest.fixture(scope="module")
def clip() -> Path:
    return Path(str(files("realtime_cer") / "assets" / "demo.mp4"))


def test_streams_duration_and_size(clip: Path) -> None:
    assert clip.stat().st_size < 2_000_000
    with av.open(str(clip)) as media:
        video, audio = media.streams.video[0], media.streams.audio[0]
        assert (video.width, video.height, video.average_rate) == (640, 480, 25)
        assert 16_000 <= audio.rate <= 48_000
        frames = sum(1 for _ in media.decode(video))
    assert 16 <= frames / 25 <= 20


def test_holds_speech_and_silences_of_over_two_seconds(clip: Path) -> None:
    with av.open(str(clip)) as media:
        rate = media.streams.audio[0].rate
        sound = np.concatenate([frame.to_ndarray()[0] for frame in media.decode(audio=0)])
    tenth = rate // 10
    loud = np.sqrt((sound[: len(sound) // tenth * tenth].reshape(-1, tenth) ** 2).mean(axis=1)) > 0.01
    silences = [len(part) / 10 for part in "".join("x" if on else "." for on in loud).split("x")]
    assert loud.sum() / 10 > 6
    assert sum(length > 2 for length in silences) >= 2


def test_a_face_is_found_in_nearly_every_picture_until_the_lens_is_covered(clip: Path) -> None:
    finder = FaceFinder(FaceConfig())
    try:
        with av.open(str(clip)) as media:
            sampled = [frame.to_ndarray(format="bgr24") for i, frame in enumerate(media.decode(video=0)) if i % 5 == 0]
        found = [len(finder.find(np.ascontiguousarray(picture))) == 1 for picture in sampled]
    finally:
        finder.close()
    visible = [i * 0.2 < 18.7 for i in range(len(found))]  # then a hand covers the lens
    assert np.mean([one for one, there in zip(found, visible, strict=True) if there]) >= 0.95
    assert not any(found[round(19.0 * 5) :])

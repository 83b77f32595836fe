"""Whose voice it is: mouths held against speech."""

from pathlib import Path

import numpy as np
import pytest
from parts.perception import landmarks_like

from realtime_cer.capture.media import open_media
from realtime_cer.config import FaceConfig
from realtime_cer.inference.silero import Silero
from realtime_cer.perception.face import FaceFinder
from realtime_cer.perception.gate import Gate, Mode, mouth_gap
from realtime_cer.perception.voice import SileroVoice
from realtime_cer.records import AudioWindow, Floats, Frame

TALKING = [0.0, 0.03, 0.01, 0.04, 0.0, 0.05, 0.02]


def tell(gate: Gate, begin: float, seconds: float, mouths: dict[int, list[float]], speech: float) -> None:
    """Pictures five times a second, sound every half second, as the program has them."""
    for n in range(round(seconds / 0.1)):
        t = begin + 0.1 * (n + 1)
        if (n + 1) % 5 == 0:
            gate.hear(t, (speech,) * 5)
        if n % 2 == 1:
            gate.look(t, {face: gaps[n // 2 % len(gaps)] for face, gaps in mouths.items()})


def face(gap: float = 8, width: float = 1.0, height: int = 200) -> Floats:
    points = landmarks_like(200, height)
    points[[10, 152]] = [[100, 20], [100, 180]]
    points[[82, 13, 312]] = [[90, 130], [100, 130], [110, 130]]
    points[[87, 14, 317]] = [[90, 130 + gap], [100, 130 + gap], [110, 130 + gap]]
    points[:, 0] = 100 + (points[:, 0] - 100) * width
    return points


def test_the_gap_is_in_heights_of_the_face_and_bears_a_turn_of_the_head() -> None:
    assert mouth_gap(face(8)) == pytest.approx(8 / 160)
    assert mouth_gap(face(0)) == pytest.approx(0)
    assert mouth_gap(face(8) * 3) == pytest.approx(8 / 160, rel=1e-5)
    assert mouth_gap(face(8, width=0.5)) == pytest.approx(8 / 160), "a turned head is narrower, not lower"
    assert mouth_gap(np.zeros((478, 2), np.float32)) == 0


def test_the_one_whose_mouth_moves_while_there_is_speech_has_the_sound() -> None:
    gate = Gate()
    tell(gate, 0, 3, {1: TALKING, 2: [0.01]}, 1.0)
    assert (gate.joins(1, target=False), gate.joins(2, target=True)) == (True, False)
    assert (gate.evidence(1) or 0) > 0.8
    assert (gate.evidence(2) or 0) < 0.1
    tell(gate, 3, 2, {1: [0.02], 2: TALKING}, 1.0)
    assert (gate.joins(1, target=False), gate.joins(2, target=True)) == (False, True), "and it changes hands"


def test_a_voice_from_elsewhere_is_nobodys_and_silence_is_no_evidence() -> None:
    gate = Gate()
    tell(gate, 0, 3, {1: [0.01], 2: [0.03]}, 1.0)
    assert not gate.joins(1, target=True)
    assert not gate.joins(2, target=False)
    quiet = Gate()
    tell(quiet, 0, 3, {1: TALKING, 2: [0.0]}, 0.0)
    assert quiet.evidence(1) is None
    assert not quiet.joins(1, target=True), "of two, chewing is not speaking"


def test_a_smile_is_one_movement_and_no_speech() -> None:
    gate = Gate()
    tell(gate, 0, 3, {1: [0.0] * 8 + [0.09] * 7, 2: TALKING}, 1.0)
    assert not gate.joins(1, target=True)
    assert gate.joins(2, target=False)


@pytest.mark.parametrize(
    ("mode", "moving", "joins"),
    [
        ("auto", True, True),
        ("auto", False, True),
        ("off", False, True),
        ("strict", True, True),
        ("strict", False, False),
    ],
)
def test_a_face_alone_has_the_sound_unless_the_gate_is_strict(mode: Mode, moving: bool, joins: bool) -> None:
    gate = Gate(mode)
    tell(gate, 0, 3, {4: TALKING if moving else [0.02]}, 1.0)
    assert gate.joins(4, target=True) == joins


def test_with_the_gate_off_the_target_has_the_sound_whoever_speaks() -> None:
    gate = Gate("off")
    tell(gate, 0, 3, {1: TALKING, 2: [0.0]}, 1.0)
    assert gate.joins(2, target=True)
    assert not gate.joins(1, target=False)


def test_whoever_has_left_takes_no_part() -> None:
    gate = Gate()
    tell(gate, 0, 3, {1: TALKING, 2: [0.0]}, 1.0)
    tell(gate, 3, 2, {2: [0.0]}, 1.0)
    assert gate.joins(2, target=True), "alone again"
    assert gate.evidence(1) is None


def test_real_talking_is_told_from_real_stillness(data: Path) -> None:
    finder = FaceFinder(FaceConfig())
    gate, voice = Gate(), SileroVoice(Silero(), 0.5)
    clip = data / "clips" / "ravdess_01-01-01-01-01-01-01.mp4"
    sound: list[Floats] = []
    pictures: list[tuple[float, float]] = []
    for item in open_media(clip).items(grid_fps=5):
        if isinstance(item, Frame):
            [landmarks] = finder.find(item.picture)
            pictures.append((item.t, mouth_gap(landmarks)))
        else:
            sound.append(item.samples)
    finder.close()
    samples = np.concatenate(sound)
    still = pictures[0][1]
    told = []
    for n in range(1, len(samples) // 8000 + 1):
        t = n / 2
        voice.hear(AudioWindow(t, samples[(n - 1) * 8000 : n * 8000], 8000))
        gate.hear(t, tuple(voice.share(t - 0.1 * back, 0.1) for back in (4, 3, 2, 1, 0)))
        for when, gap in pictures:
            if t - 0.5 < when <= t:
                gate.look(when, {1: still, 2: gap})
        if voice.share(t, 0.5) > 0.5:
            told.append((gate.joins(1, target=True), gate.joins(2, target=False)))
    assert len(told) >= 2
    assert all(one == (False, True) for one in told)

"""Recordings without pixels: the head's pose, the voice's pitch, and nothing that shows or sounds like anybody."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.films import read_film

from realtime_cer.capture.media import open_media
from realtime_cer.cli import main
from realtime_cer.records import SAMPLE_RATE, Frame
from realtime_cer.sinks import signals
from realtime_cer.sinks.tables import read_rows


def head(yaw: float, pitch: float, roll: float) -> Any:
    """Landmarks of the mean head, turned by degrees, from afar."""
    y, p, r = np.radians([yaw, pitch, roll])
    around_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    around_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = np.zeros((478, 2), np.float32)
    points[signals._POINTS] = 300 + 2.3 * (around_z @ around_x @ around_y @ signals._HEAD.T)[:2].T
    return points


@pytest.mark.parametrize("turned", [(0, 0, 0), (20, 0, 0), (0, -15, 0), (0, 0, 10), (-30, 10, -15)])
def test_the_pose_of_a_turned_head_is_found(turned: tuple[float, float, float]) -> None:
    found = signals.pose_of(head(*turned))
    assert found is not None
    assert (found.yaw, found.pitch, found.roll) == pytest.approx(turned, abs=0.01)


def test_what_is_no_face_has_no_pose() -> None:
    assert signals.pose_of(np.zeros((478, 2), np.float32)) is None
    assert signals.pose_of(np.full((478, 2), np.nan, np.float32)) is None
    assert signals.pose_of(np.zeros((0, 2), np.float32)) is None


def test_pitch_is_found_in_voices_and_not_in_noise() -> None:
    t = np.arange(3200) / SAMPLE_RATE
    for hertz in (80.0, 120.0, 220.0, 400.0):
        voice = sum(np.sin(2 * np.pi * n * hertz * t + n) / n for n in range(1, 6))
        noisy = 0.2 * voice + np.random.default_rng(0).normal(0, 0.02, len(t))
        assert signals.pitch_of(noisy.astype(np.float32)) == pytest.approx(hertz, rel=0.01)
    assert signals.pitch_of(np.random.default_rng(0).normal(0, 0.1, 3200).astype(np.float32)) is None
    assert signals.pitch_of(np.zeros(3200, np.float32)) is None
    assert signals.pitch_of(np.zeros(0, np.float32)) is None


def test_without_pixels_nothing_shows_or_sounds_like_anybody(tmp_path: Path) -> None:
    demo = Path(__file__).parents[1] / "realtime_cer" / "assets" / "demo.mp4"
    words = ["live", "--headless", "--camera", str(demo), "--duration", "4", "--record", str(tmp_path / "kept")]
    assert main([*words, "--no-pixels"]) == 0
    [session] = (tmp_path / "kept").iterdir()
    assert {path.name for path in session.iterdir()} - {"marks.jsonl"} == {
        *("session.json", "decisions.jsonl", "signals.jsonl", "overlay.mkv")
    }
    rows = [json.loads(line) for line in (session / "signals.jsonl").read_text().splitlines()]
    assert [row["seq"] for row in rows] == [row.seq for row in read_rows(session / "decisions.jsonl")]
    seen = [row for row in rows if row["landmarks"]]
    assert len(seen) > len(rows) / 2
    assert all(len(row["landmarks"]) == 478 and abs(row["pose"]["roll"]) < 45 for row in seen)
    assert any(row["energy_db"] is not None and row["energy_db"] > -50 for row in rows)
    film = read_film(session / "overlay.mkv")
    assert film.pictures
    assert not film.sound.size
    shown = film.pictures[-1]
    frame = next(item for item in open_media(demo).items(sound=False) if isinstance(item, Frame)).picture
    corner = shown[: frame.shape[0] // 8, : frame.shape[1] // 8]
    assert corner.std(axis=(0, 1)).max() < 2, "the ground is even where the camera sees a room"
    assert main([*words, "--no-pixels", "--record-film", "both"]) == 2
    assert main([*words, "--no-pixels", "--keep", str(tmp_path / "moments")]) == 2
    assert not (tmp_path / "moments").exists()

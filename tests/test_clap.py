"""The clap test: known flashes and beeps are found again, and what is not certain is refused."""

import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from parts import clap as made
from parts import pulse
from pytestqt.qtbot import QtBot

from realtime_cer.capture import portaudio
from realtime_cer.capture.beeps import Hearing, beeping, find_beeps
from realtime_cer.capture.clap import FLASH_S, STARTS_S, Clap, conclude, verdict
from realtime_cer.capture.flashes import GRID, Sighting, brightness, find_flashes
from realtime_cer.capture.loudspeaker import Playback, playing
from realtime_cer.errors import Refused
from realtime_cer.ui.flash import FlashScreen

QtCore = pytest.importorskip("PyQt6.QtCore")


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where offsets are kept meanwhile."""
    monkeypatch.setenv("REALTIME_CER_CONFIG", str(tmp_path))
    return tmp_path / "offsets.json"


# The pattern.


def test_no_two_distances_of_the_pattern_are_alike() -> None:
    starts = np.array(STARTS_S)
    distances = np.sort((starts[:, None] - starts)[np.triu_indices(len(starts), 1)[::-1]])
    assert np.diff(distances).min() > 0.02


def test_no_second_has_more_than_three_flashes() -> None:
    starts = np.array(STARTS_S)
    assert max(((starts >= start) & (starts <= start + 1)).sum() for start in starts) <= 3
    assert np.diff(starts).min() > 2 * FLASH_S


# Pictures.


@pytest.mark.parametrize("fps", [15, 24, 30, 60])
@pytest.mark.parametrize("noise", [0.5, 8.0])
def test_known_offsets_are_found_to_within_a_frame(fps: float, noise: float) -> None:
    rng = np.random.default_rng(7)
    wrong, told = [], []
    for offset_ms in range(-200, 201, 50):
        sound_s = 0.25 + offset_ms / 1000 / 2
        picture_s = 0.25 - offset_ms / 1000 / 2
        seen = find_flashes(*made.pictures(rng, fps, picture_s, noise=noise))
        clap = conclude(seen, find_beeps(made.blocks(rng, sound_s, noise=noise / 1000), list(made.SHOWN)))
        wrong.append(clap.audio_video_ms - offset_ms)
        told.append(clap.spread_ms)
        assert clap.frame_ms == pytest.approx(1000 / fps, abs=1)
    assert max(map(abs, wrong)) < 1000 / fps / 2
    assert np.sqrt(np.mean(np.square(wrong))) < 5
    assert np.sqrt(np.mean(np.square(wrong))) < 4 * np.mean(told)  # it knows how good it is


ROOMS = {
    "a short exposure": {"exposure": 0.0},
    "a long exposure": {"exposure": 1.0},
    "a mirror": {"place": "mirror"},
    "a screen far away": {"place": "far"},
    "only light on what is in the room": {"place": "room", "depth": 12.0},
    "an automatic exposure": {"automatic": True, "place": "room"},
    "somebody who walks by": {"person": True, "place": "room", "depth": 25.0},
    "a lamp that flickers": {"flicker": 0.1},
    "lost pictures": {"lost": 0.2},
    "everything at once": {"automatic": True, "person": True, "lost": 0.1, "noise": 5.0, "flicker": 0.03},
}


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("fps", [15, 30])
def test_flashes_are_found_in_any_room_to_within_a_frame(room: str, fps: float) -> None:
    rng = np.random.default_rng(11)
    for late_s in (0.03, 0.21, 0.62):
        seen = find_flashes(*made.pictures(rng, fps, late_s, **ROOMS[room]))  # type: ignore[arg-type]
        assert seen.delay_s == pytest.approx(late_s, abs=0.5 / fps)
        assert seen.spread_s < 1 / fps


@pytest.mark.parametrize("fps", [15, 24, 30, 60])
@pytest.mark.parametrize("room", [{}, {"person": True}, {"flicker": 0.3}, {"automatic": True, "person": True}])
def test_without_a_flash_none_is_seen(fps: float, room: dict[str, bool]) -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        with pytest.raises(Refused, match="no flash was seen: point the camera at the screen"):
            find_flashes(*made.pictures(rng, fps, 0.1, depth=0.0, **room))  # type: ignore[arg-type]


def test_flashes_of_another_pattern_are_not_taken_for_ours() -> None:
    rng = np.random.default_rng(3)
    t, grids, rises, falls = made.pictures(rng, 30, 0.1)
    even = np.linspace(rises[0], rises[-1], len(rises))
    with pytest.raises(Refused, match="no flash was seen"):
        find_flashes(t, grids, list(even), list(even + FLASH_S))
    assert find_flashes(t, grids, rises, falls).delay_s == pytest.approx(0.1, abs=0.01)


def test_a_camera_that_hardly_sends_is_refused() -> None:
    t, grids, rises, falls = made.pictures(np.random.default_rng(0), 30, 0.1)
    with pytest.raises(Refused, match="only 18 pictures came"):
        find_flashes(t[::9], grids[::9], rises, falls)
    with pytest.raises(Refused, match="only 0 pictures came"):
        find_flashes([], np.zeros((0, *GRID)), rises, falls)


def test_brightness_is_the_mean_of_each_part_of_a_picture() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[:40, 600:] = (30, 60, 90)
    grid = brightness(picture)
    assert grid.shape == GRID
    assert grid[0, -1] == pytest.approx(60, abs=1)
    assert grid.sum() == grid[0, -1]


# Sound.


@pytest.mark.parametrize(
    "room",
    [
        {},
        {"volume": 0.005},
        {"volume": 0.02, "noise": 0.02},
        {"volume": 3.0},
        {"speech": 0.2},
        {"hum": 0.3, "volume": 0.02},
        {"echoes": ((0.008, 1.4), (0.02, 0.7), (0.13, 0.4))},
    ],
    ids=str,
)
def test_beeps_are_found_to_the_millisecond(room: dict[str, float]) -> None:
    rng = np.random.default_rng(2)
    for late_s in (-0.02, 0.1234, 0.51):
        heard = find_beeps(made.blocks(rng, late_s, **room), list(made.SHOWN))  # type: ignore[arg-type]
        assert heard.delay_s == pytest.approx(late_s, abs=0.001)
        assert heard.beeps >= 5


@pytest.mark.parametrize("room", [{}, {"speech": 0.3}, {"noise": 0.0}, {"noise": 0.3}], ids=str)
def test_without_a_beep_none_is_heard(room: dict[str, float]) -> None:
    rng = np.random.default_rng(2)
    for _ in range(5):
        with pytest.raises(Refused, match="no beep was heard: is the loudspeaker on"):
            find_beeps(made.blocks(rng, 0.1, volume=0.0, **room), list(made.SHOWN))  # type: ignore[arg-type]


def test_sound_that_stutters_is_refused_and_told_apart_from_silence() -> None:
    with pytest.raises(Refused, match="not played evenly"):
        find_beeps(made.blocks(np.random.default_rng(1), 0.1, stutter_s=0.015), list(made.SHOWN))


def test_no_sound_at_all_is_refused_and_a_gap_is_borne() -> None:
    with pytest.raises(Refused, match="no sound came"):
        find_beeps([], list(made.SHOWN))
    whole = made.blocks(np.random.default_rng(1), 0.1)
    without = [block for block in whole if not made.SHOWN[2] - 0.1 < block.t < made.SHOWN[2] + 0.3]
    heard = find_beeps(without, list(made.SHOWN))
    assert heard.beeps == len(STARTS_S) - 1
    assert heard.delay_s == pytest.approx(0.1, abs=0.001)


# What follows.


def test_sound_that_comes_after_its_picture_has_a_positive_offset() -> None:
    clap = conclude(Sighting(0.05, 0.003, 0.9, 20, 1 / 30), Hearing(0.17, 0.004, 0.9, 6))
    assert clap.audio_video_ms == pytest.approx(120)
    assert clap.glass_to_glass_ms == pytest.approx(50)
    assert clap.sound_ms == pytest.approx(170)
    assert clap.spread_ms == pytest.approx(5)


@pytest.mark.parametrize(("seen_s", "heard_s", "what"), [(0.03, 0.001, "flashes"), (0.001, 0.03, "beeps")])
def test_what_contradicts_itself_is_refused(seen_s: float, heard_s: float, what: str) -> None:
    with pytest.raises(Refused, match=f"not sure: its {what} disagree by 30 ms"):
        conclude(Sighting(0.05, seen_s, 0.9, 20, 1 / 30), Hearing(0.17, heard_s, 0.9, 6))


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (20.0, "picture and sound arrive together, to within a frame"),
        (100.0, "sound is 100 ms late"),
        (180.0, "sound is 180 ms late, which people notice"),
        (-60.0, "sound is 60 ms early, which people notice"),
    ],
)
def test_the_verdict_is_in_words(offset: float, words: str) -> None:
    assert verdict(Clap(offset, 50.0, 50.0, 2.0, 33.3)) == words


# The loudspeaker and the screen.


def test_when_a_sound_was_played_does_not_depend_on_when_python_was_called() -> None:
    rng = np.random.default_rng(0)
    rate, begun, now = 48_000, 50.0, 0.0
    samples = np.arange(48_000, dtype=np.float32)
    playback = Playback(samples, rate, lambda: now)
    got = []
    for n in range(60):
        called = begun - 0.12 + n * 0.02
        now = called + abs(rng.normal(0, 0.01)) + 0.0001
        out = np.full((960, 2), 7.0, np.float32)
        # The library's own clock starts elsewhere.
        times = SimpleNamespace(currentTime=called - 40, outputBufferDacTime=begun + n * 0.02 - 40)
        playback.fill(out, 960, times, SimpleNamespace(output_underflow=n == 0))
        got.append(out)
        assert (playback.begun is None) == (n < 8)
    assert playback.begun == pytest.approx(begun, abs=0.003)
    assert not playback.stuttered
    heard = np.concatenate(got)
    assert (heard[:48_000] == samples[:, None]).all()
    assert (heard[48_000:] == 0).all()


@pytest.mark.parametrize(("underflow", "lost_s"), [(True, 0.0), (False, 0.4)])
def test_a_sound_that_stutters_is_noticed_also_where_the_sound_server_keeps_silent(
    underflow: bool, lost_s: float
) -> None:
    playback = Playback(np.zeros(48_000, np.float32), 48_000, lambda: now)
    for n in range(40):
        now = n * 0.02 + (lost_s if n >= 20 else 0.0)
        assert not playback.stuttered
        times = SimpleNamespace(currentTime=now, outputBufferDacTime=now + 0.1)
        playback.fill(np.zeros((960, 2)), 960, times, SimpleNamespace(output_underflow=underflow and n == 39))
        if n >= 20 and lost_s:
            break
    assert playback.stuttered


def test_without_a_loudspeaker_it_is_said_so() -> None:
    pulse.restart_portaudio()
    with portaudio.exclusive() as library:
        if any(facts["max_output_channels"] for facts in library.query_devices()):
            pytest.skip("this machine has a loudspeaker")
    with pytest.raises(Refused, match="no loudspeaker was found"), playing(lambda rate: beeping(rate, [0.0], 1.0)):
        pass


def test_the_screen_is_white_only_while_it_flashes_and_escape_closes_it(qtbot: QtBot, qapp: object) -> None:
    from PyQt6.QtTest import QTest
    from PyQt6.QtWidgets import QApplication

    with FlashScreen("clap test") as screen:
        window = next(each for each in QApplication.topLevelWidgets() if each.windowTitle().endswith("clap test"))
        times = []
        for bright in (True, False, True, False):
            times.append(screen.flash(bright))
            assert window.grab().toImage().pixelColor(2, 2).red() == 255 * bright
        assert times == sorted(times)
        assert window.isFullScreen()
        until = time.monotonic() + 0.05
        assert screen.wait_until(lambda: time.monotonic() > until)
        QTest.keyClick(window, QtCore.Qt.Key.Key_Escape)
        assert not screen.wait_until(lambda: False)
        assert not screen.open

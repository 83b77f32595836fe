"""The command of the clap test: what it refuses, and all of it with a real window, camera stream and sound server."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import clap as made
from parts import pulse

from realtime_cer.capture.offsets import Offset, read_offset, write_offset
from realtime_cer.cli import main
from realtime_cer.commands.clap import run_clap
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.ui import screen as screens


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where offsets are kept meanwhile."""
    monkeypatch.setenv("REALTIME_CER_CONFIG", str(tmp_path))
    return tmp_path / "offsets.json"


@pytest.mark.parametrize(
    ("camera", "microphone", "words"),
    [("none", None, "needs a camera and a microphone"), ("0", "none", "needs a camera and a microphone")],
)
def test_it_needs_both(camera: str, microphone: str | None, words: str) -> None:
    with pytest.raises(Refused, match=words):
        run_clap(camera, microphone, Config())


def test_a_film_is_no_camera_for_it(tmp_path: Path) -> None:
    film = tmp_path / "clip.mp4"
    film.write_bytes(b"")
    with pytest.raises(Refused, match="a film, which cannot see the screen"):
        run_clap(str(film), None, Config())


def test_without_a_screen_it_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    screens.screen_available.cache_clear()
    try:
        with pytest.raises(Refused, match=r"^no (screen|window): .*; the clap test flashes .*sound_offset_ms"):
            run_clap("0", None, Config())
    finally:
        screens.screen_available.cache_clear()


# All of it, with a real window, a real camera's stream and a real sound server.

needs_stage = pytest.mark.skipif(
    pulse.missing() is not None or shutil.which("Xvfb") is None, reason=pulse.missing() or "no Xvfb"
)


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[made.VirtualScreen, dict[str, str]]]:
    microphone = pulse.VirtualMicrophone()
    try:
        with made.virtual_screen() as screen:
            yield screen, {**os.environ, **microphone.env, **screen.env}
    finally:
        microphone.close()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--headless", "--duration", "9"], "--headless, --duration"),
        (["--metrics", "9477"], "--metrics"),
        (["--record", "there"], "--record"),
        (["--wait"], "--wait"),
        (["--no-window"], "--no-window"),
    ],
)
def test_flags_that_say_nothing_to_the_clap_test_are_refused(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["live", "--clap", *words]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == f"realtime-cer: --clap measures in a window, and ends by itself: leave out {named}"


def clap_test(url: str, env: dict[str, str], kept: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "realtime_cer", "live", "--clap", "--camera", url],
        env=env | {"REALTIME_CER_CONFIG": str(kept.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@needs_stage
def test_a_known_offset_is_recovered_within_one_frame(
    stage: tuple[made.VirtualScreen, dict[str, str]], kept: Path
) -> None:
    screen, env = stage
    fps, late_ms = 25.0, 180.0
    with made.screen_camera(screen, fps, late_ms / 1000) as camera:
        for _ in range(3):
            process = clap_test(camera.url, env, kept)
            said, complained = process.communicate(timeout=60)
            if "close other programs" not in complained:  # the sound may stutter on a busy machine
                break
        assert (process.returncode, complained) == (0, ""), said
        found = read_offset(camera.url, "default")
    assert found is not None
    # The sound goes round without a delay, so the picture's is the offset.
    assert found.audio_video_ms == pytest.approx(-late_ms, abs=1000 / fps)
    assert found.glass_to_glass_ms == pytest.approx(late_ms, abs=1000 / fps)
    assert f"{found.audio_video_ms:+.1f}" in said
    assert "early, which people notice" in said
    assert f"kept for {camera.url} with default in {kept}" in said.replace("\n", " ")


@needs_stage
def test_an_interrupt_stops_it_at_once_and_nothing_is_kept(
    stage: tuple[made.VirtualScreen, dict[str, str]], kept: Path
) -> None:
    screen, env = stage
    with made.screen_camera(screen, 25, 0.0) as camera:
        process = clap_test(camera.url, env, kept)
        until = time.monotonic() + 30
        while screen.grab().mean() < 200 and time.monotonic() < until:  # the first flash
            time.sleep(0.01)
        assert process.poll() is None
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=10)
        assert time.monotonic() - begun < 5
    assert process.returncode == 130
    assert (said, complained) == ("", "")
    assert not kept.exists()


@needs_stage
def test_what_was_measured_can_be_forgotten(
    stage: tuple[made.VirtualScreen, dict[str, str]], kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_offset("http://127.0.0.1:9/", "nobody's", Offset(12.0, None, 1.0, "2026-01-01T00:00:00+00:00"))
    for words in ("forgotten", "nothing was known"):
        assert run_clap("http://127.0.0.1:9/", "nobody's", Config(), forget=True) == 0
        assert capsys.readouterr().out.startswith(words)
    assert json.loads(kept.read_bytes()) == []

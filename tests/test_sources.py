"""Sources from flags: what is said where there are none, and sound that is moved to its picture."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from parts import pulse
from parts.mjpeg import MjpegServer, numbered_jpegs

from realtime_cer.capture.offsets import Offset, write_offset
from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.commands.sources import ShiftedClock, open_sources
from realtime_cer.errors import Refused


class Named:
    """A source that has nothing but a name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.status, self.counters = SourceStatus("live", "", 0.0), Counters()

    def items(self, stop: object) -> object:
        raise NotImplementedError

    def close(self) -> None:
        pass


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REALTIME_CER_CONFIG", str(tmp_path))
    return tmp_path


def behind(clock: ShiftedClock) -> float:
    """By how many milliseconds a clock is late."""
    return (time.monotonic() - clock()) * 1000


def test_an_offset_that_is_configured_comes_before_one_that_was_measured(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_offset("cam", "mic", Offset(80.0, None, 2.0, "2026-11-22"))
    clock = ShiftedClock(-40.0)
    assert capsys.readouterr().err == "realtime-cer: sound is moved 40 ms later, as configured\n"
    clock.look([("camera", Named("cam")), ("microphone", Named("mic"))])  # type: ignore[list-item]  # a name is enough
    assert behind(clock) == pytest.approx(-40, abs=5)
    assert clock.facts == {"offset_ms": -40.0, "from": "configured"}
    assert capsys.readouterr().err == ""


def test_a_measured_offset_is_taken_when_both_names_are_known_and_told_once(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_offset("cam", "USB mic", Offset(80.0, None, 2.0, "2026-11-22"))
    camera, microphone = Named("cam"), Named("default")
    sources = [("camera", camera), ("microphone", microphone)]
    clock = ShiftedClock(None)
    clock.look(sources)  # type: ignore[arg-type]  # a name is enough
    assert behind(clock) == pytest.approx(0, abs=5)
    microphone.name = "USB mic"  # as when it is found after a while
    for _ in range(3):
        clock.look(sources)  # type: ignore[arg-type]  # a name is enough
    assert behind(clock) == pytest.approx(80, abs=5)
    assert clock.facts == {"offset_ms": 80.0, "from": "measured 2026-11-22"}
    assert capsys.readouterr().err == "realtime-cer: sound is moved 80 ms earlier, as measured 2026-11-22\n"


def test_a_measured_offset_stays_when_the_microphone_comes_back_under_another_number(store: Path) -> None:
    write_offset("cam", "USB Audio (hw:1,0)", Offset(80.0, None, 2.0, "2026-11-22"))
    camera, microphone = Named("cam"), Named("USB Audio (hw:1,0)")
    sources = [("camera", camera), ("microphone", microphone)]
    clock = ShiftedClock(None)
    for name, offset_ms in (("USB Audio (hw:1,0)", 80), ("USB Audio (hw:2,0)", 80), ("Line In (hw:2,0)", 0)):
        microphone.name = name
        clock.look(sources)  # type: ignore[arg-type]  # a name is enough
        assert behind(clock) == pytest.approx(offset_ms, abs=5)


def test_without_any_device_there_is_one_line(tmp_path: Path) -> None:
    env = os.environ | {"PULSE_SERVER": f"unix:{tmp_path}/none"}
    for words in ([], ["--camera", "none"], ["--microphone", "none"]):
        command = [sys.executable, "-m", "realtime_cer", "live", "--headless", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
        if done.returncode == 0:
            pytest.skip("there are devices here")
        assert done.returncode == 2
        [line] = done.stderr.splitlines()
        assert line.startswith("realtime-cer: no camera and no microphone: ")


def test_a_named_source_is_not_gone_without() -> None:
    with pytest.raises(Refused, match="No Such Camera"):
        open_sources("No Such Camera", None, False)


def test_the_real_program_moves_the_sound_and_keeps_that_with_the_session(store: Path, tmp_path: Path) -> None:
    if why := pulse.missing():
        pytest.skip(why)
    microphone = pulse.VirtualMicrophone()
    record = tmp_path / "sessions"
    try:
        with MjpegServer(numbered_jpegs(20, 480, 480), fps=25) as camera:
            write_offset(camera.url, "stage_microphone", Offset(-30.0, None, 2.0, "2026-11-22"))
            words = ["--camera", camera.url, "--microphone", "stage_microphone", "--engine", "cpu", "--duration", "2"]
            done = subprocess.run(
                [sys.executable, "-m", "realtime_cer", "live", "--headless", *words, "--record", str(record)],
                capture_output=True,
                text=True,
                timeout=60,
                env=os.environ | microphone.env,
            )
    finally:
        microphone.close()
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("sound is moved 30 ms later, as measured 2026-11-22") == 1
    [session] = record.iterdir()
    facts = json.loads((session / "session.json").read_text(encoding="utf-8"))
    assert facts["sound_moved"] == {"offset_ms": -30.0, "from": "measured 2026-11-22"}

"""The sound library: its names and rates, when it hangs or is missing, and looked at again and again."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from parts import pulse
from parts.listening import Listening, needs_pulse

from realtime_cer.capture import portaudio
from realtime_cer.capture.devices import microphone_problem, microphones
from realtime_cer.capture.microphone import Microphone, open_microphone
from realtime_cer.errors import Refused


@needs_pulse
def test_names_are_offered_and_devices_listed(stage: pulse.VirtualMicrophone) -> None:
    listed = {each.name: each for each in microphones()}
    assert {"stage_microphone", "stage_second", "default"} <= listed.keys()
    assert listed["default"].default
    assert microphone_problem() is None
    with pytest.raises(Refused, match=r"stage_microfone.*stage_microphone.*realtime-cer devices.*--wait"):
        open_microphone("stage_microfone")
    with pytest.raises(Refused, match=r"'stage' fits several.*stage_microphone.*stage_second"):
        open_microphone("stage", wait=True)
    with pytest.raises(Refused, match="'77'"):
        open_microphone(77)


@needs_pulse
def test_a_rate_that_is_refused(stage: pulse.VirtualMicrophone, monkeypatch: pytest.MonkeyPatch) -> None:
    library = portaudio.load()
    real, tried = library.InputStream, []

    def picky(*, samplerate: int, **rest: Any) -> Any:
        tried.append(samplerate)
        if samplerate != takes:
            raise library.PortAudioError("Error opening InputStream: Invalid sample rate [PaErrorCode -9997]")
        return real(samplerate=samplerate, **rest)

    monkeypatch.setattr(library, "InputStream", picky)
    takes = 48_000
    microphone = open_microphone("default")
    assert microphone.rate == 48_000
    microphone.close()
    takes = 1
    with pytest.raises(Refused, match="takes none of the sample rates 44100, 48000, 16000"):
        open_microphone("default")
    assert tried[0] == 44_100


def test_the_nearest_names_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["HDMI", "Line In", "Mix", "USB PnP Sound Device", "Webcam C920 Mono"]
    found = [portaudio.Input(k, name, "ALSA", 1, 48_000, k == 0) for k, name in enumerate(names)]
    monkeypatch.setattr(portaudio, "inputs", lambda: found)
    with pytest.raises(portaudio.Unavailable, match=r"nearest: Webcam C920 Mono"):
        portaudio.find("webcam c930")
    assert portaudio.find("c920").index == 4
    again = portaudio.find("c920", portaudio.Input(9, "USB PnP Sound Device", "ALSA", 1, 48_000, False))
    assert again.index == 3  # the one that was lost, under its new number, and no other
    with pytest.raises(portaudio.Unavailable, match="Gone is not there"):
        portaudio.find("c920", portaudio.Input(9, "Gone", "ALSA", 1, 48_000, False))


LOOKING = """
import psutil
from realtime_cer.capture import portaudio
from realtime_cer.inference.memory import trim

def resident():
    trim()
    return psutil.Process().memory_info().rss

for _ in range(10):
    portaudio.restart()
before = resident()
for _ in range(60):
    portaudio.restart()
print((resident() - before) / 60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the loss is one of ALSA's plugins")
def test_looking_for_an_absent_microphone_again_and_again_takes_no_memory(stage: pulse.VirtualMicrophone) -> None:
    done = subprocess.run([sys.executable, "-c", LOOKING], env=os.environ | stage.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 6000, "bytes for each look: 12,600 with the plugin loaded anew each time"


def test_portaudio_missing(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    code = "from realtime_cer.capture.microphone import open_microphone; open_microphone('default', wait=True)"
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, capture_output=True)
    assert b"Refused: the PortAudio library is missing: apt-get install libportaudio2" in done.stderr


def test_a_library_that_hangs_when_it_starts_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch, listen: Callable[[Microphone], Listening]
) -> None:
    go_on = threading.Event()

    def load() -> Any:
        go_on.wait(5)
        raise portaudio.Unavailable("the sound system does not start")

    monkeypatch.setattr(portaudio, "load", load)
    try:
        listening = listen(open_microphone("default", wait=True, open_timeout_s=0.1))
        listening.until(lambda: listening.microphone.status.detail.endswith("the sound system does not answer"), 2)
        with pytest.raises(Refused, match="the sound system does not answer; or wait for it with --wait"):
            open_microphone("default", open_timeout_s=0.1)
    finally:
        go_on.set()
    listening.until(lambda: listening.microphone.status.detail == "the sound system does not start", 2)

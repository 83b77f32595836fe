"""Which microphone is heard: the named one and no other, whatever a sound server puts in its place."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from parts import pulse
from parts.listening import Listening, needs_pulse

from realtime_cer.capture import portaudio
from realtime_cer.capture.microphone import Microphone, open_microphone
from realtime_cer.capture.soundserver import Watch


@needs_pulse
@pytest.mark.parametrize("spec", ["default", "stage_microphone"])
def test_another_microphone_is_taken_only_where_the_default_was_asked_for(
    stage: pulse.VirtualMicrophone,
    listen: Callable[[Microphone], Listening],
    monkeypatch: pytest.MonkeyPatch,
    spec: str,
) -> None:
    inputs, default = portaudio.inputs, "stage_microphone"

    def listed() -> list[portaudio.Input]:
        found = [each for each in inputs() if each.name in (default, "stage_second")]
        return [replace(each, default=each.name == default) for each in found]

    monkeypatch.setattr(portaudio, "inputs", listed)
    listening = listen(open_microphone(spec))
    listening.until(listening.is_in("live"), 4)
    assert listening.microphone.name == "stage_microphone"
    default = "stage_second"
    stage.kill()
    stage.start()
    detail = "stage_microphone is not there"
    if spec == "default":
        detail = "microphone stage_second at 44100 Hz, in place of stage_microphone: the system's default has changed"
    listening.until(lambda: detail in listening.microphone.status.detail, 6)
    assert listening.microphone.status.state == ("live" if spec == "default" else "retrying")


@pytest.fixture
def booth(stage: pulse.VirtualMicrophone, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Plugs in a second microphone, a loud one, which becomes the system's default; it is gone again afterwards."""
    noise = (0.5 * np.random.default_rng(0).standard_normal(20 * 48_000)).astype(np.float32)
    path = pulse.write_wav(tmp_path / "noise.wav", noise, 48_000)
    playing = []

    def plug() -> None:
        stage.plug("booth", default=False)
        playing.append(stage.play(path, "booth"))
        stage.choose("booth")

    yield plug
    for each in playing:
        each.kill()
        each.wait(5)
    stage.choose("stage")
    stage.unplug("booth")


@needs_pulse
def test_another_microphone_in_place_of_the_named_one_is_not_taken(
    stage: pulse.VirtualMicrophone, listen: Callable[[Microphone], Listening], booth: Callable[[], None]
) -> None:
    listening = listen(open_microphone("stage_microphone"))
    listening.until(lambda: len(listening.came) > 10, 3)
    where = "the sound server gave another microphone in its place: Monitor of Booth"
    booth()  # a new default alone takes the stream along
    listening.until(lambda: where in listening.microphone.status.detail, 5)
    listening.until(listening.is_in("live"), 8)
    stage.unplug()
    listening.until(lambda: where in listening.microphone.status.detail, 5)
    time.sleep(0.5)
    assert listening.microphone.status.state in ("lost", "retrying")
    stage.plug(default=False)
    before = len(listening.came)
    listening.until(lambda: len(listening.came) > before + 10, 8)
    assert listening.microphone.status.state == "live"
    loud = [block for block in listening.blocks if np.abs(block.samples).max() > 0.1]
    assert len(loud) < 10  # of 0.05 s; never for long


@needs_pulse
def test_another_default_is_taken_and_told(
    stage: pulse.VirtualMicrophone, listen: Callable[[Microphone], Listening], booth: Callable[[], None]
) -> None:
    listening = listen(open_microphone("default"))
    listening.until(lambda: len(listening.came) > 10, 3)
    booth()
    told = "Monitor of Booth in place of Monitor of Stage: the system's default has changed"
    listening.until(lambda: told in listening.microphone.status.detail, 5)
    listening.until(lambda: np.abs(listening.blocks[-1].samples).max() > 0.1, 5)
    assert listening.microphone.status.state == "live"
    assert listening.microphone.counters.reopened == 0


def test_without_a_sound_server_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/nowhere")
    before = set(threading.enumerate())
    watch = Watch()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()
    assert watch.origin is None

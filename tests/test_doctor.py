"""``doctor`` and ``devices``: what they find on this machine, and the faults they must name with their remedy."""

import importlib.metadata
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from rich.console import Console

from realtime_cer.capture.devices import DeviceInfo
from realtime_cer.commands import devices, libraries
from realtime_cer.commands.doctor import networks, run_doctor
from realtime_cer.inference.manifest import engines_folder

SOUND_LIBRARY = "import ctypes.util; ctypes.util.find_library = lambda name: None\n"


def command(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the program as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "realtime_cer", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )


def checked(done: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, Any]]:
    """The checks of ``doctor --json`` by name."""
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def test_doctor_finds_this_installation_complete() -> None:
    done = command("doctor", "--json")
    table = json.loads(done.stdout)
    assert table["failed"] == []
    assert table["ok"]
    assert done.returncode == 0
    assert done.stderr == "", "native libraries keep quiet"
    assert done.stdout.count("\n") == 1
    found = checked(done)
    for name in (
        "Python",
        "numpy",
        "mediapipe",
        "OpenCV",
        "PortAudio",
        "face bundle",
        "voice network",
        "network static",
    ):
        assert found[name]["ok"] is True, name
    assert found["torch"]["found"] == importlib.metadata.version("torch")
    assert "research" in found["network static"]["found"], "the licence is shown"
    assert {"cameras", "microphones", "GPU", "screen", "cache folder", "disk", "memory", "engine cpu"} <= set(found)


def test_doctor_for_people_ends_with_one_summary_line() -> None:
    done = command("doctor")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok   Python")
    assert lines[-2] == ""
    assert lines[-1].startswith("everything needed is there" if done.returncode == 0 else f"{lines[-1].split()[0]} of ")
    assert max(map(len, lines)) <= 80


def test_doctor_does_not_load_torch() -> None:
    script = (
        "import sys; from realtime_cer.commands.doctor import checks; list(checks()); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_a_missing_portaudio_is_named_with_its_remedy(tmp_path: Path) -> None:
    # A search that finds nothing is what a machine without the library has; Python runs this file at its start.
    (tmp_path / "sitecustomize.py").write_text(SOUND_LIBRARY, encoding="utf-8")
    done = command("doctor", "--json", PYTHONPATH=str(tmp_path))
    found = checked(done)
    assert found["PortAudio"]["ok"] is False
    assert "apt-get install libportaudio2" in found["PortAudio"]["remedy"]
    assert found["sounddevice"]["ok"] is True, "one fault, one failure"
    assert done.returncode == 1
    assert "PortAudio" in json.loads(done.stdout)["failed"]
    listed = command("devices", PYTHONPATH=str(tmp_path))
    assert "libportaudio2" in listed.stdout
    assert listed.returncode == 0


def test_doctor_survives_a_broken_opencv(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file')", encoding="utf-8"
    )
    done = command("doctor", "--json", PYTHONPATH=str(tmp_path))
    found = checked(done)
    assert found["opencv-python"]["ok"] is False
    assert "libGL.so.1" in found["opencv-python"]["found"]
    assert "apt-get install libgl1" in found["opencv-python"]["remedy"]
    assert found["face bundle"]["ok"] is False
    assert found["memory"], "the rest is checked all the same"
    assert done.returncode == 1
    assert done.stderr == ""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a copy of the static network."""
    for name in ("static.toml", "static.onnx"):
        shutil.copy(engines_folder() / name, tmp_path)
    return tmp_path


def network(folder: Path, name: str = "static") -> libraries.Check:
    return next(check for check in networks(folder) if check.name == f"network {name}")


def test_altered_networks_are_found(copy: Path) -> None:
    assert network(copy).ok is True
    assert network(copy, "acoustic").ok is False
    assert "no manifest" in network(copy, "acoustic").found
    manifest, file = copy / "static.toml", copy / "static.onnx"

    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    broken = network(copy)
    assert broken.ok is False
    assert "altered" in broken.found
    assert "restore" in (broken.remedy or "")

    file.write_bytes(content[:1000])
    assert "altered or truncated" in network(copy).found

    file.unlink()
    assert "cannot be read" in network(copy).found

    manifest.write_text(manifest.read_text(encoding="utf-8")[:200], encoding="utf-8")
    broken = network(copy)
    assert broken.ok is False
    assert "static.toml" in broken.found
    assert broken.remedy


def test_one_broken_network_gives_exit_code_1(copy: Path) -> None:
    (copy / "static.onnx").write_bytes(b"")
    written = io.StringIO()
    assert run_doctor(Console(file=written, width=100), folder=copy) == 1
    shown = written.getvalue()
    assert "FAIL network static" in shown
    assert "→ " in shown
    assert "network static" in shown.splitlines()[-1]


def test_libraries_of_another_version_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    old = libraries.library(Requirement("numpy>=99"))
    assert old.ok is False
    assert old.remedy == 'pip install --force-reinstall "numpy>=99"'
    none = libraries.library(Requirement("realtime-cer-no-such-library>=1"))
    assert (none.ok, none.found) == (False, "not installed")
    assert none.remedy == 'pip install "realtime-cer-no-such-library>=1"'

    versions = {"opencv-python": "4.9.0", "opencv-contrib-python": "4.13.0"}
    monkeypatch.setattr(importlib.metadata, "version", versions.__getitem__)
    twins = libraries.opencv_twins()
    assert twins.ok is False
    assert twins.remedy == "pip install --force-reinstall opencv-python==4.13.0 opencv-contrib-python==4.13.0"


def test_devices_gives_json() -> None:
    done = command("devices", "--json")
    table = json.loads(done.stdout)
    assert done.returncode == 0
    assert done.stderr == ""
    assert {"cameras", "microphones", "engines", "problems"} == set(table)
    assert [one["name"] for one in table["engines"] if one["available"]] == ["cpu"]
    for kind in ("camera", "microphone"):
        assert bool(table[f"{kind}s"]) != bool(table["problems"][kind]), "either a device or what to do"


def shown_devices(monkeypatch: pytest.MonkeyPatch, cameras: list[DeviceInfo], microphones: list[DeviceInfo]) -> str:
    monkeypatch.setattr("realtime_cer.capture.devices.cameras", lambda: cameras)
    monkeypatch.setattr("realtime_cer.capture.devices.microphones", lambda: microphones)
    monkeypatch.setattr("realtime_cer.capture.devices.microphone_problem", lambda: None)
    written = io.StringIO()
    assert devices.run_devices(Console(file=written, width=100)) == 0
    return written.getvalue()


def test_devices_gives_the_words_to_select_each(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = shown_devices(
        monkeypatch,
        [DeviceInfo("Front camera", "0", default=True), DeviceInfo("Other", "2", detail="no permission")],
        [DeviceInfo("USB Audio", "USB Audio", rate=48000)],
    )
    rows = {line.split("  ")[1]: line for line in shown.splitlines() if line.startswith("  --")}
    assert "Front camera · taken by default" in rows["--camera 0"]
    assert "no permission" in rows["--camera 2"]
    assert "48000 Hz" in rows['--microphone "USB Audio"']
    assert "--engine cpu" in rows
    assert "none" not in shown


def test_devices_lists_every_engine_with_the_reason_against_it_and_what_auto_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = {"tensorrt": "tensorrt is not installed", "tensorrt-rtx": "tensorrt-rtx needs an NVIDIA GPU"}
    monkeypatch.setattr("realtime_cer.inference.engine.absent", missing.get)
    rows = {line[2:31].strip(): line[31:] for line in shown_devices(monkeypatch, [], []).splitlines()}
    assert rows["--engine auto"] == "the fastest that is there: cuda · taken by default"
    assert rows["--engine tensorrt"] == "tensorrt is not installed"
    assert rows["--engine tensorrt-rtx"] == "tensorrt-rtx needs an NVIDIA GPU"
    assert rows["--engine cuda"] == "ready"
    assert rows["--engine cpu"].startswith("ONNX Runtime")


@pytest.mark.parametrize(
    ("system", "words"),
    [("linux", "group video"), ("darwin", "System Settings"), ("win32", "Settings"), ("freebsd14", "plug one in")],
)
def test_without_devices_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, system: str, words: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    shown = " ".join(shown_devices(monkeypatch, [], []).split())
    assert words in shown
    assert "--camera FILE" in shown
    assert "--microphone none" in shown

"""``devices``: cameras, microphones and engines, each with the words to select it."""

import importlib.metadata
import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from realtime_cer.commands.console import Talk

if TYPE_CHECKING:
    from realtime_cer.capture.devices import DeviceInfo

_NO_CAMERA = {
    "linux": "plug one in; if it is there (ls /dev/video*), add yourself to the group video:"
    " sudo usermod -aG video $USER, then log in anew",
    "darwin": "plug one in; allow it under System Settings, Privacy & Security, Camera",
    "win32": "plug one in; allow it under Settings, Privacy & security, Camera",
}
_NO_MICROPHONE = {
    "linux": "plug one in; if it is there (arecord -l), add yourself to the group audio:"
    " sudo usermod -aG audio $USER, then log in anew",
    "darwin": "plug one in; allow it under System Settings, Privacy & Security, Microphone",
    "win32": "plug one in; allow it under Settings, Privacy & security, Microphone",
}
_ELSE = {
    "camera": "a network camera or a file also does: --camera http://… or --camera FILE",
    "microphone": "without sound: --microphone none",
}


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What runs the networks: ``select`` goes to ``--engine``; ``available`` is whether it runs on this machine."""

    name: str
    select: str
    available: bool
    detail: str


def engines() -> list[EngineInfo]:
    """Every engine the program knows, fastest first."""
    from realtime_cer.inference.engine import BACKENDS, absent

    found = []
    for name in BACKENDS:
        reason = absent(name)
        there, detail = reason is None, reason or "ready"
        if name == "cpu":
            try:
                detail = f"ONNX Runtime {importlib.metadata.version('onnxruntime')}"
            except importlib.metadata.PackageNotFoundError:
                there, detail = False, "onnxruntime is not installed"
        found.append(EngineInfo(name, name, there, detail))
    return found


def remedy(kind: str) -> str:
    """What to do where there is no camera or no microphone."""
    words = _NO_CAMERA if kind == "camera" else _NO_MICROPHONE
    return words.get(sys.platform, "plug one in")


def run_devices(console: Console | None = None, *, as_json: bool = False) -> int:
    """The ``devices`` command; gives the exit code, which is 0 also where nothing is plugged in."""
    from realtime_cer.capture.devices import cameras, microphone_problem, microphones

    console = console or Talk()
    seen, heard, problem, running = cameras(), microphones(), microphone_problem(), engines()
    if as_json:
        table = {
            "cameras": [asdict(one) for one in seen],
            "microphones": [asdict(one) for one in heard],
            "engines": [asdict(one) for one in running],
            "problems": {
                "camera": None if seen else remedy("camera"),
                "microphone": problem or (None if heard else remedy("microphone")),
            },
        }
        console.file.write(json.dumps(table, ensure_ascii=False) + "\n")
        return 0
    _devices(console, "camera", seen, None)
    _devices(console, "microphone", heard, problem)
    console.print(Text("engines", "bold"))
    best = next((one.name for one in running if one.available), "none")
    _row(console, "--engine auto", f"the fastest that is there: {best} · taken by default")
    for one in running:
        style = "" if one.available else "dim"
        _row(console, f"--engine {one.select}", one.detail, style)
    return 0


def flag(kind: str, device: "DeviceInfo") -> str:
    """The words that select a device, ready to paste."""
    chosen = device.select
    return f'--{kind} "{chosen}"' if " " in chosen else f"--{kind} {chosen}"


def _devices(console: Console, kind: str, found: "list[DeviceInfo]", problem: str | None) -> None:
    console.print(Text(f"{kind}s", "bold"))
    for device in found:
        rate = f"{device.rate} Hz" if device.rate else ""
        facts = [device.name, rate, device.detail, "taken by default" if device.default else ""]
        _row(console, flag(kind, device), " · ".join(fact for fact in facts if fact))
    if not found:
        _row(console, "none", problem or remedy(kind), "dim" if problem is None else "")
        _row(console, "", _ELSE[kind], "dim")
    console.print()


def _row(console: Console, first: str, second: str, style: str = "") -> None:
    """Two columns; what is too long goes on under the second."""
    lines = Text(second).wrap(console, max(console.width - 31, 20))
    for n, line in enumerate(lines):
        console.print(Text(f"  {first if n == 0 else '':<28} ", style).append_text(line), soft_wrap=True)

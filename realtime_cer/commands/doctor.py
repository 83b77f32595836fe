"""``doctor``: what the program needs, what it found, and what to do about each failure."""

import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from realtime_cer.commands.console import Talk
from realtime_cer.commands.devices import engines, remedy
from realtime_cer.commands.libraries import Check, libraries
from realtime_cer.errors import Refused

_NETWORKS = ("static", "dynamic", "acoustic")
_GIB = 1 << 30


def checks(folder: Path | None = None) -> Iterator[Check]:
    """Every check, one after the other; none raises.

    Parameters
    ----------
    folder : where the networks are; by default those shipped with the program
    """
    yield _python()
    yield Check("system", True, f"{platform.system()} {platform.release()}, {platform.machine()}", None)
    yield from _guarded("libraries", libraries)
    yield from _guarded("face bundle", _face_bundle)
    yield from _guarded("voice network", _voice_network)
    yield from _guarded("networks", lambda: networks(folder))
    yield from _guarded("profiles", sets)
    yield from _guarded("engines", _backends)
    yield from _guarded("devices", _devices)
    yield _gpu()
    yield _screen()
    yield from _guarded("room", _room)


def _guarded(name: str, look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Checks of one kind. They import what they check, so where that is broken they cannot even start."""
    try:
        yield from look()
    except Exception as error:  # told as a failed check
        yield Check(name, False, f"not checked: {_short(error)}", "first repair the libraries above")


def run_doctor(console: Console | None = None, *, as_json: bool = False, folder: Path | None = None) -> int:
    """The ``doctor`` command; gives 0 where everything needed is there, and 1 where something is not."""
    console = console or Talk()
    done = []
    for check in checks(folder):
        done.append(check)
        if not as_json:
            _show(console, check)
    failed = [check.name for check in done if check.ok is False]
    if as_json:
        table = {"ok": not failed, "failed": failed, "checks": [asdict(check) for check in done]}
        console.file.write(json.dumps(table, ensure_ascii=False) + "\n")
        return int(bool(failed))
    notes = sum(check.ok is None and check.remedy is not None for check in done)
    with_notes = f", {notes} {'note' if notes == 1 else 'notes'}" if notes else ""
    console.print()
    if failed:
        summary = f"{len(failed)} of {len(done)} checks failed: {', '.join(failed)}{with_notes}"
        console.print(Text(summary, "bold red"))
    else:
        console.print(Text(f"everything needed is there{with_notes}", "bold green"))
    return int(bool(failed))


def _show(console: Console, check: Check) -> None:
    mark, style = {True: ("ok", "green"), False: ("FAIL", "bold red"), None: ("-", "yellow")}[check.ok]
    indent = 28
    for n, line in enumerate(Text(check.found).wrap(console, max(console.width - indent, 20))):
        head = Text.assemble((f"{mark:<5}", style), f"{check.name:<22} ") if n == 0 else Text(" " * indent)
        console.print(head.append_text(line), soft_wrap=True)
    if check.remedy is not None and check.ok is not True:
        for n, line in enumerate(Text(check.remedy).wrap(console, max(console.width - indent - 2, 20))):
            console.print(Text(" " * indent + ("→ " if n == 0 else "  "), style).append_text(line), soft_wrap=True)


def _python() -> Check:
    version = platform.python_version()
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check("Python", fits, version, "use Python 3.11, 3.12 or 3.13")


def _face_bundle() -> Iterator[Check]:
    from realtime_cer.perception.face import bundle_path

    name = "face bundle"
    try:
        path = bundle_path()
    except Refused as refusal:
        what, _, to_do = str(refusal).partition(": ")
        yield Check(name, False, what, to_do)
    else:
        yield Check(name, True, f"{path.name}, {path.stat().st_size / 1e6:.1f} MB, hash verified", None)


def _voice_network() -> Iterator[Check]:
    import numpy as np

    from realtime_cer.inference.silero import BLOCK, Silero

    name, again = "voice network", "pip install --force-reinstall silero-vad"
    try:
        heard = Silero()(np.zeros(BLOCK, np.float32))
    except Exception as error:  # whatever ONNX Runtime raises for a file that is no network
        yield Check(name, False, _short(error), again)
    else:
        yield Check(name, heard < 0.5, f"silero, runs; speech in silence: {heard:.2f}", again)


def networks(folder: Path | None = None) -> Iterator[Check]:
    """Every network: its manifest, its hash, whether it runs, and its licence."""
    from realtime_cer.inference.engine import load
    from realtime_cer.inference.manifest import engines_folder

    folder = folder or engines_folder()
    manifests = (path for path in folder.glob("*.toml") if path.with_suffix(".onnx").exists())
    others = sorted({path.stem for path in manifests} - set(_NETWORKS))
    for name in (*_NETWORKS, *others):
        try:
            manifest = load(name, folder=folder).manifest
        except Refused as refusal:
            what, _, to_do = str(refusal).rpartition("; ")
            yield Check(f"network {name}", False, what or to_do, to_do if what else "reinstall the package")
        except Exception as error:  # told as a failed check
            yield Check(f"network {name}", False, _short(error), "reinstall the package")
        else:
            found = f"version {manifest.version}, hash verified, runs; licence: {manifest.licence}"
            yield Check(f"network {name}", True, found, None)


def sets() -> Iterator[Check]:
    """Every profile: what it is, and how it is used unless the user says otherwise."""
    from realtime_cer.config import load_weights
    from realtime_cer.inference.profile import profiles, read_profile

    for name in profiles():
        try:
            profile = read_profile(name)
            weights = load_weights(profile.weights)
        except Refused as refusal:
            what, _, to_do = str(refusal).rpartition("; ")
            yield Check(f"profile {name}", False, what or to_do, to_do if what else "restore or remove it")
        else:
            rule = profile.rule.removeprefix("rule")
            found = f"{profile.title}; crop {profile.crop}, weights {weights.name}, rule {rule}"
            yield Check(f"profile {name}", True, found, None)


def _backends() -> Iterator[Check]:
    for engine in engines():
        needed = engine.name == "cpu"
        ok = True if engine.available else False if needed else None
        yield Check(f"engine {engine.name}", ok, engine.detail, "pip install onnxruntime" if needed else None)


def _devices() -> Iterator[Check]:
    from realtime_cer.capture.devices import cameras, microphones

    found = {"camera": cameras(), "microphone": microphones()}
    for kind, devices in found.items():
        names = ", ".join(f"{device.name} (--{kind} {device.select})" for device in devices)
        yield Check(f"{kind}s", True if devices else None, names or "none", None if devices else remedy(kind))


def _gpu() -> Check:
    import subprocess

    program = shutil.which("nvidia-smi")
    if program is None:
        return Check("GPU", None, "no NVIDIA driver; the CPU does the work", None)
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("GPU", None, f"nvidia-smi gives no answer: {_short(error)}", None)
    lines = "; ".join(done.stdout.split("\n")[:4]).strip("; ")
    if done.returncode != 0 or not lines:
        return Check("GPU", None, "an NVIDIA driver, but no GPU that answers; the CPU does the work", None)
    return Check("GPU", True, lines, None)


def _screen() -> Check:
    if not sys.platform.startswith("linux"):
        return Check("screen", True, "the system's own", None)
    for name in ("WAYLAND_DISPLAY", "DISPLAY"):
        if os.environ.get(name):
            return Check("screen", True, f"{name}={os.environ[name]}", None)
    return Check("screen", None, "none; the terminal does", None)


def _room() -> Iterator[Check]:
    from realtime_cer.inference.cache import folder

    cache = folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
    except OSError as error:
        yield Check("cache folder", None, f"{cache} cannot be written: {error.strerror}", f"make {cache} yours")
    else:
        yield Check("cache folder", True, str(cache), None)
    free = shutil.disk_usage(_existing(cache)).free / _GIB
    yield Check("disk", True if free >= 1 else None, f"{free:.1f} GiB free", "free at least 1 GiB")
    memory = _free_memory()
    if memory is None:
        yield Check("memory", None, "not known on this system", None)
    else:
        yield Check(
            "memory",
            True if memory >= 1 else None,
            f"{memory:.1f} GiB free",
            "close other programs: live needs almost 1 GiB",
        )


def _existing(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if one.exists())


def _free_memory() -> float | None:
    """GiB of memory that programs may still take, as far as the system tells."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 / _GIB
        return None
    except (OSError, ValueError):
        return None


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

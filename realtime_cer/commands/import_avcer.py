"""``import-avcer``: the authors' three checkpoint files become a profile."""

import importlib.util
import json
import os
import re
import tempfile
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from realtime_cer.commands.console import Talk
from realtime_cer.config import DEFAULT_PROFILE, PROFILE_NAME
from realtime_cer.errors import Refused
from realtime_cer.inference import profile
from realtime_cer.inference.manifest import sha256

FILES = {
    "static": ("FER_static_ResNet50_AffectNet.pt",),
    "dynamic": ("FER_dinamic_LSTM_Aff-Wild2.pt",),
    "acoustic": ("epoch_63.pth", "epoch_51.pth"),
}
"""As the authors call them. The first acoustic file, of 8 classes, is their default."""

_NEEDED = ("onnx", "onnxscript")


def run_import(folder: Path, name: str = "avcer", overwrite: bool = False) -> int:
    """The ``import-avcer`` command; gives the exit code.

    Parameters
    ----------
    folder : with the authors' files, each there or one folder down
    name : of the profile
    overwrite : replace a profile of that name

    Raises
    ------
    Refused
        The name is no name or is taken, files are missing or are not what they should be, what export needs is not
        installed, or the profile cannot be written. Then nothing has changed.
    """
    target = _target(name, overwrite)
    try:
        files = find(folder)
    except OSError as error:
        raise Refused(f"{folder} cannot be read ({error.strerror}): name the folder with the authors' files") from None
    absent = [package for package in _NEEDED if importlib.util.find_spec(package) is None]
    if absent:
        raise Refused(f"import-avcer needs {' and '.join(absent)}: run pip install 'realtime-cer[train]'")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as scratch:
            made = Path(scratch) / name
            made.mkdir()
            _make(made, files)
            _swap(made, target, Path(scratch) / "old")
    except OSError as error:
        raise Refused(
            f"profile {target} cannot be written ({error.strerror or error}): make room there, or name another folder"
            " with REALTIME_CER_PROFILES"
        ) from None
    console = Talk()
    for model, path in files.items():
        console.print(f"{model}: {path}")
    console.print(f"profile {name}: {target}")
    console.print(f"next: realtime-cer live --profile {name}")
    return 0


def find(folder: Path) -> dict[str, Path]:
    """The authors' files by model, in ``folder`` or one folder down.

    Raises
    ------
    Refused
        Files are missing, or there are several of one name.
    """
    if not folder.is_dir():
        raise Refused(f"{folder} is no folder: name the one with the authors' checkpoint files")
    found: dict[str, Path] = {}
    missing = []
    for model, names in FILES.items():
        there = next((paths for name in names if (paths := _everywhere(folder, name))), [])
        if len(there) > 1:
            raise Refused(
                f"{folder} holds {there[0].name} {len(there)} times: keep one of {', '.join(map(str, there))}"
            )
        if there:
            found[model] = there[0]
        else:
            missing.append(" or ".join(names))
    if missing:
        raise Refused(f"{folder} lacks {', '.join(missing)}: put the authors' files there under their own names")
    return found


def _everywhere(folder: Path, name: str) -> list[Path]:
    return [path for path in (folder / name, *sorted(folder.glob(f"*/{name}"))) if path.is_file()]


def _target(name: str, overwrite: bool) -> Path:
    """Where the profile will be, once its name may be used."""
    if not re.fullmatch(PROFILE_NAME, name) or name == DEFAULT_PROFILE:
        raise Refused(
            f"no profile can be called {name!r}: use up to 64 small letters, digits, - and _, not {DEFAULT_PROFILE}"
        )
    target = profile.profiles_folder() / name
    if target.exists() and not overwrite:
        raise Refused(f"there is a profile {name} in {target}: replace it with --overwrite, or give another --name")
    return target


def _make(folder: Path, files: dict[str, Path]) -> None:
    """Write the whole profile into an empty folder."""
    from realtime_cer.models import avcer
    from realtime_cer.models.avcer_export import write_network

    console = Talk(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading", total=1 + len(files))
        # All are read before the first is exported, so that a wrong file is told of at once.
        acoustic = avcer.load_acoustic(files["acoustic"])
        networks = {
            "static": avcer.load_static(files["static"]),
            "dynamic": avcer.load_dynamic(files["dynamic"]),
            "acoustic": acoustic,
        }
        progress.advance(task)
        for model, network in networks.items():
            progress.update(task, description=f"{model}: export and comparison with torch")
            write_network(model, network, folder, {"file": files[model].name, "sha256": sha256(files[model])})
            progress.advance(task)
    (folder / profile.FILE).write_text(_profile(folder.name, acoustic.classes), encoding="utf-8")


def _profile(name: str, classes: int) -> str:
    """``profile.toml`` for an acoustic network trained on that many classes."""
    values = {
        "name": name,
        "title": "AVCER, the networks of the paper",
        "crop": "box",
        "weights": f"avcer-{classes}cl",
        "rule": "rule1" if classes == 8 else "rule2",  # Rule 1 is made for weights without v, and avcer-7cl has one
        # The authors used their 7-class network with windows repeated to length, 1 s apart.
        "padding": "mean" if classes == 8 else "repeat",
        "sound_step_s": 0.5 if classes == 8 else 1.0,
        "notes": f"imported from the authors' checkpoints; the acoustic network has {classes} classes",
    }
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def _swap(made: Path, target: Path, old: Path) -> None:
    """Put the finished profile in its place; what was there is kept until then."""
    if target.exists():
        os.rename(target, old)
    try:
        os.rename(made, target)
    except OSError:
        if old.exists():
            os.rename(old, target)
        raise

"""Which room may import which, and what a live start must not load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "realtime_cer"

# Small things without a room of their own, which everyone may use.
LEAVES = {"errors", "quiet", "palette", "told", "whole"}
MATHS = {"labels", "records"}
BELOW_PIPELINE = {
    "labels", "records", "config", "fusion", "rules", "buffers", "metrics", "control",
    "capture", "inference", "perception", "sinks",
}  # fmt: skip
MAY_IMPORT = {
    "labels": {"labels"},
    "records": {"labels"},
    "config": MATHS | {"fusion", "rules"},
    "fusion": MATHS,
    "rules": MATHS | {"fusion"},
    "buffers": MATHS,
    "metrics": MATHS,
    "control": MATHS,
    "smoothing": MATHS,
    "why": MATHS | {"fusion", "rules"},
    # A manifest's class order is held against labels; a profile names one of the rules.
    "inference": {"config", "labels", "records", "rules"},
    "perception": MATHS | {"config", "inference"},
    "capture": MATHS | {"config", "buffers"},
    "sinks": MATHS | {"config", "buffers"},
    "kiosk": MATHS,
    "preferences": MATHS | {"config", "rules"},
    "pipeline": BELOW_PIPELINE,
    "sessions": BELOW_PIPELINE | {"pipeline", "smoothing"},
    "ui": MATHS | {"config", "buffers", "control", "smoothing", "kiosk"},
    "models": {"labels", "fusion", "rules", "metrics", "config", "records", "perception", "inference", "training"},
    "training": {"labels", "fusion", "rules", "metrics", "config", "records", "perception", "inference", "models"},
}
COMPOSITION = {"cli", "batch", "commands", "__main__", "__init__"}


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "realtime_cer":
                names = [f"realtime_cer.{alias.name}" for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("realtime_cer.")}
    return rooms - {"__version__"}


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_rooms_import_only_what_they_may(path: Path) -> None:
    room = room_of(path)
    if room in COMPOSITION:
        return
    allowed = set() if room in LEAVES else MAY_IMPORT[room] | LEAVES | {room}
    assert imported_rooms(path) <= allowed, f"{room} may import {sorted(allowed)}"


def test_nobody_imports_models_and_training_but_the_composition_root() -> None:
    for path in FILES:
        if room_of(path) not in COMPOSITION | {"models", "training"}:
            assert not imported_rooms(path) & {"models", "training", "cli", "commands"}, path


def test_every_python_file_is_short_enough_to_hold_one_thing() -> None:
    long = {str(p): n for p in FILES if (n := len(p.read_text(encoding="utf-8").splitlines())) > 300}
    assert not long


START = """
import sys
from realtime_cer import cli
from realtime_cer.commands import live, run, demo
from realtime_cer.config import Config
from realtime_cer.pipeline.steps import load_perception
import realtime_cer.capture.camera, realtime_cer.capture.microphone, realtime_cer.capture.media
import realtime_cer.ui.terminal
load_perception(Config()).close()
print(",".join(name for name in ("torch", "PyQt6", "skimage", "onnx") if name in sys.modules))
"""


def test_the_live_path_needs_neither_torch_nor_qt() -> None:
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""
    assert done.stderr == ""  # native libraries keep quiet too

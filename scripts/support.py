"""What the project's scripts share. Uses the standard library alone, so that any Python 3 can start them."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]


def start(module: str) -> NoReturn:
    """Run ``main`` of one of the package's modules that need the training extra, and end with its exit code."""
    sys.path.insert(0, str(ROOT))
    use_environment()
    try:
        main = importlib.import_module(module).main
    except ModuleNotFoundError as error:
        name = Path(sys.argv[0]).name
        print(f"{name}: {error}: run pip install -e '.[train]' in the project's environment", file=sys.stderr)
        sys.exit(2)
    sys.exit(main())


def use_environment() -> None:
    """Go on in the project's virtual environment, if this Python lacks the project's packages."""
    if all(importlib.util.find_spec(name) for name in ("realtime_cer", "onnxruntime", "pydantic")):
        return
    folder = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    python = ROOT / ".venv" / folder
    if not python.exists() or Path(sys.prefix).resolve() == (ROOT / ".venv").resolve():
        print("the project is not set up: run scripts/test or scripts/demo once first", file=sys.stderr)
        sys.exit(2)
    os.execv(python, [str(python), *sys.argv])

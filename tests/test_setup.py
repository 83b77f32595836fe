"""The set-up that scripts/demo and scripts/test share, with the system's tools replaced by small doubles."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the scripts in a folder with a space, with tools that only tell what they were asked."""
    folder = tmp_path / "a checkout"
    (folder / "scripts").mkdir(parents=True)
    for name in ("_setup.sh", "demo", "test"):
        shutil.copy(ROOT / "scripts" / name, folder / "scripts")
    shutil.copy(ROOT / "pyproject.toml", folder)
    tools = tmp_path / "tools"
    tools.mkdir()
    tell = f'echo "$(basename "$0") $*" >>"{tmp_path}/told"'
    doubles = {
        "dpkg-query": """case "$*" in *libgl1*) echo installed; exit 1;; *) exit 1;; esac""",
        "apt-get": tell,
        "id": "echo ${FAKE_ID:-0}",
        "python3": f"""{tell}
case "$*" in
  *--clear*) mkdir -p "${{@: -1}}/bin"; cp "$0" "${{@: -1}}/bin/python" ;;
  *"pip install"*) cp "$0" "$(dirname "$0")/realtime-cer" ;;
esac""",
    }
    for name, body in doubles.items():
        path = tools / name
        path.write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
        path.chmod(0o755)
    return folder


def run(checkout: Path, command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Source the set-up as the scripts do, and run a command of it."""
    return subprocess.run(
        ["bash", "-c", f'set -euo pipefail; source "{checkout}/scripts/_setup.sh"; {command}'],
        env={**os.environ, "PATH": f"{checkout.parent}/tools:{os.environ['PATH']}", **env},
        capture_output=True,
        text=True,
        timeout=30,
    )


def told(checkout: Path) -> list[str]:
    path = checkout.parent / "told"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_only_missing_system_packages_are_installed(checkout: Path) -> None:
    done = run(checkout, "system_packages libgl1 libportaudio2")
    assert done.returncode == 0, done.stderr
    assert told(checkout)[-1] == "apt-get install -y --no-install-recommends libportaudio2"
    (checkout.parent / "told").unlink()
    assert run(checkout, "system_packages libgl1").returncode == 0
    assert told(checkout) == []


def test_without_rights_the_command_is_printed(checkout: Path) -> None:
    done = run(checkout, "system_packages libgl1 libportaudio2 || echo refused", FAKE_ID="1000")
    assert "refused" in done.stdout
    assert "sudo apt-get install --no-install-recommends libportaudio2" in done.stderr
    assert told(checkout) == []


def test_python_packages_are_installed_once(checkout: Path) -> None:
    first = run(checkout, 'python_packages "[dev]"')
    assert first.returncode == 0, first.stderr
    assert sum("pip install" in line for line in told(checkout)) == 1
    for extras in ("[dev]", ""):  # what serves the tests serves the demo
        again = run(checkout, f'python_packages "{extras}"')
        assert again.returncode == 0, again.stderr
        assert again.stdout == ""
    assert sum("pip install" in line for line in told(checkout)) == 1


def test_a_changed_project_file_installs_again_and_the_demo_is_not_enough_for_the_tests(checkout: Path) -> None:
    for command, count in (('python_packages ""', 1), ('python_packages "[dev]"', 2), ('python_packages ""', 2)):
        assert run(checkout, command).returncode == 0
        assert sum("pip install" in line for line in told(checkout)) == count
    with (checkout / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert run(checkout, 'python_packages ""').returncode == 0
    assert sum("pip install" in line for line in told(checkout)) == 3


@pytest.mark.parametrize("name", ["demo", "test"])
def test_help_sets_nothing_up(checkout: Path, name: str) -> None:
    done = subprocess.run([checkout / "scripts" / name, "--help"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert "usage: scripts/" in done.stdout
    assert not (checkout / ".venv").exists()

"""The kiosk as a service: what systemd is told, and the unit, checked by systemd's own tool where there is one."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from parts.supervised import supervise

from realtime_cer.commands import kiosk
from realtime_cer.commands.child import Ending

ROOT = Path(__file__).parents[1]


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endings: list[Ending], logs: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        systemd = kiosk.Systemd()
        assert "NOTIFY_SOCKET" not in os.environ
        systemd.well()
        systemd.well()
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        endings[:] = [Ending(0, "ended")]
        supervise()
        assert [ear.recv(99) for _ in range(3)] == [b"WATCHDOG=1", b"READY=1", b"STOPPING=1"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = (ROOT / "scripts" / "realtime-cer-kiosk.service").read_text(encoding="utf-8")
    [command] = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    copy = tmp_path / "realtime-cer-kiosk.service"
    copy.write_text(unit.replace(command.split()[0], f"ExecStart={sys.executable}"), encoding="utf-8")
    words = ["systemd-analyze", "verify", "--man=no", str(copy)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert "realtime-cer-kiosk" not in done.stderr


@pytest.mark.parametrize(
    ("name", "kind", "above"),
    [
        ("TMPDIR", "Cache", "/var/cache/"),
        ("REALTIME_CER_CACHE", "Cache", "/var/cache/"),
        ("REALTIME_CER_LOGS", "Logs", "/var/log/"),
        ("REALTIME_CER_ROOM", "State", "/var/lib/"),
    ],
)
def test_the_unit_leaves_writable_what_the_program_writes(name: str, kind: str, above: str) -> None:
    unit = (ROOT / "scripts" / "realtime-cer-kiosk.service").read_text(encoding="utf-8").splitlines()
    assert {"ProtectSystem=strict", "ProtectHome=read-only"} <= set(unit)
    [folder] = [line.partition(f"{name}=")[2] for line in unit if line.startswith(f"Environment={name}=")]
    assert f"{kind}Directory=" + folder.removeprefix(above) in unit

"""What a kiosk is told and what it tells: its notice, its settings, its self-test, its operator, its lock on sleep."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from parts.films import wait_for
from parts.moments import CAMERA, moment
from parts.perception import tiny_perception

from realtime_cer.cli import main
from realtime_cer.commands.booth import Attendant, check_kiosk, read_notice, self_test
from realtime_cer.config import Config, KioskConfig, read_config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.kiosk.outages import SETTLED_S
from realtime_cer.pipeline.live import Live
from realtime_cer.ui.kiosk.awake import awake


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REALTIME_CER_ROOM", str(tmp_path / "room"))
    return tmp_path / "room"


def test_a_notice_that_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    assert read_notice(None) is None
    good = tmp_path / "notice.txt"
    good.write_text("Heading\n\nWords\n")
    assert read_notice(good) == "Heading\n\nWords"
    for name, content, words in (
        ("none.txt", None, "cannot be read"),
        ("empty.txt", b"  \n", "has 0 letters"),
        ("long.txt", b"x" * 5000, "4000 at most"),
        ("binary.txt", b"\xff\xfe\x00", "not text"),
    ):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(Refused, match=words):
            read_notice(path)


def test_a_kiosk_without_a_window_records_no_more_than_one_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--camera", "none", "--microphone", "none", "--record", str(tmp_path / "kept")]
    assert main(["live", "--kiosk", "--headless", *words]) == 2
    assert "a kiosk keeps nothing" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()


def test_a_kiosk_records_only_where_it_may_and_says_so(tmp_path: Path) -> None:
    notice = tmp_path / "notice.txt"
    notice.write_text("We record.")
    check_kiosk(KioskConfig(), recording=False)
    check_kiosk(KioskConfig(record=True, notice=notice), recording=True)
    with pytest.raises(Refused, match="keeps nothing"):
        check_kiosk(KioskConfig(), recording=True)
    with pytest.raises(Refused, match="--notice"):
        check_kiosk(KioskConfig(record=True), recording=True)


def test_its_settings_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text('[kiosk]\nrestart_at = ""\nleave_s = 10\n')
    assert read_config(path).kiosk.restart_at is None
    path.write_text('[kiosk]\nrestart_at = "4 o\'clock"\n')
    with pytest.raises(Refused, match=r"kiosk\.restart_at"):
        read_config(path)
    path.write_text("[kiosk]\nleaves = 3\n")
    with pytest.raises(Refused, match="did you mean 'leave_s'"):
        read_config(path)


def test_the_self_test_recognises_a_stored_picture_and_names_what_is_wrong() -> None:
    assert list(self_test(Config())) == []
    [line] = self_test(Config(profile="missing"))
    assert line.startswith("networks: ")


def test_the_self_test_names_a_disk_on_which_there_is_no_room_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
    *_, last = self_test(Config(profile="missing"))
    assert last.startswith("disk: No usable temporary directory")


def test_the_attendant_tells_the_operator_what_was_found(capfd: pytest.CaptureFixture[str]) -> None:
    gone = replace(moment(()), sources=(replace(CAMERA, state="lost"),))
    with Live(Config(), FusionWeights.equal(), tiny_perception(Config()), []) as live:
        attendant = Attendant(Config(profile="missing"), live)
        booth = attendant.booth()
        booth.restart()
        assert attendant.restarting
        attendant.note("nothing is recorded")
        assert booth.trouble() == "nothing is recorded"
        for t in (0.0, SETTLED_S):
            attendant.outages.look(replace(gone, t=t))
        booth.test()
        wait_for(lambda: "self-test: networks: " in capfd.readouterr().err)
        assert booth.trouble().startswith("nothing is recorded; camera 0: lost; networks: ")
        attendant.outages.look(replace(moment(()), t=SETTLED_S + 0.2))
        assert booth.trouble().startswith("nothing is recorded; networks: ")  # it is back


# Keeping the screen awake.


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
def test_the_lock_of_systemd_is_held_and_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of ours stands in for systemd-inhibit: it runs what it is given, as the real one does."""
    held = tmp_path / "held"
    program = tmp_path / "systemd-inhibit"
    program.write_text(f'#!/bin/sh\necho "$@" > {held}\nshift 3\nexec "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with awake() as means:
        assert "systemd-inhibit" in means
        assert held.read_text().split()[0] == "--what=idle:sleep"
        [child] = subprocess.run(
            ["pgrep", "-P", str(os.getpid()), "-x", "cat"], capture_output=True, text=True
        ).stdout.split()
    assert not Path(f"/proc/{child}").exists()


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="no xvfb-run")
def test_the_saver_of_x11_rests_while_it_is_held() -> None:
    script = "from realtime_cer.ui.kiosk.awake import awake\nwith awake() as means: print(means)"
    words = ["xvfb-run", "-a", sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "XScreenSaverSuspend" in done.stdout

"""What a kiosk writes down of crashes and of its program's words: no secrets, not without end, stopping nothing."""

import logging
from pathlib import Path

import pytest
from parts.supervised import CRASH, supervise

from realtime_cer.commands import crashlog
from realtime_cer.commands.child import Ending


def test_the_log_tells_all_but_secrets(endings: list[Ending], logs: Path) -> None:
    camera = "rtsp://me:secret@cam.local/live?token=abc"
    endings[:] = [
        Ending(-9, "was ended by SIGKILL", f"last words of {camera}\n", {"rung": 1}, decided=True),
        Ending(0, "ended"),
    ]
    assert supervise(camera) == 0
    text = logs.read_text(encoding="utf-8")
    assert "secret" not in text
    assert "abc" not in text
    first, settings, meters, said = text.splitlines()
    assert "was ended by SIGKILL" in first
    assert '"--camera=rtsp://cam.local/live"' in settings
    assert meters.endswith('{"rung": 1}')
    assert said == "  | last words of rtsp://cam.local/live"


def test_the_log_stays_small(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashlog, "LARGEST", 5000)
    log = crashlog.CrashLog({})
    for n in range(200):
        log.note(f"entry {n}", "x" * 500, None)
    log.close()
    files = list(logs.parent.iterdir())
    assert len(files) == crashlog.KEPT + 1
    assert all(file.stat().st_size <= 5000 for file in files)
    assert "entry 199" in logs.read_text(encoding="utf-8")


def test_a_log_that_cannot_be_written_stops_nothing_and_is_told_once(
    endings: list[Ending], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("REALTIME_CER_LOGS", str(tmp_path / "file" / "logs"))
    endings[:] = [CRASH, CRASH, Ending(0, "ended")]
    assert supervise() == 0
    assert capsys.readouterr().err.count("cannot be written") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("why", ["File exists", "No space left on device"])
def test_what_the_program_logs_stops_nothing_where_there_is_no_room(
    why: str, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if why == "File exists":
        logs.parent.touch()
    else:
        logs.parent.mkdir()
        (logs.parent / "live.log").symlink_to("/dev/full")
    with crashlog.logged():
        for _ in range(3):
            logging.getLogger("realtime_cer").error("does not move")
    [line] = capsys.readouterr().err.splitlines()
    assert f"live.log cannot be written ({why})" in line

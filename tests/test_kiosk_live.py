"""The kiosk's own program, run right here: what it bears, what it logs, what it hands on."""

import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from parts.films import files_no_larger_than
from parts.perception import tiny_perception

from realtime_cer.commands.live import run_live
from realtime_cer.commands.recording import Recording
from realtime_cer.config import Config, KioskConfig
from realtime_cer.errors import Refused
from realtime_cer.kiosk import outages
from realtime_cer.pipeline.hope import Hope
from realtime_cer.pipeline.live import Live

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "realtime_cer" / "assets" / "demo.mp4"


@pytest.fixture
def signs(monkeypatch: pytest.MonkeyPatch, logs: Path) -> SimpleNamespace:
    """In the place of the heart, and of networks, of a kiosk's program that runs right here."""

    def load(config: Config, **_: Any) -> Any:
        logging.getLogger("realtime_cer").error("sound does not move for 5.0 s:\n  in stuck")
        return tiny_perception(config)

    heart = SimpleNamespace(again=False, gave_up=0, tell=lambda stage: None, beat=lambda decision: None)
    monkeypatch.setattr("realtime_cer.commands.live.heart", lambda: heart)
    monkeypatch.setattr("realtime_cer.commands.live.load_perception", load)
    return heart


def run_recorded(tmp_path: Path, **kept: Any) -> int:
    """The kiosk's program for three decisions."""
    (tmp_path / "notice.txt").write_text("We record.")
    config = Config(kiosk=KioskConfig(record=True, notice=tmp_path / "notice.txt"))
    return run_live(
        config, camera=str(DEMO), microphone=None, headless=True, duration_s=0.6, wait=False, kiosk=True, **kept
    )


def test_a_recording_that_cannot_be_begun_again_does_not_end_recognition(
    signs: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the first start it is refused, as everything is that never worked."""
    gone = tmp_path / "notice.txt" / "disk"
    for kept in ({"record": Recording(gone)}, {"keep": gone}):
        with pytest.raises(Refused, match=f"{gone} cannot be written"):
            run_recorded(tmp_path, **kept)
    assert "recognition goes on" not in capsys.readouterr().err
    signs.again = True
    assert run_recorded(tmp_path, record=Recording(gone), keep=gone) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 3
    for what in ("no moment can be kept", "nothing is recorded"):
        assert f"{what} until the next start ({gone} cannot be written (Not a directory)" in said.err


def test_a_recording_that_is_not_whole_is_no_reason_to_start_a_kiosk_again(
    signs: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with files_no_larger_than(20_000):
        assert run_recorded(tmp_path, record=Recording(tmp_path / "kept")) == 0
    assert "the recording is not whole" in capsys.readouterr().err


def test_what_the_program_logs_is_found_in_a_file(
    signs: SimpleNamespace, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Refused, match="no camera and no microphone"):
        run_live(Config(), camera="none", microphone="none", headless=True, duration_s=None, wait=False, kiosk=True)
    logging.getLogger("realtime_cer").error("of nobody's kiosk")
    text = (logs.parent / "live.log").read_text(encoding="utf-8")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+[+-]\d{4} ERROR sound does not move for 5.0 s:\n  in stuck\n", text)
    assert "stuck" not in capsys.readouterr().err


def test_a_source_that_gives_nothing_is_logged_and_what_a_kiosk_is_told_is_handed_on(
    signs: SimpleNamespace, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[object] = []

    def hope(gave_up: int) -> Hope:
        handed.append(gave_up)
        return Hope(gave_up)

    def live(*given: Any, keep_picture: bool, **named: Any) -> Live:
        handed.append(keep_picture)
        return Live(*given, keep_picture=keep_picture, **named)

    monkeypatch.setattr(outages, "SETTLED_S", 0.0)
    monkeypatch.setattr("realtime_cer.commands.live.Hope", hope)
    monkeypatch.setattr("realtime_cer.commands.live.Live", live)
    signs.gave_up = 3
    named: dict[str, Any] = {"camera": "/dev/video99", "microphone": "none"}
    assert run_live(Config(), **named, headless=True, duration_s=0.6, wait=False, kiosk=True) == 0
    text = (logs.parent / "live.log").read_text(encoding="utf-8")
    [line] = [line for line in text.splitlines() if "camera" in line]
    assert re.search(r" WARNING camera /dev/video99 gives nothing for 0 s: .+ \((opening|absent)\)$", line)
    assert handed == [True, 3]

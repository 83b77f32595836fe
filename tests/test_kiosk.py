"""The supervising parent: small programs of our own stand in for the recogniser, and in the end the real one."""

import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from parts.films import files_no_larger_than
from parts.mjpeg import MjpegServer, numbered_jpegs
from parts.perception import tiny_perception

from realtime_cer.cli import main
from realtime_cer.commands import child as children
from realtime_cer.commands import crashlog, kiosk
from realtime_cer.commands.child import Child, Ending, Pulse
from realtime_cer.commands.heart import DECIDING, HOPELESS, LOADING, RESTART, UNREAD
from realtime_cer.commands.live import run_live
from realtime_cer.commands.parser import build_parser
from realtime_cer.commands.recording import Recording
from realtime_cer.config import Config, KioskConfig
from realtime_cer.errors import Refused
from realtime_cer.kiosk import outages
from realtime_cer.pipeline.hope import Hope
from realtime_cer.pipeline.live import Live

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "realtime_cer" / "assets" / "demo.mp4"


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REALTIME_CER_LOGS", str(tmp_path / "logs"))
    return tmp_path / "logs" / "kiosk.log"


def test_the_wait_grows_to_a_minute_and_is_short_again_after_ten_minutes_of_health() -> None:
    waits = kiosk.Waits()
    course = [*[5.0] * 8, 599.0, 600.0, 0.0]
    after = [waits.after(replace(CRASH, decided_s=seconds)) for seconds in course]
    assert after == [1, 2, 4, 8, 16, 32, 60, 60, 60, 1, 2]


def test_a_heart_may_rest_as_long_as_what_is_done_takes() -> None:
    pulse = Pulse(0.0)
    assert pulse.overdue(59.0) is None
    assert pulse.overdue(61.0) == "gave no sign of life for 60 s, while starting"
    pulse.sign('{"stage": "loading"}', 1.0)
    assert pulse.overdue(500.0) is None  # an engine may be built
    pulse.sign('{"stage": "deciding", "seq": 0}', 500.0)
    assert pulse.overdue(509.0) is None
    assert pulse.overdue(511.0) == "gave no sign of life for 10 s, while deciding"
    pulse.slept(4000.0)
    assert pulse.overdue(4005.0) is None
    pulse.sign('{"stage": "deciding", "seq": 1, "meters": {"rung": 2}}', 4006.0)
    pulse.sign('{"stage": "deciding", "seq": 2}', 4007.0)
    assert pulse.meters == {"rung": 2}
    assert pulse.decided_s == 3507.0


@pytest.mark.parametrize("line", ['{"stage": "decid', "", "[1]", '{"seq": 3}', '{"stage": "dancing"}', '{"stage": []}'])
def test_a_sign_that_is_torn_or_unknown_is_none(line: str) -> None:
    pulse = Pulse(0.0)
    pulse.sign('{"stage": "deciding", "seq": 0}', 1.0)
    pulse.sign(line, 9.0)
    assert pulse.stage == DECIDING
    assert pulse.overdue(12.0) is not None


def test_signs_after_a_torn_one_are_heard() -> None:
    torn = "os.write(pulse._pipe, b'\\xff{\\n')\n"
    assert outcome(f"{torn}beat(1)\nsys.exit(7)").decided


HEART = """
import os, sys, time
from realtime_cer.commands.heart import heart
pulse = heart()
def beat(n):
    pulse.tell("deciding", seq=n, meters={"rung": n})
"""


def program(body: str) -> list[str]:
    return [sys.executable, "-c", HEART + body]


def outcome(body: str) -> Ending:
    with Child(program(body)) as child:
        return child.watch()


def test_how_a_program_ends_is_told_in_words_with_its_last_ones() -> None:
    done = outcome("beat(3)\nprint('farewell', file=sys.stderr)\nsys.exit(7)")
    assert (done.code, done.how, done.decided) == (7, "ended with exit code 7", True)
    assert done.said == "farewell\n"
    assert done.meters == {"rung": 3}
    crashed = outcome("import faulthandler\nfaulthandler._sigsegv()")
    assert crashed.code == -signal.SIGSEGV
    assert crashed.how == "was ended by SIGSEGV"
    assert "Current thread" in crashed.said
    assert not crashed.decided


def test_a_program_whose_words_nobody_reads_is_not_disturbed_and_the_log_has_them() -> None:
    speak = "print('line', n, file=sys.stderr, flush=True)"
    body = f"beat(1)\nfor n in range(5):\n    {speak}\n    time.sleep(0.1)\nsys.exit(7)"
    parent = (
        "import sys\nfrom realtime_cer.commands.child import Child\n"
        f"with Child({program(body)!r}) as child:\n    ending = child.watch()\n"
        "print(ending.code, repr(ending.said))"
    )
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run([sys.executable, "-c", parent], stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=30)
    os.close(theirs)
    assert done.stdout == "7 " + repr("".join(f"line {n}\n" for n in range(5))) + "\n"


def test_a_program_that_hangs_says_where_and_is_ended(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(children.PATIENCE_S, DECIDING, 0.5)  # type: ignore[arg-type]  # a dict, to be read only
    hung = outcome("beat(1)\ndef stuck():\n    time.sleep(60)\nstuck()")
    assert hung.code == -signal.SIGABRT
    assert hung.how == "gave no sign of life for 0 s, while deciding"
    assert "in stuck" in hung.said
    assert "in stuck" not in capfd.readouterr().err  # stacks are for the log


DEAF = "import signal, faulthandler\nfaulthandler.disable()\nsignal.signal(signal.SIGABRT, signal.SIG_IGN)\n"


def test_a_program_that_hangs_beyond_help_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(children.PATIENCE_S, LOADING, 0.5)  # type: ignore[arg-type]  # a dict, to be read only
    monkeypatch.setattr(children, "_DUMP_S", 0.3)
    assert outcome(DEAF + "pulse.tell('loading')\ntime.sleep(60)").code == -signal.SIGKILL


def test_a_program_that_even_so_does_not_end_is_left_behind_and_taken_away_when_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one that a dead disk or driver holds."""
    monkeypatch.setitem(children.PATIENCE_S, DECIDING, 0.4)  # type: ignore[arg-type]  # a dict, to be read only
    monkeypatch.setattr(children, "_DUMP_S", 0.1)
    monkeypatch.setattr(children, "_DEATH_S", 0.2)
    child = Child(program(f"{DEAF}beat(1)\ntime.sleep(60)"))
    monkeypatch.setattr(child._process, "kill", lambda: None)
    with child:
        ending = child.watch()
        assert child._process.returncode is None
    assert (ending.code, ending.decided) == (None, True)
    assert ending.how == "gave no sign of life for 0 s, while deciding, cannot be ended and is left behind"
    end = time.monotonic() + 10  # it ends by itself, as its parent seems to have gone
    while child._process.returncode is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert not psutil.pid_exists(child._process.pid)


def test_a_program_that_does_not_stop_is_killed_after_two_seconds() -> None:
    body = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nbeat(1)\ntime.sleep(60)"
    with Child(program(body)) as child:
        while child.stage != DECIDING:
            time.sleep(0.02)
        begun = time.monotonic()
    assert 1.9 < time.monotonic() - begun < 8


FINISHING = """
from realtime_cer.commands.ending import Signals
with Signals(None):
    try:
        beat(1)
        time.sleep(60)
    except KeyboardInterrupt:
        pulse.tell("stopping")
        time.sleep(0.6)
        print("finished", file=sys.stderr, flush=True)
"""


def test_a_program_that_was_told_with_its_parent_to_end_is_not_told_again(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], plain_interrupts: None
) -> None:
    """As by a signal to all of a service: a second signal would end it at once, with its files as they are."""
    monkeypatch.setattr(children, "_POLL_S", 5.0)

    def tell_both() -> None:
        os.kill(child._process.pid, signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), Child(program(FINISHING)) as child:  # noqa: PT012  # the end is of interest
        while child.stage != DECIDING:
            time.sleep(0.02)
        threading.Timer(0.2, tell_both).start()
        child.watch()
    child._readers[1].join(5)
    assert capfd.readouterr().err == "finished\n"


@pytest.mark.parametrize("stuck", ["time.sleep(60)", "while True: pass"])
def test_a_program_whose_parent_was_killed_ends(stuck: str, tmp_path: Path) -> None:
    named = tmp_path / "pid"
    body = f"open({str(named)!r}, 'w').write(str(os.getpid()))\nbeat(1)\n{stuck}"
    parent = (
        "import sys\nfrom realtime_cer.commands.child import Child\n"
        f"with Child({program(body)!r}) as child:\n    print('on', flush=True)\n    child.watch()"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE)
    end = time.monotonic() + 20
    while not (named.exists() and named.read_text()):
        assert time.monotonic() < end
        time.sleep(0.05)
    orphan = psutil.Process(int(named.read_text()))
    process.kill()
    process.communicate()
    orphan.wait(10)


@pytest.fixture
def endings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Ending]]:
    """What the program does at each start; and nobody waits."""
    script: list[Ending] = []
    monkeypatch.setattr(kiosk, "_once", lambda command, systemd, again, gave_up: script.pop(0))
    monkeypatch.setattr(kiosk, "_sleep", lambda seconds, systemd: None)
    yield script
    assert script == []


def supervise(camera: str | None = None) -> int:
    return kiosk.run_kiosk(["live", "--kiosk", f"--camera={camera}"], Config(), camera=camera)


CRASH = Ending(1, "ended with exit code 1", "Traceback: no\n", {"rung": 1}, decided=True, decided_s=4.0)


def test_a_refusal_ends_it_only_before_anything_was_decided(endings: list[Ending], logs: Path) -> None:
    refused = Ending(2, "ended with exit code 2")
    endings[:] = [refused]
    assert supervise() == 2
    assert not logs.exists()
    endings[:] = [CRASH, refused, Ending(RESTART, "ended with exit code 75"), CRASH, Ending(0, "ended")]
    assert supervise() == 0
    assert [line.rsplit(";", 1)[1] for line in logs.read_text(encoding="utf-8").splitlines() if ";" in line] == [
        " it is started again in 1 s",
        " it is started again in 2 s",
        " it is started again in 4 s",
    ]


def test_a_program_that_is_started_again_has_what_is_left_of_the_time(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--duration counts from the first decision, whatever crashed since; before one nothing of it is gone."""
    now = time.monotonic()
    died = Ending(1, "ended with exit code 1")
    script = [died, replace(CRASH, began=now - 20), replace(CRASH, began=now - 1), replace(died, code=RESTART)]
    given: list[list[str]] = []

    def once(command: Sequence[str], systemd: kiosk.Systemd, again: bool, gave_up: int) -> Ending:
        given.append(list(command))
        return script[len(given) - 1]

    monkeypatch.setattr(kiosk, "_once", once)
    clock = iter([now, now + 10, now + 39.9])
    monkeypatch.setattr(kiosk, "_sleep", lambda seconds, systemd: None)
    monkeypatch.setattr(kiosk, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    words = ["live", "--kiosk", "--duration", "60"]
    assert kiosk.run_kiosk(words, Config(), camera=None, duration_s=60.0) == 0
    told = [build_parser().parse_args(command[3:]).duration for command in given]
    assert told == [60, 60, pytest.approx(40), pytest.approx(30)]


def test_a_program_is_told_that_it_had_decided_before(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = [Ending(1, "ended with exit code 1"), CRASH, replace(CRASH, decided=False), Ending(0, "ended")]
    told: list[bool] = []

    def once(command: Sequence[str], systemd: kiosk.Systemd, again: bool, gave_up: int) -> Ending:
        told.append(again)
        return script.pop(0)

    monkeypatch.setattr(kiosk, "_once", once)
    monkeypatch.setattr(kiosk, "_sleep", lambda seconds, systemd: None)
    assert supervise() == 0
    assert told == [False, False, True, True]
    for again in told[1:3]:
        with Child(program("sys.exit(10 * pulse.again + pulse.gave_up)"), again=again, gave_up=7) as child:
            assert child.watch().code == (17 if again else 7)


WISHING = """
import signal
asked = []
signal.signal(signal.SIGUSR1, lambda *_: asked.append(1))
for _ in range(500):
    if asked:
        sys.exit(0)
    time.sleep(0.02)
sys.exit(2)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs SIGUSR1")
def test_the_wish_for_the_moment_just_gone_reaches_the_program_and_never_ends_it(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent is asked all the time, from before there is anybody in the program who hears it."""

    def ask(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)

    monkeypatch.setattr(kiosk.Systemd, "tell", ask)
    monkeypatch.setattr(kiosk, "Child", lambda words, look, **told: Child(program(WISHING), ask))
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # where the parent does not care, the test alone must fail
    try:
        assert kiosk.run_kiosk(["live", "--kiosk"], Config(), camera=None) == 0
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not logs.exists()


@pytest.fixture
def plain_interrupts() -> Iterator[None]:
    """As in a program that hears no signals yet: handlers of programs that ran right here before would stay."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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


def test_one_that_gave_up_is_followed_at_once_by_one_that_bears_its_loss_for_longer(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "video is lost: only starting again helps\n"
    hopeless = Ending(HOPELESS, "ended with exit code 70", said, decided=True, decided_s=60.0)
    stuck = Ending(None, "cannot be ended and is left behind", decided=True, decided_s=90.0)
    healthy = replace(hopeless, decided_s=2000.0)
    script = [hopeless, hopeless, stuck, healthy, replace(CRASH, decided_s=0.0), Ending(0, "ended")]
    told: list[int] = []
    waited: list[float] = []

    def once(command: Sequence[str], systemd: kiosk.Systemd, again: bool, gave_up: int) -> Ending:
        told.append(gave_up)
        return script.pop(0)

    monkeypatch.setattr(kiosk, "_once", once)
    monkeypatch.setattr(kiosk, "_sleep", lambda seconds, systemd: waited.append(seconds))
    assert supervise() == 0
    assert told == [0, 1, 2, 3, 1, 0]
    assert waited == [0, 0, 1, 0, 1]
    text = logs.read_text(encoding="utf-8")
    assert text.count("the program gave up; it is started again at once") == 3
    assert text.count("video is lost") == 3


def test_without_a_reader_of_its_rows_a_kiosk_ends_and_says_so(
    endings: list[Ending], logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endings[:] = [CRASH, Ending(UNREAD, "ended with exit code 74", decided=True)]
    assert supervise() == 1
    assert capsys.readouterr().err.endswith("whoever read the rows has gone: the kiosk ends\n")


def test_a_reader_that_goes_ends_the_real_kiosk_with_one_line(logs: Path) -> None:
    words = ["live", "--kiosk", "--headless", "--microphone", "none", "--engine", "cpu", "--camera"]
    with MjpegServer(numbered_jpegs(20, 480, 480), fps=25) as camera:
        process = subprocess.Popen(
            [sys.executable, "-m", "realtime_cer", *words, camera.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"REALTIME_CER_LOGS": str(logs.parent)},
        )
        assert process.stdout is not None
        try:
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(15) == 1
            assert process.stderr is not None
            assert process.stderr.read().endswith("realtime-cer: whoever read the rows has gone: the kiosk ends\n")
        finally:
            process.kill()


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


def test_what_is_refused_at_once_is_said_once(logs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["live", "--kiosk", "--headless", "--camera", "none", "--microphone", "none"]) == 2
    [line] = capfd.readouterr().err.splitlines()
    assert line.startswith("realtime-cer: no camera and no microphone")
    assert main(["live", "--kiosk", "--clap"]) == 2
    assert main(["live", "--kiosk", "--rule", "rule9"]) == 2
    assert not logs.exists()


def test_the_real_program_comes_back_after_a_crash_and_ends_with_its_parent(logs: Path) -> None:
    words = ["live", "--kiosk", "--headless", "--microphone", "none", "--engine", "cpu", "--camera"]
    with MjpegServer(numbered_jpegs(20, 480, 480), fps=25) as camera:
        url = camera.url.replace("//", "//me:secret@")
        process = subprocess.Popen(
            [sys.executable, "-m", "realtime_cer", *words, url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"REALTIME_CER_LOGS": str(logs.parent)},
        )
        assert process.stdout is not None
        try:
            for _ in range(3):
                process.stdout.readline()
            [first] = psutil.Process(process.pid).children()
            first.send_signal(signal.SIGSEGV)
            while json.loads(process.stdout.readline())["seq"] != 0:
                pass
            [second] = psutil.Process(process.pid).children()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=8)
        finally:
            process.kill()
    assert process.returncode == 130
    assert not second.is_running()
    assert "the program was ended by SIGSEGV; it is started again in 1 s" in said
    text = logs.read_text(encoding="utf-8")
    assert "Thread 0x" in text
    assert "secret" not in text

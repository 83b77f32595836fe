"""How a supervised program is started, watched and ended: small programs of our own stand in for the recogniser."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from parts.supervised import program

from realtime_cer.commands import child as children
from realtime_cer.commands.child import Child, Ending, Pulse
from realtime_cer.commands.heart import DECIDING, LOADING


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


@pytest.fixture
def plain_interrupts() -> Iterator[None]:
    """As in a program that hears no signals yet: handlers of programs that ran right here before would stay."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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

"""Every way in which a live program is ended, by the real program with real parts, in processes of their own.

The promise is 2 s; the limit here leaves room for a busy machine, and for none of the waits that would break it.
"""

import contextlib
import json
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import pytest
from parts import pulse
from parts.mjpeg import MjpegServer, numbered_jpegs

LIMIT_S = 5.0

COMMAND = [sys.executable, "-m", "realtime_cer"]


@pytest.fixture(scope="module")
def camera() -> Iterator[MjpegServer]:
    with MjpegServer(numbered_jpegs(40, 480, 480), fps=25) as server:
        yield server


@pytest.fixture(autouse=True, scope="module")
def heard() -> Iterator[None]:
    """Let programs hear that their terminal is closed: where these tests run under ``nohup`` they would not."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def start(words: list[str], program: Sequence[str] = COMMAND, **how: Any) -> "subprocess.Popen[str]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*program, *words], **(pipes | how))


def headless(camera: MjpegServer, *words: str) -> list[str]:
    return ["live", "--headless", "--camera", camera.url, "--microphone", "none", "--engine", "cpu", *words]


def until(what: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def rows(process: "subprocess.Popen[str]", count: int) -> None:
    assert process.stdout is not None
    for _ in range(count):
        json.loads(process.stdout.readline())


def ended(process: "subprocess.Popen[str]", *signals: int, apart_s: float = 0.3) -> tuple[int, str]:
    """Send signals, and wait for the end; gives the exit code and what was said."""
    begun = time.monotonic()
    for n, number in enumerate(signals):
        time.sleep(apart_s if n else 0)
        process.send_signal(number)
    try:
        _, said = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    print(f"{time.monotonic() - begun:.2f} s")
    return process.returncode, said


def whole(folder: Path) -> dict[str, Any]:
    """The facts of the only session below a folder, after its film and its rows were read."""
    [session] = folder.iterdir()
    lines = (session / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(len(lines)))
    with av.open(str(session / "film.mkv")) as film:
        assert sum(1 for _ in film.decode(video=0)) > 10
    facts: dict[str, Any] = json.loads((session / "session.json").read_text(encoding="utf-8"))
    return facts


def test_sigterm_while_it_records_leaves_whole_files_and_no_client(camera: MjpegServer, tmp_path: Path) -> None:
    process = start(headless(camera, "--record", str(tmp_path)))
    rows(process, 8)
    assert ended(process, signal.SIGTERM)[0] == 130
    facts = whole(tmp_path)
    assert facts["ended"] is not None
    assert facts["error"] is None
    assert facts["sound_moved"] == {"offset_ms": 0.0, "from": None}
    until(lambda: camera.clients == 0)


def test_a_terminal_that_is_closed_ends_it_in_order(camera: MjpegServer, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = ["live", "--no-window", "--camera", camera.url, "--microphone", "none", "--engine", "cpu"]
    process = start([*words, "--record", str(tmp_path)], stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    os.set_blocking(ours, False)

    def written() -> bool:
        with contextlib.suppress(BlockingIOError):
            os.read(ours, 65536)  # else the terminal fills up
        found = list(tmp_path.glob("*/decisions.jsonl"))
        return bool(found) and found[0].read_text(encoding="utf-8").count("\n") >= 5

    until(written)
    os.close(ours)
    assert ended(process, signal.SIGHUP)[0] == 130
    assert whole(tmp_path)["ended"] is not None


def test_ctrl_c_while_networks_are_loading(camera: MjpegServer) -> None:
    process = start(headless(camera))
    time.sleep(1.2)
    assert ended(process, signal.SIGINT) == (130, "")


def test_ctrl_c_while_a_camera_does_not_answer() -> None:
    with MjpegServer(numbered_jpegs(2), fps=25) as camera:
        camera.mute.set()
        process = start(headless(camera, "--wait"))
        until(lambda: camera.clients)
        time.sleep(1)
        assert ended(process, signal.SIGINT) == (130, "")


def test_ctrl_c_while_the_sound_system_does_not_answer() -> None:
    if why := pulse.missing():
        pytest.skip(why)
    microphone = pulse.VirtualMicrophone()
    try:
        microphone.hang()
        words = ["live", "--headless", "--camera", "none", "--microphone", "default", "--engine", "cpu"]
        process = start(words, env=os.environ | microphone.env)
        time.sleep(2.5)
        assert ended(process, signal.SIGINT) == (130, "")
    finally:
        microphone.go_on()
        microphone.close()


BUILDING = """
import sys
from realtime_cer import cli
from realtime_cer.inference import opening
from realtime_cer.inference.cuda import Gpu
there = Gpu("a card that is not here", "8.9", "0")
opening.gpu = lambda: there
build = opening.built
def built(*given):
    print("building", file=sys.stderr, flush=True)
    return build(*given)
opening.built = built
cli.program()
"""


def test_ctrl_c_while_an_engine_is_built(camera: MjpegServer, tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx")
    words = ["live", "--headless", "--camera", camera.url, "--microphone", "none"]
    env = os.environ | {"REALTIME_CER_CACHE": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", BUILDING, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    assert process.stderr is not None
    until(lambda: process.stderr is not None and "building" in process.stderr.readline())
    time.sleep(0.5)
    code, said = ended(process, signal.SIGINT)
    assert code == 130
    assert "Traceback" not in said


FINISHING = """
import sys, time
from realtime_cer import cli
from realtime_cer.sinks.livefilm import LiveFilm
def finish(film):
    print("finishing", file=sys.stderr, flush=True)
    time.sleep(60)
LiveFilm.finish = finish
cli.program()
"""


def test_a_second_ctrl_c_wins_while_a_film_is_being_finished(camera: MjpegServer, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FINISHING, *headless(camera, "--record", str(tmp_path))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    rows(process, 3)
    begun = time.monotonic()
    code, said = ended(process, signal.SIGINT, signal.SIGINT, apart_s=1)
    assert (code, said.strip()) == (130, "finishing")
    assert time.monotonic() - begun < 1 + 3  # an encoder that is stuck is waited for 1.5 s


def test_signals_of_one_moment_are_one(camera: MjpegServer, tmp_path: Path) -> None:
    process = start(headless(camera, "--record", str(tmp_path)))
    rows(process, 5)
    assert ended(process, signal.SIGTERM, signal.SIGINT, apart_s=0)[0] == 130
    assert whole(tmp_path)["ended"] is not None


TWICE_AND_AGAIN = """
import os, signal, time
from realtime_cer.commands.ending import Signals
with Signals(0.2):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
    except KeyboardInterrupt:
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)
"""


def test_a_later_signal_wins_also_after_several_of_one_moment() -> None:
    process = subprocess.run([sys.executable, "-c", TWICE_AND_AGAIN], capture_output=True, text=True, timeout=20)
    assert (process.returncode, process.stderr) == (130, "")


HELD_UP = """
import sys, time
from realtime_cer.commands import ending
ending.last_acts.append(lambda: print("acted", flush=True))
with ending.Signals(0.2, 1.0):
    try:
        print("begun", flush=True)
        time.sleep(30)
    except KeyboardInterrupt:
        if ending.interrupted.is_set():
            time.sleep(30)
"""


def test_what_one_signal_does_not_end_is_ended_by_its_limit_and_says_where_it_was() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HELD_UP], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    said, where = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, "acted\n")
    assert 'File "<string>", line 11' in where


FULL = """
import os, time
from realtime_cer.commands import ending
ending.last_acts.append(lambda: os.write(1, b"acted"))
os.set_blocking(2, False)
try:
    while True:
        os.write(2, b"x" * 4096)
except BlockingIOError:
    os.set_blocking(2, True)
with ending.Signals(0.2, 1.0):
    try:
        os.write(1, b"begun ")
        time.sleep(30)
    except KeyboardInterrupt:
        time.sleep(30)
"""


def test_the_limit_holds_also_where_nobody_reads_what_is_said() -> None:
    process = subprocess.Popen([sys.executable, "-c", FULL], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 6) == b"begun "
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(timeout=20) == 130
        assert process.stdout.read() == b"acted"
    finally:
        process.kill()
        process.communicate()


SWALLOWED = """
import signal
from realtime_cer import cli
from realtime_cer.commands import ending
interrupt = ending.Signals._interrupt
def swallowed(self, *_):
    try:
        interrupt(self)
    except KeyboardInterrupt:  # as Python does in a finaliser
        pass
ending.Signals._interrupt = swallowed
cli.program()
"""


def test_a_signal_that_python_drops_ends_it_all_the_same(camera: MjpegServer) -> None:
    process = start(headless(camera), [sys.executable, "-c", SWALLOWED])
    rows(process, 3)
    assert ended(process, signal.SIGTERM) == (130, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_rows_for_which_there_is_no_room_end_it_with_one_line(camera: MjpegServer) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = start(headless(camera), stdout=full)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    [line] = said.splitlines()
    assert "the rows cannot be written (No space left on device)" in line


def test_a_recording_for_which_there_is_no_room_is_told_and_recognition_goes_on(
    camera: MjpegServer, tmp_path: Path
) -> None:
    def small() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    process = start(headless(camera, "--record", str(tmp_path), "--duration", "4"), preexec_fn=small)
    out, said = process.communicate(timeout=40)
    assert process.returncode == 2
    assert "Traceback" not in said
    assert "the recording is not whole from now on (File too large); recognition goes on" in said
    assert out.count("\n") == 20
    [session] = tmp_path.iterdir()
    assert json.loads((session / "session.json").read_text(encoding="utf-8"))["error"] == "File too large"

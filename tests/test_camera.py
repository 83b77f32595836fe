"""Cameras: a real MJPEG stream over loopback, and everything that can happen to it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.clips import number_of, write_clip
from parts.mjpeg import MjpegServer, numbered_jpegs
from parts.watching import Watching, readers

from realtime_cer.capture.camera import Camera, open_camera
from realtime_cer.capture.devices import DeviceInfo, cameras
from realtime_cer.capture.picture import from_camera
from realtime_cer.errors import Refused


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    return numbered_jpegs(300)


@pytest.fixture
def server(pictures: list[bytes]) -> Iterator[MjpegServer]:
    with MjpegServer(pictures, fps=25) as server:
        yield server


@pytest.fixture
def watch() -> Iterator[Callable[[Camera], Watching]]:
    begun: list[Watching] = []

    def start(camera: Camera) -> Watching:
        begun.append(Watching(camera))
        return begun[-1]

    yield start
    for each in begun:
        each.end()


def test_fresh_frames_in_order(server: MjpegServer, watch: Callable[[Camera], Watching]) -> None:
    camera = open_camera(server.url)
    time.sleep(0.4)
    watching = watch(camera)
    watching.until(lambda: len(watching.frames) >= 75, 6)
    sent = dict(server.sent)
    assert watching.end() < 0.25
    numbers = [number_of(frame.picture) for frame in watching.frames]
    assert np.all(np.diff(numbers) > 0)
    assert len(numbers) >= 0.9 * (numbers[-1] - numbers[0] + 1)
    late = [frame.t - sent[number] for frame, number in zip(watching.frames, numbers, strict=True) if number in sent]
    assert np.median(late[10:]) < 0.02
    assert np.median(late[-20:]) < np.median(late[10:30]) + 0.01  # it does not grow
    assert min(late) >= 0
    assert np.all(np.diff([frame.seq for frame in watching.frames]) > 0)
    assert not any(frame.picture.flags.writeable for frame in watching.frames)
    assert watching.camera.status.state == "ended"
    assert watching.camera.counters.frames == len(numbers)
    assert watching.camera.counters.dropped <= 3  # what came before anybody asked does not count
    assert readers() == 0


def test_killed_and_restarted(server: MjpegServer, watch: Callable[[Camera], Watching]) -> None:
    watching = watch(open_camera(server.url))
    watching.until(lambda: len(watching.frames) > 5, 3)
    server.kill()
    watching.until(lambda: watching.camera.status.state == "lost", 3)
    watching.until(lambda: watching.camera.status.state == "retrying", 2)
    time.sleep(1.2)
    before = len(watching.frames)
    server.start()
    assert watching.until(lambda: len(watching.frames) > before + 3, 5) < 2
    assert watching.camera.status.state == "live"
    assert watching.camera.counters.reopened == 1


def test_frozen_then_going_on(server: MjpegServer, watch: Callable[[Camera], Watching]) -> None:
    watching = watch(open_camera(server.url))
    watching.until(lambda: len(watching.frames) > 5, 3)
    server.frozen.set()
    assert 0.7 < watching.until(lambda: watching.camera.status.state == "stalled", 3) < 1.6
    watching.until(lambda: watching.camera.status.state in ("lost", "retrying"), 3)
    server.frozen.clear()
    before = len(watching.frames)
    assert watching.until(lambda: len(watching.frames) > before + 3, 8) < 4
    server.frozen.set()
    time.sleep(0.2)
    assert watching.end() < 0.25  # also while the reader waits inside the library


def test_a_server_that_never_answers(server: MjpegServer, watch: Callable[[Camera], Watching]) -> None:
    server.mute.set()
    begun = time.monotonic()
    with pytest.raises(Refused, match=r"127.0.0.1.*does not answer.*--wait"):
        open_camera(server.url, open_timeout_s=0.5)
    assert time.monotonic() - begun < 1.0
    begun = time.monotonic()
    watching = watch(open_camera(server.url, wait=True, open_timeout_s=0.4))
    assert time.monotonic() - begun < 0.2
    watching.until(lambda: watching.camera.status.state == "absent", 2)
    time.sleep(1.5)
    assert readers() <= 4 + 1
    server.mute.clear()
    watching.until(lambda: watching.camera.status.state == "live", 3)
    server.mute.set()
    assert watching.end() < 0.25


def test_attempts_that_hang_do_not_pile_up(
    monkeypatch: pytest.MonkeyPatch, watch: Callable[[Camera], Watching]
) -> None:
    from realtime_cer.capture import camera, reader

    let_go = threading.Event()

    def hang(*_: object) -> Iterator[tuple[float, None]]:
        let_go.wait(20)
        raise reader.Broken("it let go")
        yield 0.0, None

    monkeypatch.setattr(reader, "pictures", hang)
    monkeypatch.setattr(camera, "_RETRY_S", 0.05)
    watching = watch(open_camera(96, wait=True, open_timeout_s=0.1))
    time.sleep(1.5)
    assert readers() == 5
    assert watching.camera.status.state == "absent"
    assert watching.end() < 0.25
    let_go.set()
    watching.until(lambda: readers() == 0, 2)


def test_waited_for_until_it_comes(pictures: list[bytes], watch: Callable[[Camera], Watching]) -> None:
    server = MjpegServer(pictures, fps=25)
    server.kill()
    begun = time.monotonic()
    with pytest.raises(Refused, match="--wait"):
        open_camera(server.url)
    assert time.monotonic() - begun < 1.0  # refused connections need not be waited for
    watching = watch(open_camera(server.url, wait=True))
    watching.until(lambda: watching.camera.status.state == "absent", 2)
    server.start()
    with server:
        assert watching.until(lambda: len(watching.frames) > 3, 4) < 2
        assert watching.camera.counters.reopened == 0


def test_overtaken_frames_are_counted(server: MjpegServer) -> None:
    camera = open_camera(server.url)
    stop = threading.Event()
    for frame in camera.items(stop):
        time.sleep(0.21)  # slower than the camera
        last = frame.seq
        if last > 20:
            stop.set()
    assert camera.counters.dropped >= 10
    assert camera.counters.frames <= 8
    assert abs(camera.counters.dropped + camera.counters.frames - (last + 1)) <= 1


def test_passwords_are_not_shown() -> None:
    camera = open_camera("rtsp://me:secret@127.0.0.1:9/live/password=hidden?token=abc", wait=True)
    shown = f"{camera.name} {camera.status.detail}"
    camera.close()
    assert "127.0.0.1:9/live" in shown
    assert not any(word in shown for word in ("secret", "me:", "abc", "hidden"))


@pytest.mark.parametrize("spec", ["/dev/video99", 97, "97", "HD Webcam"])
def test_a_local_camera_that_is_not_there(spec: str | int) -> None:
    begun = time.monotonic()
    with pytest.raises(Refused, match=str(spec)) as refused:
        open_camera(spec)
    assert "\n" not in str(refused.value)
    assert time.monotonic() - begun < 2


def test_native_chatter_is_kept_off(capfd: pytest.CaptureFixture[str], server: MjpegServer) -> None:
    server.kill()
    with pytest.raises(Refused):
        open_camera(server.url)
    with pytest.raises(Refused):
        open_camera(96)
    assert capfd.readouterr() == ("", "")
    assert "QT_QPA_PLATFORM_PLUGIN_PATH" not in os.environ


def test_a_local_camera_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from realtime_cer.capture import naming as module

    found = [DeviceInfo("HD Webcam: front", "90"), DeviceInfo("HD Webcam: back", "92"), DeviceInfo("Scope", "94")]
    monkeypatch.setattr(module, "cameras", lambda: found)
    for wait in (False, True):
        with pytest.raises(Refused, match=r"'hd' fits several.*90 \(HD Webcam: front\), 92"):
            open_camera("hd", wait=wait)
    with pytest.raises(Refused, match="there is no camera or file called 'Skope'; there are 94"):
        open_camera("Skope")
    with pytest.raises(Refused, match="no camera sco"):
        open_camera("sco")


def test_what_exists_but_gives_no_picture(tmp_path: Path) -> None:
    (tmp_path / "video7").write_text("no camera")
    with pytest.raises(Refused, match=r"video7 exists but gives no picture: it is busy"):
        open_camera(str(tmp_path / "video7"))


class Folder(SimpleHTTPRequestHandler):
    """Serves the files of a folder, and says nothing of it."""

    def log_message(self, format: str, *args: Any) -> None:
        return


def test_a_camera_that_calls_itself_something_in_another_encoding(
    tmp_path: Path, watch: Callable[[Camera], Watching]
) -> None:
    path = write_clip(tmp_path / "c.mkv", times=[n / 25 for n in range(100)])
    named = path.read_bytes().replace(b"Lavf", b"L\xe4vf")
    assert named != path.read_bytes()
    path.write_bytes(named)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Folder, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            watching = watch(open_camera(f"http://127.0.0.1:{server.server_port}/c.mkv"))
            watching.until(lambda: bool(watching.frames), 3)
            assert number_of(watching.frames[0].picture) in range(100)
            assert watching.end() < 0.25
        finally:
            server.shutdown()


def test_cameras_are_listed_quickly_and_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    begun = time.monotonic()
    assert all(each.name and each.select for each in cameras())
    assert time.monotonic() - begun < 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "image",
    [
        np.full((720, 2560, 3), 7, np.uint8),
        np.full((480, 640), 7, np.uint8),
        np.full((480, 640, 1), 7 << 8, np.uint16),
        np.full((480, 640, 4), 7, np.uint8),
    ],
)
def test_whatever_a_camera_gives_becomes_bgr(image: np.ndarray) -> None:  # type: ignore[type-arg]
    picture = from_camera(image)
    assert picture.dtype == np.uint8
    assert picture.shape == ((360, 1280, 3) if image.shape[1] == 2560 else (480, 640, 3))
    assert np.all(picture[..., 0] == 7)
    assert not picture.flags.writeable


def test_silence_and_muting_spare_python() -> None:
    code = (
        "import os, sys, threading\n"
        "from realtime_cer.quiet import mute_native, silence\n"
        "with silence():\n    os.write(2, b'one ')\n"
        "os.write(2, b'two ')\n"
        "mute_native(); mute_native()\n"
        "os.write(2, b'three ')\n"
        "with silence():\n    pass\n"
        "print('four', file=sys.stderr)\n"
        "raise KeyError('five')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "two" in done.stderr
    assert "four" in done.stderr
    assert "KeyError: 'five'" in done.stderr
    assert "one" not in done.stderr
    assert "three" not in done.stderr

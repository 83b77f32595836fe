"""A network camera for tests: a small HTTP server that sends MJPEG to any number of clients.

One thread accepts, one serves each client; all of them are daemons and end with `MjpegServer.kill`.
"""

import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from realtime_cer.capture.media import open_media
from realtime_cer.quiet import cv2
from realtime_cer.records import Frame

from .clips import numbered

HEAD = b"HTTP/1.0 200 OK\r\nCache-Control: no-cache\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"


def jpeg(picture: Any) -> bytes:
    """One picture as JPEG."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return bytes(data)


def numbered_jpegs(count: int, width: int = 320, height: int = 240) -> list[bytes]:
    """Pictures that carry their number, see `parts.clips.number_of`."""
    return [jpeg(numbered(number, width, height)) for number in range(count)]


def clip_jpegs(path: Path, fps: float, limit: int = 10_000) -> list[bytes]:
    """The pictures of a clip at ``fps``, for a camera that shows a real person."""
    frames = (item for item in open_media(path).items(grid_fps=fps, sound=False) if isinstance(item, Frame))
    return [jpeg(frame.picture) for frame, _ in zip(frames, range(limit), strict=False)]


def part(data: bytes, length: int | None = None) -> bytes:
    """One picture as a part of the stream, with its length, or a wrong one."""
    size = str(len(data) if length is None else length).encode()
    return b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: " + size + b"\r\n\r\n" + data + b"\r\n"


def garbled(data: bytes, turn: int) -> bytes:
    """A part that holds no whole picture: noise, half of one, or all of it with a length that is not its own."""
    match turn % 4:
        case 0:
            return part(bytes((turn * 7 + 31 * n) % 256 for n in range(min(len(data), 2000))))
        case 1:
            return part(data[: len(data) // 2])
        case 2:
            return part(data, len(data) // 3)
        case _:
            return part(data, len(data) * 2)


class MjpegServer:
    """Sends ``jpegs`` round and round at ``fps`` to every client, each from where the camera is just then.

    The faults may be set and cleared while clients are connected, alone or together; `heal` clears them all.

    Attributes
    ----------
    clients, connections : those of now, and all there ever were
    sent : when each picture was last due, by its place in ``jpegs``, in seconds of ``time.monotonic``
    frozen : set it and clients stay connected but get nothing
    mute : set it and clients are accepted but never answered, not even when it is cleared
    repeat : set it and all clients, new ones too, get the last picture again and again, at full rate
    garbage : set it and nothing that is sent is a whole picture: noise, halves, wrong lengths, in turn
    slow : set it and one picture a second is sent
    """

    def __init__(self, jpegs: Sequence[bytes], fps: float = 25.0, port: int = 0) -> None:
        self.jpegs, self.fps, self.port = list(jpegs), fps, port
        self.frozen, self.mute, self.repeat = threading.Event(), threading.Event(), threading.Event()
        self.garbage, self.slow = threading.Event(), threading.Event()
        self.sent: dict[int, float] = {}
        self.clients = self.connections = 0
        self._last = self.jpegs[0]
        self._begun = time.monotonic()
        self._over = threading.Event()
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self.start()

    def switch(self, jpegs: Sequence[bytes], fps: float) -> None:
        """Go on with other pictures, of another size maybe, at another rate, without a word to the clients."""
        self.jpegs, self.fps = list(jpegs), fps
        self.sent.clear()

    def heal(self) -> None:
        """Clear every fault that is set; one that was killed is for `start`."""
        for fault in (self.frozen, self.mute, self.repeat, self.garbage, self.slow):
            fault.clear()

    @property
    def url(self) -> str:
        """Where to find it."""
        return f"http://127.0.0.1:{self.port}/video"

    def start(self) -> None:
        """Listen, again on the same port after `kill`."""
        self._over = threading.Event()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(16)
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept, self._listener, self._over)

    def kill(self) -> None:
        """Cut all connections and stop listening, as if the plug was pulled."""
        self._over.set()
        with self._lock:
            gone, self._sockets = [self._listener, *self._sockets], []
        for each in gone:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def __enter__(self) -> "MjpegServer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def _spawn(self, work: Any, *given: Any) -> None:
        threading.Thread(target=work, args=given, name="mjpeg server", daemon=True).start()

    def _accept(self, listener: socket.socket, over: threading.Event) -> None:
        while not over.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._sockets.append(client)
            self._spawn(self._serve, client, over)

    def _serve(self, client: socket.socket, over: threading.Event) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.clients += 1
        self.connections += 1
        with suppress(OSError):
            client.recv(4096)
            if self.mute.is_set():
                over.wait()
            client.sendall(HEAD)
            while not over.is_set():
                fps = 1.0 if self.slow.is_set() else self.fps
                turn = int((time.monotonic() - self._begun) * fps) + 1
                over.wait(max(0.0, self._begun + turn / fps - time.monotonic()))
                if self.frozen.is_set():
                    continue
                jpegs = self.jpegs
                place = turn % len(jpegs)
                if not self.repeat.is_set():
                    self._last = jpegs[place]
                    self.sent[place] = time.monotonic()
                client.sendall(garbled(self._last, turn) if self.garbage.is_set() else part(self._last))
        self.clients -= 1

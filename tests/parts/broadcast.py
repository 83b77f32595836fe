"""A network camera that sends H.264, as most do: pictures that change the one before, and now and then a whole one."""

import io
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.codec.context import Flags

from .clips import numbered

FPS = 25
SIZE = (320, 240)


class Broadcast:
    """Encodes numbered pictures round and round, in real time, and sends them to whoever listens.

    Parameters
    ----------
    key_every : pictures from one whole picture to the next
    joined_at : number of the picture with which each listener begins, without what came before
    codec : ``libx264`` or ``libx265``
    headers : with every picture, where else they come with whole ones alone

    Attributes
    ----------
    sent : when each picture was last encoded, by its number, in seconds of ``time.monotonic``
    """

    def __init__(
        self, key_every: int, joined_at: int = 0, *, codec: str = "libx264", headers: bool = False, count: int = 200
    ) -> None:
        self.sent: dict[int, float] = {}
        self._key_every, self._joined_at = key_every, joined_at
        self._codec, self._headers = codec, headers
        self._pictures = [numbered(k, *SIZE) for k in range(count)]
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/live.ts"
        threading.Thread(target=self._accept, name="broadcast", daemon=True).start()

    def __enter__(self) -> "Broadcast":
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            with suppress(OSError):
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), name="broadcast", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            client.recv(4096)
            client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n")
            wire = _Wire(client)
            film = av.open(wire, "w", format="mpegts", options={"flush_packets": "1"})
            options = {"g": str(self._key_every), "tune": "zerolatency", "preset": "ultrafast", "sc_threshold": "0"}
            if self._codec == "libx265":
                options["x265-params"] = "log-level=error"
            stream: Any = film.add_stream(self._codec, rate=FPS, options=options)
            stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
            if self._headers:
                stream.codec_context.flags |= Flags.global_header
            dump: Any = None
            begun = time.monotonic() - self._joined_at / FPS
            number = 0
            while not (wire.gone or self._over.wait(max(begun + number / FPS - time.monotonic(), 0))):
                place = number % len(self._pictures)
                wire.open = number >= self._joined_at
                frame: Any = av.VideoFrame.from_ndarray(self._pictures[place], format="bgr24")
                frame.pts = number
                self.sent[place] = time.monotonic()
                packets = stream.encode(frame)
                if self._headers:
                    dump = dump or BitStreamFilterContext("dump_extra=freq=all", stream)
                    packets = [part for packet in packets for part in dump.filter(packet)]
                film.mux(packets)
                number += 1
            wire.gone = True
            film.close()


class _Wire(io.RawIOBase):
    """What the muxer writes to: what it writes while this is not open, or after the listener has gone, is lost."""

    def __init__(self, client: socket.socket) -> None:
        self.client, self.open, self.gone = client, False, False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self.open and not self.gone:
            try:
                self.client.sendall(bytes(data))
            except OSError:
                self.gone = True
        return len(data)

"""Nothing leaves the machine: what libraries would report of their use is not sent."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ASSETS = Path(__file__).parents[1] / "realtime_cer" / "assets"

HOST = "play.googleapis.com"

LOOK = """
import sys, certifi
certifi.where = lambda: sys.argv[1]
from realtime_cer.perception import face
if sys.argv[2] == "as it comes":
    from mediapipe.tasks.python import BaseOptions
    face.silent_bundle = lambda path: BaseOptions(model_asset_buffer=path.read_bytes())
from realtime_cer.config import FaceConfig
landmarker = face._landmarker(FaceConfig(), face.bundle_path())
landmarker.close()
"""


class Gateway:
    """A proxy that leads every connection to itself, and keeps what it is then told over TLS."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "certificate.pem"
        self.asked: list[bytes] = []
        self.told: list[bytes] = []
        key = folder / "key.pem"
        words = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"]
        files = ["-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(key), "-out", str(self.certificate)]
        subprocess.run(["openssl", "req", *words, *files], check=True, capture_output=True)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(self.certificate, key)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            client.settimeout(10)
            self.asked.append(client.recv(4096))
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                with self._tls.wrap_socket(client, server_side=True) as trusted:
                    self.told.append(trusted.recv(4096))
            except OSError:
                pass

    def close(self) -> None:
        """Take no more connections."""
        self._server.close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    gateway = Gateway(tmp_path)
    yield gateway
    gateway.close()


@pytest.mark.parametrize("way", ["as it comes", "as it is used here"])
def test_the_face_finder_reports_to_nobody(gateway: Gateway, way: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    words = [sys.executable, "-c", LOOK, str(gateway.certificate), way]
    subprocess.run(words, check=True, capture_output=True, timeout=60, env=env | {"https_proxy": gateway.url})
    reported = [line for line in gateway.told if b"POST" in line]
    if way == "as it comes":
        assert reported, "it reports no more: then nothing need be done against it"
    else:
        assert not reported


def test_the_networks_runtime_keeps_no_reports_to_send(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    words = ["live", "--headless", "--camera", str(ASSETS / "demo.mp4"), "--duration", "2", "--engine", "cpu"]
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "LOCALAPPDATA": str(tmp_path)}
    command = [sys.executable, "-m", "realtime_cer", *words]
    subprocess.run(command, check=True, capture_output=True, timeout=60, env=env | home)
    assert [path.name for path in tmp_path.rglob("*") if "onnxruntime" in path.name or "deviceid" in path.name] == []

"""The program's own figures as OpenMetrics text, read back by the reference parser."""

import contextlib
import math
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from parts.perception import tiny_perception
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.cli import main
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.live import Live
from realtime_cer.records import Frame, Meters, Snapshot, SourceReport, StageMeter
from realtime_cer.sinks.openmetrics import MetricsServer

METERS = Meters(
    stages={"face": StageMeter(10.0, 21.5, 40.0, 5.0), "draw": StageMeter(3.0, 4.0, 9.0, 10.0)},
    queues={"inbox": 2},
    drops={"overtaken": 7, "late": 1},
    rung=2,
    rung_name="fewer landmarks",
    memory_mib=512.5,
    stalled=("sound",),
)
SNAPSHOT = Snapshot(
    t=1.0,
    frame=None,
    analysed=None,
    visual=None,
    sound=None,
    decision=None,
    sources=(
        SourceReport("http://cam.local/a\\b", "camera", "stalled", "no picture", 120, 3, frozen=9),
        SourceReport('the "good" microphone\n', "microphone", "live", "", 400, 0, underflows=2),
    ),
    engines={"static": "cpu", "acoustic": "tensorrt-rtx"},
    rate=4.98,
    latency_ms=(60.0, 110.0),
    decisions=1234,
    dropped=5,
    meters=METERS,
)


@contextlib.contextmanager
def serving(snapshot: Callable[[], Snapshot], port: int = 0) -> Iterator[MetricsServer]:
    with contextlib.closing(MetricsServer(port)) as server:
        server.begin(snapshot)
        yield server


def asked(port: int, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1")
        return str(answer.read().decode("utf-8"))


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name.removeprefix("realtime_cer_"), frozenset(sample.labels.items())): float(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_every_figure_is_there_by_the_conventions() -> None:
    with serving(lambda: SNAPSHOT) as server:
        text = asked(server.port)
    assert text.endswith("# EOF\n")
    assert "# UNIT realtime_cer_memory_bytes bytes" in text
    assert "# TYPE realtime_cer_decisions counter" in text
    found = samples(text)
    assert of(found, "decisions_total") == 1234
    assert of(found, "decisions_per_second") == 4.98
    assert of(found, "late_frames_total") == 5
    assert of(found, "latency_seconds", quantile="0.95") == pytest.approx(0.11)
    assert of(found, "stage_seconds", stage="face", quantile="0.95") == pytest.approx(0.0215)
    assert of(found, "stage_seconds", stage="draw", quantile="1.0") == pytest.approx(0.009)
    assert of(found, "stage_runs_per_second", stage="face") == 5
    assert of(found, "queue_depth", queue="inbox") == 2
    assert of(found, "drops_total", cause="overtaken") == 7
    assert of(found, "worker_stalled", worker="sound") == 1
    assert of(found, "rung") == 2
    assert of(found, "ladder_info", rung="fewer landmarks") == 1
    assert of(found, "memory_bytes") == 512.5 * 1024 * 1024
    assert of(found, "engine_info", network="acoustic", engine="tensorrt-rtx") == 1
    camera = {"kind": "camera", "source": "http://cam.local/a\\b"}
    assert of(found, "source_state", **camera, realtime_cer_source_state="stalled") == 1
    assert of(found, "source_state", **camera, realtime_cer_source_state="live") == 0
    assert of(found, "source_items_total", **camera) == 120
    microphone = {"kind": "microphone", "source": 'the "good" microphone\n'}
    assert of(found, "source_dropped_total", **microphone) == 0
    assert of(found, "source_faults_total", **camera, fault="frozen") == 9
    assert of(found, "source_faults_total", **camera, fault="damaged") == 0
    assert of(found, "source_faults_total", **microphone, fault="underflows") == 2
    assert all(math.isfinite(value) for value in found.values())


def test_before_anything_was_decided_there_are_figures_too() -> None:
    early = replace(SNAPSHOT, sources=(), engines={}, rate=0.0, latency_ms=None, decisions=0, dropped=0, meters=None)
    with serving(lambda: early) as server:
        found = samples(asked(server.port))
    assert of(found, "decisions_total") == 0
    assert not any(name.startswith(("latency", "stage", "rung")) for name, _ in found)


def test_each_question_is_answered_anew_and_other_pages_are_not_there() -> None:
    moments = iter(replace(SNAPSHOT, decisions=count) for count in (1, 2))
    with serving(lambda: next(moments)) as server:
        assert of(samples(asked(server.port)), "decisions_total") == 1
        assert of(samples(asked(server.port)), "decisions_total") == 2
        with pytest.raises(urllib.error.HTTPError, match="404"):
            asked(server.port, "/")


def test_only_this_machine_is_listened_to_and_the_port_is_free_again() -> None:
    with serving(lambda: SNAPSHOT) as server:
        with pytest.raises(Refused, match=f"port {server.port} cannot be used"):
            MetricsServer(server.port)
        with socket.socket() as other, pytest.raises(OSError, match="refused"):
            other.connect(("127.0.0.2", server.port))
    with serving(lambda: SNAPSHOT, server.port):
        pass


def test_a_client_that_says_nothing_holds_nobody_up() -> None:
    with serving(lambda: SNAPSHOT) as server, socket.create_connection(("127.0.0.1", server.port)):
        assert of(samples(asked(server.port)), "decisions_total") == 1234


@pytest.mark.parametrize("port", ["-1", "65536", "many", "0", "80.5"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", f"--metrics={port}", "--camera", "none", "--microphone", "none"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert port in line


def test_a_port_in_use_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["live", "--headless", "--metrics", str(port), "--camera", "none"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert f"port {port} cannot be used" in line


class Fed:
    """A camera that gives grey pictures."""

    name = "fed"

    def __init__(self) -> None:
        self.status, self.counters = SourceStatus("live", "", 0.0), Counters()

    def items(self, stop: object) -> Iterator[Frame]:
        while not stop.is_set():  # type: ignore[attr-defined]  # an Event
            self.counters.frames += 1
            yield Frame(time.monotonic(), self.counters.frames, np.full((48, 64, 3), 99, np.uint8))
            time.sleep(0.02)

    def close(self) -> None:
        pass


def test_over_a_running_recogniser() -> None:
    config = Config()
    with (
        Live(config, FusionWeights.equal(), tiny_perception(config), [("camera", Fed())]) as live,
        serving(live.snapshot) as server,
    ):
        for _, _ in zip(range(8), live.decisions(), strict=False):
            pass
        found = samples(asked(server.port))
    assert of(found, "decisions_total") >= 8
    assert of(found, "source_items_total", kind="camera", source="fed") > 10
    assert of(found, "source_state", kind="camera", source="fed", realtime_cer_source_state="live") == 1

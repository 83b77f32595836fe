"""What a running recogniser measures of itself, as OpenMetrics text on loopback: for Prometheus, or for curl.

Nothing here tells what was recognised: only how well the machine keeps up.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from realtime_cer import __version__
from realtime_cer.errors import Refused
from realtime_cer.records import Meters, Snapshot

PATH = "/metrics"

_HOST = "127.0.0.1"
_PREFIX = "realtime_cer_"
_STATES = ("opening", "live", "stalled", "lost", "retrying", "absent", "ended")
_FAULTS = {"camera": ("frozen", "damaged"), "microphone": ("overflows", "underflows")}
_IDLE_S = 10.0
_MIB = 1024 * 1024


class _Snapshots(Collector):
    """Turns the newest snapshot into metric families, each time somebody asks."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Every family there is something to say about."""
        now = self._snapshot()
        yield InfoMetricFamily(_PREFIX + "build", "Version of the program.", value={"version": __version__})
        yield _count("decisions", "Decisions issued.", now.decisions)
        yield _gauge("decisions_per_second", "Decisions issued each second, lately.", now.rate)
        yield _count("late_frames", "Frames that came too late for their decision.", now.dropped)
        if now.latency_ms is not None:
            latency = _quantiles("latency", "Capture to decision, over the last minute.")
            _add_quantiles(latency, {}, zip(("0.5", "0.95"), now.latency_ms, strict=True))
            yield latency
        yield from _sources(now)
        engines = InfoMetricFamily(_PREFIX + "engine", "What runs each network.", labels=["network"])
        for network, engine in sorted(now.engines.items()):
            engines.add_metric([network], {"engine": engine})
        yield engines
        if now.meters is not None:
            yield from _meters(now.meters)


def _sources(now: Snapshot) -> Iterator[Metric]:
    labels = ["kind", "source"]
    states = StateSetMetricFamily(_PREFIX + "source_state", "State of each source.", labels=labels)
    given = CounterMetricFamily(_PREFIX + "source_items", "Frames, or blocks of sound, that came.", labels=labels)
    lost = CounterMetricFamily(_PREFIX + "source_dropped", "Frames or blocks lost on the way.", labels=labels)
    faults = CounterMetricFamily(
        _PREFIX + "source_faults",
        "Pictures withheld as frozen or damaged; times that sound overflowed or underflowed.",
        labels=[*labels, "fault"],
    )
    for source in now.sources:
        which = [source.kind, source.name]
        states.add_metric(which, {state: state == source.state for state in _STATES})
        given.add_metric(which, source.frames)
        lost.add_metric(which, source.dropped)
        for fault in _FAULTS.get(source.kind, ()):
            faults.add_metric([*which, fault], getattr(source, fault))
    yield from (states, given, lost, faults)


def _meters(meters: Meters) -> Iterator[Metric]:
    stages = _quantiles("stage", "Time that each stage takes, over the last minute; the last quantile is the worst.")
    rates = GaugeMetricFamily(_PREFIX + "stage_runs_per_second", "How often each stage runs.", labels=["stage"])
    for name, one in meters.stages.items():
        _add_quantiles(stages, {"stage": name}, [("0.5", one.p50_ms), ("0.95", one.p95_ms), ("1.0", one.worst_ms)])
        rates.add_metric([name], one.rate)
    depths = GaugeMetricFamily(_PREFIX + "queue_depth", "What waits in each queue.", labels=["queue"])
    for name, depth in meters.queues.items():
        depths.add_metric([name], depth)
    drops = CounterMetricFamily(_PREFIX + "drops", "What was left out since the start, by cause.", labels=["cause"])
    for cause, count in meters.drops.items():
        drops.add_metric([cause], count)
    stalled = GaugeMetricFamily(
        _PREFIX + "worker_stalled",
        "Workers that do not move; reload-video and reload-sound load fresh networks for one that hung.",
        labels=["worker"],
    )
    for name in meters.stalled:
        stalled.add_metric([name], 1)
    yield from (stages, rates, depths, drops, stalled)
    yield _gauge("rung", "How far down the ladder of degradation: 0 is everything.", meters.rung)
    yield InfoMetricFamily(_PREFIX + "ladder", "Name of the rung.", value={"rung": meters.rung_name})
    yield GaugeMetricFamily(
        _PREFIX + "memory_bytes", "Resident memory.", value=round(meters.memory_mib * _MIB), unit="bytes"
    )


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(_PREFIX + name, about, value=value)


def _count(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(_PREFIX + name, about, value=value)


def _quantiles(name: str, about: str) -> Metric:
    return Metric(f"{_PREFIX}{name}_seconds", about, "summary", unit="seconds")


def _add_quantiles(metric: Metric, labels: dict[str, str], milliseconds: Any) -> None:
    for quantile, value in milliseconds:
        metric.add_sample(metric.name, {**labels, "quantile": quantile}, value / 1000)


class MetricsServer:
    """Holds a port of this machine alone from when it is made, and answers ``GET /metrics`` once it has begun.

    Parameters
    ----------
    port : 0 takes a free one

    Attributes
    ----------
    port : the one that is held

    Raises
    ------
    Refused
        The port is in use, or may not be used.
    """

    def __init__(self, port: int) -> None:
        self._registry = CollectorRegistry()
        try:
            self._server = _Server((_HOST, port), _handler(self._registry))
        except OSError as error:
            raise Refused(f"port {port} cannot be used ({error.strerror}): give another one with --metrics") from None
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True)

    def begin(self, snapshot: Callable[[], Snapshot]) -> None:
        """Answer from now on, in threads of its own; ``snapshot`` gives the moment, and is called by those."""
        self._registry.register(_Snapshots(snapshot))
        self._thread.start()

    def close(self) -> None:
        """Stop answering, and give the port back."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a client that never reads must not keep the program from ending
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of faults of ours; a client that has gone is no matter for the terminal."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _handler(registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _IDLE_S

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != PATH:
                self.send_error(404, "only /metrics is here")
                return
            text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]  # the library forgot
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE_LATEST)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing of each question."""

    return Handler

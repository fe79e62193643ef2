"""Events to prometheus-client, OpenTelemetry and statsd, each read back by that library's own means."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

import pytest
from samples import MODES, ROOT

import hotpathd
from hotpathd.adapters import _readings
from hotpathd.adapters.statsd import StatsdEvents

EVENT = {
    "v": 1, "ts": "2026-01-02T03:04:05.678901Z", "route": "chunk", "mode": "on", "key_hash": None, "bucket": None,
    "path": "sidecar", "outcome": "ok", "reason": "", "sidecar_ms": 1.5, "legacy_ms": None, "total_ms": 2.0,
    "cpu_ms": {"legacy": None, "client": 0.25}, "server": None, "match": None, "diff": None, "bytes_in": 20,
    "request_id": "r", "trace_id": None, "caller": None, "pid": 1, "host": "h",
}  # fmt: skip
FELL_BACK = {
    **EVENT, "path": "legacy", "outcome": "fallback", "reason": "timeout", "sidecar_ms": 250.0, "legacy_ms": 40.0,
    "total_ms": 290.0, "cpu_ms": {"legacy": 39.0, "client": 0.5}, "dropped": 3,
}  # fmt: skip
COMPARED = {
    **EVENT, "mode": "shadow", "path": "both", "sidecar_ms": 1.0, "legacy_ms": 40.0, "match": False,
    "cpu_ms": {"legacy": None, "client": None},
}  # fmt: skip
ALL = [EVENT, EVENT, FELL_BACK, COMPARED, {**COMPARED, "match": True}]


def test_the_events_here_have_the_fields_of_real_ones():
    fields = json.loads((ROOT / "docs/event-fields.json").read_text())
    for event in ALL:
        assert list(event) == [f["name"] for f in fields if f["name"] in event]
        assert {f["name"] for f in fields if not f.get("optional")} <= set(event)
    assert set(_readings.LABELS) <= {f["name"] for f in fields}


def real_events(daemon, on_event):
    """Two calls that the sidecar answered and one of a route that is off; through the client's own thread."""
    with hotpathd.Client(daemon.unix, modes={"chunk": "on"}, timeout=10, on_event=on_event) as sidecar:
        for _ in range(2):
            sidecar.chunk("One.", fallback=lambda: [])
        sidecar.score("q", ["d"], fallback=lambda: [0])


def test_prometheus_counts_and_times_them(daemon):
    prometheus_client = pytest.importorskip("prometheus_client", reason="no prometheus-client: make extras")
    from hotpathd.adapters.prometheus import PrometheusEvents

    registry = prometheus_client.CollectorRegistry()
    take = PrometheusEvents(registry)
    for event in ALL:
        take(event)
    sample = registry.get_sample_value
    calls = "hotpathd_client_calls_total"
    told = {"route": "chunk", "mode": "on", "outcome": "ok", "reason": "none", "path": "sidecar"}
    assert sample(calls, told) == 2
    assert sample(calls, {**told, "outcome": "fallback", "reason": "timeout", "path": "legacy"}) == 1
    assert sample(calls, {**told, "mode": "shadow", "path": "both"}) == 2
    seconds = "hotpathd_client_duration_seconds"
    assert sample(f"{seconds}_count", {"route": "chunk", "side": "total"}) == 5
    assert sample(f"{seconds}_sum", {"route": "chunk", "side": "legacy"}) == pytest.approx(0.120)
    assert sample(f"{seconds}_bucket", {"route": "chunk", "side": "sidecar", "le": "0.0025"}) == 4
    assert sample("hotpathd_client_cpu_seconds_total", {"route": "chunk", "side": "client"}) == pytest.approx(0.001)
    for result in ("match", "mismatch"):
        assert sample("hotpathd_client_comparisons_total", {"route": "chunk", "result": result}) == 1
    assert sample("hotpathd_client_events_dropped_total") == 3

    real_events(daemon, take)
    assert sample(calls, told) == 4
    off = {"route": "score", "mode": "off", "outcome": "legacy", "reason": "off", "path": "legacy"}
    assert sample(calls, off) == 1
    text = prometheus_client.generate_latest(registry).decode()
    assert 'hotpathd_client_duration_seconds_count{route="score",side="legacy"} 1.0' in text


FORKED = """
import os, prometheus_client, prometheus_client.multiprocess
import hotpathd
from hotpathd.adapters.prometheus import PrometheusEvents

sidecar = hotpathd.Client(modes={}, on_event=PrometheusEvents())
sidecar.chunk("before", fallback=lambda: [])
children = [os.fork(), os.fork()]
for _ in range(5):
    sidecar.chunk("after", fallback=lambda: [])
sidecar.close()
if not all(children):
    [os.waitpid(pid, 0) for pid in children if pid]
    os._exit(0)
for pid in children:
    os.waitpid(pid, 0)
registry = prometheus_client.CollectorRegistry()
prometheus_client.multiprocess.MultiProcessCollector(registry)
print(prometheus_client.generate_latest(registry).decode())
"""


def test_prometheus_adds_up_the_processes_of_a_forking_server(tmp_path):
    """As gunicorn's workers do it: prometheus-client's multiprocess mode."""
    pytest.importorskip("prometheus_client", reason="no prometheus-client: make extras")
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT / "clients/python/src"), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", FORKED], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    counts = [line for line in done.stdout.splitlines() if line.startswith("hotpathd_client_calls_total{")]
    assert len(counts) == 1 and counts[0].endswith(" 21.0")  # one, and five in each of four processes


def metrics_of(reader):
    """{(metric, sorted attributes): point}"""
    found = {}
    for resource in reader.get_metrics_data().resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    found[metric.name, tuple(sorted(point.attributes.items()))] = point
    return found


def test_opentelemetry_counts_and_times_them(daemon):
    pytest.importorskip("opentelemetry.sdk", reason="no opentelemetry-sdk: make extras")
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from hotpathd.adapters.opentelemetry import OpenTelemetryEvents

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    take = OpenTelemetryEvents(provider)
    for event in ALL:
        take(event)
    real_events(daemon, take)
    found = metrics_of(reader)

    def point(name, **attributes):
        return found[f"hotpathd.client.{name}", tuple(sorted((f"hotpathd.{k}", v) for k, v in attributes.items()))]

    told = {"route": "chunk", "mode": "on", "outcome": "ok", "reason": "none", "path": "sidecar"}
    assert point("calls", **told).value == 4
    assert point("calls", **{**told, "mode": "shadow", "path": "both"}).value == 2
    legacy = point("duration", route="chunk", side="legacy")
    assert (legacy.count, legacy.sum) == (3, pytest.approx(0.120))
    assert tuple(legacy.explicit_bounds) == _readings.BUCKETS_S
    assert point("cpu", route="chunk", side="legacy").value == pytest.approx(0.039)
    assert point("comparisons", route="chunk", result="mismatch").value == 1
    assert found["hotpathd.client.events.dropped", ()].value == 3
    assert point("duration", route="score", side="legacy").count == 1
    provider.shutdown()


def test_opentelemetrys_span_says_what_became_of_the_call_and_is_the_daemons_parent(daemon):
    pytest.importorskip("opentelemetry.sdk", reason="no opentelemetry-sdk: make extras")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from hotpathd.adapters.opentelemetry import annotate

    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    events = []
    with hotpathd.Client(daemon.unix, modes=MODES, timeout=10, on_event=events.append) as sidecar:
        with tracer.start_as_current_span("split"):
            sidecar.chunk("One.", fallback=lambda: [])
            annotate(sidecar.last)
        span = tracer.start_span("other")
        sidecar.call("none", {}, fallback=lambda: None)
        annotate(sidecar.last, span)
        span.end()
    answered, off = exporter.get_finished_spans()
    assert answered.attributes["hotpathd.outcome"] == "ok" and answered.attributes["hotpathd.path"] == "sidecar"
    assert answered.attributes["hotpathd.request_id"] == events[0]["request_id"]
    assert answered.attributes["hotpathd.sidecar_ms"] > 0 and "hotpathd.legacy_ms" not in answered.attributes
    assert events[0]["trace_id"] == f"{answered.context.trace_id:032x}"
    assert off.attributes["hotpathd.reason"] == "off" and "hotpathd.sidecar_ms" not in off.attributes


@pytest.fixture
def receiver():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        yield receiver


def test_statsd_gets_a_datagram_for_each_event(receiver):
    take = StatsdEvents("127.0.0.1", receiver.getsockname()[1])
    got = []
    for event in (EVENT, FELL_BACK, COMPARED):
        take(event)
        got.append(receiver.recv(9000).decode().split("\n"))
    take.close()
    assert got == [
        ["hotpathd.chunk.calls.ok.none:1|c", "hotpathd.chunk.total:2.000000|ms", "hotpathd.chunk.sidecar:1.500000|ms",
         "hotpathd.chunk.cpu_client:0.250000|ms"],
        ["hotpathd.chunk.calls.fallback.timeout:1|c", "hotpathd.chunk.total:290.000000|ms",
         "hotpathd.chunk.sidecar:250.000000|ms", "hotpathd.chunk.legacy:40.000000|ms",
         "hotpathd.chunk.cpu_legacy:39.000000|ms", "hotpathd.chunk.cpu_client:0.500000|ms",
         "hotpathd.events_dropped:3|c"],
        ["hotpathd.chunk.calls.ok.none:1|c", "hotpathd.chunk.total:2.000000|ms", "hotpathd.chunk.sidecar:1.000000|ms",
         "hotpathd.chunk.legacy:40.000000|ms", "hotpathd.chunk.comparisons.mismatch:1|c"],
    ]  # fmt: skip
    assert take.dropped == 0


def test_statsds_lines_are_those_of_the_statsd_package(receiver):
    statsd = pytest.importorskip("statsd", reason="no statsd: make extras")
    port = receiver.getsockname()[1]
    take = StatsdEvents("127.0.0.1", port)
    take(FELL_BACK)
    take.close()
    ours = receiver.recv(9000)
    client = statsd.StatsClient("127.0.0.1", port, prefix="hotpathd")
    with client.pipeline() as pipe:
        pipe.incr("chunk.calls.fallback.timeout")
        for name, ms in [
            ("total", 290.0),
            ("sidecar", 250.0),
            ("legacy", 40.0),
            ("cpu_legacy", 39.0),
            ("cpu_client", 0.5),
        ]:
            pipe.timing(f"chunk.{name}", ms)
        pipe.incr("events_dropped", 3)
    client.close()
    assert receiver.recv(9000) == ours


def test_statsd_with_tags(receiver, daemon):
    take = StatsdEvents("127.0.0.1", receiver.getsockname()[1], prefix="app.hotpathd", tags=True)
    real_events(daemon, take)
    got = [receiver.recv(9000).decode().split("\n") for _ in range(3)]
    take.close()
    assert got[0][0] == "app.hotpathd.calls:1|c|#route:chunk,mode:on,outcome:ok,reason:none,path:sidecar"
    assert got[2][0] == "app.hotpathd.calls:1|c|#route:score,mode:off,outcome:legacy,reason:off,path:legacy"
    assert got[0][1].startswith("app.hotpathd.total:") and got[0][1].endswith("|ms|#route:chunk")


def test_a_route_cannot_break_a_line_of_statsd(receiver):
    for tags in (False, True):
        take = StatsdEvents("127.0.0.1", receiver.getsockname()[1], tags=tags)
        take({**EVENT, "route": "a.b:1|c\nx#,\u00e9"})
        take.close()
        lines = receiver.recv(9000).decode("ascii").split("\n")
        assert len(lines) == 4 and all(line.count(":1|c") == (line is lines[0]) for line in lines)


def test_statsd_neither_waits_nor_raises_where_nobody_takes_it(tmp_path):
    """A Unix socket that is full is the worst case: UDP drops by itself."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        for take in (StatsdEvents("127.0.0.1", 9), StatsdEvents(path)):
            started = time.monotonic()
            for _ in range(2000):
                take(EVENT)
            assert time.monotonic() - started < 5
            take.close()
        assert receiver.recv(9000).startswith(b"hotpathd.chunk.calls.ok.none:1|c\n")
        assert 0 < take.dropped < 2000
    before = take.dropped
    take(EVENT)
    assert take.dropped == before + 1

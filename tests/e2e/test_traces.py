"""Spans: what a collector gets, and that one that is away or slow costs nothing."""
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from daemon import wait_for

BODY = json.dumps({"text": "One paragraph."})
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collector():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(self.server.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def traced(start, tmp_path, port):
    config = tmp_path / "traces.yaml"
    config.write_text(f"traces: http://127.0.0.1:{port}/v1/traces\n")
    return start("--config", str(config))


def send(daemon, flags="01", body=BODY):
    return daemon.post("/v1/chunk", body, traceparent=f"00-{TRACE}-{PARENT}-{flags}")


def test_sampled_requests_become_spans_with_their_parent(start, tmp_path, collector):
    daemon = traced(start, tmp_path, collector.server_port)
    assert send(daemon).status == 200
    assert send(daemon, "00").status == 200  # not sampled
    assert daemon.post("/v1/chunk", BODY).status == 200
    assert send(daemon, body="{").status == 400
    wait_for(lambda: daemon.metric("hotpathd_spans_total", result="exported") == 2, "the spans to be taken")
    spans = []
    for path, media_type, body in collector.got:
        assert (path, media_type) == ("/v1/traces", "application/json")
        resource = body["resourceSpans"][0]
        assert resource["resource"]["attributes"][0] == {"key": "service.name", "value": {"stringValue": "hotpathd"}}
        spans += resource["scopeSpans"][0]["spans"]
    assert [span["traceId"] for span in spans] == [TRACE] * 2
    assert all(span["parentSpanId"] == PARENT and len(span["spanId"]) == 16 for span in spans)
    ok, bad = spans
    attributes = lambda span: {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}
    assert attributes(ok)["http.response.status_code"] == "200" and "error.type" not in attributes(ok)
    assert attributes(bad)["error.type"] == "bad_json" and bad["status"] == {}
    assert int(ok["startTimeUnixNano"]) < int(ok["endTimeUnixNano"])
    assert [event["name"] for event in ok["events"]][-3:] == ["parse", "compute", "write"]


def test_a_collector_that_refuses_or_is_away_is_counted_and_harms_nobody(start, tmp_path, collector):
    daemon = traced(start, tmp_path, collector.server_port)
    collector.status = 503
    assert send(daemon).status == 200
    wait_for(lambda: daemon.metric("hotpathd_spans_total", result="failed") == 1, "the failure to be counted")
    away = tmp_path / "away"
    away.mkdir()
    with socket.socket() as nobody:  # bound, not listening
        nobody.bind(("127.0.0.1", 0))
        daemon = traced(start, away, nobody.getsockname()[1])
        for _ in range(3):
            assert send(daemon).status == 200
        wait_for(lambda: daemon.metric("hotpathd_spans_total", result="failed") == 3, "the failures to be counted")
    assert sum("collector" in line["msg"] for line in daemon.log()) == 1


def test_spans_are_bounded_while_a_collector_does_not_answer(start, tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        daemon = traced(start, tmp_path, silent.getsockname()[1])
        sent = 0
        while daemon.metric("hotpathd_spans_total", result="dropped") == 0:
            for _ in range(100):
                assert send(daemon).status == 200
            sent += 100
            assert sent < 20_000
        assert sent > 2048


def test_spans_that_wait_are_sent_when_the_daemon_stops(start, tmp_path, collector):
    daemon = traced(start, tmp_path, collector.server_port)
    assert send(daemon).status == 200
    daemon.process.terminate()
    assert daemon.process.wait(10) == 0
    assert len(collector.got) == 1


def test_exemplars_name_traces_in_openmetrics_only(daemon):
    assert send(daemon).status == 200
    wait_for(lambda: TRACE in daemon.call("GET", "/metrics", None, {"Accept": "application/openmetrics-text"}, daemon.admin).body.decode(),
             "the exemplar")
    assert TRACE not in daemon.get("/metrics").body.decode()

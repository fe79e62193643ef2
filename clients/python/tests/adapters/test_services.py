"""The examples in examples/frameworks as real services: a Celery worker, uvicorn, and gunicorn with two workers."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import socket
import subprocess
import sys
import time

import pytest
from samples import ROOT, TEXTS

EXAMPLES = ROOT / "clients/python/examples/frameworks"
DOCUMENT = TEXTS["sample"]
PATIENCE_S = 60.0


class OverUnix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


def post(path, target, body):
    connection = OverUnix(path)
    try:
        connection.request("POST", target, body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        assert reply.status == 200, reply.read()
        return json.loads(reply.read())
    finally:
        connection.close()


def until(process, attempt):
    """The first thing that `attempt` gives, while the service starts and learns the daemon's modes."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        assert process.poll() is None, "the service ended"
        try:
            got = attempt()
        except OSError:
            got = None
        if got:
            return got
        time.sleep(0.02)
    pytest.fail("the service does not answer")


def finish(process):
    process.terminate()
    assert process.wait(30) == 0


def events_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def expected(ask):
    answer = ask("chunk", text=DOCUMENT, chunk={"max": 128})
    return [answer["text"][c["start"] : c["end"]] for c in answer["chunks"]]


@pytest.fixture
def environment(daemon, tmp_path):
    return {"HOTPATHD_URL": daemon.unix, "HOTPATHD_EVENTS": str(tmp_path / "events")}


def test_gunicorns_workers_each_call_after_the_fork(run, environment, expected, tmp_path):
    pytest.importorskip("gunicorn", reason="no gunicorn: make extras")
    path = tmp_path / "web"
    service = run(
        "gunicorn", "--preload", "--workers", "2", "--bind", f"unix:{path}", "--log-level", "warning",
        "--chdir", str(EXAMPLES), "--worker-tmp-dir", str(tmp_path), "--no-control-socket", "gunicorn_app:application", **environment,
    )  # fmt: skip
    until(service, lambda: post(path, "/", DOCUMENT.encode())["path"] == "sidecar")
    with concurrent.futures.ThreadPoolExecutor(8) as callers:
        seen = set()
        end = time.monotonic() + PATIENCE_S
        while len(seen) < 2 and time.monotonic() < end:
            answers = list(callers.map(lambda _: post(path, "/", DOCUMENT.encode()), range(32)))
            assert all(a["pieces"] == expected for a in answers if a["path"] == "sidecar")
            seen |= {a["pid"] for a in answers if a["path"] == "sidecar"}
    assert len(seen) == 2 and service.pid not in seen
    finish(service)
    told = events_of(tmp_path / "events")
    assert {e["pid"] for e in told} == seen | {service.pid}
    assert [e["pid"] for e in told].count(service.pid) == 1  # the call before the fork, told once
    assert {e["outcome"] for e in told} <= {"ok", "legacy"}
    assert {e["reason"] for e in told if e["outcome"] == "legacy"} <= {"no_rollout"}


def test_fastapi_answers_from_the_sidecar_on_its_loop(run, environment, expected, tmp_path):
    pytest.importorskip("fastapi", reason="no fastapi: make extras")
    path = tmp_path / "api"
    service = run(
        "uvicorn",
        "--uds",
        str(path),
        "--log-level",
        "warning",
        "--app-dir",
        str(EXAMPLES),
        "fastapi_app:app",
        **environment,
    )
    body = json.dumps({"id": "7", "text": DOCUMENT})
    until(service, lambda: post(path, "/split", body)["path"] == "sidecar")
    with concurrent.futures.ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: post(path, "/split", body), range(64)))
    assert all(a == {"pieces": expected, "path": "sidecar"} for a in answers)
    service.terminate()
    service.wait(30)
    told = events_of(tmp_path / "events")  # the lifespan's end wrote the last ones
    assert [e["outcome"] for e in told].count("ok") == 65 and len({e["key_hash"] for e in told}) == 1


def test_fastapi_answers_without_a_daemon(run, tmp_path):
    pytest.importorskip("fastapi", reason="no fastapi: make extras")
    path = tmp_path / "api"
    service = run(
        "uvicorn", "--uds", str(path), "--log-level", "warning", "--app-dir", str(EXAMPLES), "fastapi_app:app",
        HOTPATHD_URL="unix:/none",
    )  # fmt: skip
    got = until(service, lambda: post(path, "/split", json.dumps({"id": "7", "text": "a\n\nb"})))
    assert got == {"pieces": ["a", "b"], "path": "legacy"}


def test_a_celery_task_runs_in_its_own_process_without_a_daemon():
    pytest.importorskip("celery", reason="no celery: make extras")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "clients/python/src"), "HOTPATHD_URL": "unix:/none"}
    command = [sys.executable, str(EXAMPLES / "celery_task.py")]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE_S)
    assert done.stdout.decode().startswith("['Lift.', 'Drag is the price.'] Last(outcome='legacy'"), done.stderr.decode()


CALLER = """
import json, sys, celery_task
from celery import group
document, expected = json.load(sys.stdin)
while celery_task.split.delay(document, "7").get(timeout=60) != expected:
    pass  # its process does not know the daemon's modes yet
print(json.dumps(group(celery_task.split.s(f"{i}", str(i)) for i in range(40)).apply_async().get(timeout=60)))
"""


def test_a_celery_worker_calls_from_the_processes_of_its_pool(run, environment, expected, tmp_path):
    """A broker of files: a real worker that forks, and a caller that is another process."""
    pytest.importorskip("celery", reason="no celery: make extras")
    (tmp_path / "queue").mkdir()
    (tmp_path / "results").mkdir()
    settings = {
        "CELERY_BROKER_URL": "filesystem://", "CELERY_RESULT_BACKEND": f"file://{tmp_path}/results",
        "CELERY_CONFIG_MODULE": "celery_on_files", **environment,
    }  # fmt: skip
    (tmp_path / "celery_on_files.py").write_text(f"""
folders = ("data_folder_in", "data_folder_out", "control_folder")
broker_transport_options = {{"polling_interval": 0.02, **dict.fromkeys(folders, {str(tmp_path / "queue")!r})}}
worker_prefetch_multiplier = 1
""")
    path = os.pathsep.join([str(EXAMPLES), str(tmp_path), str(ROOT / "clients/python/src")])
    worker = run(
        "celery", "-A", "celery_task", "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "ERROR",
        "--without-gossip", "--without-mingle", "--without-heartbeat", **{**settings, "PYTHONPATH": path},
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", CALLER], env={**os.environ, **settings, "PYTHONPATH": path},
        input=json.dumps([DOCUMENT, expected]).encode(), capture_output=True, timeout=2 * PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == [[str(i)] for i in range(40)]
    finish(worker)
    told = events_of(tmp_path / "events")  # those of the last moment too: the example sees to it
    assert len(told) > 40 and worker.pid not in {e["pid"] for e in told}
    assert {(e["outcome"], e["reason"]) for e in told} <= {("ok", ""), ("legacy", "no_rollout")}
    assert {e["caller"] for e in told} == {"celery/1.0"}

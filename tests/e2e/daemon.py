"""A daemon under test, and small clients to talk to it: HTTP as http.client speaks it, and raw bytes."""
import http.client
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("HOTPATHD_BIN", str(ROOT / "build" / "hotpathd"))
SANITIZED = any(name in pathlib.Path(BINARY).read_bytes() for name in (b"__asan_init", b"__tsan_init"))
PATIENCE_S = 60  # for what must happen: a machine may be slow, so only a hang is as long


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=PATIENCE_S):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def connection(url, timeout=PATIENCE_S):
    if url.startswith("unix:"):
        return UnixConnection(url[5:], timeout)
    return http.client.HTTPConnection(url[len("http://"):], timeout=timeout)


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The problem's code; the reply must be a problem, whole and right."""
        problem = self.json
        assert self.headers["Content-Type"] == "application/problem+json"
        assert problem["type"] == "urn:hotpathd:problem:" + problem["code"]
        assert problem["status"] == self.status
        assert problem["title"]
        return problem["code"]


def request(conn, method, path, body=None, headers=None):
    conn.request(method, path, body, headers or {})
    reply = conn.getresponse()
    return Reply(reply.status, reply.headers, reply.read())


class Daemon:
    """Started with `arguments`; stopped by pid when the block ends."""

    def __init__(self, folder, *arguments, listen=True, before=()):
        self.folder = folder
        self.ready_file = folder / "ready.json"
        self.log_file = folder / "log"
        self.socket = folder / "data.sock"
        self.command = [*before, BINARY, "serve", "--ready-file", str(self.ready_file)]
        if listen:
            self.command += ["--listen", "127.0.0.1:0", "--listen", f"unix:{self.socket}", "--admin", "127.0.0.1:0"]
        self.command += arguments
        self.process = None

    def __enter__(self):
        with open(self.log_file, "w") as log:
            self.process = subprocess.Popen(self.command, stderr=log, cwd=ROOT)
        until = time.monotonic() + PATIENCE_S
        while not self.ready_file.exists():
            assert self.process.poll() is None, self.log_file.read_text()
            assert time.monotonic() < until, "not ready: " + self.log_file.read_text()
            time.sleep(0.005)
        ready = json.loads(self.ready_file.read_text())
        assert ready["pid"] == self.process.pid
        self.listen, self.admin = ready["listen"], ready["admin"]
        self.tcp = next((url for url in self.listen if url.startswith("http")), None)
        self.unix = next((url for url in self.listen if url.startswith("unix")), None)
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("not drained in time: " + self.log_file.read_text()[-2000:])
            if kind is None:
                assert code == 0, f"exit code {code}: " + self.log_file.read_text()[-4000:]

    def log(self):
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def call(self, method, path, body=None, headers=None, url=None):
        """One request over a connection of its own."""
        conn = connection(url or self.tcp)
        try:
            return request(conn, method, path, body, headers)
        finally:
            conn.close()

    def post(self, path, value, url=None, **headers):
        body = value if isinstance(value, (bytes, str)) else json.dumps(value)
        fields = {"Content-Type": "application/json"}
        fields.update({name.replace("_", "-"): text for name, text in headers.items()})
        return self.call("POST", path, body, fields, url)

    def chunk(self, text, url=None, **options):
        reply = self.post("/v1/chunk", {"text": text, **options}, url)
        assert reply.status == 200, reply.body
        return reply.json

    def get(self, path):
        return self.call("GET", path, url=self.admin)

    def metric(self, name, **labels):
        """The sum of all samples of `name` that have these labels."""
        total = 0.0
        for line in self.get("/metrics").body.decode().splitlines():
            series, _, value = line.rpartition(" ")
            family, _, rest = series.partition("{")
            if family == name and all(f'{key}="{text}"' in rest for key, text in labels.items()):
                total += float(value)
        return total

    def open(self, url=None):
        """A socket that is connected to it."""
        url = url or self.tcp
        if url.startswith("unix:"):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect(url[5:])
            return sock
        host, _, port = url[len("http://"):].rpartition(":")
        return socket.create_connection((host, int(port)))

    def raw(self, data, url=None):
        """Sends bytes, returns all bytes until the daemon closes (or is silent for long)."""
        with self.open(url) as sock:
            sock.sendall(data)
            return read_all(sock)


def read_all(sock, quiet_s=PATIENCE_S):
    out = b""
    while True:
        ready, _, _ = select.select([sock], [], [], quiet_s)
        if not ready:
            return out
        try:
            piece = sock.recv(1 << 16)
        except ConnectionResetError:
            return out
        if not piece:
            return out
        out += piece


def run(*arguments, stdin=None, timeout=PATIENCE_S):
    """The binary as a command: exit code, standard output and error."""
    done = subprocess.run([BINARY, *arguments], input=stdin, capture_output=True, timeout=timeout, cwd=ROOT)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def sanitizer_runtime():
    """Its library, which wants to be loaded before all others; or none."""
    listed = subprocess.run(["ldd", BINARY], capture_output=True, check=True).stdout.decode()
    return re.findall(r"lib[at]san\S* => (\S+)", listed)


def preloaded(folder, name):
    """The library of tests/e2e/NAME.c, built into `folder`, for LD_PRELOAD."""
    library = folder / f"{name}.so"
    source = pathlib.Path(__file__).with_name(f"{name}.c")
    subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    return " ".join([*sanitizer_runtime(), str(library)])


def wait_for(condition, what, seconds=PATIENCE_S):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain for " + what
        time.sleep(0.005)

"""The processes of the stack: each is started on a Unix socket in one temporary folder and ended by its pid."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from load import UnixConnection

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "bench" / "stack"
TIMEOUT_S = {"chunk": 0.1, "score": 0.05}
CONFIG = """\
# The one file that steers all callers. hotpathd-rollout edits mode and percent.
listen: ["unix:{folder}/hotpathd.sock"]
admin: "unix:{folder}/admin.sock"
vocabulary: {root}/build/vocab
kill_switch: ""
limits:
  log_lines_per_second: 100000 # of which a tenth for successes: every request has its line here
routes:
  chunk:
    mode: off # off, shadow, canary, on
    percent: 0
    deadline_ms: {chunk_ms:.0f} # what a call waits for; then the old code runs
  score:
    mode: off
    percent: 0
    deadline_ms: {score_ms:.0f}
"""


def wait_for(condition, what, seconds=20):
    until = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return value


def accepts(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
            return True
        except OSError:
            return False


class Stack:
    """`logs` is what stays: build/demo. `folder` holds sockets, configuration and database, and goes."""

    def __init__(self, python, logs):
        self.python, self.logs = python, logs
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hotpathd-demo-"))
        self.folder.chmod(0o755)  # the database's user must get to its own folder in it
        self.config = self.folder / "hotpathd.yaml"
        self.config.write_text(CONFIG.format(
            folder=self.folder, root=ROOT, **{f"{route}_ms": timeout_s * 1e3 for route, timeout_s in TIMEOUT_S.items()}))
        self.socket, self.api_socket = self.folder / "hotpathd.sock", self.folder / "api.sock"
        self.database = f"host={self.folder}/db user=postgres dbname=postgres"
        self.load_file = logs / "load.jsonl"
        self.processes = []  # in the order of their start
        self.lives = 0  # of the daemon

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            self.end(process)
        shutil.rmtree(self.folder)

    # Processes

    def start(self, name, command, *, mark=None, ends_with=signal.SIGTERM, **environment):
        """Standard error goes to NAME.log. With `mark` its first line on standard output is waited for."""
        settings = {**os.environ, "HOTPATHD_URL": f"unix:{self.socket}", "HOTPATHD_EVENTS": str(self.logs / "events" / f"{name}.jsonl"),
                    "DATABASE": self.database, "VOCABULARY": str(ROOT / "build" / "vocab"),
                    "PYTHONPATH": f"{ROOT}/clients/python/src:{HERE}", **environment}
        with open(self.logs / f"{name}.log", "ab") as log:
            # Its own session: Ctrl-C is the conductor's, which ends the others in order.
            process = subprocess.Popen(command, env=settings, stderr=log, stdout=subprocess.PIPE if mark else log, start_new_session=True)
        process.ends_with = ends_with
        self.processes.append(process)
        if mark and process.stdout.readline().strip() != mark:
            raise RuntimeError(f"{name} did not start: see {self.logs / name}.log")
        return process

    def end(self, process, seconds=15):
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)  # it may have been stopped
            process.send_signal(process.ends_with)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.processes:
            self.processes.remove(process)
        return process.returncode

    def script(self, name, *arguments, as_name=None):
        return self.start(as_name or name, [self.python, str(HERE / f"{name}.py"), *map(str, arguments)], mark=b"ready")

    # Parts

    def start_database(self):
        """PostgreSQL refuses root: then it runs as the user that Debian's package makes."""
        binaries = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))[-1]
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        data = self.folder / "db"
        data.mkdir(mode=0o700)
        if as_user:
            shutil.chown(data, "postgres", "postgres")
        with open(self.logs / "initdb.log", "wb") as log:
            subprocess.run([*as_user, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"],
                           cwd="/", stdout=log, stderr=log, check=True)
        self.postgres = self.start("postgres", [
            *as_user, str(binaries / "postgres"), "-D", str(data), "-k", str(data), "-c", "listen_addresses=", "-c", "fsync=off"], ends_with=signal.SIGINT)
        import psycopg

        def connected():
            try:
                return psycopg.connect(self.database, autocommit=True)
            except psycopg.OperationalError:
                return None

        self.db = wait_for(connected, "PostgreSQL")
        self.db.execute((HERE / "schema.sql").read_text())

    def start_daemon(self, *arguments):
        self.lives += 1
        self.socket.unlink(missing_ok=True)
        self.daemon = self.start(f"hotpathd-{self.lives}", [str(ROOT / "build" / "hotpathd"), "serve", "--config", str(self.config), *arguments])
        wait_for(lambda: self.daemon.poll() is not None or accepts(self.folder / "admin.sock"), "hotpathd")
        return self.daemon

    def start_services(self):
        self.api = self.start("api", [str(ROOT / "build" / "stack-api")], LISTEN=str(self.api_socket))
        self.workers = [self.script("worker", as_name=f"worker-{number}") for number in (1, 2)]
        wait_for(lambda: accepts(self.api_socket), "the API")

    def metrics(self):
        return self._get(self.folder / "admin.sock", "/metrics")

    def rollout(self):
        return json.loads(self._get(self.socket, "/v1/rollout"))

    def _get(self, path, target):
        connection = UnixConnection(str(path), timeout=5)
        try:
            connection.request("GET", target)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def queued(self):
        return self.db.execute("SELECT count(*) FROM jobs").fetchone()[0]

"""The processes of the stack: each is started on a Unix socket in one temporary folder and ended by its pid.

Should the conductor die of whatever, the kernel tells its children to die too. The keeper, a shell, waits on a pipe that all
of them hold: it ends with the last of them, and the folder is removed.
"""
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
POSTGRES = pathlib.Path("/usr/lib/postgresql")
UNLESS_ORPHAN = '[ "$PPID" = "$0" ] && exec "$@"'  # the parent may have died before the kernel was told
TIMEOUT_S = {"chunk": 0.1, "score": 0.05}
CONFIG = """\
# The one file that steers all callers. hotpathd-rollout edits mode and percent.
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


class Missing(Exception):
    """Something that this machine does not have, and how it gets it."""


def postgres():
    """The folder of its newest programs."""
    found = sorted(POSTGRES.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if not found:
        raise Missing(f"no PostgreSQL in {POSTGRES}: apt-get install postgresql")
    return found[-1].parent


class Stack:
    """`logs` is what stays: build/demo. `folder` holds sockets, configuration and database, and goes."""

    def __init__(self, python, logs):
        self.python, self.logs = python, logs
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hotpathd-demo-"))
        self.folder.chmod(0o755)  # the database's user must get to its own folder in it
        read, self._held = os.pipe()
        self._keeper = subprocess.Popen(["sh", "-c", 'cat; rm -rf "$1"', "keeper", self.folder], stdin=read, start_new_session=True)
        os.close(read)
        self.config = self.folder / "hotpathd.yaml"
        self.config.write_text(CONFIG.format(root=ROOT, **{f"{route}_ms": timeout_s * 1e3 for route, timeout_s in TIMEOUT_S.items()}))
        self.socket, self.api_socket = self.folder / "hotpathd.sock", self.folder / "api.sock"
        self.database = f"host={self.folder}/db user=postgres dbname=postgres"
        self.load_file = logs / "load.jsonl"
        self.processes = []  # in the order of their start
        self.lives = 0  # of the daemon
        self.environment = {
            **os.environ, "TMPDIR": str(self.folder), "HOTPATHD_URL": f"unix:{self.socket}", "DATABASE": self.database,
            "VOCABULARY": str(ROOT / "build" / "vocab"), "PYTHONPATH": f"{ROOT}/clients/python/src:{HERE}"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            self.end(process)
        os.close(self._held)
        self._keeper.wait()

    # Processes

    def start(self, name, command, *, mark=None, ends_with=signal.SIGTERM, orphaned="KILL", user=None, **environment):
        """Standard error goes to NAME.log. With `mark` its first line on standard output is waited for."""
        settings = {**self.environment, "HOTPATHD_EVENTS": str(self.logs / "events" / f"{name}.jsonl"), **environment}
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        with open(self.logs / f"{name}.log", "ab") as log:
            # Its own session: Ctrl-C is the conductor's, which ends the others in order.
            process = subprocess.Popen([*as_user, "setpriv", "--pdeathsig", orphaned, "sh", "-c", UNLESS_ORPHAN, str(os.getpid()), *map(str, command)],
                                       env=settings, cwd="/" if user else None, stderr=log, stdout=subprocess.PIPE if mark else log, start_new_session=True, pass_fds=[self._held])
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
        return self.start(as_name or name, [self.python, HERE / f"{name}.py", *arguments], mark=b"ready")

    # Parts

    def start_database(self):
        """PostgreSQL refuses root: then it runs as the user that Debian's package makes."""
        binaries, data = postgres(), self.folder / "db"
        user = "postgres" if os.getuid() == 0 else None
        data.mkdir(mode=0o700)
        if user:
            shutil.chown(data, user, user)
        made = self.start("initdb", [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"], user=user)
        if made.wait():
            raise RuntimeError(f"PostgreSQL's initdb failed: see {self.logs}/initdb.log")
        self.postgres = self.start("postgres", [binaries / "postgres", "-D", data, "-k", data, "-c", "listen_addresses=", "-c", "fsync=off"],
                                   user=user, ends_with=signal.SIGINT, orphaned="QUIT")
        import psycopg

        def connected():
            try:
                return psycopg.connect(self.database, autocommit=True)
            except psycopg.OperationalError:
                return None

        self.db = wait_for(connected, "PostgreSQL")
        self.db.execute((HERE / "schema.sql").read_text())

    def start_daemon(self):
        """On a socket of its own; `serve` then lets the callers come to it."""
        self.lives += 1
        name = f"hotpathd-{self.lives}"
        listen, admin = self.folder / f"{name}.sock", self.folder / f"{name}.admin"
        self.daemon = self.start(name, [ROOT / "build" / "hotpathd", "serve", "--config", self.config, "--listen", f"unix:{listen}", "--admin", f"unix:{admin}"])
        self.daemon.life, self.daemon.listen, self.daemon.admin = self.lives, listen, admin
        wait_for(lambda: self.daemon.poll() is not None or accepts(admin), "hotpathd")
        return self.daemon

    def serve(self, path):
        """From now on callers connect to this one: a build takes over without a call in between that finds nobody."""
        link = self.folder / "next.sock"
        link.symlink_to(path)
        link.rename(self.socket)

    def start_services(self):
        self.api = self.start("api", [ROOT / "build" / "stack-api"], LISTEN=str(self.api_socket))
        self.workers = [self.script("worker", as_name=f"worker-{number}") for number in (1, 2)]
        wait_for(lambda: accepts(self.api_socket), "the API")

    def metrics(self, daemon=None):
        return self._get((daemon or self.daemon).admin, "/metrics")

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

"""Who may call: tokens, users of Unix sockets; and what a service manager hands over and hears."""
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from daemon import BINARY, ROOT, Daemon, connection, request, wait_for

BODY = json.dumps({"text": "One paragraph."})
TOKEN = "a-secret-of-twenty-four!"


def configured(start, tmp_path, text, **options):
    config = tmp_path / "access.yaml"
    config.write_text(text)
    return start("--config", str(config), **options)


def fails(*arguments):
    done = subprocess.run([BINARY, "serve", *arguments], capture_output=True, timeout=60, cwd=ROOT)
    return done.returncode, done.stderr.decode()


# --- tokens ------------------------------------------------------------------------------------------

def test_a_token_is_asked_for_over_tcp_and_not_over_a_unix_socket(start, tmp_path):
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    daemon = configured(start, tmp_path, f"token_file: {secret}\n")
    for header in (None, "Bearer", "Bearer " + TOKEN[:-1], "Bearer " + TOKEN + "x", "Basic " + TOKEN, TOKEN,
                   "Bearer " + TOKEN[:-1] + "?"):
        reply = daemon.post("/v1/chunk", BODY, **({"Authorization": header} if header else {}))
        assert (reply.status, reply.code, reply.headers["WWW-Authenticate"]) == (401, "unauthorized", "Bearer"), header
    assert daemon.post("/v1/chunk", BODY, Authorization="Bearer " + TOKEN).status == 200
    assert daemon.post("/v1/chunk", BODY, Authorization="bearer " + TOKEN).status == 200
    assert daemon.post("/v1/chunk", BODY, daemon.unix).status == 200
    assert daemon.call("GET", "/v1/rollout").status == 401
    assert daemon.get("/readyz").status == 200
    assert TOKEN not in daemon.log_file.read_text() and TOKEN.encode() not in daemon.get("/-/config").body
    secret.write_text("another-secret-altogether")
    assert daemon.call("POST", "/-/reload", url=daemon.admin).status == 200
    assert daemon.post("/v1/chunk", BODY, Authorization="Bearer " + TOKEN).status == 401
    assert daemon.post("/v1/chunk", BODY, Authorization="Bearer another-secret-altogether").status == 200
    secret.write_text("short")
    assert daemon.call("POST", "/-/reload", url=daemon.admin).status == 422
    assert daemon.post("/v1/chunk", BODY, Authorization="Bearer another-secret-altogether").status == 200


def test_an_address_that_is_not_loopback_needs_a_token(start, tmp_path):
    secret, config = tmp_path / "token", tmp_path / "remote.yaml"
    config.write_text("allow_remote: true\n")
    assert fails("--config", str(config))[0] == 78
    config.write_text(f"allow_remote: true\ntoken_file: {secret}\n")
    code, message = fails("--config", str(config))
    assert code == 78 and "token_file" in message
    secret.write_text(TOKEN)
    config.write_text(f"token_file: {secret}\n")
    assert fails("--config", str(config), "--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0")[0] == 78
    config.write_text(f"allow_remote: true\ntoken_file: {secret}\n")
    assert fails("--config", str(config), "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0")[0] == 78
    daemon = start("--config", str(config), "--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0", listen=False)
    url = "http://127.0.0.1:" + daemon.tcp.rpartition(":")[2]
    assert daemon.post("/v1/chunk", BODY, url).status == 401
    assert daemon.post("/v1/chunk", BODY, url, Authorization="Bearer " + TOKEN).status == 200


# --- users of Unix sockets ---------------------------------------------------------------------------

def test_users_that_are_not_listed_are_closed_and_counted(start, tmp_path):
    daemon = configured(start, tmp_path, f"peer_uids: [{os.getuid() + 1}, {os.getuid() + 2}]\n")
    with pytest.raises(OSError):
        daemon.post("/v1/chunk", BODY, daemon.unix)
    wait_for(lambda: daemon.metric("hotpathd_peers_refused_total") == 1, "it to be counted")
    assert daemon.post("/v1/chunk", BODY).status == 200
    (tmp_path / "access.yaml").write_text(f"peer_uids: [{os.getuid()}]\n")
    assert daemon.call("POST", "/-/reload", url=daemon.admin).status == 200
    assert daemon.post("/v1/chunk", BODY, daemon.unix).status == 200


def test_one_peer_gets_no_more_connections_than_it_may(start, tmp_path):
    daemon = configured(start, tmp_path, "limits: { connections_per_peer: 2 }\n")
    held = [connection(url) for url in (daemon.tcp, daemon.tcp, daemon.unix, daemon.unix)]
    for conn in held:
        assert request(conn, "GET", "/v1/rollout").status == 200
    for url in (daemon.tcp, daemon.unix):
        with pytest.raises(OSError):
            daemon.post("/v1/chunk", BODY, url)
    assert daemon.metric("hotpathd_peers_refused_total") == 2
    for conn in held:
        assert request(conn, "GET", "/v1/rollout").status == 200
        conn.close()
    wait_for(lambda: daemon.metric("hotpathd_connections") == 0, "the connections to go")
    assert daemon.post("/v1/chunk", BODY).status == daemon.post("/v1/chunk", BODY, daemon.unix).status == 200


# --- a service manager -------------------------------------------------------------------------------

def activated(folder, sockets, *arguments):
    """A daemon that inherits `sockets` (name, socket) as systemd would hand them over."""
    daemon = Daemon(folder, *arguments, listen=False)
    script = ("import os, sys\n"
              "fds = [int(fd) for fd in sys.argv[2].split(',')]\n"
              "fds = [os.dup2(os.dup(fd), 100 + n) for n, fd in enumerate(fds)]\n"
              "for n, fd in enumerate(fds): os.dup2(fd, 3 + n); os.set_inheritable(3 + n, True); os.close(fd)\n"
              "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=sys.argv[1])\n"
              "os.execv(sys.argv[3], sys.argv[3:])\n")
    fds = [sock.fileno() for _, sock in sockets]
    daemon.command = [sys.executable, "-c", script, ":".join(name for name, _ in sockets), ",".join(map(str, fds))] + daemon.command
    for fd in fds:
        os.set_inheritable(fd, True)
    popen = subprocess.Popen
    subprocess.Popen = lambda *args, **kwargs: popen(*args, **kwargs, close_fds=False)
    try:
        return daemon.__enter__()
    finally:
        subprocess.Popen = popen


def listening(path=None):
    sock = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    sock.bind(str(path) if path else ("127.0.0.1", 0))
    sock.listen()
    return sock


def test_sockets_are_taken_over_and_outlive_the_daemon(tmp_path):
    data, local, admin = listening(), listening(tmp_path / "s"), listening()
    first_folder, second_folder = tmp_path / "1", tmp_path / "2"
    first_folder.mkdir(), second_folder.mkdir()
    first = activated(first_folder, [("data", data), ("local", local), ("admin", admin)])
    assert first.tcp == "http://127.0.0.1:%d" % data.getsockname()[1]
    assert first.unix == f"unix:{tmp_path}/s"
    assert first.admin == "http://127.0.0.1:%d" % admin.getsockname()[1]
    assert first.post("/v1/chunk", BODY).status == first.post("/v1/chunk", BODY, first.unix).status == 200
    first.__exit__(None, None, None)
    # Between two daemons a caller waits in the backlog; nobody is refused.
    waiting = socket.create_connection(data.getsockname())
    waiting.sendall(b"GET /v1/rollout HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    second = activated(second_folder, [("data", data), ("local", local), ("admin", admin)])
    assert waiting.recv(100).startswith(b"HTTP/1.1 200")
    waiting.close()
    second.__exit__(None, None, None)
    assert (tmp_path / "s").exists()


def test_two_sockets_for_the_admin_side_are_one_too_many(tmp_path):
    with pytest.raises(AssertionError, match="two inherited sockets are named admin"):
        activated(tmp_path, [("data", listening()), ("admin", listening()), ("admin", listening())])


def test_a_service_manager_hears_of_start_reload_watchdog_and_stop(start, tmp_path, monkeypatch):
    path = tmp_path / "notify"
    hears = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    hears.bind(str(path))
    hears.settimeout(10)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    daemon = start()

    def until(wanted):
        while True:
            message = hears.recv(1000).decode()
            if message.startswith(wanted):
                return message

    assert until("READY=1")
    for _ in range(3):
        assert until("WATCHDOG=1")
    daemon.process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in until("RELOADING=1")
    assert until("READY=1")
    daemon.process.send_signal(signal.SIGTERM)
    assert until("STOPPING=1")
    assert daemon.process.wait(10) == 0


# --- who called --------------------------------------------------------------------------------------

def test_the_log_says_which_user_and_process_of_a_unix_socket_and_whose_word_the_grant_was(start):
    daemon = start()
    assert daemon.post("/v1/chunk", BODY, url=daemon.unix, X_Request_Timeout_Ms="0x").status == 400  # failures are always logged
    wait_for(lambda: any(line["msg"] == "request" for line in daemon.log()), "its line")
    line, = (line for line in daemon.log() if line["msg"] == "request")
    assert line["peer"] == f"unix:uid={os.getuid()},pid={os.getpid()}"
    assert (line["contract"], line["bound_by"]) == ("chunk/1", "nothing")

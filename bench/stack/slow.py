"""A relay on Unix sockets that holds each reply back by as much: what a slow build looks like from outside.

    slow.py LISTEN BEHIND MILLISECONDS       until SIGTERM
"""
import socket
import sys
import threading
import time


class Relay:
    """One connection, both ways. The first bytes of a reply wait; a rollout poll waits like everything else."""

    def __init__(self, caller, behind, delay_s):
        self._caller, self._delay_s, self._asked = caller, delay_s, False
        self._daemon = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._daemon.connect(behind)
        for way in (self._to_daemon, self._to_caller):
            threading.Thread(target=way, daemon=True).start()

    def _to_daemon(self):
        while data := _read(self._caller):
            self._asked = True
            if not _write(self._daemon, data):
                break
        _shut(self._daemon)

    def _to_caller(self):
        while data := _read(self._daemon):
            if self._asked:
                self._asked = False
                time.sleep(self._delay_s)
            if not _write(self._caller, data):
                break
        _shut(self._caller)


def _read(end):
    try:
        return end.recv(1 << 16)
    except OSError:  # reset by the other side: the end of this way
        return b""


def _write(end, data):
    try:
        end.sendall(data)
        return True
    except OSError:  # the other side has gone: the end of this way
        return False


def _shut(end):
    try:
        end.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it has hung up already


def main():
    listen, behind, delay_ms = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(listen)
    listener.listen(128)
    print("ready", flush=True)
    while True:
        Relay(listener.accept()[0], behind, float(delay_ms) / 1e3)


if __name__ == "__main__":
    main()

"""How busy the machine is with other work than ours: times that a stranger's work has stretched are nobody's verdict."""
import os
import pathlib
import time

TICK = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """CPU seconds of a process so far."""
    return sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])) / TICK


def _busy_s():
    """CPU seconds of all cores together since the machine started."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICK


def ours_s():
    """CPU seconds of this process and all below it, those that have ended among them."""
    parents, used = {}, {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended since
        pid = int(path.parent.name)
        parents[pid], used[pid] = int(fields[1]), sum(map(int, fields[11:15]))
    total = 0
    for pid in parents:
        ancestor = pid
        while ancestor in parents and ancestor != os.getpid():
            ancestor = parents[ancestor]
        if ancestor == os.getpid():
            total += used[pid]
    return total / TICK


class Machine:
    """The share of the cores that others took, from mark to mark."""

    def __init__(self):
        self._at = self._now()

    def _now(self):
        return time.monotonic(), _busy_s(), ours_s()

    def others(self):
        """Since the last call, 0 to 1."""
        before, self._at = self._at, self._now()
        wall, busy, ours = (now - then for now, then in zip(self._at, before))
        return max(0.0, busy - ours) / max(wall * (os.cpu_count() or 1), 0.001)

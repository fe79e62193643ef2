"""What is done to the daemon while it carries all traffic. None of it may be seen by a user."""
import contextlib
import signal

from parts import accepts, wait_for

DELAY_MS = 120  # of the slow build: above both timeouts. Below them latency would tell, of a hundred calls: more than come in ten seconds


def kill(demo):
    """kill -9 under load; a new daemon some seconds later."""
    metrics = demo.stack.metrics()
    demo.stack.daemon.kill()
    demo.stack.end(demo.stack.daemon)
    demo.cut_short.add(demo.stack.lives)
    demo.daemon_ended(metrics)
    demo.wait(2 if demo.short else 4, "the daemon is dead")
    demo.stack.start_daemon()
    demo.wait(1, "a new daemon")


def stop(demo):
    """SIGSTOP: connections are taken by the kernel, and nobody answers."""
    demo.stack.daemon.send_signal(signal.SIGSTOP)
    demo.wait(5, "the daemon is stopped")
    demo.stack.daemon.send_signal(signal.SIGCONT)
    demo.wait(1, "the daemon goes on")


def overload(demo):
    """Another tenant's large documents, on many connections."""
    flood = demo.stack.script("flood", demo.stack.socket, 32)
    demo.wait(5, "a flood of large documents")
    demo.stack.end(flood)
    answers = flood.stdout.read().decode().strip()
    demo.show.line(f"the flood's answers: {answers}")


def bad_configuration(demo):
    """A file that makes no sense: refused with its place, and nothing changes."""
    good = demo.stack.config.read_text()
    demo.stack.config.write_text(good.replace("mode: on", "mode: perhaps"))
    wait_for(lambda: 'hotpathd_config_last_reload_success 0' in demo.stack.metrics(), "the refusal")
    demo.wait(3, "a bad configuration")
    demo.promise(demo.in_force("on"), "a bad configuration is refused, and the old one stays in force")
    demo.stack.config.write_text(good)
    wait_for(lambda: 'hotpathd_config_last_reload_success 1' in demo.stack.metrics(), "the good one again")


ALL = (("kill -9", kill), ("SIGSTOP", stop), ("overload", overload), ("bad config", bad_configuration))


@contextlib.contextmanager
def slow_build(demo):
    """The running daemon drains; in its place comes one that holds every reply back."""
    stack = demo.stack
    metrics = stack.metrics()
    stack.end(stack.daemon)
    demo.cut_short.add(stack.lives)
    demo.daemon_ended(metrics)
    behind = stack.folder / "behind.sock"
    stack.start_daemon("--listen", f"unix:{behind}")
    wait_for(lambda: accepts(behind), "the slow build")
    relay = stack.script("slow", stack.socket, behind, DELAY_MS)
    yield
    stack.end(relay)


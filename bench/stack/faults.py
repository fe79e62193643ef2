"""What is done to the daemon while it carries all traffic. None of it may be seen by a user."""
import contextlib
import signal

from parts import wait_for


def kill(demo):
    """kill -9 under load; a new daemon some seconds later."""
    dead = demo.stack.daemon
    demo.counted(dead, under_load=True)
    dead.kill()
    demo.stack.end(dead)
    demo.wait(2, "the daemon is dead")
    demo.stack.serve(demo.stack.start_daemon().listen)
    demo.wait(1, "a new daemon")


def stop(demo):
    """SIGSTOP: connections are taken by the kernel, and nobody answers."""
    demo.stack.daemon.send_signal(signal.SIGSTOP)
    demo.wait(3, "the daemon is stopped")
    demo.stack.daemon.send_signal(signal.SIGCONT)
    demo.wait(1, "the daemon goes on")


def overload(demo):
    """Another tenant's large documents, on many connections."""
    flood = demo.stack.script("flood", demo.stack.socket, 32)
    demo.wait(3, "a flood of large documents")
    demo.stack.end(flood)
    answers = flood.stdout.read().decode().strip()
    demo.show.line(f"the flood's answers: {answers}")


def bad_configuration(demo):
    """A file that makes no sense: refused with its place, and nothing changes."""
    good = demo.stack.config.read_text()
    demo.stack.config.write_text(good.replace("mode: on", "mode: perhaps"))
    wait_for(lambda: 'hotpathd_config_last_reload_success 0' in demo.stack.metrics(), "the refusal")
    demo.wait(1.5, "a bad configuration")
    demo.promise(demo.in_force("on"), "a bad configuration is refused, and the old one stays in force")
    demo.stack.config.write_text(good)
    wait_for(lambda: 'hotpathd_config_last_reload_success 1' in demo.stack.metrics(), "the good one again")


ALL = (("kill -9", kill), ("SIGSTOP", stop), ("overload", overload), ("bad config", bad_configuration))


@contextlib.contextmanager
def slow_build(demo, delay_ms):
    """A build takes over that holds every reply back, while the good one drains; in the end a good one takes over from it."""
    stack = demo.stack
    relayed = stack.folder / f"slow-{delay_ms}.sock"
    good = stack.daemon
    slow = stack.start_daemon()
    relay = stack.script("slow", relayed, slow.listen, delay_ms)
    stack.serve(relayed)
    demo.retire(good)
    yield
    stack.serve(stack.start_daemon().listen)
    demo.retire(slow)
    stack.end(relay)

import pytest

from daemon import Daemon


@pytest.fixture(scope="session")
def daemon(tmp_path_factory):
    """One daemon for all tests that do not change it; it may take its time, as a sanitized one on a busy machine does."""
    patient = [word for route in ("chunk", "score") for word in ("--set", f"{route}.max_deadline_ms=60000")]
    with Daemon(tmp_path_factory.mktemp("daemon"), *patient) as running:
        yield running


@pytest.fixture
def start(tmp_path):
    """Starts daemons of a test's own."""
    running = []

    def begin(*arguments, **options):
        folder = tmp_path / str(len(running))
        folder.mkdir()
        running.append(Daemon(folder, *arguments, **options).__enter__())
        return running[-1]

    yield begin
    for daemon in running:
        daemon.__exit__(None, None, None)

import pytest

from daemon import Daemon


@pytest.fixture(scope="session")
def daemon(tmp_path_factory):
    """One daemon for all tests that do not change it."""
    with Daemon(tmp_path_factory.mktemp("daemon")) as running:
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

"""The sdist, the wheel that is built of it, and that one in a clean environment: complete, and at work."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

import hotpathd

ROOT = pathlib.Path(__file__).parents[1]
BUILD = "import sys, setuptools.build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"
QUIET = ["--quiet", "--disable-pip-version-check", "--no-compile"]
PROBE = """
import hotpathd
with hotpathd.Client("unix:/none", modes={"chunk": "on"}) as sidecar:
    assert sidecar.call("chunk", {}, fallback=lambda: "old") == "old"
print(hotpathd.__file__, hotpathd.__version__)
"""


def run(*command, cwd, **settings):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment.update({name: str(value) for name, value in settings.items()})
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def venv(folder):
    """A clean environment. The running pip installs into it: copying one into each takes seconds."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """A folder with what pyproject.toml wants for a build."""
    folder = tmp_path_factory.mktemp("tools")
    wanted = ["--retries", "0", "--timeout", "10", "--target", folder, "setuptools>=61", "wheel"]
    done = subprocess.run(
        list(map(str, [sys.executable, "-m", "pip", "install", *QUIET, *wanted])), capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip("no registry to take setuptools from")
    return folder


@pytest.fixture(scope="module")
def built(tools, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    project = folder / "project"  # a build writes beside its sources
    shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns("tests", "__pycache__", ".*", "build", "*.egg-info"))
    run(sys.executable, "-c", BUILD, "build_sdist", folder, cwd=project, PYTHONPATH=tools)
    (sdist,) = folder.glob("*.tar.gz")
    run("tar", "-xzf", sdist, cwd=folder)
    unpacked = folder / sdist.name[: -len(".tar.gz")]
    run(sys.executable, "-c", BUILD, "build_wheel", folder, cwd=unpacked, PYTHONPATH=tools)
    return folder


def sources():
    """Every file of the package, as it is to be installed."""
    source = ROOT / "src"
    files = [path for path in source.rglob("*") if path.suffix in (".py", ".typed")]
    return {path.relative_to(source).as_posix() for path in files}


def test_wheel_and_sdist_hold_every_file(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        assert sources() <= set(wheel.namelist())
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/src/")[2] for name in sdist.getnames()}
    assert sources() <= names


def test_the_wheel_installs_in_a_clean_environment(built, tmp_path):
    python = venv(tmp_path / "venv")
    wheel = next(built.glob("*.whl"))
    run(sys.executable, "-m", "pip", "--python", python, "install", *QUIET, "--no-index", wheel, cwd=tmp_path)
    place, version = run(python, "-c", PROBE, cwd=tmp_path).split()
    assert place.startswith(str(tmp_path)) and version == hotpathd.__version__
    assert pathlib.Path(place).with_name("py.typed").exists()

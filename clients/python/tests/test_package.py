"""The sdist and the wheel: built, installed in a clean environment, and complete there."""

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
BUILD = "import sys, setuptools.build_meta as b; to = sys.argv[1]; b.build_sdist(to); b.build_wheel(to)"
PROBE = """
import hotpathd
with hotpathd.Client("unix:/none", modes={"chunk": "on"}) as sidecar:
    assert sidecar.call("chunk", {}, fallback=lambda: "old") == "old"
print(hotpathd.__file__, hotpathd.__version__)
"""


def run(*command, cwd):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def venv(folder):
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    """A python with what pyproject.toml wants for a build."""
    python = venv(tmp_path_factory.mktemp("builder") / "venv")
    quiet = ["--quiet", "--disable-pip-version-check", "--retries", "0", "--timeout", "10"]
    done = subprocess.run(
        [str(python), "-m", "pip", "install", *quiet, "setuptools>=61", "wheel"], capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip("no registry to take setuptools from")
    return python


@pytest.fixture(scope="module")
def built(builder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    project = folder / "project"  # a build writes beside its sources
    shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns("tests", "__pycache__", ".*", "build", "*.egg-info"))
    run(builder, "-c", BUILD, folder, cwd=project)
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
    run(python, "-m", "pip", "install", "--no-index", next(built.glob("*.whl")), cwd=tmp_path)
    place, version = run(python, "-c", PROBE, cwd=tmp_path).split()
    assert place.startswith(str(tmp_path)) and version == hotpathd.__version__
    assert pathlib.Path(place).with_name("py.typed").exists()


def test_the_sdist_installs_in_a_clean_environment(builder, built, tmp_path):
    sdist = next(built.glob("*.tar.gz"))
    run(builder, "-m", "pip", "install", "--no-index", "--no-build-isolation", sdist, cwd=tmp_path)
    place, version = run(builder, "-c", PROBE, cwd=tmp_path).split()
    assert place.startswith(str(builder.parents[1])) and version == hotpathd.__version__

"""What deploy/ holds names what the daemon has: metrics, options, packages."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from daemon import BINARY, ROOT, Daemon, run

RULES = ROOT / "deploy/prometheus/rules.yml"
DASHBOARD = ROOT / "deploy/grafana/dashboard.json"


def expressions(value):
    """Every "expr" of a dashboard."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from [member] if key == "expr" else expressions(member)
    elif isinstance(value, list):
        for member in value:
            yield from expressions(member)


def test_rules_and_dashboard_name_metrics_that_are_there(daemon):
    there = {line.partition("{")[0].partition(" ")[0] for line in daemon.get("/metrics").body.decode().splitlines() if line[:1] != "#"}
    queries = list(expressions(json.loads(DASHBOARD.read_text())))
    assert len(queries) > 10
    queries.append(re.sub(r"(?m)^\s*(#|- alert:|summary:).*$", "", RULES.read_text()))
    named = {name for query in queries for name in re.findall(r"\b(?:hotpathd|process)_[a-z_]+", query)}
    assert len(named) > 10 and not named - there


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: prometheus)")
def test_promtool_passes_the_rules():
    for arguments in (("check", "rules", RULES), ("test", "rules", RULES.with_name("rules.test.yml"))):
        done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_to_fire_and_to_be_silent():
    yaml = pytest.importorskip("yaml", reason="no PyYAML")
    rules = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"] if "alert" in rule}
    cases = [case for test in yaml.safe_load(RULES.with_name("rules.test.yml").read_text())["tests"] for case in test["alert_rule_test"]]
    for fires in (True, False):
        assert {case["alertname"] for case in cases if bool(case["exp_alerts"]) == fires} == rules


def test_the_kubernetes_manifest_is_whole():
    yaml = pytest.importorskip("yaml", reason="no PyYAML")
    documents = list(yaml.safe_load_all((ROOT / "deploy/kubernetes/sidecar.yaml").read_text()))
    assert all({"apiVersion", "kind", "metadata"} <= set(document) for document in documents)
    config = next(document for document in documents if document["kind"] == "ConfigMap")
    assert all(isinstance(yaml.safe_load(text), dict) for text in config["data"].values())


def test_the_configuration_of_the_manifest_is_taken(tmp_path):
    yaml = pytest.importorskip("yaml", reason="no PyYAML")
    documents = yaml.safe_load_all((ROOT / "deploy/kubernetes/sidecar.yaml").read_text())
    for document in documents:
        for text in document.get("data", {}).values() if document["kind"] == "ConfigMap" else ():
            (tmp_path / "map.yaml").write_text(text)
            code, out, message = run("check-config", str(tmp_path / "map.yaml"))
            assert code == 0, message


DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ")


def installed(stage):
    """The packages that a stage of the Dockerfile installs."""
    return re.findall(r"--no-install-recommends (.*?)&&", DOCKERFILE)[stage - 1].split()


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg-deb")
def test_the_debian_package_holds_a_daemon_that_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("DPKG_DEB_COMPRESSOR_TYPE", "none")  # xz takes 20 s
    done = subprocess.run([ROOT / "deploy/deb", BINARY, "0.0.1", tmp_path], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    package, = tmp_path.glob("hotpathd_0.0.1_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, tmp_path / "root"], check=True, timeout=60)
    fields = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True, check=True).stdout.decode()
    needs = dict(re.findall(r"(\S+) \(>= ([^)-]+)\)", fields))
    assert set(needs) - {"libc6"} == set(installed(2)), fields  # what runs here is what runs in the image
    for unit in ("hotpathd.service", "hotpathd.socket"):
        assert (tmp_path / "root/lib/systemd/system" / unit).exists()
    config = tmp_path / "root/etc/hotpathd/hotpathd.yaml"
    config.write_text(config.read_text().replace("/usr/share/hotpathd", str(tmp_path / "root/usr/share/hotpathd")))
    (tmp_path / "d").mkdir()
    daemon = Daemon(tmp_path / "d", "--config", str(config))
    daemon.command[0] = str(tmp_path / "root/usr/bin/hotpathd")
    with daemon:
        assert daemon.chunk("One paragraph.")["tokens"] > 0
        # A stripped binary still stands before libc for what libmicrohttpd sends.
        assert b"application/problem+json" in daemon.raw(b"POST / HTTP/1.1\r\nHost: localhost\r\nX-A\r\n\r\n")


@pytest.fixture
def maintainer(tmp_path):
    """Runs a maintainer script of the package as dpkg does; returns what it asked systemctl for."""
    control = tmp_path / "control"
    made = subprocess.run([ROOT / "deploy/deb", BINARY, "0.0.1", tmp_path], capture_output=True, timeout=120, env={**os.environ, "DPKG_DEB_COMPRESSOR_TYPE": "none"})
    assert made.returncode == 0, made.stderr
    subprocess.run(["dpkg-deb", "-e", *tmp_path.glob("*.deb"), control], check=True, timeout=60)
    asked = tmp_path / "asked"
    for name in ("systemctl", "systemd-sysusers"):
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >>{asked}\n')
        tool.chmod(0o755)

    def run_script(name, *arguments):
        asked.write_text("")
        text = (control / name).read_text().replace("/run/systemd/system", str(tmp_path))  # as if systemd ran
        subprocess.run(["sh", "-c", text, name, *arguments], check=True, timeout=60, env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
        return asked.read_text()

    return run_script


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg-deb")
def test_an_upgrade_restarts_the_daemon_and_only_removal_stops_it(maintainer):
    assert maintainer("prerm", "upgrade", "0.0.2") == ""
    assert "systemctl try-restart hotpathd.service" in maintainer("postinst", "configure", "0.0.1")
    assert "restart" not in maintainer("postinst", "configure", "")  # a new one is started by whoever wants it
    assert "systemctl disable --now hotpathd.socket hotpathd.service" in maintainer("prerm", "remove")
    assert "systemctl daemon-reload" in maintainer("postrm", "remove")


def test_panels_have_units_and_questions():
    panels = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())["panels"]
    assert panels
    for panel in panels:
        assert panel["fieldConfig"]["defaults"]["unit"] and panel["targets"] and all(target["expr"] for target in panel["targets"]), panel["title"]


def test_what_the_dockerfile_copies_is_there():
    steps = [line.split()[1:] for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]
    made = [source for first, source, _ in (step for step in steps if len(step) == 3) if first.startswith("--from=build")]
    assert set(made) == {"/src/build/hotpathd", "/src/build/vocab"}  # what its own build makes
    taken = [step[0] for step in steps if len(step) == 2]
    assert taken and all((ROOT / source).exists() for source in taken)


def test_nothing_built_here_goes_into_the_image_but_vocabularies():
    """Its make would take a host's objects for its own, and leave them as they are."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines.index("build/*") < lines.index("!build/vocab")  # the last line that fits decides
    assert [line for line in lines if line[0] == "!"] == ["!build/vocab"]


@pytest.mark.skipif(not shutil.which("apt-cache"), reason="no apt-cache")
def test_packages_of_the_dockerfile_exist_where_its_base_is_this_debian():
    release = re.search(r'VERSION_ID="?(\d+)', pathlib.Path("/etc/os-release").read_text())
    if not release or set(re.findall(r"FROM debian:(\d+)-slim", DOCKERFILE)) != {release.group(1)}:
        pytest.skip("another release than the image's")
    names = {*installed(1), *installed(2)}
    found = subprocess.run(["apt-cache", "show", "--no-all-versions", *names], capture_output=True, timeout=60).stdout.decode()
    assert len(names) > 8 and names <= set(re.findall(r"^Package: (\S+)$", found, re.M))

"""What deploy/ holds names what the daemon has: metrics, options, packages."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from daemon import BINARY, ROOT, Daemon, run

RULES = ROOT / "deploy/prometheus/rules.yml"
DASHBOARD = ROOT / "deploy/grafana/dashboard.json"


def strings(value, name):
    """Every string of a dashboard that has this name."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from [member] if key == name and isinstance(member, str) else strings(member, name)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member, name)


def test_rules_and_dashboard_name_metrics_and_labels_that_are_there(daemon):
    there = {}
    for line in daemon.get("/metrics").body.decode().splitlines():
        if line[:1] != "#":
            name, _, labels = line.rpartition(" ")[0].partition("{")
            there.setdefault(name, {"instance", "job"}).update(re.findall(r'(\w+)="', labels))
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [*strings(dashboard, "expr"), *strings(dashboard, "query")]
    assert len(queries) > 10
    queries.append(re.sub(r"(?m)^\s*(#|- alert:|summary:).*$", "", RULES.read_text()))
    named = [found for query in queries for found in re.findall(r"\b((?:hotpathd|process)_[a-z_]+)(?:\{([^}]*)\})?", query)]
    assert len(named) > 20
    for name, selector in named:
        assert set(re.findall(r"(\w+)(?:=~|!=|!~|=)", selector)) <= there[name], (name, selector)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: prometheus)")
def test_promtool_passes_the_rules():
    for arguments in (("check", "rules", RULES), ("test", "rules", RULES.with_name("rules.test.yml"))):
        done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: prometheus)")
def test_promtool_parses_every_query_of_the_dashboard(tmp_path):
    """As rules, with Grafana's variables filled in."""
    queries = [query.replace("$__rate_interval", "1m") for query in strings(json.loads(DASHBOARD.read_text()), "expr")]
    rules = tmp_path / "rules.yml"  # JSON is YAML
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(queries)]}]}))
    done = subprocess.run(["promtool", "check", "rules", str(rules)], capture_output=True, timeout=60)
    assert done.returncode == 0 and f"{len(queries)} rules found".encode() in done.stdout, done.stdout + done.stderr


def test_the_dashboard_is_what_its_script_writes(tmp_path):
    (tmp_path / "dashboard.py").write_text(DASHBOARD.with_suffix(".py").read_text())
    subprocess.run([sys.executable, str(tmp_path / "dashboard.py")], check=True, timeout=60)
    assert (tmp_path / "dashboard.json").read_text() == DASHBOARD.read_text()


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


def test_the_sidecar_of_the_manifest_can_do_harm_to_nobody():
    yaml = pytest.importorskip("yaml", reason="no PyYAML")
    deployment = next(d for d in yaml.safe_load_all((ROOT / "deploy/kubernetes/sidecar.yaml").read_text()) if d["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    sidecar, = pod["initContainers"]
    assert sidecar["restartPolicy"] == "Always"  # a native sidecar
    assert not {"readinessProbe", "startupProbe"} & set(sidecar)  # the pod would wait for it
    assert sidecar["livenessProbe"]["exec"]["command"] == ["hotpathd", "health"]
    assert "cpu" not in sidecar["resources"]["limits"]
    secure = sidecar["securityContext"]  # what Kubernetes calls the restricted standard
    assert secure["runAsNonRoot"] and secure["runAsUser"] and secure["readOnlyRootFilesystem"] and not secure["allowPrivilegeEscalation"]
    assert secure["capabilities"] == {"drop": ["ALL"]} and secure["seccompProfile"] == {"type": "RuntimeDefault"}
    mounts = {mount["name"]: mount for mount in sidecar["volumeMounts"]}
    assert "subPath" not in mounts["config"]  # a swap would not be seen
    assert sidecar["args"] == ["--config", mounts["config"]["mountPath"] + "/hotpathd.yaml"]
    worker, = pod["containers"]
    assert [mount["mountPath"] for mount in worker["volumeMounts"] if mount["name"] == "socket"] == [mounts["socket"]["mountPath"]]
    assert worker["env"] == [{"name": "HOTPATHD_URL", "value": f"unix:{mounts['socket']['mountPath']}/hotpathd.sock"}]
    assert {volume["name"] for volume in pod["volumes"]} == set(mounts)


def test_the_configuration_of_the_manifest_is_taken(tmp_path):
    yaml = pytest.importorskip("yaml", reason="no PyYAML")
    documents = yaml.safe_load_all((ROOT / "deploy/kubernetes/sidecar.yaml").read_text())
    for document in documents:
        for text in document.get("data", {}).values() if document["kind"] == "ConfigMap" else ():
            (tmp_path / "map.yaml").write_text(text)
            code, out, message = run("check-config", str(tmp_path / "map.yaml"))
            assert code == 0, message


SERVICE = ROOT / "deploy/systemd/hotpathd.service"
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ")


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg-deb")
def test_the_debian_package_holds_a_daemon_that_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("DPKG_DEB_COMPRESSOR_TYPE", "none")  # xz takes 20 s
    done = subprocess.run([ROOT / "deploy/deb", BINARY, "0.0.1", tmp_path], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    package, = tmp_path.glob("hotpathd_0.0.1_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, tmp_path / "root"], check=True, timeout=60)
    fields = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True, check=True).stdout.decode()
    needs = dict(re.findall(r"(\S+) \(>= ([^)-]+)\)", fields))
    assert {re.match("[a-z]+", name)[0] for name in needs} == {"libc", "libjansson", "libmicrohttpd", "libstemmer", "libyaml"}, fields
    sums = subprocess.run(["dpkg-deb", "--ctrl-tarfile", package], capture_output=True, check=True).stdout
    sums = subprocess.run(["tar", "-xO", "./md5sums"], input=sums, capture_output=True, check=True).stdout
    subprocess.run(["md5sum", "--check", "--quiet", "--strict"], input=sums, cwd=tmp_path / "root", check=True, timeout=60)
    listed = {line.split(b"  ", 1)[1].decode() for line in sums.splitlines()}
    assert listed == {str(path.relative_to(tmp_path / "root")) for path in (tmp_path / "root").rglob("*") if path.is_file()}
    for unit in ("hotpathd.service", "hotpathd.socket"):
        assert f"lib/systemd/system/{unit}" in listed
    documentation, = re.findall(r"^Documentation=file:///(.*)$", SERVICE.read_text(), re.M)
    assert documentation in listed
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
    """Runs a maintainer script of the package as dpkg does, where systemd runs or does not; returns what it asked for."""
    control = tmp_path / "control"
    made = subprocess.run([ROOT / "deploy/deb", BINARY, "0.0.1", tmp_path], capture_output=True, timeout=120, env={**os.environ, "DPKG_DEB_COMPRESSOR_TYPE": "none"})
    assert made.returncode == 0, made.stderr
    subprocess.run(["dpkg-deb", "-e", *tmp_path.glob("*.deb"), control], check=True, timeout=60)
    asked = tmp_path / "asked"
    for name, code in (("systemctl", 0), ("useradd", 0), ("getent", 2)):
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >>{asked}\nexit {code}\n')
        tool.chmod(0o755)

    def run_script(name, *arguments, systemd=True):
        asked.write_text("")
        text = (control / name).read_text().replace("/run/systemd/system", str(tmp_path) if systemd else "/nowhere")
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
    # in an image, or a root that is yet to be started, there must be the user all the same
    assert re.fullmatch(r"getent passwd hotpathd\nuseradd .* hotpathd\n", maintainer("postinst", "configure", "", systemd=False))
    assert maintainer("prerm", "remove", systemd=False) == ""


def test_the_unit_lets_the_daemon_see_who_calls():
    """Under PrivateUsers= every caller is user 65534: peer_uids would refuse them all."""
    settings = dict(line.split("=", 1) for line in SERVICE.read_text().splitlines() if re.match("[A-Z][A-Za-z]*=", line))
    assert settings["User"] == "hotpathd" and settings.get("PrivateUsers", "no") == "no"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_takes_the_units_and_says_of_them_what_the_page_says(tmp_path):
    for unit in ("hotpathd.service", "hotpathd.socket"):
        (tmp_path / unit).write_text(SERVICE.with_name(unit).read_text().replace("/usr/bin/hotpathd", BINARY))
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())], capture_output=True, timeout=60)
    assert (verified.returncode, verified.stderr.decode()) == (0, "")
    stated, version = re.search(r"says ([\d.]+) for it \(systemd (\d+)\)", (ROOT / "docs/operations.md").read_text()).groups()
    if not subprocess.run(["systemd-analyze", "--version"], capture_output=True).stdout.decode().startswith(f"systemd {version} "):
        pytest.skip("another systemd than the page's")
    said = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", str(SERVICE)], capture_output=True, timeout=60).stdout.decode()
    assert re.search(r"exposure level for hotpathd.service: ([\d.]+)", said).group(1) == stated


def test_panels_have_units_and_questions():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert panels
    for panel in panels:
        assert panel["fieldConfig"]["defaults"]["unit"] and panel["targets"] and all(target["expr"] for target in panel["targets"]), panel["title"]


def test_nothing_built_here_goes_into_the_image_but_vocabularies():
    """Its make would take a host's objects for its own, and leave them as they are."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines.index("build/*") < lines.index("!build/vocab")  # the last line that fits decides
    assert [line for line in lines if line[0] == "!"] == ["!build/vocab"]


@pytest.mark.skipif(not shutil.which("apt-cache"), reason="no apt-cache")
def test_packages_of_the_dockerfile_exist_where_its_base_is_this_debian():
    release = re.search(r'VERSION_ID="?(\d+)', pathlib.Path("/etc/os-release").read_text())
    if not release or re.findall(r"^ARG DEBIAN=(\d+)$", DOCKERFILE, re.M) != [release.group(1)]:
        pytest.skip("another release than the image's")
    named, package = re.findall(r"--no-install-recommends (.*?)&&", DOCKERFILE)
    assert package.strip() == "/build/hotpathd_*.deb"  # it names what it needs to run
    found = subprocess.run(["apt-cache", "show", "--no-all-versions", *named.split()], capture_output=True, timeout=60).stdout.decode()
    assert len(named.split()) > 8 and set(named.split()) <= set(re.findall(r"^Package: (\S+)$", found, re.M))

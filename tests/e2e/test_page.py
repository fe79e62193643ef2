"""The status page: served whole, asks nobody else, and its script makes sense of the daemon's real answers."""
import json
import re
import shutil
import subprocess
import zlib

import pytest

BODY = json.dumps({"text": "One paragraph."})

# As much of a browser as the page uses: elements with text and children, fetch, and a clock that the test turns.
BROWSER = r"""
const base = process.argv[2], script = require("fs").readFileSync(0, "utf8");
class Node { constructor(name) { this.name = name; this.children = []; this.own = ""; this.attributes = {}; }
  append(...nodes) { this.children.push(...nodes); } replaceChildren(...nodes) { this.children = nodes; }
  setAttribute(key, value) { this.attributes[key] = value; }
  set textContent(value) { this.own = String(value); } get textContent() { return this.own + this.children.map(c => c.textContent).join("|"); } }
const ids = {}, real = (url => new Promise((resolve, reject) => require("http").get(url, reply => { let text = "";
  reply.on("data", piece => text += piece); reply.on("end", () => resolve({ text: async () => text, json: async () => JSON.parse(text) })); }).on("error", reject)));
let turns = 0;
globalThis.document = { createElement: name => new Node(name), createElementNS: (_, name) => new Node(name), getElementById: id => ids[id] = ids[id] || new Node(id) };
globalThis.Node = Node; performance.now = () => turns * 1000;
globalThis.fetch = path => real(base + path);
globalThis.setTimeout = next => { if (++turns < 3) next(); else console.log(JSON.stringify(Object.fromEntries(Object.entries(ids).map(([id, node]) => [id, node.textContent])))); };
new Function(script)();
"""


def test_it_is_one_page_that_asks_this_socket_alone(daemon):
    reply = daemon.get("/")
    assert reply.status == 200 and reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"] and "connect-src 'self'" in reply.headers["Content-Security-Policy"]
    page = reply.body.decode()
    assert set(re.findall(r"https?://[^\"' ]+", page)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(r"<(link|img|iframe|script) [^>]*(src|href)", page)
    assert "prefers-color-scheme: dark" in page and "innerHTML" not in page
    assert daemon.call("GET", "/").status == 404  # not on the data socket


@pytest.mark.skipif(not shutil.which("node"), reason="node runs the page's script")
def test_its_script_shows_what_the_daemon_says(start):
    daemon = start()
    for _ in range(5):
        assert daemon.post("/v1/chunk", BODY).status == 200
    assert daemon.post("/v1/chunk", "{").status == 400
    script = re.search(r"<script>(.*)</script>", daemon.get("/").body.decode(), re.S).group(1)
    done = subprocess.run(["node", "-e", BROWSER, "x", daemon.admin], input=script.encode(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    shown = json.loads(done.stdout)
    assert shown["state"] == "serving"
    assert shown["routes"].startswith("chunk|on|0.0|")
    assert "chunk|bad_json|1|0" in shown["failures"]
    assert "chunk|compute|" in shown["stages"] and "NaN" not in json.dumps(shown) and "undefined" not in json.dumps(shown)
    assert shown["queue"].startswith("0|")
    assert "max_deadline_ms: 10000" in shown["config"]


BROWSERS = [path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path]


@pytest.mark.skipif(not BROWSERS, reason="no Chromium is installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_draws_it_light_and_dark_without_a_complaint(start, tmp_path, scheme):
    daemon = start()
    for _ in range(5):
        assert daemon.chunk("One paragraph.") and daemon.post("/v1/chunk", "{").status == 400
    picture = tmp_path / "page.png"
    command = [BROWSERS[0], "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1200,1500",
               "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--virtual-time-budget=10000", f"--user-data-dir={tmp_path}/user"]
    command += ["--force-dark-mode"] if scheme == "dark" else []
    done = subprocess.run([*command, f"--screenshot={picture}", "--dump-dom", daemon.admin + "/"], capture_output=True, timeout=90)
    complaints = [line for line in done.stderr.decode().splitlines() if "CONSOLE" in line]
    assert done.returncode == 0 and not complaints, complaints
    page = done.stdout.decode()
    drawn = re.findall(r'<polyline points="([^"]+)"', page)
    assert len(drawn) > 10 and all(len(points.split()) > 1 for points in drawn)
    assert ">serving<" in page and "bad_json" in page and "NaN" not in page and "undefined" not in page
    assert first_pixel(picture.read_bytes()) == {"light": (0xff, 0xff, 0xff), "dark": (0x14, 0x17, 0x1a)}[scheme]


def first_pixel(png):
    """Of 8 bits a channel; no filter changes it, for it has no neighbours."""
    data, at = b"", 8
    while at < len(png):
        size, kind = int.from_bytes(png[at:at + 4], "big"), png[at + 4:at + 8]
        data += png[at + 8:at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    return tuple(zlib.decompress(data)[1:4])

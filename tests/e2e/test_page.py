"""The status page: served whole, asks nobody else, and its script makes sense of the daemon's real answers."""
import json
import re
import shutil
import subprocess

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

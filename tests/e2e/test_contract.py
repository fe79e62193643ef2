"""The contract on the wire, over TCP and the Unix socket: every route, every refusal that a request can meet."""
import json

import pytest

from daemon import connection, request, wait_for

SMALLEST = {"text": "One paragraph.\n\nAnother."}


@pytest.fixture(params=["tcp", "unix"])
def url(request, daemon):
    return getattr(daemon, request.param)


def test_every_route_answers_its_example(daemon, url):
    routes = daemon.get("/-/routes").json
    assert routes
    for name, card in routes.items():
        reply = daemon.post(card["path"], card["example"], url)
        assert reply.status == 200, reply.body
        assert reply.headers["X-Hotpath-Contract"] == card["contract"]
        assert reply.headers["Content-Type"] == "application/json"
        assert [part.split(";")[0].strip() for part in reply.headers["Server-Timing"].split(",")] \
            == ["queue", "parse", "compute", "write", "total"]


def test_every_route_refuses_every_truncation_over_one_connection(daemon, url):
    for card in daemon.get("/-/routes").json.values():
        body = json.dumps(card["example"])
        conn = connection(url)
        for cut in range(len(body)):
            reply = request(conn, "POST", card["path"], body[:cut], {"Content-Type": "application/json"})
            assert (reply.status, reply.code) in [(400, "bad_json")], body[:cut]
        conn.close()


def test_reply_has_what_the_contract_requires(daemon, url):
    reply = daemon.chunk("One paragraph.\n\nAnother.", url)
    assert set(reply) == {"text", "unchanged", "encoding", "exact", "tokens", "chunks", "metadata"}
    assert reply["unchanged"] is True
    chunk = reply["chunks"][0]
    assert set(chunk) == {"id", "start", "end", "tokens", "source", "boundary"}
    assert len(chunk["id"]) == 32 and chunk["boundary"] == "document"
    assert reply["metadata"]["bytes"] == reply["metadata"]["chars"] == 24


REFUSED = [
    # body, status, code, pointer, offset
    ('{"text":"a"', 400, "bad_json", None, True),
    ('{"text":"a"} x', 400, "bad_json", None, True),
    ("", 400, "bad_json", None, None),
    ("[]", 400, "bad_type", None, None),
    ('{"text":"\\ud800"}', 400, "bad_utf8", None, True),
    (b'{"text":"\xff"}', 400, "bad_utf8", None, True),
    (b'{"text":"\xed\xa0\x80"}', 400, "bad_utf8", None, True),
    ('{"text":"a","text":"b"}', 400, "duplicate_key", "/text", None),
    ('{"text":"a","chunk":{"max":1,"max":2}}', 400, "duplicate_key", None, None),
    ("{}", 400, "missing_field", "/text", None),
    ('{"text":7}', 400, "bad_type", "/text", None),
    ('{"text":null}', 400, "bad_type", "/text", None),
    ('{"text":"a","chunk":"none"}', 400, "bad_type", "/chunk", None),
    ('{"text":"a","chunk":{"max":12.5}}', 400, "bad_type", "/chunk/max", None),
    ('{"text":"a","chunk":{"max":5.0}}', 400, "bad_type", "/chunk/max", None),
    ('{"text":"a","chunk":{"max":"5"}}', 400, "bad_type", "/chunk/max", None),
    ('{"text":"a","chunk":{"max":99999999999999999999}}', 400, "bad_json", None, None),
    ('{"text":"a","chunk":{"max":1e999}}', 400, "bad_json", None, None),
    ('{"text":"a","clean":{"spaces":1}}', 400, "bad_type", "/clean/spaces", None),
    ('{"text":"a","colour":1}', 400, "unknown_field", "/colour", None),
    ('{"text":"a","chunk":{"maxx":1}}', 400, "unknown_field", "/chunk/maxx", None),
    ('{"text":"a","a/b~c":1}', 400, "unknown_field", "/a~1b~0c", None),
    ('{"text":"a","chunk":{"max":0}}', 422, "out_of_range", "/chunk/max", None),
    ('{"text":"a","chunk":{"max":1000001}}', 422, "out_of_range", "/chunk/max", None),
    ('{"text":"a","chunk":{"max":10,"overlap":10}}', 422, "out_of_range", "/chunk/overlap", None),
    ('{"text":"a","chunk":{"unit":"words"}}', 422, "out_of_range", "/chunk/unit", None),
    ('{"text":"a","offsets":"bytes"}', 422, "out_of_range", "/offsets", None),
    ('{"text":"a","encoding":"gpt2"}', 422, "out_of_range", "/encoding", None),
    ('{"text":"a","clean":"spotless"}', 422, "unknown_preset", "/clean", None),
]


@pytest.mark.parametrize("body,status,code,pointer,offset", REFUSED)
def test_malformed_bodies_name_the_place(daemon, body, status, code, pointer, offset):
    reply = daemon.post("/v1/chunk", body)
    assert (reply.status, reply.code) == (status, code), reply.body
    problem = reply.json
    assert pointer is None or problem["pointer"] == pointer
    assert offset is None or 0 <= problem["offset"] <= len(body)
    assert problem["request_id"] == reply.headers["X-Request-Id"]


@pytest.mark.parametrize("clean", [True, 5, None, []])
def test_what_cleaning_takes_is_told(daemon, clean):
    assert daemon.post("/v1/chunk", {"text": "a", "clean": clean}).json["detail"] == "an object, or the name of a preset"


def test_a_made_up_name_is_cut_in_the_pointer_and_kept_out_of_the_log(daemon):
    secret = "swordfish" * 40
    reply = daemon.post("/v1/chunk", {"text": "a", secret: 1})
    assert reply.code == "unknown_field"
    assert len(reply.json["pointer"]) <= 65
    assert "swordfish" not in daemon.log_file.read_text()


HEADERS = [
    ({"Content-Type": "text/css"}, 415, "media_type"),
    ({"Content-Type": "application/json; charset=latin-1"}, 415, "media_type"),
    ({"Content-Type": "application/json", "Content-Encoding": "br"}, 415, "media_type"),
    ({}, 415, "media_type"),
    ({"Content-Type": "application/json", "X-Request-Timeout-Ms": "soon"}, 400, "bad_deadline"),
    ({"Content-Type": "application/json", "X-Request-Timeout-Ms": "0"}, 400, "bad_deadline"),
    ({"Content-Type": "application/json", "Host": "evil.example"}, 421, "wrong_host"),
    ({"Content-Type": "application/json", "Origin": "http://evil.example"}, 403, "forbidden_origin"),
    ({"Content-Type": "application/json", "Origin": "null"}, 403, "forbidden_origin"),
    ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403, "forbidden_origin"),
    ({"Content-Type": "application/json", "Sec-Fetch-Site": "same-site"}, 403, "forbidden_origin"),
]


@pytest.mark.parametrize("headers,status,code", HEADERS)
def test_headers_are_checked_before_the_body(daemon, headers, status, code):
    reply = daemon.call("POST", "/v1/chunk", b"not even JSON", headers)
    assert (reply.status, reply.code) == (status, code)


def test_a_page_of_another_site_reads_nothing_of_the_admin_socket_nor_of_a_rollout(daemon):
    for url, path in ((daemon.admin, "/metrics"), (daemon.admin, "/"), (daemon.tcp, "/v1/rollout")):
        get = lambda site: daemon.call("GET", path, headers={"Sec-Fetch-Site": site}, url=url)
        assert get("same-origin").status == get("none").status == 200
        assert get("cross-site").code == get("same-site").code == "forbidden_origin"


def test_any_host_is_right_on_the_unix_socket(daemon):
    headers = {"Content-Type": "application/json", "Host": "whatever"}
    assert daemon.call("POST", "/v1/chunk", json.dumps(SMALLEST), headers, daemon.unix).status == 200


def test_a_target_in_absolute_form_is_taken_with_the_host_that_it_names(daemon, url):
    headers = {"Content-Type": "application/json", "Host": "evil.example"}
    body = json.dumps(SMALLEST)
    assert daemon.call("POST", "http://localhost:8377/v1/chunk", body, headers, url).status == 200
    assert daemon.call("POST", "HTTP://127.0.0.1/v1/chunk?a=b", body, headers, url).code == "bad_query"
    assert daemon.call("GET", "http://localhost", None, headers, url).code == "not_found"
    for target in ["https://localhost/v1/chunk", "http:///v1/chunk"] + ["http://evil.example/v1/chunk"] * (url == daemon.tcp):
        reply = daemon.call("POST", target, body, {**headers, "Host": "localhost"}, url)
        assert (reply.status, reply.code) == (421, "wrong_host"), target
    no_host = b"GET http://localhost/v1/rollout HTTP/1.%d\r\nConnection: close\r\n\r\n"
    assert daemon.raw(no_host % 1, url).startswith(b"HTTP/1.1 400") and daemon.raw(no_host % 0, url).partition(b" ")[2].startswith(b"200")


def test_the_admin_socket_takes_it_too(daemon):
    get = lambda target: daemon.call("GET", target, headers={"Host": "evil.example"}, url=daemon.admin)
    assert get("http://localhost/livez").status == get("http://localhost/metrics?x").status == 200
    assert get("http://localhost/-/reload").headers["Allow"] == "POST"
    assert get("http://evil.example/livez").code == get("https://localhost/livez").code == "wrong_host"


@pytest.mark.parametrize("method,path,status,code,allow", [
    ("GET", "/v1/chunk", 405, "method", "POST"),
    ("PUT", "/v1/chunk", 405, "method", "POST"),
    ("POST", "/v1/rollout", 405, "method", "GET"),
    ("GET", "/", 404, "not_found", None),
    ("POST", "/v1/nothing", 404, "not_found", None),
    ("GET", "/metrics", 404, "not_found", None),
    ("POST", "/v1/chunk/", 404, "not_found", None),
])
def test_paths_and_methods(daemon, url, method, path, status, code, allow):
    reply = daemon.call(method, path, url=url)
    assert (reply.status, reply.code) == (status, code)
    assert reply.headers["Allow"] == allow


def test_a_refusal_keeps_the_connection_where_the_body_is_small(daemon, url):
    conn = connection(url)
    first = request(conn, "POST", "/v1/chunk", b"x" * 1000, {"Content-Type": "text/css"})
    sock = conn.sock
    second = request(conn, "POST", "/v1/chunk", json.dumps(SMALLEST), {"Content-Type": "application/json"})
    assert (first.status, second.status) == (415, 200)
    assert conn.sock is sock
    conn.close()


def test_request_ids_are_echoed_or_made(daemon):
    assert daemon.post("/v1/chunk", SMALLEST, X_Request_Id="mine-1").headers["X-Request-Id"] == "mine-1"
    made = daemon.post("/v1/chunk", SMALLEST, X_Request_Id="not mine").headers["X-Request-Id"]
    assert len(made) == 32


# --- raw bodies and the query string -----------------------------------------------------------------

def raw(daemon, body, query="", kind="text/plain"):
    return daemon.call("POST", "/v1/chunk" + query, body, {"Content-Type": kind})


def test_a_raw_body_is_the_same_document(daemon):
    text = "Zwei  Sätze. 👩‍👩‍👦 und\r\nmehr."
    options = {"chunk": {"max": 4, "overlap": 1, "unit": "tokens"}, "offsets": "utf16", "clean": {"spaces": False}}
    query = "?chunk.max=4&chunk.overlap=1&chunk.unit=tokens&offsets=utf16&clean.spaces=false"
    assert raw(daemon, text.encode(), query).json == daemon.chunk(text, **options)


@pytest.mark.parametrize("query,status,code", [
    ("?colour=1", 400, "bad_query"),
    ("?chunk.max=1&chunk.max=2", 400, "bad_query"),
    ("?chunk=none&chunk.max=2", 400, "bad_query"),
    ("?offsets=%zz", 400, "bad_query"),
    ("?chunk.max=x", 400, "bad_type"),
    ("?chunk.max=0", 422, "out_of_range"),
    ("?clean=spotless", 422, "unknown_preset"),
    ("?text=a", 400, "bad_query"),
])
def test_query_strings_are_held_to_the_contract(daemon, query, status, code):
    reply = raw(daemon, b"text", query)
    assert (reply.status, reply.code) == (status, code)


def test_options_beside_a_json_body_are_refused(daemon):
    assert daemon.post("/v1/chunk?chunk.max=5", SMALLEST).code == "bad_query"


def test_invalid_raw_bytes_are_refused_with_their_offset(daemon):
    reply = raw(daemon, b"good \xc3\x28 bad")
    assert (reply.code, reply.json["offset"]) == ("bad_utf8", 5)


def test_no_chunks_wanted(daemon):
    wanted = {"chunks": [], "tokens": daemon.chunk("a b c")["tokens"]}
    for reply in (daemon.chunk("a b c", chunk=None), raw(daemon, b"a b c", "?chunk=none").json):
        assert {name: reply[name] for name in wanted} == wanted


# --- rollout and admin -------------------------------------------------------------------------------

def test_rollout_says_what_is_in_force_and_304_to_who_knows_it(daemon, url):
    reply = daemon.call("GET", "/v1/rollout", url=url)
    assert reply.json["routes"]["chunk"] == {"mode": "on", "percent": 100, "shadow_percent": 100, "deadline_ms": 250, "salt": "chunk"}
    assert reply.headers["ETag"] == f'"{reply.json["version"]}"'
    again = daemon.call("GET", "/v1/rollout", headers={"If-None-Match": reply.headers["ETag"]}, url=url)
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == reply.headers["ETag"] and again.headers["Content-Length"] == reply.headers["Content-Length"]


def test_a_route_that_is_off_says_so(start):
    daemon = start("--set", "chunk.mode=off")
    reply = daemon.post("/v1/chunk", SMALLEST)
    assert (reply.status, reply.code, reply.headers["Retry-After"]) == (503, "route_off", "60")
    assert daemon.call("GET", "/v1/rollout").json["routes"]["chunk"]["mode"] == "off"
    assert daemon.get("/readyz").status == 200


def test_percent_has_two_decimals(start):
    daemon = start("--set", "chunk.mode=canary", "--set", "chunk.percent=12.25", "--set", "chunk.salt=a\"b")
    assert daemon.call("GET", "/v1/rollout").json["routes"]["chunk"] == {
        "mode": "canary", "percent": 12.25, "shadow_percent": 100, "deadline_ms": 250, "salt": 'a"b'}


def test_admin_pages(daemon):
    assert daemon.get("/livez").body == b"ok\n"
    assert daemon.get("/readyz").body == daemon.get("/healthz").body == b"ready\n"
    status = daemon.get("/-/status").json
    assert status["pid"] == daemon.process.pid and status["routes"]["chunk"]["mode"] == "on"
    assert b"deadline_ms: 250" in daemon.get("/-/config").body
    assert daemon.get("/nothing").code == "not_found"
    assert daemon.get("/v1/chunk").code == "not_found"
    assert daemon.call("GET", "/-/drain", url=daemon.admin).code == "method"
    assert daemon.call("POST", "/metrics", url=daemon.admin).code == "method"
    assert daemon.call("GET", "/livez", headers={"Host": "evil.example"}, url=daemon.admin).code == "wrong_host"
    assert daemon.call("POST", "/-/drain", headers={"Origin": "http://x"}, url=daemon.admin).code == "forbidden_origin"


def test_openapi_is_the_contract_as_json(daemon):
    document = daemon.get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    chunk = document["paths"]["/v1/chunk"]["post"]
    assert chunk["parameters"] == document["paths"]["/v1/score"]["post"]["parameters"]  # an alias in the YAML
    assert document["components"]["schemas"]["ChunkRequest"]["additionalProperties"] is False


def test_metrics_add_up(start):
    daemon = start()
    for _ in range(5):
        daemon.post("/v1/chunk", SMALLEST)
    daemon.post("/v1/chunk", SMALLEST, X_Hotpath_Mode="shadow")
    daemon.post("/v1/chunk", "{")
    daemon.call("GET", "/nothing")
    wait_for(lambda: daemon.metric("hotpathd_requests_total") == 8, "all eight to be counted")
    assert daemon.metric("hotpathd_requests_total", route="chunk", code="ok", mode="live") == 5
    assert daemon.metric("hotpathd_requests_total", route="chunk", code="ok", mode="shadow") == 1
    assert daemon.metric("hotpathd_requests_total", route="chunk", code="bad_json") == 1
    assert daemon.metric("hotpathd_requests_total", route="none", code="not_found") == 1
    assert daemon.metric("hotpathd_request_duration_seconds_count", route="chunk") == 7
    assert daemon.metric("hotpathd_in_flight") == 0
    openmetrics = daemon.call("GET", "/metrics", headers={"Accept": "application/openmetrics-text"}, url=daemon.admin)
    assert openmetrics.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert openmetrics.body.endswith(b"# EOF\n")


def test_failures_are_logged_with_their_ids_and_without_the_document(start):
    daemon = start()
    trace = "0af7651916cd43dd8448eb211c80319c"
    daemon.post("/v1/chunk", '{"text":"hush hush"', X_Request_Id="r-1", X_Hotpath_Caller="worker/1.4",
                traceparent=f"00-{trace}-b7ad6b7169203331-01")
    wait_for(lambda: any(line.get("request_id") == "r-1" for line in daemon.log()), "the log line")
    line = next(line for line in daemon.log() if line.get("request_id") == "r-1")
    expected = {"route": "chunk", "mode": "live", "caller": "worker/1.4", "method": "POST", "status": 400, "code": "bad_json",
                "stage": "parse", "bytes_in": 19, "trace_id": trace}
    assert {name: line[name] for name in expected} == expected
    assert "hush" not in daemon.log_file.read_text()

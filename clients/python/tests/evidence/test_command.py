"""The command on files good and bad: exit codes, and what is named."""

import gzip
import json

import numpy as np
import pytest
import zstandard
from hotpathd.evidence import command

from made import event, lines


def run(tmp_path, data, *arguments, name="events.jsonl"):
    path, out = tmp_path / name, tmp_path / "report.json"
    path.write_bytes(data)
    code = command.main([str(path), "--json", str(out), "--jobs", "1", *arguments])
    return code, json.loads(out.read_text()) if out.exists() else None


def canary(n=20_000, slower=1.0, **new):
    rng = np.random.default_rng(5)
    asked = {"path": "sidecar", "outcome": "ok", "reason": "", "legacy_ms": None, **new}
    for at, ms in enumerate(rng.lognormal(3, 0.5, n)):
        if at % 4:
            yield event(at, total_ms=round(ms, 3), legacy_ms=round(ms, 3))
        else:
            yield event(at, total_ms=round(ms * slower, 3), sidecar_ms=round(ms * slower, 3), **asked)


def compared(n=4000):
    for at in range(n):
        yield event(10**6 + at, mode="shadow", path="both", outcome="ok", reason="", sidecar_ms=1.0, match=True)


@pytest.mark.parametrize("slower, code", [(0.5, 0), (1.5, 30)])
def test_faster_and_equal_goes_slower_is_rolled_back(tmp_path, slower, code):
    assert run(tmp_path, lines(canary(slower=slower)) + lines(compared()))[0] == code


def test_without_comparisons_it_holds(tmp_path):
    code, report = run(tmp_path, lines(canary(slower=0.5)))
    assert code == 10 and report["routes"]["chunk"]["mismatches"]["needed"] == 2995


def test_many_mismatches_before_any_live_call_are_no_go_and_clustered(tmp_path):
    pairs = (
        event(at, mode="shadow", path="both", outcome="ok", reason="", sidecar_ms=1.0, match=at % 10 > 0,
              diff=None if at % 10 else f"/chunks/{at}/end")
        for at in range(3000)
    )  # fmt: skip
    code, report = run(tmp_path, lines(pairs))
    assert code == 20
    assert report["routes"]["chunk"]["mismatches"]["clusters"] == {"/chunks/*/end": 300}
    assert report["examples"][0]["request_id"]


def test_dropped_events_forbid_go(tmp_path):
    lossy = lines([event(10**7, dropped=1000)])
    code, report = run(tmp_path, lines(canary(slower=0.5)) + lines(compared()) + lossy)
    assert code == 10 and "dropped" in report["forbids_go"][0]


def test_a_stop_rule_changed_half_way_forbids_go(tmp_path):
    data = lines(canary(slower=0.5)) + lines(compared())
    code, _ = run(tmp_path, data)
    earlier = tmp_path / "earlier.json"
    earlier.write_text((tmp_path / "report.json").read_text())
    rollout = tmp_path / "rollout.yaml"
    rollout.write_text("stop_rule: { regression: 20% }\n")
    later, report = run(tmp_path, data, "--previous", str(earlier), "--rollout", str(rollout))
    assert (code, later) == (0, 10) and "changed half-way" in report["forbids_go"][0]


@pytest.mark.parametrize("text, line", [("stop_rule:\n  alhpa: 0.05\n", 2), ("replicas: many\n", 1), ("a: [\n", 2)])
def test_a_bad_rule_is_named_by_file_and_line(tmp_path, capsys, text, line):
    rollout = tmp_path / "rollout.yaml"
    rollout.write_text(text)
    assert run(tmp_path, lines([event(1)]), "--rollout", str(rollout))[0] == 2
    assert f"{rollout}:{line}:" in capsys.readouterr().err


def test_what_is_wrong_is_named_by_file_and_line(tmp_path):
    good = lines(event(at) for at in range(5))
    bad = b"not json\n" + lines([event(7, v=2), {"a": 1}, {**event(8), "total_ms": "x"}, event(3)]) + b'{"v":1,"ts'
    _, report = run(tmp_path, good + bad)
    found = {one["what"]: [place.rpartition(":")[2] for place in one["places"]] for one in report["evidence"]["problems"]}
    assert found == {
        "not JSON": ["6"], "another version": ["7"], "not an event": ["8"], "a bad total_ms": ["9"],
        "an event that is there twice": ["10"], "a torn last line": ["11"],
    }  # fmt: skip


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_packed_files_say_the_same_and_a_damaged_one_says_so(tmp_path, pack):
    data = lines(canary(4000))
    plain, packed = run(tmp_path, data)[1], run(tmp_path, pack(data))[1]
    assert packed == plain
    torn = run(tmp_path, pack(data)[:-1000])[1]
    assert torn["evidence"]["problems"]  # zstd's library ends quietly: its torn last line is what tells


def test_random_bytes_never_raise(tmp_path):
    rng = np.random.default_rng(6)
    good = lines(event(at) for at in range(40))
    for _ in range(300):
        data = bytearray(good)
        for at in rng.integers(0, len(data), rng.integers(1, 60)):
            data[at] = rng.integers(0, 256)
        assert run(tmp_path, bytes(data[: rng.integers(0, len(data))]))[0] in (0, 2, 10, 20, 30)


def test_parts_of_a_file_give_the_same_as_the_whole(tmp_path, monkeypatch):
    data = lines(canary(3000))
    whole = run(tmp_path, data)[1]
    monkeypatch.setattr("hotpathd.evidence.reading.RANGE", 997)
    assert run(tmp_path, data)[1] == whole

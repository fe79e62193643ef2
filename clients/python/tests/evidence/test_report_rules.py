"""rollout.yaml: what it may hold, and that it must not change half-way."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import made
import pytest

pytest.importorskip("yaml", reason="the extra 'report' is not installed: tests/venv report needs a registry")

from hotpathd.evidence import rules  # noqa: E402

WHOLE = """\
prices: { currency: EUR, vcpu_hour: 0.04, gib_month: 3 }
requests_per_month: { chunk: 12_000_000, score: 5e6 }
replicas: 4
cpu_share: 30%
stop:
  metric: p99
  regression: 5%
  alpha: 0.01
  power: 0.8
  minimum: 500
  calls: 48000
  fallbacks: 2%
  mismatches: 0.5%
  dropped: 0.5%
answers: { stable_contract: yes, owner: no, cpu_bound: }
steps: [shadow=24h, 1=1h, 5=6h, 100=0s]
"""


def test_every_key_is_read() -> None:
    read = rules.parse(WHOLE.encode(), "r")
    assert read.prices == rules.Prices("EUR", 0.04, 3)
    assert (read.requests("chunk"), read.requests("score"), read.requests("other")) == (12e6, 5e6, None)
    assert read.share_of_cpu("chunk") == 0.3
    assert read.stop == rules.Stop("p99", 0.05, 0.01, 0.8, 500, 48000, 0.02, 0.005, 0.005)
    assert read.answers == rules.Answers(stable_contract=True, owner=False, cpu_bound=None)
    assert read.steps == ("shadow=24h", "1=1h", "5=6h", "100=0s")


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_file_is_the_defaults(text: str) -> None:
    assert rules.parse(text.encode(), "r").stop == rules.Stop()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prices: {}\nprice: 3\n", "r:2: no key named price; there are prices, "),
        ("stop:\n  metric: p95\n  regresion: 5%\n", "r:3: no key named stop.regresion; there are metric, regression, "),
        ("stop: { metric: mean }", "r:1: stop.metric: one of p50, p95, p99, not 'mean'"),
        ("stop: { alpha: 0 }", "r:1: stop.alpha: a share as 5% or 0.05, above 0 and up to 0.5, not '0'"),
        ("stop: { alpha: x }", "r:1: stop.alpha: a share"),
        ("stop: { alpha: 1.2.3 }", "r:1: stop.alpha: a share"),
        ("stop: { dropped: 5% }", "r:1: stop.dropped: a share as 5% or 0.05, above 0 and up to 0.01, not '5%'"),
        ("stop: { calls: 1.5 }", "r:1: stop.calls: a whole number"),
        ("stop: []", "r:1: stop: a mapping is due"),
        ("replicas: many", "r:1: replicas: a number is due, not 'many'"),
        ("replicas: nan", "r:1: replicas: from 1 to"),
        ("prices: { vcpu_hour: -1 }", "r:1: prices.vcpu_hour: from 0 to"),
        ("answers: { owner: perhaps }", "r:1: answers.owner: yes, no or nothing"),
        ("steps: shadow", "r:1: steps: a list is due"),
        ("steps:\n- shadow=1h\n- 5 percent\n", "r:3: steps: SHARE=HOLD is due"),
        ("replicas: 1\nreplicas: 2\n", "r:2: replicas is there twice"),
        ("- a\n", "r:1: the file: a mapping is due"),
        ("a: [\n", "r:2: "),
        ("a: b: c\n", "r:1: mapping values are not allowed here"),
        ("\x00", "r"),
        ("? [a]\n: b\n", "r:1: no key named ?"),
    ],
)
def test_what_is_wrong_is_named_by_line(text: str, says: str) -> None:
    with pytest.raises(rules.Unusable) as caught:
        rules.parse(text.encode(), "r")
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("text", [b"\xff", b"[" * 3000, b"a: &a [*a]"])
def test_hostile_files_are_refused_in_a_line(text: bytes) -> None:
    with pytest.raises(rules.Unusable):
        rules.parse(text, "r")


GOOD = "stop: { minimum: 100, mismatches: 1%, fallbacks: 1% }\n"


def test_the_hash_is_in_the_report(bench: Any) -> None:
    report = bench.events(made.canary(2000, 1000)).run(*bench.rules(GOOD), expect=0)
    assert report["rule_hash"] == hashed(GOOD)
    assert hashlib.sha256(json.dumps(report["rule"], sort_keys=True, separators=(",", ":")).encode()).hexdigest() == hashed(GOOD)


def hashed(text: str) -> str:
    return rules.parse(text.encode(), "r").hash


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "# ours\n",
        "stop:\n  fallbacks: 0.01\n  mismatches: 1.0 %  # of all\n  minimum: 1_00\n",
        "steps: [5=1h]\nstop: { metric: p95, minimum: 100, mismatches: 1%, fallbacks: 1% }",
    ],
)
def test_what_says_the_same_has_the_same_hash(text: str) -> None:
    assert hashed(text) == hashed(GOOD)


@pytest.mark.parametrize("key", ["metric: p99", "regression: 11%", "alpha: 4%", "power: 80%", "minimum: 101", "calls: 7", "fallbacks: 2%", "mismatches: 2%", "dropped: 0.5%"])
def test_each_key_of_the_stop_rule_is_in_the_hash(key: str) -> None:
    assert hashed(f"stop: {{ {key} }}") != hashed("stop: {}") == rules.Rules().hash


def test_a_rule_that_changed_since_an_earlier_report_forbids_go(bench: Any) -> None:
    bench.events(made.canary(2000, 1000)).run(*bench.rules(GOOD), expect=0)
    earlier = bench.folder / "earlier.json"
    (bench.folder / "report.json").rename(earlier)
    bench.run(*bench.rules(GOOD), "--previous", str(earlier), expect=0)
    report = bench.run(*bench.rules(GOOD.replace("mismatches: 1%", "mismatches: 2%")), "--previous", str(earlier), expect=10)
    assert any("the stop rule was changed half-way" in reason for reason in report["routes"]["chunk"]["reasons"])


def test_a_rule_that_the_ledger_does_not_know_forbids_go(bench: Any) -> None:
    ledger = bench.folder / "rollout.ledger.jsonl"
    bench.events(made.canary(2000, 1000))
    ledger.write_text(json.dumps({"route": "chunk", "rule": hashed(GOOD)}) + "\n")
    bench.run(*bench.rules(GOOD), "--ledger", str(ledger), expect=0)
    ledger.write_text(json.dumps({"route": "chunk", "rule": "another"}) + "\n")
    report = bench.run(*bench.rules(GOOD), "--ledger", str(ledger), expect=10)
    assert f"{ledger}:1" in " ".join(report["routes"]["chunk"]["reasons"])


@pytest.mark.parametrize("option", ["--previous", "--ledger"])
@pytest.mark.parametrize("data", [b"\xff", b"nonsense"])
def test_an_earlier_file_that_cannot_be_read_is_unusable(bench: Any, option: str, data: bytes) -> None:
    (bench.folder / "x").write_bytes(data)
    bench.events([made.event()]).run(option, str(bench.folder / "x"), expect=2)
    assert bench.err.startswith(f"hotpathd-report: {bench.folder / 'x'}")

"""The switch, and the rule that pulls it.

`write` edits mode and percent in the one configuration file, in one rename; comments stay. The rule was written before the test, as
numbers: see RULE.
"""
import os
import pathlib
import re
import tempfile

from quantiles import quantile

ROUTES = ("chunk", "score")
# A route is rolled back where, among its latest calls that asked the sidecar (at least `calls` of them), one of these is passed.
RULE = {"calls": 20, "fallback_share": 0.10, "p50_ratio": 1.25, "p95_ratio": 1.25}


def write(config, mode, percent=0):
    """All routes of the file `config` get this mode and share."""
    config = pathlib.Path(config)
    text = config.read_text()
    text = re.sub(r"(?m)^(\s+mode: )\w+", rf"\g<1>{mode}", text)
    text = re.sub(r"(?m)^(\s+percent: )[\d.]+", rf"\g<1>{percent:g}", text)
    handle, new = tempfile.mkstemp(dir=config.parent)
    with open(handle, "w") as file:
        file.write(text)
    os.replace(new, config)


def broken(old_ms, calls):
    """Which part of RULE the latest `calls` (events of one route) break, as a sentence; '' where none. `old_ms`: the baseline's."""
    asked = [event for event in calls if event["sidecar_ms"] is not None][-3 * RULE["calls"]:]
    if len(asked) < RULE["calls"]:
        return ""
    share = sum(event["outcome"] == "fallback" for event in asked) / len(asked)
    if share > RULE["fallback_share"]:
        return f"{share:.0%} of {len(asked)} calls fell back (at most {RULE['fallback_share']:.0%})"
    took = [event["total_ms"] for event in asked]
    for name, at in (("p50", 0.5), ("p95", 0.95)):
        now, before = quantile(took, at), quantile(old_ms, at)
        if now > RULE[name + "_ratio"] * before:
            return f"{name} {now:.1f} ms, of the old path {before:.1f} ms (at most {RULE[name + '_ratio']:g} times that)"
    return ""

"""The acting half of the evidence: `hotpathd-rollout`.

    command -> turn -> { plan, ledger, report, decide } -> target -> edit -> yaml

A plan is written beforehand; each turn asks the report for its verdict and moves a route by at most one
step, by an edit of the one configuration file and a line in the ledger. `off` needs the file alone.

Besides the standard library this needs PyYAML, to know where in the file a value stands: the extra `rollout`. The client itself
imports nothing from here.
"""

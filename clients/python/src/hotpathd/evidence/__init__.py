"""From what the clients recorded to a verdict: `hotpathd-report` and `hotpathd-baseline`.

    events -> reading -> spool -> tables -> { quantiles, rates, cost, ... } -> verdict -> output

Needs `pip install hotpathd[report]`; the client itself imports nothing from here.
"""

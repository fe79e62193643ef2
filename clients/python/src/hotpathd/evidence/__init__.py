"""From what the clients recorded to a verdict: `hotpathd-report` and `hotpathd-baseline`.

    events -> reading -> spool -> tables -> { quantiles, rates, cost, ... } -> verdict -> output

Needs the extra `report`; the client itself imports nothing from here.
"""

MOST_LOOKS = 10**9  # that share alpha: beyond, a confidence has no digits left

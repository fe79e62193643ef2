"""The one statistic of the demo; hotpathd-report has the others."""
import math
import statistics


def quantile(values, at):
    """No number, where there is no value."""
    values = sorted(values)
    if not values:
        return math.nan
    return statistics.quantiles(values, n=1000, method="inclusive")[round(at * 1000) - 1] if len(values) > 1 else values[0]

"""The one statistic of the demo; hotpathd-report has the others."""
import statistics


def quantile(values, at):
    """Of at least one value."""
    values = sorted(values)
    return statistics.quantiles(values, n=1000, method="inclusive")[round(at * 1000) - 1] if len(values) > 1 else values[0]

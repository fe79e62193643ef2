"""Writes deploy/grafana/dashboard.json: panels as rows of a table. Run it after a change here."""
import json
import pathlib

ROUTE = 'route="$route",instance=~"$instance"'
PANELS = [
    # title, unit, [(legend, query)]
    ("Calls by outcome", "reqps", [("{{code}}", f"sum by (code) (rate(hotpathd_requests_total{{{ROUTE}}}[$__rate_interval])) > 0")]),
    ("Failures", "percentunit", [("{{code}}", f'sum by (code) (rate(hotpathd_requests_total{{{ROUTE},code!="ok"}}[$__rate_interval])) '
                                  f"/ ignoring(code) group_left sum(rate(hotpathd_requests_total{{{ROUTE}}}[$__rate_interval]))")]),
    ("Latency", "s", [(f"p{q}", f"histogram_quantile(0.{q}, sum by (le) (rate(hotpathd_request_duration_seconds_bucket{{{ROUTE}}}[$__rate_interval])))")
                      for q in ("50", "95", "99")]),
    ("p99 by stage", "s", [("{{stage}}", f"histogram_quantile(0.99, sum by (le, stage) (rate(hotpathd_request_stage_duration_seconds_bucket{{{ROUTE}}}[$__rate_interval])))")]),
    ("CPU per call", "s", [("{{outcome}}", f"sum by (outcome) (rate(hotpathd_request_cpu_seconds_total{{{ROUTE}}}[$__rate_interval])) "
                            f"/ ignoring(outcome) group_left sum(rate(hotpathd_requests_total{{{ROUTE}}}[$__rate_interval]))")]),
    ("In flight, waiting", "short", [("in flight", f"sum(hotpathd_in_flight{{{ROUTE}}})"), ("waiting", 'sum(hotpathd_queue_depth{instance=~"$instance"})')]),
    ("Longest wait for a worker", "s", [("{{instance}}", 'hotpathd_queue_oldest_seconds{instance=~"$instance"}')]),
    ("Deadlines passed, by stage", "reqps", [("{{stage}}", f"sum by (stage) (rate(hotpathd_deadline_exceeded_total{{{ROUTE}}}[$__rate_interval])) > 0")]),
    ("Memory", "bytes", [("{{instance}}", 'process_resident_memory_bytes{instance=~"$instance",job=~".*hotpathd.*"}')]),
    ("Connections", "short", [("{{instance}}", 'hotpathd_connections{instance=~"$instance"}'), ("limit", 'max(hotpathd_connections_limit{instance=~"$instance"})')]),
]


def panel(n, title, unit, targets):
    return {"id": n + 1, "type": "timeseries", "title": title, "gridPos": {"h": 8, "w": 12, "x": n % 2 * 12, "y": n // 2 * 8},
            "datasource": {"type": "prometheus", "uid": "$datasource"}, "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
            "targets": [{"refId": chr(65 + i), "expr": query, "legendFormat": legend} for i, (legend, query) in enumerate(targets)]}


def variable(name, query):
    return {"name": name, "type": "query", "query": {"query": query, "refId": name}, "datasource": {"type": "prometheus", "uid": "$datasource"},
            "refresh": 2, "includeAll": name == "instance", "multi": name == "instance", "current": {}}


dashboard = {
    "title": "hotpathd", "uid": "hotpathd", "schemaVersion": 38, "timezone": "browser", "refresh": "10s", "time": {"from": "now-1h", "to": "now"},
    "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "current": {}},
                            variable("route", "label_values(hotpathd_requests_total, route)"),
                            variable("instance", "label_values(hotpathd_build_info, instance)")]},
    "annotations": {"list": [{"name": "configuration changed", "enable": True, "iconColor": "orange", "datasource": {"type": "prometheus", "uid": "$datasource"},
                              "expr": "changes(hotpathd_config_reloads_total{result=\"success\"}[1m]) > 0"}]},
    "panels": [panel(n, *row) for n, row in enumerate(PANELS)],
}
pathlib.Path(__file__).with_name("dashboard.json").write_text(json.dumps(dashboard, indent=1) + "\n")

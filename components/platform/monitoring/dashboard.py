"""The provisioned dashboard: what the nodes and the apps of a cluster are doing."""

from __future__ import annotations

import json
from typing import Any

PROMETHEUS = "prometheus"
"""Id of the data source in Grafana."""

_MEMORY = 'container_memory_working_set_bytes{container="",pod!=""}'
# The kubelet gives these figures times of their own, so Prometheus answers with a pod's last one for five minutes after
# the pod is gone (https://prometheus.io/docs/prometheus/latest/querying/basics/, staleness).
_LIVING_MEMORY = f"sum by (namespace, pod) ({_MEMORY} and (time() - timestamp({_MEMORY}) < 60))"

_PANELS: tuple[tuple[str, str, str, str], ...] = (
    ("Targets that answer", "short", "sum by (job) (up)", "{{job}}"),
    (
        "Node: CPU in use",
        "percentunit",
        '1 - avg by (node) (rate(node_cpu_seconds_total{mode="idle"}[2m]))',
        "{{node}}",
    ),
    (
        "Node: memory in use",
        "percentunit",
        "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
        "{{node}}",
    ),
    (
        "Apps: CPU (cores)",
        "short",
        'sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{container="",pod!=""}[2m]))',
        "{{namespace}}/{{pod}}",
    ),
    (
        "Apps: memory",
        "bytes",
        _LIVING_MEMORY,
        "{{namespace}}/{{pod}}",
    ),
    (
        "Ingress: requests a second",
        "reqps",
        "sum by (code, service) (rate(traefik_service_requests_total[2m]))",
        "{{service}} {{code}}",
    ),
)


def dashboard() -> str:
    """The dashboard in Grafana's JSON model (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/).

    Returns:
        JSON text.
    """
    source = {"type": "prometheus", "uid": PROMETHEUS}
    panels: list[dict[str, Any]] = [
        {
            "id": number + 1,
            "title": title,
            "type": "timeseries",
            "datasource": source,
            "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
            "targets": [{"refId": "A", "expr": expression, "legendFormat": legend, "datasource": source}],
        }
        for number, (title, unit, expression, legend) in enumerate(_PANELS)
    ]
    return json.dumps(
        {
            "uid": "slipway",
            "title": "slipway: nodes and apps",
            "tags": ["slipway"],
            "timezone": "browser",
            "schemaVersion": 39,
            "refresh": "15s",
            "time": {"from": "now-30m", "to": "now"},
            "panels": panels,
        },
        indent=2,
    )


def datasources(url: str) -> str:
    """Provisioning file of the data source (https://grafana.com/docs/grafana/latest/administration/provisioning/).

    Args:
        url: Prometheus' URL inside the cluster.

    Returns:
        JSON, which is YAML.
    """
    entry = {
        "name": "Prometheus",
        "uid": PROMETHEUS,
        "type": "prometheus",
        "access": "proxy",
        "url": url,
        "isDefault": True,
        "editable": False,
    }
    return json.dumps({"apiVersion": 1, "datasources": [entry]}, indent=2)


def dashboard_provider(path: str) -> str:
    """Provisioning file that points Grafana at a directory of dashboards.

    Args:
        path: The directory.

    Returns:
        JSON, which is YAML.
    """
    entry = {"name": "slipway", "type": "file", "options": {"path": path}, "allowUiUpdates": False}
    return json.dumps({"apiVersion": 1, "providers": [entry]}, indent=2)

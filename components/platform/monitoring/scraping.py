"""What Prometheus scrapes: the kubelets, the nodes, pods by annotation, and itself."""

from __future__ import annotations

import json
from typing import Any

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def _keep(source: str, target: str) -> dict[str, Any]:
    return {"source_labels": [source], "target_label": target}


def _kubelet(job: str, path: str, *, verified: bool) -> dict[str, Any]:
    return {
        "job_name": job,
        "scheme": "https",
        "metrics_path": path,
        "kubernetes_sd_configs": [{"role": "node"}],
        "authorization": {"credentials_file": f"{_ACCOUNT}/token"},
        # Only some clusters let their own authority sign the kubelets' serving certificates.
        "tls_config": {"ca_file": f"{_ACCOUNT}/ca.crt"} if verified else {"insecure_skip_verify": True},
        "relabel_configs": [_keep("__meta_kubernetes_node_name", "node")],
    }


def _pods() -> dict[str, Any]:
    note = "__meta_kubernetes_pod_annotation_prometheus_io"
    return {
        "job_name": "pods",
        "kubernetes_sd_configs": [{"role": "pod"}],
        "relabel_configs": [
            {"source_labels": [f"{note}_scrape"], "regex": "true", "action": "keep"},
            # A pod has one target for each declared port; all become the annotated one, and equal targets are one.
            {
                "source_labels": ["__meta_kubernetes_pod_ip", f"{note}_port"],
                "separator": ":",
                "target_label": "__address__",
            },
            {"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "Succeeded|Failed", "action": "drop"},
            {"source_labels": [f"{note}_path"], "regex": "(.+)", "target_label": "__metrics_path__"},
            _keep("__meta_kubernetes_namespace", "namespace"),
            _keep("__meta_kubernetes_pod_name", "pod"),
            _keep("__meta_kubernetes_pod_label_app", "app"),
            _keep("__meta_kubernetes_pod_node_name", "node"),
        ],
    }


def prometheus_config(*, verified_kubelets: bool) -> str:
    """Content of prometheus.yml (https://prometheus.io/docs/prometheus/latest/configuration/configuration/).

    Args:
        verified_kubelets: Whether kubelets serve certificates of the cluster's own authority.

    Returns:
        JSON, which is YAML.
    """
    config: dict[str, Any] = {
        "global": {"scrape_interval": "15s", "scrape_timeout": "10s"},
        "scrape_configs": [
            {"job_name": "prometheus", "static_configs": [{"targets": ["localhost:9090"]}]},
            _kubelet("kubelet", "/metrics", verified=verified_kubelets),
            _kubelet("cadvisor", "/metrics/cadvisor", verified=verified_kubelets),
            _pods(),
        ],
    }
    return json.dumps(config, indent=2)

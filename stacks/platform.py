"""Composition of what a cluster gives its workloads: monitoring and the ingress controller."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.platform.ingress import IngressController, IngressControllerArgs
from components.platform.monitoring import Monitoring, MonitoringArgs

if TYPE_CHECKING:
    import pulumi

    from components.model import Cluster
    from components.platform.https import Https
    from components.scope import Scope
    from stacks.settings.cluster_base import ClusterBase


def add_platform(
    scope: Scope, handle: Cluster, settings: ClusterBase, https: Https | None = None
) -> tuple[Cluster, dict[str, pulumi.Output[str]]]:
    """Make a cluster's monitoring and ingress controller.

    Args:
        scope: The stack.
        handle: The bare cluster.
        settings: What the stack file says about the cluster.
        https: HTTPS of its ingress controller, or None.

    Returns:
        The cluster with its platform, and the URLs that people can open.
    """
    urls: dict[str, pulumi.Output[str]] = {}
    if settings.monitoring:
        monitoring = Monitoring(
            f"{handle.name}-monitoring-stack",
            MonitoringArgs(
                scope=scope,
                cluster=handle,
                grafana_node_port=settings.monitoring.grafana_node_port,
                prometheus_node_port=settings.monitoring.prometheus_node_port,
                retention_days=settings.monitoring.retention_days,
                storage=settings.monitoring.storage,
            ),
        )
        handle = replace(handle, metrics_reader=monitoring.reader)
        for part, service in (("grafana", monitoring.grafana), ("prometheus", monitoring.prometheus)):
            if service.url is not None:
                urls[f"{handle.name}-{part}"] = service.url
    if settings.ingress:
        controller = IngressController(
            f"{handle.name}-ingress-stack",
            IngressControllerArgs(
                scope=scope,
                cluster=handle,
                replicas=settings.ingress.replicas,
                node_port=settings.ingress.node_port,
                https=https,
            ),
        )
        urls[f"{handle.name}-traefik"] = controller.handle.base_url
        handle = replace(handle, ingress=controller.handle)
    return handle, urls

"""What every kind of cluster can have."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from stacks.settings.fields import Count, Label, Memory, Model, NodePort

NodeCount = Annotated[Count, Field(ge=1, le=1000, examples=[3])]


class HttpsSettings(Model):
    """HTTPS for every host of a cluster, beside plain HTTP or in its place.

    Attributes:
        redirect: Whether plain HTTP only leads to HTTPS.
        node_port: Port on every node for HTTPS; none lets Kubernetes choose.
        secret: On a cluster of kind `existing`: name of a Secret of type `kubernetes.io/tls` in the controller's
            namespace, whose certificate names the hosts. slipway does not make it; elsewhere it makes the certificate.
    """

    redirect: bool = True
    node_port: NodePort | None = None
    secret: Label | None = None


class IngressSettings(Model):
    """The ingress controller of a cluster.

    Attributes:
        node_port: Port on every node for plain HTTP; none lets Kubernetes choose.
        replicas: Pods of the controller.
        https: HTTPS for the hosts; none: plain HTTP alone.
    """

    node_port: NodePort | None = None
    replicas: Annotated[Count, Field(ge=1, le=20, examples=[2])] = 1
    https: HttpsSettings | None = None


class MonitoringSettings(Model):
    """Prometheus, Grafana and node-exporter of a cluster.

    Attributes:
        grafana_node_port: Port on every node for Grafana; none lets Kubernetes choose.
        prometheus_node_port: Port on every node for Prometheus; none lets Kubernetes choose.
        retention_days: Days of metrics that Prometheus keeps.
        storage: Size of Prometheus' volume.
    """

    grafana_node_port: NodePort | None = None
    prometheus_node_port: NodePort | None = None
    retention_days: Annotated[Count, Field(ge=1, le=3650, examples=[30])] = 15
    storage: Memory = "2Gi"


class ClusterBase(Model):
    """What every kind of cluster can have.

    Attributes:
        ingress: The ingress controller; none: no host names on this cluster.
        monitoring: The monitoring; none: not there.
    """

    ingress: IngressSettings | None = None
    monitoring: MonitoringSettings | None = None

    def node_ports(self) -> dict[str, int]:
        """Fixed node ports of the cluster's own services.

        Returns:
            Key path below the cluster to port.
        """
        https = self.ingress and self.ingress.https
        ports = {
            "ingress.nodePort": self.ingress and self.ingress.node_port,
            "ingress.https.nodePort": https and https.node_port,
            "monitoring.grafanaNodePort": self.monitoring and self.monitoring.grafana_node_port,
            "monitoring.prometheusNodePort": self.monitoring and self.monitoring.prometheus_node_port,
        }
        return {path: port for path, port in ports.items() if port}


class NodesBase(Model):
    """What the nodes of both clouds have.

    Attributes:
        count: Nodes (of a regional GKE cluster: in each zone).
        min_count: Fewest nodes that scaling leaves; none: `count`.
        max_count: Most nodes that scaling makes; none: `count`.
        disk_gb: Size of a node's disk in GB.
    """

    count: NodeCount = 2
    min_count: NodeCount | None = None
    max_count: NodeCount | None = None
    disk_gb: Annotated[Count, Field(ge=20, le=1000, examples=[100])] = 50

    @property
    def least(self) -> int:
        """Fewest nodes."""
        return self.count if self.min_count is None else self.min_count

    @property
    def most(self) -> int:
        """Most nodes."""
        return self.count if self.max_count is None else self.max_count

    @property
    def scaled(self) -> bool:
        """Whether the number of nodes may change by itself."""
        return self.least != self.most

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if not self.least <= self.count <= self.most:
            raise ValueError(
                f"count ({self.count}) must lie between minCount ({self.least}) and maxCount ({self.most})"
            )
        return self

"""Settings of the clusters a stack deploys to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stacks.settings.fields import Label, Model, RegistryAddress

ContextName = Annotated[str, Field(min_length=1, max_length=253)]
Path = Annotated[str, Field(min_length=1, max_length=1000)]


class IngressSettings(Model):
    """The ingress controller of a cluster.

    Attributes:
        node_port: Port on every node for plain HTTP; none lets Kubernetes choose.
        replicas: Pods of the controller.
    """

    node_port: Annotated[int, Field(ge=30000, le=32767)] | None = None
    replicas: Annotated[int, Field(ge=1, le=20)] = 1


class MonitoringSettings(Model):
    """Prometheus, Grafana and node-exporter of a cluster.

    Attributes:
        grafana_node_port: Port on every node for Grafana; none lets Kubernetes choose.
        prometheus_node_port: Port on every node for Prometheus; none lets Kubernetes choose.
        retention_days: Days of metrics that Prometheus keeps.
        storage: Size of Prometheus' volume.
    """

    grafana_node_port: Annotated[int, Field(ge=30000, le=32767)] | None = None
    prometheus_node_port: Annotated[int, Field(ge=30000, le=32767)] | None = None
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 15
    storage: str = "2Gi"


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
        ports = {
            "ingress.nodePort": self.ingress and self.ingress.node_port,
            "monitoring.grafanaNodePort": self.monitoring and self.monitoring.grafana_node_port,
            "monitoring.prometheusNodePort": self.monitoring and self.monitoring.prometheus_node_port,
        }
        return {path: port for path, port in ports.items() if port}


class EmbeddedCluster(ClusterBase):
    """The single-node Kubernetes that `slipway local up` runs on this machine (context `slipway`).

    Attributes:
        registry: Where own images are pulled from.
        storage_class: Storage class of volumes.
    """

    kind: Literal["embedded"]
    registry: RegistryAddress = "localhost:5000"
    storage_class: Label = "standard"


class ExistingCluster(ClusterBase):
    """Somebody's own cluster (k3s, kind, minikube, GKE ...), reached by a context of the kubeconfig.

    Attributes:
        context: Context name; none: the kubeconfig's current context.
        kubeconfig: Path of the kubeconfig; none: `KUBECONFIG` or `~/.kube/config`.
        registry: Where own images are pulled from.
        storage_class: Storage class of volumes; none: the cluster's default class.
        node_address: Address on which node ports answer from the user's machine; none: use load balancers' addresses.
        load_balancer_address: Whether load balancers publish an `ip` or a `hostname`.
    """

    kind: Literal["existing"]
    context: ContextName | None = None
    kubeconfig: Path | None = None
    registry: RegistryAddress = "localhost:5000"
    storage_class: Label | None = None
    node_address: str | None = None
    load_balancer_address: Literal["ip", "hostname"] = "ip"


Cluster = Annotated[EmbeddedCluster | ExistingCluster, Field(discriminator="kind")]
"""A cluster of any kind, told apart by `kind`."""

"""What a workload says about itself: plain dataclasses, hardened by default, conflicts refused when they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from components.workload.container import ContainerResources

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.model import Port

SELECTOR_KEYS = frozenset({"app", "tier", "role"})
"""The only label keys that selectors may use: they never change while an app lives."""

ExemptionKind = Literal["root-user", "host-network", "host-pid", "host-path", "writable-root", "service-account-token"]


@dataclass(frozen=True)
class Exemption:
    """A named departure from the hardened core.

    Attributes:
        kind: What is departed from.
        reason: Why the app cannot do without; shown as an annotation on its pods.
    """

    kind: ExemptionKind
    reason: str

    def __post_init__(self) -> None:
        """Refuse an exemption that does not say why."""
        if not self.reason.strip():
            raise ValueError(f"exemption {self.kind} needs a reason")


@dataclass(frozen=True)
class Storage:
    """A volume that outlives the pods.

    Attributes:
        size: Requested size, for example `1Gi`.
        access_mode: Access mode; `ReadWriteOnce` means one pod at a time.
    """

    size: str
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"] = "ReadWriteOnce"


@dataclass(frozen=True)
class Autoscaling:
    """Scaling by load (HorizontalPodAutoscaler, autoscaling/v2).

    Attributes:
        min_replicas: Pods without load.
        max_replicas: Pods at most.
        cpu_percent: Average CPU use in percent of the request above which pods are added.
        scale_down_seconds: How long the load must be gone before pods are taken away.
    """

    min_replicas: int
    max_replicas: int
    cpu_percent: int
    scale_down_seconds: int = 300


@dataclass(frozen=True)
class ServicePort:
    """A port of the Kubernetes Service.

    Attributes:
        name: Port name.
        number: Port of the Service.
        target: Name of the container port behind it.
        node_port: Fixed port on every node, or None.
    """

    name: str
    number: int
    target: str
    node_port: int | None = None


@dataclass(frozen=True)
class Exposure:
    """How an app is reached.

    Attributes:
        ports: Ports of its Service, the one that the URL is made of first.
        service_type: Kubernetes Service type.
        service_name: Name of the Service; None: the app's.
        headless: Whether the Service has no address of its own (a StatefulSet's peers).
        host: Host name for the ingress controller, or None.
        sticky_cookie: Cookie that ties a client to one pod, or None.
        path: Path of the URL that is shown to people; empty for the root.
        browsable: Whether the app speaks HTTP, so that its address is a URL.
        annotations: Annotations of the Service beside the cluster's own.
    """

    ports: tuple[ServicePort, ...]
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    service_name: str | None = None
    headless: bool = False
    host: str | None = None
    sticky_cookie: str | None = None
    path: str = ""
    browsable: bool = True
    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, "pulumi.Input[str]"])

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if not self.ports:
            raise ValueError("an exposure needs at least one port")
        if self.headless and self.service_type != "ClusterIP":
            raise ValueError(f"a headless Service is of type ClusterIP, not {self.service_type}")
        if self.service_type == "ClusterIP" and any(port.node_port for port in self.ports):
            raise ValueError("a node port needs service type NodePort or LoadBalancer, not ClusterIP")
        if self.sticky_cookie and not self.host:
            raise ValueError("a sticky cookie needs a host: it is the ingress controller that sets it")


@dataclass(frozen=True)
class Smoke:
    """A request that a newly released app has to answer; until it does, the release is not done.

    Attributes:
        path: HTTP path to GET on the first port of the app's Service.
        status: The HTTP status that is right.
        text: What the answer has to hold; empty for anything.
    """

    path: str = "/"
    status: int = 200
    text: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        if not self.path.startswith("/"):
            raise ValueError(f"the path of a smoke check begins with '/', unlike {self.path!r}")
        if not 100 <= self.status <= 599:
            raise ValueError(f"the status of a smoke check is an HTTP status, not {self.status}")


@dataclass(frozen=True)
class Metrics:
    """Where Prometheus finds a workload's metrics.

    Attributes:
        port: Name of a container port.
        path: HTTP path.
    """

    port: str
    path: str = "/metrics"

    def annotations(self, ports: Mapping[str, Port]) -> dict[str, str]:
        """Annotations by which Prometheus finds the pods.

        Args:
            ports: Container ports, by name.

        Returns:
            The customary `prometheus.io/*` annotations.
        """
        return {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(ports[self.port].number),
            "prometheus.io/path": self.path,
        }


@dataclass(frozen=True)
class Options:
    """What a stack may say about any app whose pods are all alike.

    Attributes:
        replicas: Fixed number of pods, or None with `autoscaling`.
        autoscaling: Scaling by load, or None.
        resources: What one pod asks for.
        service_type: Kubernetes Service type.
        node_port: Fixed port on every node, or None.
        host: Host name at the ingress controller, or None.
    """

    replicas: int | None = 2
    autoscaling: Autoscaling | None = None
    resources: ContainerResources = field(default_factory=lambda: ContainerResources(cpu="100m", memory="100Mi"))
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "LoadBalancer"
    node_port: int | None = None
    host: str | None = None

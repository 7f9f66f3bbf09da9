"""The nouns that know each other: a cluster, its ingress controller, a namespace on it and the pods that connect there.

What makes them (components/clusters, components/platform) and what uses them (components/workload, components/systems)
meet here, so this module knows nobody but the stack's scope.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_kubernetes as kubernetes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.scope import Scope

LoadBalancerAddress = Literal["ip", "hostname"]
DEPLOYER_GROUP = "slipway:deployers"
"""Group of deployers where the cloud can name one."""


@dataclass(frozen=True)
class DeployerSubject:
    """Who a deployer is inside a cluster.

    Attributes:
        kind: RBAC's kind of subject.
        name: Name of the group or user.
    """

    kind: Literal["Group", "User"]
    name: str


@dataclass(frozen=True)
class Cluster:
    """All that a workload sees of a cluster, whatever made it: GKE, EKS, somebody's own or the embedded one.

    Attributes:
        name: Name in the stack file.
        kind: `embedded`, `existing`, `gke` or `eks`.
        provider: Kubernetes provider that talks to it. Its dependencies outlive every object made through it.
        registry: Address in front of the names of own images.
        storage_class: Storage class of volumes; None: the cluster's default.
        node_address: Address on which node ports answer from the user's machine; None: only load balancers do.
        load_balancer_address: Which field of a load balancer's status holds its address.
        context: Kubeconfig context for tools beside the program; None where the kubeconfig is an output of the stack.
        kubeconfig: Its path for tools beside the program, or its content as an output; None: the usual place.
        load_balancer_annotations: Annotations that the cluster's cloud wants on a Service of type LoadBalancer.
        metrics_reader: The pods that read metrics (Prometheus), or None.
        verified_kubelets: Whether kubelets serve certificates of the cluster's own authority.
        ingress: The cluster's ingress controller, or None.
        deployer: Who may release in the namespaces that are made on it, or None.
        image_digests: Whether images with tag and digest are pulled by digest. The embedded cluster's mirror, or
            somebody's own, may have built an image under its public name: the public digest is not its own.
    """

    name: str
    kind: str
    provider: kubernetes.Provider
    registry: pulumi.Input[str]
    storage_class: str | None
    node_address: str | None
    load_balancer_address: LoadBalancerAddress
    context: str | None = None
    kubeconfig: pulumi.Input[str] | None = None
    load_balancer_annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    metrics_reader: Peer | None = None
    verified_kubelets: bool = False
    ingress: Ingress | None = None
    deployer: DeployerSubject | None = None
    image_digests: bool = True


@dataclass(frozen=True)
class Ingress:
    """The ingress controller, as apps with a host name see it.

    Attributes:
        class_name: Name of its IngressClass.
        peer: Its pods, which connect to the apps.
        base_url: URL of the controller itself; a request carries the app's host name in its Host header.
        address: Address of its load balancer, for DNS records; None where node ports are used.
        domains: DNS zones whose host names lead to it; a host elsewhere is reached by its Host header alone.
        secure_url: The same as `base_url` over HTTPS, or None.
        redirects: Whether plain HTTP only leads to HTTPS.
    """

    class_name: str
    peer: Peer
    base_url: pulumi.Output[str]
    address: pulumi.Output[str] | None
    domains: tuple[str, ...] = ()
    secure_url: pulumi.Output[str] | None = None
    redirects: bool = False


@dataclass(frozen=True, eq=False)
class Namespace:
    """A system's namespace, as what lives in it sees it.

    Attributes:
        name: Name of the Kubernetes namespace.
        cluster: The cluster it is on.
        scope: The stack it belongs to.
        system: The system that lives in it.
        resource: The Kubernetes Namespace; everything inside is deleted with it.
        reserved: What its workloads ask for at most, by the names of a ResourceQuota: numbers, milli-cores, bytes.
    """

    name: str
    cluster: Cluster
    scope: Scope
    system: str
    resource: kubernetes.core.v1.Namespace
    reserved: Counter[str] = field(default_factory=Counter[str])

    def reserve(self, need: Mapping[str, int]) -> None:
        """Have the quota leave room for a workload.

        Args:
            need: What it asks for at most, as in `reserved`.
        """
        self.reserved.update(need)

    def metadata(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, pulumi.Input[str]] | None = None,
    ) -> kubernetes.meta.v1.ObjectMetaArgs:
        """Metadata of an object in this namespace.

        Args:
            name: The object's name.
            labels: Labels beside the stack's own.
            annotations: Annotations.

        Returns:
            The metadata. The namespace is taken from the resource's output, so everything inside depends on it.
        """
        return kubernetes.meta.v1.ObjectMetaArgs(
            name=name,
            namespace=self.resource.metadata.name,
            labels={**self.scope.labels(self.system), **(labels or {})},
            annotations=dict(annotations) if annotations else None,
        )

    def inside(self, parent: pulumi.Resource, *, awaited_removal: bool = False) -> pulumi.ResourceOptions:
        """Options of an object in this namespace.

        Args:
            parent: Component that owns the object.
            awaited_removal: Whether the object is deleted and awaited by itself on destroy, because something outside
                the namespace (a cloud disk, a load balancer) goes with it. Others go with the namespace in one call.

        Returns:
            The options.
        """
        return pulumi.ResourceOptions(
            parent=parent,
            depends_on=[self.resource],
            deleted_with=None if awaited_removal else self.resource,
        )


@dataclass(frozen=True)
class Port:
    """A port a container listens on.

    Attributes:
        name: Port name, unique in the pod.
        number: Port number.
        protocol: `TCP` or `UDP`.
    """

    name: str
    number: int
    protocol: Literal["TCP", "UDP"] = "TCP"


@dataclass(frozen=True)
class Peer:
    """One side of an edge: the pods of a workload.

    Attributes:
        logical: Logical name of the workload, unique in the stack.
        app: Name of its Kubernetes objects, unique in the namespace.
        namespace: Its namespace.
        selector: Labels that select its pods.
        ports: Container ports it listens on, by name.
    """

    logical: str
    app: str
    namespace: Namespace
    selector: Mapping[str, str]
    ports: Mapping[str, Port]


@dataclass(frozen=True)
class Endpoint:
    """A workload's port, as the far end of an edge.

    Attributes:
        peer: The workload.
        port: Name of one of its container ports.
    """

    peer: Peer
    port: str

    def __post_init__(self) -> None:
        """Refuse an edge to a port that does not exist."""
        if self.port not in self.peer.ports:
            known = ", ".join(sorted(self.peer.ports)) or "none"
            raise ValueError(f"edge to {self.peer.app}:{self.port}: there is no such port; there is: {known}")


@dataclass(frozen=True)
class Outside:
    """Addresses outside the cluster, as the far end of an edge.

    Attributes:
        name: What is there, for the policy's name.
        cidrs: Address ranges.
        ports: Port numbers (TCP).
    """

    name: str
    cidrs: tuple[str, ...]
    ports: tuple[int, ...]

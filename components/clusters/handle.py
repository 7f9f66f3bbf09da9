"""ClusterHandle: all that a workload sees of a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from components.versions import by_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi
    import pulumi_kubernetes as kubernetes

    from components.platform.deployer_access import DeployerSubject
    from components.platform.ingress import IngressHandle
    from components.workload.edges import Peer

LoadBalancerAddress = Literal["ip", "hostname"]


@dataclass(frozen=True)
class ClusterHandle:
    """One cluster, whatever made it: GKE, EKS, somebody's own or the embedded one.

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
        image_digests: Whether images with tag and digest are pulled by digest.
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
    ingress: IngressHandle | None = None
    deployer: DeployerSubject | None = None
    image_digests: bool = True

    def image(self, reference: pulumi.Input[str]) -> pulumi.Input[str]:
        """An image reference as this cluster pulls it.

        The embedded cluster's mirror, or somebody's own, may have built the image under its public name: the public
        image's digest is not its own, so there the tag decides.

        Args:
            reference: Complete reference. With tag and digest (`nginx:1.29.3@sha256:…`) containerd goes by the digest.

        Returns:
            The same, without a digest that stands beside a tag where digests are not gone by.
        """
        return by_tag(reference) if isinstance(reference, str) and not self.image_digests else reference

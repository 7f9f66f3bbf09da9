"""A cluster that is there already: the embedded one of this machine or somebody's own."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.model import Cluster, LoadBalancerAddress


@dataclass(frozen=True)
class ExistingClusterArgs:
    """What there is to say about a cluster that somebody else made.

    Attributes:
        kind: `embedded` or `existing`.
        registry: Address in front of the names of own images.
        context: Kubeconfig context; None: the kubeconfig's current one.
        kubeconfig: Path of the kubeconfig; None: `KUBECONFIG` or `~/.kube/config`, read by the provider.
        storage_class: Storage class of volumes; None: the cluster's default.
        node_address: Address on which node ports answer, or None.
        load_balancer_address: Whether load balancers publish an IP address or a host name.
        image_digests: Whether images with tag and digest are pulled by digest.
    """

    kind: str
    registry: str
    context: str | None = None
    kubeconfig: str | None = None
    storage_class: str | None = None
    node_address: str | None = None
    load_balancer_address: LoadBalancerAddress = "ip"
    image_digests: bool = False


class ExistingCluster(pulumi.ComponentResource):
    """A Kubernetes provider for a cluster that this program does not make.

    Attributes:
        handle: The cluster, as workloads see it.
    """

    def __init__(self, name: str, args: ExistingClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the provider.

        Args:
            name: Name of the cluster in the stack.
            args: The facts of the cluster.
            opts: Options of the component.
        """
        super().__init__("slipway:clusters:ExistingCluster", name, None, opts)
        provider = kubernetes.Provider(
            f"{name}-kubernetes",
            kubeconfig=args.kubeconfig,
            context=args.context,
            enable_server_side_apply=True,
            # A field that kubectl has taken over (`kubectl scale`) is the program's again, instead of a conflict.
            enable_patch_force=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.handle = Cluster(
            name=name,
            kind=args.kind,
            provider=provider,
            registry=args.registry,
            storage_class=args.storage_class,
            node_address=args.node_address,
            load_balancer_address=args.load_balancer_address,
            context=args.context,
            kubeconfig=args.kubeconfig,
            verified_kubelets=args.kind == "embedded",
            image_digests=args.image_digests,
        )
        self.register_outputs(
            {
                "name": name,
                "kind": args.kind,
                "context": args.context,
                "kubeconfig": args.kubeconfig,
                "registry": args.registry,
            }
        )

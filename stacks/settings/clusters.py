"""Settings of the clusters a stack deploys to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stacks.settings.cluster_base import ClusterBase
from stacks.settings.fields import Address, Label, RegistryAddress, label
from stacks.settings.managed import EksCluster, GkeCluster

ContextName = Annotated[str, Field(min_length=1, max_length=253, examples=["k3s"])]
Path = Annotated[str, Field(min_length=1, max_length=1000, examples=["~/.kube/config"])]
StorageClass = Annotated[Label, label("local-path")]


class EmbeddedCluster(ClusterBase):
    """The single-node Kubernetes that `slipway local up` runs on this machine (context `slipway`).

    Attributes:
        registry: Where own images are pulled from.
        storage_class: Storage class of volumes.
    """

    kind: Literal["embedded"]
    registry: RegistryAddress = "localhost:5000"
    storage_class: StorageClass = "standard"


class ExistingCluster(ClusterBase):
    """Somebody's own cluster (k3s, kind, minikube, GKE ...), reached by a context of the kubeconfig.

    Attributes:
        context: Context name; none: the kubeconfig's current context.
        kubeconfig: Path of the kubeconfig; none: `KUBECONFIG` or `~/.kube/config`.
        registry: Where own images are pulled from.
        storage_class: Storage class of volumes; none: the cluster's default class.
        node_address: Address on which node ports answer from the user's machine; none: use load balancers' addresses.
        load_balancer_address: Whether load balancers publish an `ip` or a `hostname`.
        image_digests: Whether third-party images are pulled by digest, as on a cloud's cluster; not where a mirror
            answers for the public registries with images of its own.
    """

    kind: Literal["existing"]
    context: ContextName | None = None
    kubeconfig: Path | None = None
    registry: RegistryAddress = "localhost:5000"
    storage_class: StorageClass | None = None
    node_address: Address | None = None
    load_balancer_address: Literal["ip", "hostname"] = "ip"
    image_digests: bool = False


ClusterSettings = Annotated[EmbeddedCluster | ExistingCluster | GkeCluster | EksCluster, Field(discriminator="kind")]
"""A cluster of any kind, told apart by `kind`."""

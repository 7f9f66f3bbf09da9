"""From a cluster of the stack to its kubectl."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from local import paths
from ops import tools
from ops.errors import RefusedError, UnreachableError
from ops.kube import Access, Kubectl

if TYPE_CHECKING:
    from local.progress import Progress
    from ops.render import Cluster
    from ops.stack import Stack

LOCAL_KINDS = ("embedded", "existing")
"""Kinds of clusters that the program does not make."""


def access(cluster: Cluster) -> Access:
    """How tools beside the program reach a cluster. Raises RefusedError for a cloud's, whose kubeconfig only Pulumi's
    state knows; UnreachableError for the embedded one where it was never started."""
    if cluster.kind not in LOCAL_KINDS:
        raise RefusedError(
            f"cluster {cluster.name} is of kind {cluster.kind}: a cloud makes it, so Pulumi's state has its kubeconfig"
        )
    if cluster.kind == "embedded":
        if not paths.KUBECONFIG.is_file():
            raise UnreachableError(
                f"cluster {cluster.name} is the embedded one and is not there yet: start it with `slipway local up`, "
                "or use your own cluster with KUBE_CONTEXT=<context>"
            )
        return Access(paths.KUBECONFIG, cluster.context)
    return Access(Path(cluster.kubeconfig).expanduser() if cluster.kubeconfig else None, cluster.context)


def kubectl(cluster: Cluster, progress: Progress | None = None) -> Kubectl:
    """kubectl bound to a cluster of the stack; raises as `access` does, and LocalError where it cannot be built."""
    reached = access(cluster)
    return Kubectl(tools.find("kubectl", progress), cluster.name, reached)


def reachable(stack: Stack) -> dict[str, Kubectl]:
    """kubectl of the clusters that are there before the program runs: all but those of a cloud."""
    found = {name: cluster for name, cluster in stack.rendered.clusters.items() if cluster.kind in LOCAL_KINDS}
    return {name: kubectl(cluster, stack.progress) for name, cluster in found.items()}

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
    from ops.render.result import Cluster
    from ops.stack import Stack


def kubectl(cluster: Cluster, progress: Progress | None = None) -> Kubectl:
    """kubectl of a cluster that is there before the program runs. Raises RefusedError for a cloud's, whose kubeconfig
    only Pulumi's state knows; UnreachableError for the embedded one where it was never started; LocalError where there
    is no kubectl and none can be built."""
    if cluster.by_cloud:
        raise RefusedError(
            f"cluster {cluster.name} is of kind {cluster.kind}: a cloud makes it, so Pulumi's state has its kubeconfig"
        )
    kubeconfig = Path(cluster.kubeconfig).expanduser() if cluster.kubeconfig else None
    if cluster.kind == "embedded":
        kubeconfig = paths.KUBECONFIG
        if not kubeconfig.is_file():
            raise UnreachableError(
                f"cluster {cluster.name} is the embedded one and is not there yet: start it with `slipway local up`, "
                "or use your own cluster with KUBE_CONTEXT=<context>"
            )
    return Kubectl(tools.kubectl(progress), cluster.name, Access(kubeconfig, cluster.context))


def reachable(stack: Stack) -> dict[str, Kubectl]:
    """kubectl of the clusters that are there before the program runs: all but those of a cloud."""
    found = {name: cluster for name, cluster in stack.rendered.clusters.items() if not cluster.by_cloud}
    return {name: kubectl(cluster, stack.progress) for name, cluster in found.items()}

"""Kubeconfigs of clusters that a cloud makes: nobody knows them but Pulumi's state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from local.pki import write_private
from ops import access, tools
from ops.errors import EngineError, RefusedError
from ops.kube import Access, Kubectl
from ops.pulumi import cli, state
from ops.pulumi.backend import data_home
from ops.pulumi.session import open_stack

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from ops.render.result import Cluster
    from ops.stack import Stack

_PROVIDER = "pulumi:providers:kubernetes"


def kubectl_of(stack: Stack, clusters: Collection[str]) -> dict[str, Kubectl]:
    """kubectl of some clusters of a stack; Pulumi's state has the kubeconfig of those that a cloud makes. Raises as
    `access.kubectl` does, and RefusedError for a cluster that has not been made yet."""
    known = {name: stack.cluster(name) for name in clusters}
    clouds = [cluster for cluster in known.values() if cluster.by_cloud]
    files = _written(stack, clouds) if clouds else {}
    return {
        name: Kubectl(tools.kubectl(stack.progress), name, Access(files[name], None))
        if name in files
        else access.kubectl(cluster, stack.progress)
        for name, cluster in known.items()
    }


def _written(stack: Stack, clusters: Iterable[Cluster]) -> dict[str, Path]:
    """Files beside Pulumi's state, mode 0600, with the kubeconfigs, which hold an address, a certificate authority and
    the command that gets a token (`aws`, `gke-gcloud-auth-plugin`), no credential."""
    with open_stack(cli.find(stack.progress), stack, create=False) as session:
        deployment = session.deployment()
    files: dict[str, Path] = {}
    for cluster in clusters:
        text = kubeconfig_in(deployment, cluster)
        if text is None:
            raise RefusedError(
                f"cluster {cluster.name} of stack {stack.name} has not been made yet: slipway up --stack {stack.name}"
            )
        files[cluster.name] = data_home() / "kubeconfigs" / f"{stack.name}-{cluster.name}.json"
        files[cluster.name].parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(files[cluster.name], text)
    return files


def kubeconfig_in(deployment: Mapping[str, Any], cluster: Cluster) -> str | None:
    """The kubeconfig of a cluster in an exported state: what its Kubernetes provider was given; None without one.
    Raises EngineError where the state has it encrypted."""
    # By its name, of which the program gives each provider its own: a component that moved changes the URN.
    name = cluster.provider.rsplit("::", 1)[-1]
    for entry in state.resources(deployment):
        if entry["type"] == _PROVIDER and str(entry["urn"]).rsplit("::", 1)[-1] == name:
            inputs = cast("dict[str, Any]", entry.get("inputs") or {})
            found = inputs.get("kubeconfig")
            if isinstance(found, str):
                return found
            raise EngineError(f"the kubeconfig of cluster {cluster.name} cannot be read from Pulumi's state")
    return None

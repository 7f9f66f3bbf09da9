"""Kubeconfigs of clusters that a cloud makes: nobody knows them but Pulumi's state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from local.pki import write_private
from ops.access import LOCAL_KINDS
from ops.errors import EngineError
from ops.pulumi import cli, state
from ops.pulumi.backend import data_home

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ops.render import Cluster
    from ops.stack import Stack

_PROVIDER = "pulumi:providers:kubernetes"


def of_clouds(stack: Stack) -> dict[str, Path]:
    """Write the kubeconfigs of a stack's clusters (kinds `gke` and `eks`, made already) down for the tools beside the
    program, mode 0600 beside Pulumi's state, which is read once; returns the file of each. They hold an address, a
    certificate authority and the command that gets a token (`aws`, `gke-gcloud-auth-plugin`), no credential."""
    from ops.pulumi.session import open_stack

    clusters = [cluster for cluster in stack.rendered.clusters.values() if cluster.kind not in LOCAL_KINDS]
    with open_stack(cli.find(stack.progress), stack, create=False) as session:
        deployment = session.deployment()
    files: dict[str, Path] = {}
    for cluster in clusters:
        text = kubeconfig_in(deployment, cluster)
        if text is not None:
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

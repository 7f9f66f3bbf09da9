"""Kubeconfigs of clusters that a cloud makes: nobody knows them but Pulumi's state."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from ops.engines import state
from ops.engines.choice import find_cli
from ops.engines.workspace import data_home
from ops.errors import EngineError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ops.render import Cluster
    from ops.stack import Stack

_PROVIDER = "pulumi:providers:kubernetes"


def of_cloud(stack: Stack, cluster: Cluster) -> Path:
    """Write the kubeconfig of a cluster down for the tools beside the program.

    It holds an address, a certificate authority and the command that gets a token (`aws`, `gke-gcloud-auth-plugin`), no
    credential.

    Args:
        stack: The stack.
        cluster: One of its clusters, of kind `gke` or `eks`.

    Returns:
        The file, mode 0600, beside Pulumi's state.

    Raises:
        RefusedError: There is no Pulumi CLI to ask, or the stack has not made the cluster yet.
        EngineError: Pulumi ends with an error.
    """
    from ops.engines.session import open_stack

    cli = find_cli()
    if cli is None:
        raise RefusedError(
            f"cluster {cluster.name} is of kind {cluster.kind}: a cloud makes it, and its kubeconfig is in Pulumi's "
            "state; install Pulumi's CLI (https://www.pulumi.com/docs/install/)"
        )
    with open_stack(cli, stack, create=False) as session:
        text = kubeconfig_in(session.deployment(), cluster)
    if text is None:
        raise RefusedError(
            f"cluster {cluster.name} of stack {stack.name} has not been made yet: slipway up --stack {stack.name}"
        )
    file = data_home() / "kubeconfigs" / f"{stack.name}-{cluster.name}.json"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Written beside and renamed: another command may be reading it.
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
    fresh.replace(file)
    return file


def kubeconfig_in(deployment: Mapping[str, Any], cluster: Cluster) -> str | None:
    """The kubeconfig of a cluster in an exported state: what its Kubernetes provider was given.

    Args:
        deployment: The state.
        cluster: The cluster.

    Returns:
        Its content, or None where the state has no such provider.

    Raises:
        EngineError: The state has it encrypted.
    """
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

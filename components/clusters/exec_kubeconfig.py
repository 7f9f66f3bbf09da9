"""Kubeconfigs that hold no credential: a program of the cloud is run for a short-lived token each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class TokenCommand:
    """The program that yields the token (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).

    Attributes:
        command: Name of the program, found on PATH.
        args: Its arguments.
        install_hint: What to tell people who do not have it.
        cluster_info: Whether the program is told about the cluster.
        env: Further environment variables.
    """

    command: str
    args: tuple[str, ...]
    install_hint: str
    cluster_info: bool = False
    env: Mapping[str, str] = field(default_factory=dict[str, str])


def exec_kubeconfig(
    name: str, server: pulumi.Input[str], authority: pulumi.Input[str], token: TokenCommand
) -> pulumi.Output[str]:
    """A kubeconfig with one context.

    Args:
        name: Name of the context, cluster and user.
        server: URL of the API server.
        authority: Certificate of its authority, PEM in base64. It is public.
        token: How to get a token.

    Returns:
        The kubeconfig as JSON, which is YAML too.
    """
    command = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": token.command,
        "args": list(token.args),
        "env": [{"name": key, "value": value} for key, value in sorted(token.env.items())],
        "installHint": token.install_hint,
        "interactiveMode": "Never",
        "provideClusterInfo": token.cluster_info,
    }
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": authority}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [{"name": name, "user": {"exec": command}}],
        }
    )

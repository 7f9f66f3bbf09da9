"""What a deployer may do inside a cluster: change Deployments in the apps' namespaces, look, and ask them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi_kubernetes as kubernetes

if TYPE_CHECKING:
    import pulumi

    from components.model import DeployerSubject, Namespace

rbac = kubernetes.rbac.v1

ROLE = "deployer"
RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("apps", ("deployments",), ("get", "list", "watch", "patch", "update")),
    # Its own namespace, not the list of all.
    ("", ("namespaces",), ("get",)),
    # To follow a rollout and to tell why it stands still; Pulumi's provider waits with the claims in view.
    ("apps", ("replicasets",), ("get", "list", "watch")),
    ("", ("pods", "events", "persistentvolumeclaims"), ("get", "list", "watch")),
    ("", ("pods/log",), ("get",)),
    # The smoke check: one new pod, then the app's Service through the API server.
    ("", ("pods/portforward",), ("create",)),
    ("", ("services",), ("get", "list")),
    ("", ("services/proxy",), ("get",)),
)
"""API group, resources, verbs. No Secrets, no ConfigMaps, and no object is created or deleted."""


def allow_deployer(parent: pulumi.Resource, name: str, namespace: Namespace, subject: DeployerSubject) -> None:
    """Let a deployer release in a namespace.

    Args:
        parent: Component that owns the role.
        name: Logical name of the namespace.
        namespace: The namespace.
        subject: The deployer.
    """
    rbac.Role(
        f"{name}-deployer-role",
        metadata=namespace.metadata(ROLE),
        rules=[
            rbac.PolicyRuleArgs(api_groups=[group], resources=list(resources), verbs=list(verbs))
            for group, resources, verbs in RULES
        ],
        opts=namespace.inside(parent),
    )
    rbac.RoleBinding(
        f"{name}-deployer-binding",
        metadata=namespace.metadata(ROLE),
        role_ref=rbac.RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="Role", name=ROLE),
        subjects=[rbac.SubjectArgs(api_group="rbac.authorization.k8s.io", kind=subject.kind, name=subject.name)],
        opts=namespace.inside(parent),
    )

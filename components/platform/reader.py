"""A service account that may read some of the cluster's objects, for the few workloads that watch the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.model import Namespace

rbac = kubernetes.rbac.v1


@dataclass(frozen=True)
class Rule:
    """What may be done, RBAC's way.

    Attributes:
        resources: Resource names.
        verbs: Verbs.
        groups: API groups; the core group by default.
        urls: Paths that are no resources, instead of resources.
    """

    resources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ("get", "list", "watch")
    groups: tuple[str, ...] = ("",)
    urls: tuple[str, ...] = ()


def make_reader(parent: pulumi.Resource, name: str, namespace: Namespace, rules: Sequence[Rule]) -> str:
    """Make a service account with a cluster role of its own.

    Args:
        parent: Component that owns it.
        name: Name of the service account.
        namespace: Where its pods live.
        rules: What it may do, in the whole cluster.

    Returns:
        Name of the service account.
    """
    account = kubernetes.core.v1.ServiceAccount(
        f"{name}-account",
        metadata=namespace.metadata(name, annotations={"pulumi.com/skipAwait": "true"}),
        automount_service_account_token=False,
        opts=namespace.inside(parent),
    )
    # Cluster-wide names carry the namespace, so that two stacks on one cluster never meet.
    wide = f"slipway-{namespace.name}-{name}"
    metadata = kubernetes.meta.v1.ObjectMetaArgs(name=wide, labels=namespace.scope.labels(namespace.system))
    role = rbac.ClusterRole(
        f"{name}-role",
        metadata=metadata,
        rules=[
            rbac.PolicyRuleArgs(verbs=list(rule.verbs), non_resource_urls=list(rule.urls))
            if rule.urls
            else rbac.PolicyRuleArgs(
                api_groups=list(rule.groups), resources=list(rule.resources), verbs=list(rule.verbs)
            )
            for rule in rules
        ],
        opts=pulumi.ResourceOptions(parent=parent),
    )
    rbac.ClusterRoleBinding(
        f"{name}-binding",
        metadata=metadata,
        role_ref=rbac.RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=wide),
        subjects=[rbac.SubjectArgs(kind="ServiceAccount", name=name, namespace=namespace.name)],
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[account, role]),
    )
    return name

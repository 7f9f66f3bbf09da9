"""The add-ons of an EKS cluster, each in the build that stands in versions.py."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from components.clusters.eks.control_plane import MANAGED
from components.clusters.eks.versions import EKS_VERSIONS
from components.foundation.aws_policies import trust
from components.foundation.tags import all_tags, tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.foundation.aws_account import AwsAccountHandle
    from components.scope import Scope

SYSTEM = "cluster"
STORAGE_ACCOUNT = "ebs-csi-controller-sa"
"""Service account of the EBS driver (https://docs.aws.amazon.com/eks/latest/userguide/ebs-csi.html)."""


@dataclass(frozen=True)
class AddonsArgs:
    """Where add-ons go.

    Attributes:
        scope: The stack.
        account: The account.
        cluster: The EKS cluster.
        version: Kubernetes minor version, which the builds are looked up by.
        needed: What must be there before each add-on, and outlives it.
    """

    scope: Scope
    account: AwsAccountHandle
    cluster: aws.eks.Cluster
    version: str
    needed: Sequence[pulumi.Resource] = ()


class Addons(pulumi.ComponentResource):
    """Some of the add-ons.

    Attributes:
        made: Every resource of the component that somebody must wait for.
    """

    def __init__(self, kind: str, name: str, args: AddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Prepare; the two kinds below make them.

        Args:
            kind: Type of the component.
            name: Logical name.
            args: Where they go.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__(f"slipway:clusters:{kind}", name, None, options)
        self._args = args
        self.made: list[pulumi.Resource] = []

    def _addon(
        self,
        name: str,
        addon: str,
        *,
        configuration: dict[str, Any] | None = None,
        identity: aws.eks.AddonPodIdentityAssociationArgs | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> None:
        self.made.append(
            aws.eks.Addon(
                f"{name}-{addon}",
                addon_name=addon,
                cluster_name=self._args.cluster.name,
                addon_version=EKS_VERSIONS[self._args.version][addon],
                configuration_values=json.dumps(configuration, sort_keys=True) if configuration else None,
                pod_identity_associations=[identity] if identity else None,
                resolve_conflicts_on_create="OVERWRITE",
                resolve_conflicts_on_update="OVERWRITE",
                tags=tags(self._args.scope, SYSTEM, f"{name}-{addon}"),
                opts=pulumi.ResourceOptions(
                    parent=self,
                    depends_on=[*self._args.needed, *depends_on],
                    custom_timeouts=pulumi.CustomTimeouts(create="20m", update="20m", delete="20m"),
                ),
            )
        )


class NodeAddons(Addons):
    """What must be there before the first node: without a network, a node never gets ready."""

    def __init__(self, name: str, args: AddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make them.

        Args:
            name: Name of the cluster in the stack.
            args: Where they go.
            opts: Options of the component.
        """
        super().__init__("NodeAddons", f"{name}-node-addons", args, opts)
        self._addon(
            name,
            "vpc-cni",
            # Prefixes instead of single addresses: a small instance takes its pods. Network policies are enforced by
            # the same agent (https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy-configure.html).
            configuration={
                "enableNetworkPolicy": "true",
                "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"},
            },
        )
        self._addon(name, "kube-proxy")
        self._addon(name, "eks-pod-identity-agent")
        self.register_outputs({})


class ClusterAddons(Addons):
    """What runs on nodes: DNS, volumes and metrics."""

    def __init__(self, name: str, args: AddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make them.

        Args:
            name: Name of the cluster in the stack.
            args: Where they go.
            opts: Options of the component.
        """
        super().__init__("ClusterAddons", f"{name}-cluster-addons", args, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-storage-role",
            # Pod identity: EKS itself assumes the role for the one service account below.
            assume_role_policy=trust("pods.eks.amazonaws.com", actions=("sts:AssumeRole", "sts:TagSession")),
            tags=tags(args.scope, SYSTEM, f"{name}-storage"),
            opts=child,
        )
        permission = aws.iam.RolePolicyAttachment(
            f"{name}-storage-permissions",
            role=role.name,
            policy_arn=f"{MANAGED}/service-role/AmazonEBSCSIDriverPolicy",
            opts=child,
        )
        self.made += [role, permission]
        self._addon(name, "coredns")
        self._addon(
            name,
            "aws-ebs-csi-driver",
            # Volumes are made by the driver, so neither the provider nor the launch template puts tags on them.
            configuration={"controller": {"extraVolumeTags": all_tags(args.scope, SYSTEM, f"{name}-volume")}},
            identity=aws.eks.AddonPodIdentityAssociationArgs(role_arn=role.arn, service_account=STORAGE_ACCOUNT),
            depends_on=[permission],
        )
        self._addon(name, "metrics-server")
        self.register_outputs({})

"""The control plane of an EKS cluster: its role, key, logs, the cluster itself and who may reach it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.foundation.aws_policies import document, trust
from components.foundation.tags import tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.foundation.aws_account import AwsAccountHandle
    from components.scope import Scope

SYSTEM = "cluster"
MANAGED = "arn:aws:iam::aws:policy"
"""Where AWS's own IAM policies live."""
ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
"""EKS's own access policy (https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html)."""


@dataclass(frozen=True)
class ControlPlaneArgs:
    """What the control plane is made of.

    Attributes:
        scope: The stack.
        account: Where it is made.
        eks_name: Name of the cluster at AWS.
        version: Kubernetes minor version.
        vpc: The VPC of the subnets.
        subnet_ids: Private subnets that it has network interfaces in.
        service_cidr: Range of the Services.
        api_access: Public ranges that may reach the API; none: only the VPC.
        admins: ARNs of the IAM roles and users that administer the cluster, the one that makes it among them.
        logs: Control-plane logs that are kept.
        log_days: Days they are kept.
        adopt_logs: Whether the log group is there already, of an earlier cluster of this name.
    """

    scope: Scope
    account: AwsAccountHandle
    eks_name: str
    version: str
    vpc: aws.ec2.Vpc
    subnet_ids: Sequence[pulumi.Input[str]]
    service_cidr: str
    api_access: tuple[str, ...]
    admins: tuple[str, ...]
    logs: tuple[str, ...]
    log_days: int
    adopt_logs: bool = False


class ControlPlane(pulumi.ComponentResource):
    """An EKS cluster without nodes.

    Attributes:
        cluster: The EKS cluster.
        access: The access entries: whoever deletes Kubernetes objects needs them until the last one is gone.
    """

    def __init__(self, name: str, args: ControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the control plane.

        Args:
            name: Name of the cluster in the stack.
            args: What it is made of.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__("slipway:clusters:ControlPlane", f"{name}-control-plane", None, options)
        self._prefix, self._args = name, args
        self.cluster = self._cluster()
        self.access = self._admins()
        self.register_outputs({"name": self.cluster.name, "endpoint": self.cluster.endpoint})

    def _tags(self, part: str) -> dict[str, str]:
        return tags(self._args.scope, SYSTEM, f"{self._prefix}-{part}")

    def _cluster(self) -> aws.eks.Cluster:
        name, args, durable = self._prefix, self._args, self._args.scope.durable
        key = self._key()
        role, permissions = self._role(key)
        log_group = self._log_group()
        return aws.eks.Cluster(
            f"{name}-cluster",
            name=args.eks_name,
            version=args.version,
            role_arn=role.arn,
            access_config=aws.eks.ClusterAccessConfigArgs(
                # Whoever makes the cluster gets an entry like everybody else: a second one would be refused (409).
                authentication_mode="API",
                bootstrap_cluster_creator_admin_permissions=False,
            ),
            # The add-ons come in fixed versions; EKS's own copies would stand in their way.
            bootstrap_self_managed_addons=False,
            deletion_protection=durable,
            enabled_cluster_log_types=list(args.logs),
            encryption_config=aws.eks.ClusterEncryptionConfigArgs(
                provider=aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=key.arn), resources=["secrets"]
            ),
            kubernetes_network_config=aws.eks.ClusterKubernetesNetworkConfigArgs(
                service_ipv4_cidr=args.service_cidr, ip_family="ipv4"
            ),
            # Past standard support EKS upgrades the cluster; staying behind would cost six times as much.
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            vpc_config=aws.eks.ClusterVpcConfigArgs(
                subnet_ids=list(args.subnet_ids),
                endpoint_private_access=True,
                endpoint_public_access=bool(args.api_access),
                public_access_cidrs=list(args.api_access) or None,
            ),
            tags=self._tags("cluster"),
            opts=pulumi.ResourceOptions(
                parent=self,
                # The role's permissions outlive the cluster: it removes its network interfaces with them.
                depends_on=[*permissions, log_group],
                protect=durable,
                ignore_changes=[
                    # It only says what happens when the cluster is made; a change would replace the cluster.
                    "accessConfig.bootstrapClusterCreatorAdminPermissions",
                    # The zones are those that the cluster was made in: AWS refuses any other.
                    "vpcConfig.subnetIds",
                ],
                # Those of another VPC are not just others: it would stay in the old one, which could never go.
                replace_with=[args.vpc],
                custom_timeouts=pulumi.CustomTimeouts(create="45m", update="90m", delete="45m"),
            ),
        )

    def _key(self) -> aws.kms.Key:
        name, args, durable = self._prefix, self._args, self._args.scope.durable
        return aws.kms.Key(
            f"{name}-secrets-key",
            description=f"Kubernetes Secrets of {args.eks_name}",
            enable_key_rotation=True,
            deletion_window_in_days=30 if durable else 7,
            tags=self._tags("secrets"),
            opts=pulumi.ResourceOptions(parent=self, protect=durable),
        )

    def _log_group(self) -> aws.cloudwatch.LogGroup:
        args = self._args
        # EKS writes to a group of this name and would make it itself, to be kept for ever.
        name = f"/aws/eks/{args.eks_name}/cluster"
        return aws.cloudwatch.LogGroup(
            f"{self._prefix}-control-plane-logs",
            name=name,
            retention_in_days=args.log_days,
            skip_destroy=args.scope.durable,
            tags=self._tags("control-plane-logs"),
            opts=self._adopted(name) if args.adopt_logs else pulumi.ResourceOptions(parent=self),
        )

    def _adopted(self, log_group: str) -> pulumi.ResourceOptions:
        """Take over a log group: EKS makes it again for what it has to say of a cluster that is gone.

        What it is like does not matter at first: an import whose inputs differ is refused.
        """
        return pulumi.ResourceOptions(
            parent=self, import_=log_group, ignore_changes=["retentionInDays", "skipDestroy", "tags", "tagsAll"]
        )

    def _role(self, key: aws.kms.Key) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{self._prefix}-control-plane-role",
            assume_role_policy=trust("eks.amazonaws.com", actions=("sts:AssumeRole", "sts:TagSession")),
            tags=self._tags("control-plane"),
            opts=child,
        )
        return role, [
            aws.iam.RolePolicyAttachment(
                f"{self._prefix}-control-plane-permissions",
                role=role.name,
                policy_arn=f"{MANAGED}/AmazonEKSClusterPolicy",
                opts=child,
            ),
            aws.iam.RolePolicy(
                f"{self._prefix}-secrets-key-use",
                role=role.name,
                policy=document(
                    {
                        "Effect": "Allow",
                        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ListGrants", "kms:DescribeKey"],
                        "Resource": key.arn,
                    }
                ),
                opts=child,
            ),
        ]

    def _admins(self) -> list[pulumi.Resource]:
        made: list[pulumi.Resource] = []
        for principal in self._args.admins:
            # arn:aws:iam::<account>:role/<path>
            account, path = principal.split(":")[4], principal.split(":", 5)[5]
            logical = f"{self._prefix}-admin-{account}-{path.replace('/', '-')}"
            entry = aws.eks.AccessEntry(
                logical,
                cluster_name=self.cluster.name,
                principal_arn=principal,
                type="STANDARD",
                tags=self._tags("admin"),
                opts=pulumi.ResourceOptions(parent=self),
            )
            association = aws.eks.AccessPolicyAssociation(
                f"{logical}-policy",
                cluster_name=self.cluster.name,
                principal_arn=principal,
                policy_arn=ADMIN_POLICY,
                access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[entry]),
            )
            made += [entry, association]
        return made

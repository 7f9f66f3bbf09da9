"""The identity that releases apps to one EKS cluster, and the one that only uses the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.foundation.aws_policies import document
from components.foundation.github_identity import SYSTEM, github_role
from components.foundation.release_rights import find_zones, push, read_kubeconfig, use_state
from components.foundation.tags import tags
from components.model import DEPLOYER_GROUP, DeployerSubject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.foundation.aws_account import AwsAccountHandle
    from components.foundation.github_identity import GithubJob
    from components.foundation.release_rights import StackState
    from components.scope import Scope


@dataclass(frozen=True)
class AwsDeployerArgs:
    """Who deploys where.

    Attributes:
        scope: The stack.
        account: The account of the cluster.
        cluster_name: Name of the cluster at AWS.
        repositories: ARNs of the ECR repositories that it pushes to.
        kubeconfig: ARN of the object that holds its kubeconfig.
        state: The stack's state.
        finds_zones: Whether the program looks up a zone by its domain.
        job: The jobs that become it.
        identity: ARN of GitHub's identity provider; None with `user_reason`.
        user_reason: Make an IAM user with an access key instead, and why; None: a role.
    """

    scope: Scope
    account: AwsAccountHandle
    cluster_name: pulumi.Input[str]
    repositories: Sequence[pulumi.Input[str]]
    kubeconfig: pulumi.Input[str]
    state: StackState
    finds_zones: bool
    job: GithubJob
    identity: pulumi.Input[str] | None
    user_reason: str | None = None

    def __post_init__(self) -> None:
        """Refuse none or two ways in."""
        if (self.identity is None) == (self.user_reason is None):
            raise ValueError("a deployer comes in either through GitHub's identity provider or as an IAM user")


class AwsDeployer(pulumi.ComponentResource):
    """An identity that may push images, read one kubeconfig, use the stack's state, and change Deployments in one
    cluster.

    Attributes:
        principal: ARN of the role (or user).
        subject: Who it is inside the cluster.
    """

    def __init__(self, name: str, args: AwsDeployerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the identity.

        Args:
            name: Name of the deployer in the stack.
            args: Who deploys where.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__("slipway:foundation:AwsDeployer", f"{name}-deployer", None, options)
        self._prefix, self._args = name, args
        policy = document(
            *push(args.repositories),
            *read_kubeconfig(args.kubeconfig),
            *use_state(args.state),
            *(find_zones() if args.finds_zones else []),
        )
        secret_key: pulumi.Output[str] | None = None
        if args.user_reason is not None:
            self.principal, secret_key = self._user(policy, args.user_reason)
        elif args.identity is not None:
            self.principal = self._role(policy, args.identity)
        # In the cluster it is a member of a group that has no rights but those of the apps' namespaces.
        aws.eks.AccessEntry(
            f"{name}-access",
            cluster_name=args.cluster_name,
            principal_arn=self.principal,
            kubernetes_groups=[DEPLOYER_GROUP],
            type="STANDARD",
            tags=tags(args.scope, SYSTEM, f"{name}-deployer"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.subject = DeployerSubject(kind="Group", name=DEPLOYER_GROUP)
        self.register_outputs({"principal": self.principal, "secretAccessKey": secret_key})

    def _role(self, policy: pulumi.Output[str], identity: pulumi.Input[str]) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        role = github_role(f"{self._prefix}-deployer", self._args.scope, identity, self._args.job, child)
        aws.iam.RolePolicy(f"{self._prefix}-deployer-permissions", role=role.name, policy=policy, opts=child)
        return role.arn

    def _user(self, policy: pulumi.Output[str], reason: str) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        child = pulumi.ResourceOptions(parent=self)
        described = tags(self._args.scope, SYSTEM, f"{self._prefix}-deployer")
        user = aws.iam.User(
            f"{self._prefix}-deployer-user", force_destroy=True, tags={**described, "reason": reason}, opts=child
        )
        # A policy of its own: what is written into a user may have 2,048 characters
        # (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
        permissions = aws.iam.Policy(f"{self._prefix}-deployer-permissions", policy=policy, tags=described, opts=child)
        aws.iam.UserPolicyAttachment(
            f"{self._prefix}-deployer-grant", user=user.name, policy_arn=permissions.arn, opts=child
        )
        key = aws.iam.AccessKey(f"{self._prefix}-deployer-key", user=user.name, opts=child)
        return user.arn, pulumi.Output.secret(key.secret)


@dataclass(frozen=True)
class StateUserArgs:
    """Who uses the state.

    Attributes:
        scope: The stack.
        account: The account of the state bucket.
        state: The stack's state.
        finds_zones: Whether the program looks up a zone by its domain.
        job: The jobs that become it.
        identity: ARN of GitHub's identity provider.
    """

    scope: Scope
    account: AwsAccountHandle
    state: StackState
    finds_zones: bool
    job: GithubJob
    identity: pulumi.Input[str]


class StateUser(pulumi.ComponentResource):
    """What a deployer of another cloud is at AWS: a role that uses the stack's state and nothing else."""

    def __init__(self, name: str, args: StateUserArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the role.

        Args:
            name: Name of the deployer in the stack.
            args: Who uses the state.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__("slipway:foundation:StateUser", f"{name}-state", None, options)
        child = pulumi.ResourceOptions(parent=self)
        role = github_role(f"{name}-state", args.scope, args.identity, args.job, child)
        aws.iam.RolePolicy(
            f"{name}-state-permissions",
            role=role.name,
            policy=document(*use_state(args.state), *(find_zones() if args.finds_zones else [])),
            opts=child,
        )
        self.register_outputs({"principal": role.arn})

"""The identity that releases apps to one EKS cluster, and GitHub's identity provider in an AWS account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from components.foundation.aws_policies import document
from components.foundation.ecr import PUSH_ACTIONS
from components.foundation.tags import tags
from components.platform.deployer_access import DEPLOYER_GROUP, DeployerSubject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.foundation.aws_account import AwsAccountHandle
    from components.scope import Scope

SYSTEM = "deployer"
ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
PULL_ACTIONS = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:DescribeImages",
)
"""A push looks first which layers and tags are there."""


@dataclass(frozen=True)
class GithubIdentityArgs:
    """GitHub as an identity provider of an account.

    Attributes:
        scope: The stack.
        account: The account.
        make: Whether it is made here; an account can have only one.
    """

    scope: Scope
    account: AwsAccountHandle
    make: bool = True


class GithubIdentity(pulumi.ComponentResource):
    """Lets jobs of GitHub Actions act with short-lived credentials
    (https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws).

    Attributes:
        arn: ARN of the identity provider.
    """

    def __init__(self, name: str, args: GithubIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the provider, or refer to the one that is there.

        Args:
            name: Name of the cloud in the stack.
            args: What it is.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__("slipway:foundation:GithubIdentity", f"{name}-github", None, options)
        self.arn: pulumi.Output[str]
        if args.make:
            self.arn = aws.iam.OpenIdConnectProvider(
                f"{name}-github-identity",
                url=f"https://{ISSUER}",
                client_id_lists=[AUDIENCE],
                tags=tags(args.scope, SYSTEM, "github"),
                opts=pulumi.ResourceOptions(parent=self),
            ).arn
        else:
            self.arn = pulumi.Output.from_input(f"arn:aws:iam::{args.account.account_id}:oidc-provider/{ISSUER}")
        self.register_outputs({"arn": self.arn})


@dataclass(frozen=True)
class Kubeconfig:
    """Where a deployer reads its kubeconfig.

    Attributes:
        object_arn: ARN of the S3 object.
        key_arn: ARN of the key that encrypts it.
    """

    object_arn: pulumi.Input[str]
    key_arn: pulumi.Input[str]


@dataclass(frozen=True)
class AwsDeployerArgs:
    """Who deploys where.

    Attributes:
        scope: The stack.
        account: The account of the cluster.
        cluster_name: Name of the cluster at AWS.
        repositories: ARNs of the ECR repositories that it pushes to.
        kubeconfig: Where it reads its kubeconfig.
        state_region: Region of the state bucket, where the kubeconfig lies.
        identity: ARN of GitHub's identity provider; None with `user_reason`.
        github: GitHub repository, `owner/name`.
        environment: GitHub environment that a job must run in.
        user_reason: Make an IAM user with an access key instead, and why; None: a role.
    """

    scope: Scope
    account: AwsAccountHandle
    cluster_name: pulumi.Input[str]
    repositories: Sequence[pulumi.Input[str]]
    kubeconfig: Kubeconfig
    state_region: str
    identity: pulumi.Input[str] | None
    github: str
    environment: str
    user_reason: str | None = None

    def __post_init__(self) -> None:
        """Refuse none or two ways in."""
        if (self.identity is None) == (self.user_reason is None):
            raise ValueError("a deployer comes in either through GitHub's identity provider or as an IAM user")


def subject(github: str, environment: str) -> str:
    """What GitHub says of a job.

    Args:
        github: Repository, `owner/name`.
        environment: Environment that the job runs in.

    Returns:
        The `sub` claim (https://docs.github.com/en/actions/reference/security/oidc).
    """
    return f"repo:{github}:environment:{environment}"


def permissions(
    repositories: Sequence[pulumi.Input[str]], kubeconfig: Kubeconfig, region: str
) -> list[Mapping[str, Any]]:
    """What a deployer may do at AWS. Reaching the cluster takes no permission: EKS asks only who it is.

    Args:
        repositories: ARNs of the ECR repositories.
        kubeconfig: Where the kubeconfig lies.
        region: Region of the state bucket.

    Returns:
        IAM statements.
    """
    return [
        {"Sid": "Login", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {
            "Sid": "Push",
            "Effect": "Allow",
            "Action": [*PULL_ACTIONS, *PUSH_ACTIONS],
            "Resource": list(repositories),
        },
        {
            "Sid": "ReadKubeconfig",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": kubeconfig.object_arn,
        },
        {
            # The same key encrypts the state: it may be used through S3 alone, and S3 hands out one object.
            "Sid": "DecryptKubeconfig",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": kubeconfig.key_arn,
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}},
        },
    ]


class AwsDeployer(pulumi.ComponentResource):
    """An identity that may push images, read one kubeconfig, and change Deployments in one cluster.

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
        policy = document(*permissions(args.repositories, args.kubeconfig, args.state_region))
        secret_key: pulumi.Output[str] | None = None
        if args.user_reason is None:
            self.principal = self._role(policy)
        else:
            self.principal, secret_key = self._user(policy, args.user_reason)
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

    def _role(self, policy: pulumi.Output[str]) -> pulumi.Output[str]:
        args = self._args
        role = aws.iam.Role(
            f"{self._prefix}-deployer-role",
            assume_role_policy=document(
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": args.identity},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": {
                            f"{ISSUER}:aud": AUDIENCE,
                            f"{ISSUER}:sub": subject(args.github, args.environment),
                        }
                    },
                }
            ),
            max_session_duration=3600,
            tags=tags(args.scope, SYSTEM, f"{self._prefix}-deployer"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.iam.RolePolicy(
            f"{self._prefix}-deployer-permissions",
            role=role.name,
            policy=policy,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return role.arn

    def _user(self, policy: pulumi.Output[str], reason: str) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        child = pulumi.ResourceOptions(parent=self)
        user = aws.iam.User(
            f"{self._prefix}-deployer-user",
            force_destroy=True,
            tags={**tags(self._args.scope, SYSTEM, f"{self._prefix}-deployer"), "reason": reason},
            opts=child,
        )
        aws.iam.UserPolicy(f"{self._prefix}-deployer-permissions", user=user.name, policy=policy, opts=child)
        key = aws.iam.AccessKey(
            f"{self._prefix}-deployer-key",
            user=user.name,
            opts=child,
        )
        return user.arn, pulumi.Output.secret(key.secret)

"""GitHub's identity provider in an AWS account, and whom a role trusts by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.foundation.aws_policies import document
from components.foundation.github import ISSUER
from components.foundation.tags import tags

if TYPE_CHECKING:
    from components.foundation.aws_account import AwsAccountHandle
    from components.foundation.github import GithubJob
    from components.scope import Scope

SYSTEM = "deployer"
AUDIENCE = "sts.amazonaws.com"


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


def github_role(
    name: str, scope: Scope, identity: pulumi.Input[str], job: GithubJob, opts: pulumi.ResourceOptions
) -> aws.iam.Role:
    """A role that only jobs of one repository and environment become.

    Args:
        name: Name of what the role is of, in the stack.
        scope: The stack.
        identity: ARN of GitHub's identity provider.
        job: The jobs.
        opts: Options of the role.

    Returns:
        The role, without any permission.
    """
    subjects = job.subjects
    return aws.iam.Role(
        f"{name}-role",
        assume_role_policy=document(
            {
                "Effect": "Allow",
                "Principal": {"Federated": identity},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{ISSUER}:aud": AUDIENCE,
                        f"{ISSUER}:sub": subjects if len(subjects) > 1 else subjects[0],
                    }
                },
            }
        ),
        max_session_duration=3600,
        tags=tags(scope, SYSTEM, name),
        opts=opts,
    )

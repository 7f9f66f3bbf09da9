"""One AWS account in one region: the provider that everything there is made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.foundation.tags import common_tags

if TYPE_CHECKING:
    from components.scope import Scope


@dataclass(frozen=True)
class AwsAccountHandle:
    """An account, as the components that make things in it see it.

    Attributes:
        name: Name in the stack file.
        provider: Its provider; there is no default one.
        region: Region.
        account_id: Account number.
        profile: Profile of the AWS configuration files, or None.
        role_arn: Role that is assumed first, or None.
    """

    name: str
    provider: aws.Provider
    region: str
    account_id: str
    profile: str | None = None
    role_arn: str | None = None


@dataclass(frozen=True)
class AwsAccountArgs:
    """How an account is reached.

    Attributes:
        scope: The stack.
        region: Region.
        account_id: Account number; credentials of another account are refused.
        profile: Profile of the AWS configuration files; None: the environment's credentials.
        role_arn: Role to assume first, or None.
    """

    scope: Scope
    region: str
    account_id: str
    profile: str | None = None
    role_arn: str | None = None


class AwsAccount(pulumi.ComponentResource):
    """The provider of an AWS account.

    Attributes:
        handle: The account.
    """

    def __init__(self, name: str, args: AwsAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the provider.

        Args:
            name: Name of the cloud in the stack.
            args: How it is reached.
            opts: Options of the component.
        """
        super().__init__("slipway:foundation:AwsAccount", name, None, opts)
        provider = aws.Provider(
            f"{name}-aws",
            region=args.region,
            allowed_account_ids=[args.account_id],
            profile=args.profile,
            assume_roles=[aws.ProviderAssumeRoleArgs(role_arn=args.role_arn)] if args.role_arn else None,
            default_tags=aws.ProviderDefaultTagsArgs(tags=common_tags(args.scope)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.handle = AwsAccountHandle(
            name=name,
            provider=provider,
            region=args.region,
            account_id=args.account_id,
            profile=args.profile,
            role_arn=args.role_arn,
        )
        self.register_outputs({"name": name, "region": args.region, "accountId": args.account_id})

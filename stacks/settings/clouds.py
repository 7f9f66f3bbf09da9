"""Settings of the clouds: the AWS accounts and Google Cloud projects that a stack provisions in."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from stacks.settings.fields import CloudName, Count, HostName, Model, host, text

Lifecycle = Literal["ephemeral", "durable"]

_AWS_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]")
_OTHER_PARTITIONS = ("cn-", "eu-isoe-", "eusc-", "us-gov-", "us-iso")
_GCP_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
_ACCOUNT = re.compile(r"[0-9]{12}")
# https://cloud.google.com/resource-manager/docs/creating-managing-projects
_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_ROLE_ARN = re.compile(r"arn:aws:iam::[0-9]{12}:(?:role|user)/[A-Za-z0-9+=,.@_/-]{1,512}")


def _aws_region(value: str) -> str:
    if not _AWS_REGION.fullmatch(value):
        raise ValueError("must be an AWS region such as ap-northeast-1")
    if value.startswith(_OTHER_PARTITIONS):
        raise ValueError(
            "is of a partition of AWS with names and addresses of its own, which this program does not know"
        )
    return value


def _gcp_region(value: str) -> str:
    if not _GCP_REGION.fullmatch(value):
        raise ValueError("must be a Google Cloud region such as asia-east1")
    return value


def _quoted(value: Any) -> Any:
    # YAML reads 012345678901 as a number and drops its leading zero.
    if not isinstance(value, str):
        raise ValueError("must be text: put it in quotes")  # noqa: TRY004 - pydantic reports only ValueError
    return value


def _account(value: str) -> str:
    if not _ACCOUNT.fullmatch(value):
        raise ValueError('must be an AWS account number: twelve digits in quotes, such as "123456789012"')
    return value


def _project(value: str) -> str:
    if not _PROJECT.fullmatch(value):
        raise ValueError("must be a Google Cloud project id: 6 to 30 lower-case letters, digits and '-'")
    return value


def _principal(value: str) -> str:
    if not _ROLE_ARN.fullmatch(value):
        raise ValueError("must be the ARN of an IAM role or user, such as arn:aws:iam::123456789012:role/admin")
    return value


AwsRegion = Annotated[str, AfterValidator(_aws_region), text("AWS region", "ap-northeast-1")]
"""An AWS region."""
GcpRegion = Annotated[str, AfterValidator(_gcp_region), text("Google Cloud region", "asia-east1")]
"""A Google Cloud region."""
AccountId = Annotated[
    str, BeforeValidator(_quoted), AfterValidator(_account), text("twelve digits in quotes", "123456789012")
]
"""An AWS account number."""
PrincipalArn = Annotated[
    str, AfterValidator(_principal), text("ARN of an IAM role or user", "arn:aws:iam::123456789012:role/admin")
]
"""ARN of an IAM role or user."""


class AwsCloud(Model):
    """One AWS account in one region.

    Attributes:
        region: Region that everything of this cloud is made in.
        account_id: The account; credentials of any other account are refused before anything is made.
        profile: Profile of the AWS configuration files; none: the environment's credentials.
        role_arn: Role to assume first; none: the credentials act themselves.
        github_identity: Whether the account's OpenID Connect provider for GitHub is made here (`make`) or is there
            already (`existing`): an account can have only one.
    """

    kind: Literal["aws"]
    region: AwsRegion
    account_id: AccountId
    profile: Annotated[str, Field(min_length=1, max_length=100, examples=["work"])] | None = None
    role_arn: PrincipalArn | None = None
    github_identity: Literal["make", "existing"] = "make"


class GcpCloud(Model):
    """One Google Cloud project, with a region for what is regional.

    Attributes:
        project: Id of the project.
        region: Region that networks, registries and databases of this cloud are made in.
    """

    kind: Literal["gcp"]
    project: Annotated[str, AfterValidator(_project), text("Google Cloud project id", "example-project")]
    region: GcpRegion


Cloud = Annotated[AwsCloud | GcpCloud, Field(discriminator="kind")]
"""A cloud of any kind, told apart by `kind`."""


def inside(host: str, zone: str) -> bool:
    """Whether a host name lies in a DNS zone.

    Args:
        host: Host name.
        zone: Name of the zone.

    Returns:
        True for a name below the zone; the zone itself is not inside itself.
    """
    return host.endswith("." + zone)


def covering(host: str, zone: str) -> str:
    """What a certificate names for a host.

    Args:
        host: Host name inside the zone.
        zone: Name of the zone.

    Returns:
        The zone's wildcard; the host itself where it lies deeper than a wildcard reaches.
    """
    return host if "." in host.removesuffix(f".{zone}") else f"*.{zone}"


class MainZone(Model):
    """The Route 53 zone that delegates.

    Attributes:
        name: Domain of the zone, for example `example.com`.
        make: Whether this stack makes it; otherwise it is there already.
        id: Id of the zone; none (and not made): it is looked up by name.
    """

    name: Annotated[HostName, host("example.com")]
    make: bool = False
    id: Annotated[str, Field(pattern=r"^Z[A-Z0-9]{5,31}$", examples=["Z0123456789ABC"])] | None = None


class DnsZone(Model):
    """A sub-zone of a Route 53 zone, delegated to by an NS record.

    Attributes:
        cloud: Name of the AWS cloud whose account holds both zones.
        main_zone: The zone that delegates.
        sub_zone: Domain of the sub-zone, for example `k8s.example.com`.
        ttl: Seconds that the NS record and the apps' records may be cached.
    """

    cloud: CloudName
    main_zone: MainZone
    sub_zone: Annotated[HostName, host("k8s.example.com")]
    ttl: Annotated[Count, Field(ge=1, le=172800, examples=[300])] = 30

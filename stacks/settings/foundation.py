"""Settings of what stands beside the clusters: the state bucket, registries, databases and deployers."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from components.foundation.github import GithubRepository
from stacks.settings.clouds import Lifecycle, PrincipalArn  # noqa: TC001 - pydantic reads the annotation at run time
from stacks.settings.fields import CloudName, ClusterName, Count, Label, Model, label, number_as_text, text

_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,31}")
_RESERVED_USERS = frozenset(
    {"admin", "root", "postgres", "mysql", "rdsadmin", "rdsrepladmin", "user"} | {"cloudsqladmin", "cloudsqlsuperuser"}
)
# The system's own, and words that RDS refuses as names.
_RESERVED_DATABASES = frozenset(
    {"cloudsqladmin", "db", "default", "information_schema", "innodb", "mysql", "performance_schema", "postgres"}
    | {"rdsadmin", "sys", "template0", "template1", "user"}
)
DATABASE_VERSIONS = {"mysql": ("8.0", "8.4"), "postgres": ("15", "16", "17")}
"""Versions that RDS or Cloud SQL offers."""
PAST_ON_RDS = {("mysql", "8.0"): "31 July 2026"}
"""Engine and version to the end of RDS' standard support, past which it makes no instance without Extended Support
(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MySQL.Concepts.VersionMgmt.html)."""
_VERSIONS = "; ".join(f"{engine}: {', '.join(known)}" for engine, known in DATABASE_VERSIONS.items())


def _bucket(value: str) -> str:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    good = 3 <= len(value) <= 63 and _BUCKET.fullmatch(value) and ".." not in value
    if not good or value.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or value.endswith(("-s3alias", "--ol-s3")):
        raise ValueError(
            "must be an S3 bucket name: 3 to 63 lower-case letters, digits, '.' and '-', starting and ending with a "
            "letter or digit, no two dots in a row"
        )
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        return value
    raise ValueError("must not look like an IP address")


def _github(value: str) -> str:
    GithubRepository.parse(value)
    return value


def _environment(value: str) -> str:
    # A pattern character would let other jobs of the repository in.
    if not _ENVIRONMENT.fullmatch(value):
        raise ValueError("must be the name of a GitHub environment: letters, digits, '.', '-' and '_', at most 100")
    return value


def _identifier(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError("must be a database identifier: a lower-case letter, then letters, digits and '_', at most 32")
    return value


class State(Model):
    """The S3 bucket that holds Pulumi's state and the kubeconfigs of the deployers.

    Attributes:
        cloud: Name of the AWS cloud that it is made in.
        bucket: Name of the bucket.
        old_version_days: Days that an overwritten or deleted object can still be brought back.
        lifecycle: `durable`, whatever the stack is: the bucket holds the stack's own state.
    """

    cloud: CloudName
    bucket: Annotated[str, AfterValidator(_bucket), text("S3 bucket name", "state.example.com")]
    old_version_days: Annotated[Count, Field(ge=1, le=3650, examples=[30])] = 90
    lifecycle: Lifecycle = "durable"


class ArtifactRegistry(Model):
    """A Docker repository of Artifact Registry; it takes images of any name.

    Attributes:
        cloud: Name of the Google Cloud project's entry in `clouds`; the repository is in its region.
        repository: Name of the repository.
        keep: Versions of each image that are kept at least.
        untagged_days: Days after which an image without a tag goes.
    """

    kind: Literal["artifact-registry"]
    cloud: CloudName
    repository: Label = "slipway"
    keep: Annotated[Count, Field(ge=1, le=1000, examples=[20])] = 10
    untagged_days: Annotated[Count, Field(ge=1, le=365, examples=[7])] = 14


class Ecr(Model):
    """Repositories of Elastic Container Registry, one for each image.

    Attributes:
        cloud: Name of the AWS account's entry in `clouds`; the repositories are in its region.
        prefix: Put before each image's name.
        images: The images; pushing another one is refused.
        keep: Versions of each image that are kept.
        untagged_days: Days after which an image without a tag goes.
        pushers: IAM roles and users that may push beside the deployers.
    """

    kind: Literal["ecr"]
    cloud: CloudName
    prefix: Label = "slipway"
    images: Annotated[tuple[Annotated[Label, label("h2o")], ...], Field(min_length=1)]
    keep: Annotated[Count, Field(ge=1, le=1000, examples=[20])] = 30
    untagged_days: Annotated[Count, Field(ge=1, le=365, examples=[7])] = 14
    pushers: tuple[PrincipalArn, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        twice = sorted({image for image in self.images if self.images.count(image) > 1})
        if twice:
            raise ValueError(f"images names {twice[0]} twice; keep one of them")
        return self


Registry = Annotated[ArtifactRegistry | Ecr, Field(discriminator="kind")]
"""A registry of any kind, told apart by `kind`."""


class Database(Model):
    """A managed database in the network of a cluster: Cloud SQL beside GKE, RDS beside EKS.

    Attributes:
        cluster: Name of the cluster whose pods use it.
        engine: Engine of the database.
        version: Version of the engine.
        size: Machine of the instance; none: the smallest that the cloud recommends for production.
        storage_gb: Storage in GB that it begins with; it grows by itself up to four times as much, and never shrinks.
        database: Name of the database in it.
        user: Name of its user.
        standby: Whether a standby in another zone takes over; none: only where the stack is durable.
        backup_days: Days that backups are kept; none: 14 where the stack is durable, otherwise 1.
        apply_immediately: On RDS: changes of version, size, storage and standby are made at once, with the outage that
            they bring; otherwise they wait for the maintenance window, and `up` does not.
        allow_major_version_upgrade: On RDS: `version` may go to the next major one; back it never goes.
    """

    cluster: ClusterName
    engine: Literal["mysql", "postgres"]
    version: Annotated[str, BeforeValidator(number_as_text), text(_VERSIONS, "17")]
    size: Annotated[str, Field(pattern=r"^db[.-][a-zA-Z0-9][a-zA-Z0-9.-]{1,60}$", examples=["db.t4g.small"])] | None = (
        None
    )
    storage_gb: Annotated[Count, Field(ge=20, le=10000, examples=[50])] = 20
    database: Annotated[str, AfterValidator(_identifier), text("database identifier", "example")]
    user: Annotated[str, AfterValidator(_identifier), text("database identifier, no reserved user", "app")]
    standby: bool | None = None
    backup_days: Annotated[Count, Field(ge=1, le=35, examples=[7])] | None = None
    apply_immediately: bool = False
    allow_major_version_upgrade: bool = False

    @model_validator(mode="after")
    def _supported(self) -> Self:
        known = DATABASE_VERSIONS[self.engine]
        if self.version not in known:
            raise ValueError(f"version ({self.version}) of {self.engine} must be one of: {', '.join(known)}")
        if self.user in _RESERVED_USERS:
            raise ValueError(f"user ({self.user}) is reserved by the cloud; choose another name")
        if self.database in _RESERVED_DATABASES:
            raise ValueError(f"database ({self.database}) is reserved by the cloud; choose another name")
        if self.allow_major_version_upgrade and not self.apply_immediately:
            # The parameter group of the old version goes with the change, which RDS refuses while it is in use.
            raise ValueError(
                "allowMajorVersionUpgrade (true) needs applyImmediately: true; an upgrade cannot wait for the "
                "maintenance window, because the old version's parameters go in the same run"
            )
        return self


class IamUser(Model):
    """An IAM user with an access key in place of short-lived credentials; discouraged.

    Attributes:
        reason: Why short-lived credentials cannot be had; becomes a tag of the user.
    """

    reason: Annotated[
        str,
        Field(
            min_length=10,
            max_length=200,
            pattern=r"^[A-Za-z0-9 _.:/=+@-]+$",
            examples=["the build server has no OpenID Connect"],
        ),
    ]


class Deployer(Model):
    """An identity that releases apps to one cluster and can do nothing else.

    Attributes:
        cluster: Name of the cluster that it releases to.
        github: GitHub repository whose workflow is the deployer, `owner/name`; with the numbers that GitHub puts into
            the subjects of repositories made, renamed or transferred since 15 July 2026, `owner@123/name@456`.
        environment: GitHub environment that a job must run in, whose rules say which branches may; none: the stack's
            name, which the workflows use.
        iam_user: On AWS: make an IAM user with a key instead; discouraged.
    """

    cluster: ClusterName
    github: Annotated[str, AfterValidator(_github), text("owner/name", "example/slipway")]
    environment: Annotated[str, AfterValidator(_environment), text("GitHub environment", "prod")] | None = None
    iam_user: IamUser | None = None

    @property
    def repository(self) -> GithubRepository:
        """The GitHub repository."""
        return GithubRepository.parse(self.github)

"""Settings of the clusters that the clouds run: GKE and EKS."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from components.clusters.eks.density import PODS_LIMIT, most_pods
from components.clusters.eks.subnets import ZONE_LETTERS
from components.clusters.eks.versions import EKS_VERSIONS, NEWEST
from stacks.settings.clouds import PrincipalArn  # noqa: TC001 - pydantic reads the annotation at run time
from stacks.settings.cluster_base import ClusterBase, NodesBase
from stacks.settings.fields import CloudName, Count, HostName, Model, RegistryName, host, number_as_text, text
from stacks.settings.networks import Cidr, EksNetwork, GkeNetwork, PrivateCidr, PublicCidr, addresses

_AWS_ZONE = re.compile(rf"[a-z]{{2}}(?:-[a-z]+)+-[0-9][{ZONE_LETTERS}]")
_GCP_LOCATION = re.compile(r"[a-z]+-[a-z]+[0-9]+(?:-[a-z])?")
_MACHINE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+")
_INSTANCE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")
_ARM = re.compile(r"a1\.|[a-z]+[0-9]+g[a-z]*[.-]")
_NOT_NITRO = re.compile(r"(?:t[12]|m[1-4]|c[134]|r[34]|i[23]|d2|x1e?|g[23]|p[23])\.")
_SSH_KEY = re.compile(r"(?:ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]{40,}={0,2}(?: .{1,100})?")
_SCOPE = re.compile(r"[a-z][a-z-]*|https://www\.googleapis\.com/auth/[a-z._-]+")
_START = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_VERSIONS = f"EKS version, in quotes: {', '.join(sorted(EKS_VERSIONS))}"
MAINTENANCE_HOURS = 48
"""GKE wants at least these hours of maintenance windows in 32 days
(https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions)."""
PODS_PER_NODE_RANGE = 256
"""Addresses of the /24 that a GKE node takes for its pods."""

Day = Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
LogType = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]


def _zone(value: str) -> str:
    if not _AWS_ZONE.fullmatch(value):
        raise ValueError("must be an availability zone such as ap-northeast-1a")
    return value


def _location(value: str) -> str:
    if not _GCP_LOCATION.fullmatch(value):
        raise ValueError("must be a zone such as asia-east1-a, or a region such as asia-east1")
    return value


def _machine(value: str) -> str:
    if not _MACHINE.fullmatch(value):
        raise ValueError("must be a machine type such as n1-standard-2")
    return value


def _instance(value: str) -> str:
    if not _INSTANCE.fullmatch(value):
        raise ValueError("must be an instance type such as t3.medium")
    if _ARM.match(value):
        raise ValueError("must be of an x86 family such as t3: own images are built for amd64")
    if _NOT_NITRO.match(value):
        raise ValueError(
            "must be of the Nitro system, such as t3 in place of t2: address prefixes and hop limits want it"
        )
    return value


def _version(value: str) -> str:
    if value not in EKS_VERSIONS:
        known = ", ".join(f'"{version}"' for version in sorted(EKS_VERSIONS))
        raise ValueError(f"must be an EKS version that this program knows the add-ons of, in quotes: {known}")
    return value


def _ssh_key(value: str) -> str:
    if not _SSH_KEY.fullmatch(value):
        raise ValueError("must be an OpenSSH public key: ssh-ed25519 or ssh-rsa and its base64 text")
    return value


def _scope(value: str) -> str:
    if not _SCOPE.fullmatch(value):
        raise ValueError(
            "must be an access scope: a short name such as storage-ro, or https://www.googleapis.com/auth/…"
        )
    return value


def _start(value: str) -> str:
    if not _START.fullmatch(value):
        raise ValueError('must be a time of day (UTC) in quotes, such as "18:00"')
    return value


class GkeNodes(NodesBase):
    """The node pool of a GKE cluster.

    Attributes:
        machine_type: Machine type of the nodes.
        scopes: Access scopes of the nodes' service account, short or as URLs.
    """

    machine_type: Annotated[str, AfterValidator(_machine), text("machine type", "e2-standard-4")] = "n1-standard-2"
    scopes: tuple[Annotated[str, AfterValidator(_scope), text("access scope", "storage-ro")], ...] = (
        "compute-rw",
        "storage-ro",
        "bigquery",
        "logging-write",
        "monitoring",
    )


class Maintenance(Model):
    """When GKE may upgrade.

    Attributes:
        start: Start of the window, UTC.
        hours: Length of the window.
        days: Days on which it recurs.
    """

    start: Annotated[str, AfterValidator(_start), text("time of day, UTC, in quotes", "18:00")] = "18:00"
    hours: Annotated[Count, Field(ge=4, le=24, examples=[6])] = 4
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

    @model_validator(mode="after")
    def _enough(self) -> Self:
        offered = len(set(self.days)) * self.hours * 32 / 7
        if offered < MAINTENANCE_HOURS:
            raise ValueError(
                f"hours ({self.hours}) on {len(set(self.days))} days a week are {offered:.0f} hours in 32 days; "
                f"GKE wants at least {MAINTENANCE_HOURS}"
            )
        return self


class GkeCluster(ClusterBase):
    """A cluster on Google Kubernetes Engine.

    Attributes:
        cloud: Name of the Google Cloud project's entry in `clouds`.
        location: Zone (one control plane) or region (three).
        nodes: The node pool.
        channel: Release channel that versions come from.
        maintenance: When GKE may upgrade.
        api_access: Public ranges that may reach the control plane; none: only the cluster's own network.
        network: Address ranges of its network.
        registry: Name of the entry in `registries` that own images are pulled from.
    """

    kind: Literal["gke"]
    cloud: CloudName
    location: Annotated[str, AfterValidator(_location), text("Google Cloud zone or region", "asia-east1-a")]
    nodes: GkeNodes = GkeNodes()
    channel: Literal["RAPID", "REGULAR", "STABLE", "EXTENDED"] = "REGULAR"
    maintenance: Maintenance = Maintenance()
    # https://cloud.google.com/kubernetes-engine/docs/how-to/authorized-networks#limitations
    api_access: Annotated[tuple[Cidr, ...], Field(max_length=100)] = ()
    network: GkeNetwork = GkeNetwork()
    registry: RegistryName

    @model_validator(mode="after")
    def _room(self) -> Self:
        # Four addresses of a subnet are Google's own; an upgrade surges by one node (https://cloud.google.com/vpc/docs/subnets).
        nodes = (self.nodes.most + 1) * (1 if self.zonal else 3)
        if nodes > addresses(self.network.nodes) - 4:
            raise ValueError(f"network.nodes ({self.network.nodes}) has no room for {nodes} nodes")
        if nodes * PODS_PER_NODE_RANGE > addresses(self.network.pods):
            raise ValueError(f"network.pods ({self.network.pods}) has no room for a /24 for each of {nodes} nodes")
        return self

    @property
    def zonal(self) -> bool:
        """Whether the location is a zone."""
        return self.location.count("-") == 2

    @property
    def region(self) -> str:
        """Region of the location."""
        return self.location.rsplit("-", 1)[0] if self.zonal else self.location


class Ssh(Model):
    """Access to the nodes by ssh.

    Attributes:
        public_key: Key that may sign in.
        sources: Private ranges that may connect: the nodes have no public address.
    """

    public_key: Annotated[str, AfterValidator(_ssh_key), text("OpenSSH public key", f"ssh-ed25519 {'A' * 60}")]
    sources: Annotated[tuple[PrivateCidr, ...], Field(min_length=1)]


class EksNodes(NodesBase):
    """The managed node group of an EKS cluster.

    Attributes:
        instance_type: Instance type of the nodes; it must be of the Nitro system, whose network interfaces take address
            prefixes.
        max_pods: Pods a node takes at most.
        ami_release: Release of EKS's own Amazon Linux 2023 image, for example `1.36.0-20261007`; none: what EKS
            has when the node group is made, and it stays.
        session_manager: Whether AWS Systems Manager may open sessions on the nodes.
    """

    instance_type: Annotated[str, AfterValidator(_instance), text("x86 instance type, Nitro", "m5.large")] = "t3.medium"
    max_pods: Annotated[Count, Field(ge=8, le=PODS_LIMIT, examples=[30])] = 60
    ami_release: (
        Annotated[str, Field(pattern=r"^1\.[0-9]{2}\.[0-9]+-[0-9]{8}$", examples=["1.36.0-20261007"])] | None
    ) = None
    session_manager: bool = False

    @model_validator(mode="after")
    def _addresses(self) -> Self:
        most = most_pods(self.instance_type)
        if self.max_pods > most:
            raise ValueError(
                f"maxPods ({self.max_pods}) must be at most {most} on {self.instance_type}, which has no more addresses"
            )
        return self


class EksCluster(ClusterBase):
    """A cluster on Amazon Elastic Kubernetes Service.

    Attributes:
        cloud: Name of the AWS account's entry in `clouds`.
        dns_name: Name as a domain, as kops had it; EKS allows no dots, so they become '-'. None: the entry's own name.
        version: Kubernetes minor version.
        zones: Availability zones, at least two. The cluster is made in the first two and stays there; all serve nodes
            and databases.
        nodes: The node group.
        ssh: Access to the nodes by ssh; none: nobody.
        api_access: Public ranges that may reach the API; none: only the VPC.
        admins: IAM roles and users that administer the cluster; whoever runs `up` is among them. The account's own
            `roleArn` is always.
        logs: Control-plane logs that are kept.
        log_days: Days that these logs are kept.
        log_group: Whether their group is made here (`make`) or is there already (`existing`), as after a destroy; it is
            adopted then: `make` again after that `up`, so that changes reach it.
        network: Address ranges of its network.
        registry: Name of the entry in `registries` that own images are pulled from.
    """

    kind: Literal["eks"]
    cloud: CloudName
    dns_name: Annotated[HostName, host("staging.example.com")] | None = None
    version: Annotated[str, BeforeValidator(number_as_text), AfterValidator(_version), text(_VERSIONS, NEWEST)] = NEWEST
    zones: Annotated[
        tuple[Annotated[str, AfterValidator(_zone), text("availability zone", "ap-northeast-1a")], ...],
        Field(min_length=2, max_length=len(ZONE_LETTERS), examples=[["ap-northeast-1a", "ap-northeast-1c"]]),
    ]
    nodes: EksNodes = EksNodes()
    ssh: Ssh | None = None
    # https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html, service-quotas.html
    api_access: Annotated[tuple[PublicCidr, ...], Field(max_length=40)] = ()
    admins: tuple[PrincipalArn, ...] = ()
    logs: tuple[LogType, ...] = ("api", "audit", "authenticator")
    # The periods that CloudWatch Logs knows.
    log_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731] = 30
    log_group: Literal["make", "existing"] = "make"
    network: EksNetwork = EksNetwork()
    registry: RegistryName

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.zones)) != len(self.zones):
            raise ValueError(f"zones ({', '.join(self.zones)}) must differ")
        release = self.nodes.ami_release
        if release is not None and not release.startswith(self.version + "."):
            raise ValueError(f"nodes.amiRelease ({release}) must be of the cluster's version ({self.version})")
        return self

"""Names at the clouds that are put together from settings, each held against the limit that its cloud has for it.

What a component calls its resources stands here a second time, because settings are read before any resource is made; a
test compares both over whole plans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.foundation.github import federation_condition
from components.foundation.state_names import key_alias
from stacks.settings.clouds import AwsCloud, GcpCloud
from stacks.settings.foundation import ArtifactRegistry, Ecr
from stacks.settings.limits import KUBERNETES_LABEL, LIMITS, as_made
from stacks.settings.managed import EksCluster, GkeCluster

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stacks.settings.limits import Limit
    from stacks.settings.root import Settings

ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
EKS_NAMES: Mapping[str, tuple[str, ...]] = {
    "aws:cloudwatch/logGroup:LogGroup.name": ("{}-flow-log-group",),
    "aws:ec2/keyPair:KeyPair.keyName": ("{}-ssh-key",),
    "aws:ec2/launchTemplate:LaunchTemplate.name": ("{}-node-template",),
    "aws:ec2/securityGroup:SecurityGroup.name": ("{}-ssh",),
    "aws:eks/nodeGroup:NodeGroup.nodeGroupName": ("{}-node-group",),
    f"{ROLE}.name": (
        *("{}-autoscaler-role", "{}-control-plane-role", "{}-flow-log-role", "{}-node-role"),
        "{}-storage-role",
    ),
    f"{ROLE_POLICY}.name": ("{}-autoscaler-permissions", "{}-flow-log-policy", "{}-secrets-key-use"),
}
"""Resource type and input to what the name of an EKS cluster becomes part of."""
GKE_NAMES: Mapping[str, tuple[str, ...]] = {
    "gcp:compute/globalAddress:GlobalAddress.name": ("{}-services-range",),
    "gcp:compute/network:Network.name": ("{}-vpc",),
    "gcp:compute/router:Router.name": ("{}-router",),
    "gcp:compute/routerNat:RouterNat.name": ("{}-nat",),
    "gcp:compute/subnetwork:Subnetwork.name": ("{}-subnet",),
    "gcp:container/cluster:Cluster.name": ("{}",),
    "gcp:container/nodePool:NodePool.name": ("{}-node-pool",),
    "gcp:dns/managedZone:ManagedZone.name": ("{}-databases-zone",),
    "gcp:kms/cryptoKey:CryptoKey.name": ("{}-secrets-key",),
    "gcp:kms/keyRing:KeyRing.name": ("{}-keys",),
    "gcp:serviceaccount/account:Account.accountId": ("nodes-{}",),
}
"""The same of a GKE cluster."""
GATEWAY_NAMES: Mapping[str, tuple[str, ...]] = {
    "gcp:certificatemanager/certificate:Certificate.name": ("{}-certificate",),
    "gcp:certificatemanager/certificateMap:CertificateMap.name": ("{}-certificates",),
    "gcp:certificatemanager/certificateMapEntry:CertificateMapEntry.name": ("{}-certificates-entry",),
    "gcp:compute/globalAddress:GlobalAddress.name": ("{}-ingress",),
    "gcp:compute/sSLPolicy:SSLPolicy.name": ("{}-tls",),
}
"""The same of a GKE cluster with HTTPS."""
RDS_NAMES: Mapping[str, tuple[str, ...]] = {
    "aws:ec2/securityGroup:SecurityGroup.name": ("{}-database-access",),
    "aws:ec2/securityGroup:SecurityGroup.description": ("Database {}: from the nodes alone",),
    "aws:rds/instance:Instance.identifier": ("{}-database-instance",),
    "aws:rds/parameterGroup:ParameterGroup.name": ("{}-database-parameters",),
    "aws:rds/subnetGroup:SubnetGroup.name": ("{}-database-subnets",),
}
"""The same of a database beside an EKS cluster."""
CLOUD_SQL_NAMES: Mapping[str, tuple[str, ...]] = {
    "gcp:dns/recordSet:RecordSet.name": ("{}.databases.internal.",),
    "gcp:sql/databaseInstance:DatabaseInstance.name": ("{}-database-instance",),
}
"""The same of a database beside a GKE cluster."""
AWS_DEPLOYER_NAMES: Mapping[str, tuple[str, ...]] = {
    f"{ROLE}.name": ("{}-deployer-role",),
    f"{ROLE_POLICY}.name": ("{}-deployer-permissions",),
    "aws:iam/policy:Policy.name": ("{}-deployer-permissions",),
    "aws:iam/user:User.name": ("{}-deployer-user",),
}
"""The same of a deployer on an EKS cluster."""
GOOGLE_DEPLOYER_NAMES: Mapping[str, tuple[str, ...]] = {
    "gcp:serviceaccount/account:Account.accountId": ("deploy-{}",),
    f"{ROLE}.name": ("{}-state-role",),
    f"{ROLE_POLICY}.name": ("{}-state-permissions",),
}
"""The same of a deployer on a GKE cluster."""


@dataclass(frozen=True)
class Made:
    """A name that is made of a setting.

    Attributes:
        path: Key path of the setting.
        value: What it says.
        input: Resource type and input that get the name, `type.input`.
        name: What the program gives.
    """

    path: str
    value: str
    input: str
    name: str

    @property
    def limit(self) -> Limit:
        """The limit of the input."""
        kind, _, key = self.input.rpartition(".")
        return LIMITS[kind][key]


def made_names(settings: Settings, project: str, stack: str | None) -> Iterator[Made]:
    """Every name at a cloud that settings decide.

    Args:
        settings: The settings.
        project: Pulumi project.
        stack: Pulumi stack; None: not known, and what is made of it is left out.

    Yields:
        The names.
    """
    yield from _of_clusters(settings)
    yield from _of_databases(settings, project, stack)
    yield from _of_deployers(settings, stack)
    yield from _of_foundation(settings, project, stack)


def _each(path: str, value: str, templates: Mapping[str, tuple[str, ...]]) -> Iterator[Made]:
    for key, names in templates.items():
        for name in names:
            yield Made(path, value, key, name.format(value))


def _of_clusters(settings: Settings) -> Iterator[Made]:
    for name, cluster in settings.clusters.items():
        path = f"clusters.{name}"
        if isinstance(cluster, GkeCluster):
            yield from _each(path, name, GKE_NAMES)
            if cluster.ingress and cluster.ingress.https:
                yield from _each(path, name, GATEWAY_NAMES)
        elif isinstance(cluster, EksCluster):
            yield from _each(path, name, EKS_NAMES)
            where, value = (path, name) if cluster.dns_name is None else (f"{path}.dnsName", cluster.dns_name)
            eks_name = value.replace(".", "-")
            yield Made(where, value, "aws:eks/cluster:Cluster.name", eks_name)


def _of_databases(settings: Settings, project: str, stack: str | None) -> Iterator[Made]:
    for name, database in settings.databases.items():
        path = f"databases.{name}"
        google = isinstance(settings.clusters.get(database.cluster), GkeCluster)
        yield from _each(path, name, CLOUD_SQL_NAMES if google else RDS_NAMES)
        kind = "gcp:sql/database:Database.name" if google else "aws:rds/instance:Instance.dbName"
        yield Made(f"{path}.database", database.database, kind, database.database)
        kind = "gcp:sql/user:User.name" if google else "aws:rds/instance:Instance.username"
        yield Made(f"{path}.user", database.user, kind, database.user)
        if stack is not None and not google and settings.lifecycle == "durable":
            kind = "aws:rds/instance:Instance.finalSnapshotIdentifier"
            front = Made("stack", stack, kind, f"{project}-{stack}")
            # The stack is told of what it is to blame for alone.
            where, value = (path, name) if front.limit.fits(front.name) else ("stack", stack)
            yield Made(where, value, kind, f"{front.name}-{name}-final")


def _of_deployers(settings: Settings, stack: str | None) -> Iterator[Made]:
    for name, deployer in settings.deployers.items():
        path, cluster = f"deployers.{name}", settings.clusters.get(deployer.cluster)
        if isinstance(cluster, EksCluster):
            yield from _each(path, name, AWS_DEPLOYER_NAMES)
        elif isinstance(cluster, GkeCluster):
            yield from _each(path, name, GOOGLE_DEPLOYER_NAMES)
            environment = deployer.environment or stack
            for subject in deployer.repository.subjects(environment) if environment else ():
                yield Made(f"{path}.github", deployer.github, "gcp:serviceaccount/iAMMember:IAMMember.member", subject)
    for name, cloud in settings.clouds.items():
        if isinstance(cloud, GcpCloud):
            condition = federation_condition(
                deployer.repository
                for deployer in settings.deployers.values()
                if isinstance(at := settings.clusters.get(deployer.cluster), GkeCluster) and at.cloud == name
            )
            provider = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider.attributeCondition"
            yield Made(f"clouds.{name}", f"{len(condition)} characters", provider, condition)


def _of_foundation(settings: Settings, project: str, stack: str | None) -> Iterator[Made]:
    for name, registry in settings.registries.items():
        path = f"registries.{name}"
        match registry:
            case ArtifactRegistry():
                kind = "gcp:artifactregistry/repository:Repository.repositoryId"
                yield Made(f"{path}.repository", registry.repository, kind, registry.repository)
            case Ecr():
                for i, image in enumerate(registry.images):
                    made = f"{registry.prefix}/{image}"
                    yield Made(f"{path}.images.{i}", image, "aws:ecr/repository:Repository.name", made)
    for name, zone in settings.zones.items():
        made = (("subZone", zone.sub_zone), *((("mainZone.name", zone.main_zone.name),) if zone.main_zone.make else ()))
        for key, domain in made:
            yield Made(f"zones.{name}.{key}", domain, "aws:route53/zone:Zone.name", domain)
    if settings.state:
        yield Made("state.bucket", settings.state.bucket, "aws:s3/bucket:Bucket.bucket", settings.state.bucket)
        if stack is not None:
            yield Made("stack", stack, "aws:kms/alias:Alias.name", key_alias(project, stack))


def broken_names(settings: Settings, project: str, stack: str | None) -> Iterator[str]:
    """Names that a cloud would refuse, and two things that would get the same one.

    Args:
        settings: The settings.
        project: Pulumi project.
        stack: Pulumi stack; None: not known.

    Yields:
        A line `path = value | remedy` for each setting that is wrong.
    """
    if stack is not None and not KUBERNETES_LABEL.fits(stack):
        yield (
            f"stack = {stack} | is a label of every Kubernetes object, which has at most {KUBERNETES_LABEL.longest} "
            f"characters: {KUBERNETES_LABEL.says}; choose another stack name"
        )
    told: set[str] = set()
    for made in sorted(made_names(settings, project, stack), key=_severity):
        if made.path not in told and not made.limit.fits(as_made(made.limit, made.name)):
            told.add(made.path)
            yield f"{made.path} = {made.value} | {_remedy(made)}"
    yield from _twice(settings)


def _severity(made: Made) -> int:
    """Least room first, so that what is told about a name is enough to mend it."""
    return made.limit.room - (len(made.name) - len(made.value))


def _remedy(made: Made) -> str:
    limit, (kind, _, key) = made.limit, made.input.rpartition(".")
    becomes = (
        f"becomes {made.name}, {key} of {kind.rpartition(':')[2]} at {'AWS' if kind[0] == 'a' else 'Google Cloud'}"
    )
    if len(made.name) > limit.room:
        fewer = len(made.value) - (len(made.name) - limit.room)
        behind = ", with what Pulumi appends to it" if limit.suffixed else ""
        allowed = f"has at most {limit.longest} characters{behind}"
        return (
            f"{becomes}, which {allowed}; use at most {fewer} characters"
            if fewer > 0
            else f"{becomes}, which {allowed}"
        )
    return f"{becomes}, which must have {limit.says}"


def _twice(settings: Settings) -> Iterator[str]:
    """Two settings that would make the same thing at a cloud, or the same resource in Pulumi's state."""
    taken: dict[tuple[str, ...], str] = {}
    for path, value, *identities in _identities(settings):
        for identity in identities:
            other = taken.setdefault(identity, path)
            if other != path:
                yield f"{path} = {value} | makes the same {identity[0]} as {other}, {identity[-1]}; choose another name"
                break


def _identities(settings: Settings) -> Iterator[tuple[str, str, *tuple[tuple[str, ...], ...]]]:
    for name, cluster in settings.clusters.items():
        if isinstance(cluster, EksCluster):
            eks_name = (cluster.dns_name or name).replace(".", "-")
            cloud = settings.clouds.get(cluster.cloud)
            place = (cloud.account_id, cloud.region) if isinstance(cloud, AwsCloud) else (cluster.cloud,)
            key = "" if cluster.dns_name is None else ".dnsName"
            yield f"clusters.{name}{key}", cluster.dns_name or name, ("EKS cluster", *place, eks_name)
    for name, registry in settings.registries.items():
        path = f"registries.{name}"
        if isinstance(registry, ArtifactRegistry):
            yield f"{path}.repository", registry.repository, ("repository", registry.cloud, registry.repository)
        else:
            for i, image in enumerate(registry.images):
                repository = ("repository", registry.cloud, f"{registry.prefix}/{image}")
                yield f"{path}.images.{i}", image, repository, ("resource", f"{name}-{image}")

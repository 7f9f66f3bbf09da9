"""Which changes of a resource cannot be made in place: it is made anew and the old one is deleted.

Sources, by type:

- Kubernetes: what pulumi-kubernetes replaces (`provider/pkg/provider/diff.go`, v4.32), which follows the fields that
  the API server refuses to change
  (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#label-selector-updates,
  https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#rolling-updates,
  https://kubernetes.io/docs/concepts/storage/persistent-volumes/). Helm's engine is refused by the API server there.
- AWS and Google Cloud: the arguments that the resource's reference marks as forcing a new resource (the schemas that
  pulumi-aws and pulumi-gcp are made of). Listed for what holds data and for what carries everything else; of other
  types only the engine's own preview knows.

A path is the names from the inputs' root, dots between them; it covers everything below it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ops.compare.plain import ELEMENT, at, differing, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SELECTOR = ("spec.selector",)
_KUBERNETES_ALL = ("apiVersion", "kind", "metadata.name", "metadata.namespace")
_VOLUME_SOURCES = ("awsElasticBlockStore", "azureDisk", "csi", "gcePersistentDisk", "hostPath", "local", "nfs", "rbd")
_KUBERNETES: dict[str, tuple[str, ...]] = {
    "Deployment": _SELECTOR,
    "DaemonSet": _SELECTOR,
    "ReplicaSet": _SELECTOR,
    "StatefulSet": (
        *_SELECTOR,
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    "Job": ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    "PersistentVolume": tuple(f"spec.{source}" for source in _VOLUME_SOURCES),
    "PersistentVolumeClaim": ("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    "ResourceQuota": ("spec.scopes",),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "Secret": ("type",),
    "Service": ("spec.clusterIP",),
    "StorageClass": ("parameters", "provisioner"),
}
_CONTENT = {"ConfigMap": ("data", "binaryData"), "Secret": ("data", "stringData")}
_MUTABLE = {"ConfigMap": "enableConfigMapMutable", "Secret": "enableSecretMutable"}

_KUBERNETES_PROVIDER = "pulumi:providers:kubernetes"
_CLOUDS: dict[str, tuple[str, ...]] = {
    "aws:cloudwatch/logGroup:LogGroup": ("name", "namePrefix", "logGroupClass"),
    "aws:dynamodb/table:Table": ("name", "hashKey", "rangeKey", "localSecondaryIndexes"),
    "aws:ebs/volume:Volume": ("availabilityZone", "encrypted", "kmsKeyId", "snapshotId"),
    "aws:ec2/subnet:Subnet": ("availabilityZone", "cidrBlock", "vpcId", "ipv6Native", "outpostArn"),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength", "instanceTenancy"),
    "aws:ecr/repository:Repository": ("name", "encryptionConfigurations"),
    "aws:efs/fileSystem:FileSystem": (
        "availabilityZoneName",
        "creationToken",
        "encrypted",
        "kmsKeyId",
        "performanceMode",
    ),
    "aws:eks/cluster:Cluster": (
        "name",
        "roleArn",
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "bootstrapSelfManagedAddons",
        "kubernetesNetworkConfig.ipFamily",
        "kubernetesNetworkConfig.serviceIpv4Cidr",
        "outpostConfig",
    ),
    "aws:eks/nodeGroup:NodeGroup": (
        *("amiType", "capacityType", "clusterName", "diskSize", "instanceTypes", "nodeGroupName"),
        *("nodeRoleArn", "remoteAccess", "subnetIds"),
    ),
    "aws:kms/key:Key": ("customerMasterKeySpec", "customKeyStoreId", "keyUsage", "multiRegion", "xksKeyId"),
    "aws:rds/cluster:Cluster": ("clusterIdentifier", "databaseName", "engine", "kmsKeyId", "masterUsername"),
    "aws:rds/instance:Instance": (
        *("availabilityZone", "characterSetName", "customIamInstanceProfile", "dbName", "engine"),
        *("kmsKeyId", "ncharCharacterSetName", "restoreToPointInTime", "snapshotIdentifier"),
        *("storageEncrypted", "timezone", "username"),
    ),
    "aws:rds/subnetGroup:SubnetGroup": ("name", "namePrefix"),
    "aws:route53/zone:Zone": ("name", "delegationSetId"),
    "aws:s3/bucket:Bucket": ("bucket", "bucketPrefix", "objectLockEnabled"),
    "aws:s3/bucketV2:BucketV2": ("bucket", "bucketPrefix", "objectLockEnabled"),
    "gcp:artifactregistry/repository:Repository": (
        "format",
        "kmsKeyName",
        "location",
        "mode",
        "project",
        "repositoryId",
    ),
    "gcp:compute/disk:Disk": ("name", "diskEncryptionKey", "image", "project", "snapshot", "type", "zone"),
    "gcp:compute/network:Network": ("name", "autoCreateSubnetworks", "project"),
    "gcp:compute/subnetwork:Subnetwork": ("name", "network", "project", "region", "purpose"),
    "gcp:container/cluster:Cluster": (
        *("name", "clusterIpv4Cidr", "datapathProvider", "defaultMaxPodsPerNode", "enableAutopilot"),
        *("enableKubernetesAlpha", "initialNodeCount", "location", "network", "networkingMode"),
        *("privateClusterConfig.masterIpv4CidrBlock", "project", "subnetwork"),
        *("ipAllocationPolicy.clusterIpv4CidrBlock", "ipAllocationPolicy.clusterSecondaryRangeName"),
        *("ipAllocationPolicy.servicesIpv4CidrBlock", "ipAllocationPolicy.servicesSecondaryRangeName"),
    ),
    "gcp:container/nodePool:NodePool": (
        *("cluster", "initialNodeCount", "location", "maxPodsPerNode", "name", "namePrefix", "placementPolicy"),
        *("project", "nodeConfig.localSsdCount", "nodeConfig.oauthScopes", "nodeConfig.spot"),
        *("nodeConfig.serviceAccount", "nodeConfig.shieldedInstanceConfig"),
    ),
    "gcp:dns/managedZone:ManagedZone": ("dnsName", "name", "project", "visibility"),
    "gcp:kms/cryptoKey:CryptoKey": ("keyRing", "name", "purpose", "importOnly", "destroyScheduledDuration"),
    "gcp:kms/keyRing:KeyRing": ("location", "name", "project"),
    "gcp:sql/database:Database": ("instance", "name", "project"),
    "gcp:sql/databaseInstance:DatabaseInstance": (
        *("encryptionKeyName", "masterInstanceName", "name", "project", "region", "settings.collation"),
    ),
    "gcp:storage/bucket:Bucket": ("location", "name", "project", "customPlacementConfig"),
    # Another account, project or cluster behind a provider: everything it made is elsewhere.
    "pulumi:providers:aws": ("region", "accessKey", "assumeRoles"),
    "pulumi:providers:gcp": ("project", "region"),
    _KUBERNETES_PROVIDER: ("cluster", "context", "kubeconfig"),
}

_GROWING = {
    "PersistentVolumeClaim": ("spec", "resources", "requests", "storage"),
    "aws:ebs/volume:Volume": ("size",),
    "aws:rds/instance:Instance": ("allocatedStorage",),
    "gcp:compute/disk:Disk": ("size",),
    "gcp:sql/databaseInstance:DatabaseInstance": ("settings", "diskSize"),
}
"""Sizes that only grow."""

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([KMGTPE]i?|k|m)?")
_DECIMAL = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


def quantity(value: object) -> float | None:
    """A Kubernetes quantity or a plain number, in its unit; None where it is neither.

    Args:
        value: For example `10Gi`, `500m` or 20.

    Returns:
        The number.
    """
    if isinstance(value, int | float):
        return float(value)
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    number, suffix = float(found.group(1)), found.group(2) or ""
    if suffix == "m":
        return number / 1000
    return number * (1024 if suffix.endswith("i") else 1000) ** (_DECIMAL[suffix[0]] if suffix else 0)


def kind_of(token: str) -> str:
    """The last part of a type token: `StatefulSet` of `kubernetes:apps/v1:StatefulSet`."""
    return token.rpartition(":")[2]


def fixed_paths(token: str, provider: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs of a type that cannot be changed in place.

    Args:
        token: Type token.
        provider: Inputs of the resource's provider.

    Returns:
        Their paths.
    """
    if not token.startswith("kubernetes:"):
        return _CLOUDS.get(token, ())
    kind = kind_of(token)
    content = () if str(provider.get(_MUTABLE.get(kind, ""), "")).lower() == "true" else _CONTENT.get(kind, ())
    return (*_KUBERNETES_ALL, *_KUBERNETES.get(kind, ()), *content)


def identity_paths(token: str, inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs of a cloud resource or a provider that cannot be changed in place.

    Args:
        token: Type token.
        inputs: Its inputs.

    Returns:
        Their paths; none for a Kubernetes object, whose fields never come from what is replaced.
    """
    if token == _KUBERNETES_PROVIDER and inputs.get("clusterIdentifier"):
        return ("clusterIdentifier",)  # says by itself which cluster it is; credentials may change
    return _CLOUDS.get(token, ())


def replacements(
    token: str,
    base: Mapping[str, Any],
    head: Mapping[str, Any],
    provider: Mapping[str, Any],
    options: Mapping[str, Any],
) -> list[str]:
    """Why a resource must be replaced.

    Args:
        token: Type token.
        base: Inputs of the base.
        head: Inputs of the head.
        provider: Inputs of its provider in the head.
        options: Options of the head; `replaceOnChanges` and `ignoreChanges` count.

    Returns:
        A sentence for each reason; empty where the change can be made in place.
    """
    paths = identity_paths(token, base) if token == _KUBERNETES_PROVIDER else fixed_paths(token, provider)
    fixed = {path: f"`{path}` cannot be changed in place" for path in paths}
    fixed |= {path: f"`{path}` is in replaceOnChanges" for path in options.get("replaceOnChanges", ())}
    changed = [path for path in differing(base, head) if not _ignored(path, options.get("ignoreChanges", ()))]
    found = {reason: None for path in changed for rule, reason in fixed.items() if covers(rule, path)}
    return [*found, *_shrinking(token, base, head)]


def _ignored(path: tuple[str, ...], ignored: list[str]) -> bool:
    return any(covers(rule, path) for rule in ignored)


def covers(rule: str, path: tuple[str, ...]) -> bool:
    """Whether a path lies at or below a rule's, or holds it as a whole.

    Args:
        rule: Names with dots between them, `*` for any.
        path: Path of a changed leaf; elements of lists do not count.

    Returns:
        Whether it does.
    """
    wanted = [part for part in re.split(r"[.\[\]]+", rule) if part and part != "*" and not part.isdigit()]
    if rule == "*":
        return True
    names = [part for part in path if part != ELEMENT]
    length = min(len(wanted), len(names))
    return length > 0 and wanted[:length] == names[:length]


def _shrinking(token: str, base: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[str]:
    path = _GROWING.get(token) or _GROWING.get(kind_of(token))
    if path is None:
        return
    old, new = at(mapping(base), *path), at(mapping(head), *path)
    sizes = quantity(old), quantity(new)
    if sizes[0] is not None and sizes[1] is not None and sizes[1] < sizes[0]:
        yield f"`{'.'.join(path)}` shrinks from {old} to {new}, which no provider does in place"

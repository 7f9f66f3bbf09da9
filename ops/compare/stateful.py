"""What holds something that is lost with it: data, names that others know, keys.

What the provider only forgets (`deletionPolicy: ABANDON`) is not lost. Of the rest, in this order:

1. A resource that the program protects (`protect`) is stateful: the program says so.
2. A Namespace is, when the base has something of the list in it (volume claims, StatefulSets).
3. The types of the list below are.
4. Of any other cloud type, those whose name ends like something that keeps data (`...Bucket`, `...Zone`).
5. A provider that points elsewhere (another cluster, account, project or region) is: everything it made stays behind.
   A provider that goes away is not; what it made goes before it, each with a line of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ops.compare.immutable import kind_of
from ops.compare.plain import at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KUBERNETES = {
    "PersistentVolume": "a volume's data",
    "PersistentVolumeClaim": "a volume's data",
    "StatefulSet": "pods with volumes and fixed names",
    "VolumeSnapshot": "a snapshot",
    "VolumeSnapshotContent": "a snapshot",
    "CustomResourceDefinition": "every object of that kind",
}
_CLOUDS = {
    "aws:cloudwatch/logGroup:LogGroup": "logs",
    "aws:dynamodb/table:Table": "a table's data",
    "aws:ebs/snapshot:Snapshot": "a snapshot",
    "aws:ebs/volume:Volume": "a disk's data",
    "aws:ecr/repository:Repository": "a registry's images",
    "aws:efs/fileSystem:FileSystem": "files",
    "aws:eks/cluster:Cluster": "a cluster and all in it",
    "aws:elasticache/replicationGroup:ReplicationGroup": "a store's data",
    "aws:kms/key:Key": "a key, and all that it encrypts",
    "aws:rds/cluster:Cluster": "a database",
    "aws:rds/instance:Instance": "a database",
    "aws:route53/zone:Zone": "a DNS zone and its name servers",
    "aws:s3/bucket:Bucket": "a bucket's objects",
    "aws:s3/bucketV2:BucketV2": "a bucket's objects",
    "aws:secretsmanager/secret:Secret": "a secret",
    "gcp:artifactregistry/repository:Repository": "a registry's images",
    "gcp:compute/disk:Disk": "a disk's data",
    "gcp:container/cluster:Cluster": "a cluster and all in it",
    "gcp:dns/managedZone:ManagedZone": "a DNS zone and its name servers",
    "gcp:filestore/instance:Instance": "files",
    "gcp:kms/cryptoKey:CryptoKey": "a key, and all that it encrypts",
    "gcp:kms/keyRing:KeyRing": "keys, and all that they encrypt",
    "gcp:redis/instance:Instance": "a store's data",
    "gcp:secretmanager/secret:Secret": "a secret",
    "gcp:sql/database:Database": "a database",
    "gcp:sql/databaseInstance:DatabaseInstance": "a database",
    "gcp:storage/bucket:Bucket": "a bucket's objects",
    "pulumi:index:Stash": "a generated credential",
}
_KEEPS_DATA = re.compile(
    r"(Bucket(V2|v2)?|Database(Instance)?|Disk|Volume|(?<!Route)Table|Zone|CryptoKey|KeyRing|Cluster|Registry|Repository|"
    r"FileSystem|Vault|Snapshot|Topic|Queue)$"
)
_CLOUD_PACKAGES = re.compile(r"(?!kubernetes|pulumi|slipway)[a-z0-9-]+:")
_PROVIDERS = ("pulumi:providers:aws", "pulumi:providers:gcp", "pulumi:providers:kubernetes")


def what_is_lost(entry: Mapping[str, Any], base: Iterable[Mapping[str, Any]]) -> str | None:
    """What is lost when a resource of the base is deleted or replaced, in a few words; None where nothing is."""
    token: str = entry["type"]
    kind = kind_of(token)
    if at(entry["inputs"], "deletionPolicy") == "ABANDON":
        return None  # the provider forgets it, and it stays where it is
    known = _KUBERNETES.get(kind) if token.startswith("kubernetes:") else _CLOUDS.get(token)
    if token == "kubernetes:core/v1:Namespace":  # noqa: S105 - a type token
        known = _held_by(entry, base)
    elif known is None and _CLOUD_PACKAGES.match(token) and _KEEPS_DATA.search(kind):
        known = "what it keeps"
    elif token in _PROVIDERS:
        known = "the hold on everything made through it"
    if known is None and entry["protect"]:
        known = "something that the program protects"
    return known


def _held_by(namespace: Mapping[str, Any], base: Iterable[Mapping[str, Any]]) -> str | None:
    name = at(namespace["inputs"], "metadata", "name")
    held: list[str] = []
    for entry in base:
        own = entry["provider"] == namespace["provider"] and entry["type"].startswith("kubernetes:")
        # The namespace of an object is the name, or a reference to the Namespace.
        where = at(entry["inputs"], "metadata", "namespace")
        if own and kind_of(entry["type"]) in _KUBERNETES and where in (name, f"${{{namespace['name']}.metadata.name}}"):
            held.append(at(entry["inputs"], "metadata", "name") or entry["name"])
    return f"all in the namespace, with the data of {', '.join(sorted(held))}" if held else None

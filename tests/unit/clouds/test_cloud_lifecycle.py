"""One setting, `ephemeral` or `durable`, drives protection, deletion, snapshots and retention everywhere."""

from __future__ import annotations

import re
from typing import Any

import pytest

from policies.clouds import PROTECTED
from policies.model import dig
from tests.unit.clouds.graph import Graph

Plan = dict[str, Any]

# Type, input, value where durable, value where ephemeral.
SWITCHES: list[tuple[str, tuple[str | int, ...], Any, Any]] = [
    ("aws:eks/cluster:Cluster", ("deletionProtection",), True, False),
    ("gcp:container/cluster:Cluster", ("deletionProtection",), True, False),
    ("aws:rds/instance:Instance", ("deletionProtection",), True, False),
    ("aws:rds/instance:Instance", ("skipFinalSnapshot",), False, True),
    ("aws:rds/instance:Instance", ("finalSnapshotIdentifier",), "slipway-prod-postgres-final", None),
    ("aws:rds/instance:Instance", ("deleteAutomatedBackups",), False, True),
    ("aws:rds/instance:Instance", ("backupRetentionPeriod",), 14, 1),
    ("aws:rds/instance:Instance", ("multiAz",), True, False),
    ("gcp:sql/databaseInstance:DatabaseInstance", ("deletionProtection",), True, False),
    ("gcp:sql/databaseInstance:DatabaseInstance", ("settings", "deletionProtectionEnabled"), True, False),
    ("gcp:sql/databaseInstance:DatabaseInstance", ("settings", "retainBackupsOnDelete"), True, False),
    ("gcp:sql/databaseInstance:DatabaseInstance", ("settings", "finalBackupConfig", "enabled"), True, False),
    ("gcp:sql/databaseInstance:DatabaseInstance", ("settings", "availabilityType"), "REGIONAL", "ZONAL"),
    ("gcp:servicenetworking/connection:Connection", ("deletionPolicy",), "DELETE", "REMOVE_PEERING"),
    # What Google refuses to change, and would be made anew with everything that it encrypts.
    ("gcp:kms/cryptoKey:CryptoKey", ("destroyScheduledDuration",), "2592000s", "2592000s"),
    ("aws:ecr/repository:Repository", ("forceDelete",), False, True),
    ("aws:route53/zone:Zone", ("forceDestroy",), False, True),
    ("gcp:dns/managedZone:ManagedZone", ("forceDestroy",), False, True),
    ("aws:cloudwatch/logGroup:LogGroup", ("skipDestroy",), True, False),
    ("kubernetes:storage.k8s.io/v1:StorageClass", ("reclaimPolicy",), "Retain", "Delete"),
]
# The bucket of the state is durable whatever the stack is: the stack's own state is in it.
ALWAYS_DURABLE = (
    *("state-store", "state-key", "state-key-alias", "state-public-access", "state-ownership"),
    *("state-versioning", "state-encryption", "state-lifecycle", "state-tls-only"),
)


@pytest.mark.parametrize(("kind", "path", "durable", "ephemeral"), SWITCHES, ids=lambda value: str(value)[:50])
def test_switches(
    durable_plan: Plan, ephemeral_plan: Plan, kind: str, path: tuple[str | int, ...], durable: Any, ephemeral: Any
) -> None:
    for plan, wanted in ((durable_plan, durable), (ephemeral_plan, ephemeral)):
        found = [dig(entry["inputs"], *path) for entry in Graph(plan).of_type(kind)]
        assert found, kind
        assert found == [wanted] * len(found)


def test_what_cannot_be_made_again_is_protected_where_durable(durable_plan: Plan, ephemeral_plan: Plan) -> None:
    for kind in PROTECTED:
        entries = Graph(durable_plan).of_type(kind)
        assert entries, kind
        assert [e["name"] for e in entries if not e["protect"]] == []
    protected = {e["name"] for e in ephemeral_plan["resources"] if e["protect"]}
    assert protected == set(ALWAYS_DURABLE)


def test_keys_wait_longer_where_durable(durable_plan: Plan, ephemeral_plan: Plan) -> None:
    for plan, days in ((durable_plan, 30), (ephemeral_plan, 7)):
        for entry in Graph(plan).of_type("aws:kms/key:Key"):
            wanted = 30 if entry["name"] in ALWAYS_DURABLE else days
            assert entry["inputs"]["deletionWindowInDays"] == wanted
            assert entry["inputs"]["enableKeyRotation"] is True


def test_the_state_bucket_is_never_emptied(ephemeral_plan: Plan) -> None:
    assert Graph(ephemeral_plan).named("state-store")["inputs"]["forceDestroy"] is False


def test_every_long_operation_has_time(durable_plan: Plan) -> None:
    """Pulumi gives up after 30 minutes unless it is told otherwise; clusters and databases take longer at times."""
    kinds = (
        "aws:eks/cluster:Cluster",
        "aws:eks/nodeGroup:NodeGroup",
        "aws:rds/instance:Instance",
        "gcp:container/cluster:Cluster",
        "gcp:container/nodePool:NodePool",
        "gcp:sql/databaseInstance:DatabaseInstance",
    )
    for kind in kinds:
        for entry in Graph(durable_plan).of_type(kind):
            timeouts = entry["options"]["customTimeouts"]
            assert set(timeouts) == {"create", "update", "delete"}
            assert all(int(re.fullmatch(r"(\d+)m", value).group(1)) >= 45 for value in timeouts.values())  # pyright: ignore[reportOptionalMemberAccess] - a wrong value fails the test

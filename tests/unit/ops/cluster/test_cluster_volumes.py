"""Sizes of volumes: grown where the storage class can, refused in one sentence where it cannot, never made smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.progress import SilentProgress
from ops.cluster import volumes
from ops.errors import RefusedError
from ops.kube import Key
from ops.load import load
from tests.support.memory import MemoryCluster
from tests.support.thing import thing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ops.stack import Stack

STACK = """\
config:
  slipway:clusters:
    local: {kind: existing, context: test, storageClass: fast, monitoring: {storage: 4Gi}}
  slipway:apps:
    todo: {cluster: local, storage: 2Gi}
    guestbook: {cluster: local}
"""


class Cluster(MemoryCluster):
    """A cluster that notes patches."""

    def __init__(self) -> None:
        super().__init__()
        self.patches: list[list[str]] = []

    def run(
        self, arguments: Sequence[str], *, stdin: str | None = None, timeout: float = 120, partial: bool = False
    ) -> str:
        if arguments[0] == "patch":
            self.patches.append(list(arguments[1:]))
            return ""
        return super().run(arguments, stdin=stdin, timeout=timeout, partial=partial)


@pytest.fixture
def stack(project: Path) -> Stack:
    (project / "Pulumi.dev.yaml").write_text(STACK, encoding="utf-8")
    return load("dev", SilentProgress())


def cluster(*claims: tuple[str, str, str], grows: bool) -> Cluster:
    found = Cluster()
    found.put(thing("StorageClass", "fast", {"allowVolumeExpansion": True} if grows else {}))
    for namespace, name, size in claims:
        found.put(thing("Namespace", namespace))
        spec = {"storageClassName": "fast", "resources": {"requests": {"storage": size}}}
        labels = {"slipway.dev/stack": "dev"}
        found.put(thing("PersistentVolumeClaim", f"{namespace}/{name}", {"spec": spec}, labels=labels))
    return found


def growing(stack: Stack, found: Cluster) -> list[volumes.Growth]:
    return volumes.growing(stack, "local", found, volumes.live(found, stack))


TODO, PROMETHEUS, REDIS = ("todo", "data-griddb-server-0"), ("monitoring", "data-prometheus-0"), "data-redis-master-0"


def test_a_claim_grows_where_its_class_can(stack: Stack) -> None:
    found = cluster((*TODO, "1Gi"), (*PROMETHEUS, "4096Mi"), ("guestbook", REDIS, "1Gi"), grows=True)
    growths = growing(stack, found)
    assert growths == [volumes.Growth(Key("", "PersistentVolumeClaim", *TODO), "1Gi", "2Gi")]
    assert growths[0].change("local").note == "grows from 1Gi to 2Gi"
    volumes.grow(found, growths)
    (patch,) = found.patches
    assert patch[:4] == ["persistentvolumeclaim", TODO[1], "-n", TODO[0]]
    assert '{"spec": {"resources": {"requests": {"storage": "2Gi"}}}}' in patch[-1]


def test_a_class_that_cannot_is_named_with_the_setting(stack: Stack) -> None:
    with pytest.raises(RefusedError) as refused:
        growing(stack, cluster((*TODO, "1Gi"), grows=False))
    assert str(refused.value) == (
        "apps.todo.storage = 2Gi: PersistentVolumeClaim todo/data-griddb-server-0 has 1Gi, and storage class fast of "
        "cluster local cannot make volumes larger; set 1Gi. Nothing was changed"
    )


@pytest.mark.parametrize("grows", [True, False])
def test_a_volume_never_becomes_smaller(stack: Stack, grows: bool) -> None:
    with pytest.raises(RefusedError, match=r"clusters.local.monitoring.storage = 4Gi: .* has 5Gi, and .* never"):
        growing(stack, cluster((*PROMETHEUS, "5Gi"), grows=grows))


def test_a_size_that_is_no_setting_may_have_been_raised_by_hand(stack: Stack) -> None:
    assert growing(stack, cluster(("guestbook", REDIS, "1.5Gi"), grows=False)) == []


def test_claims_of_others_are_left_alone(stack: Stack) -> None:
    assert growing(stack, cluster((TODO[0], f"{TODO[1]}-copy", "1Gi"), ("todo", "data-0", "1Gi"), grows=False)) == []


def test_the_program_leaves_the_templates_of_claims_as_they_were(stack: Stack) -> None:
    """Another template is another StatefulSet for Pulumi's provider, and claims of ephemeral stacks go with the old."""
    resources = [r for r in stack.rendered.plan["resources"] if r["inputs"].get("kind") == "StatefulSet"]
    assert len(resources) == 3
    for resource in resources:
        assert resource["options"]["ignoreChanges"] == ["spec.volumeClaimTemplates"]

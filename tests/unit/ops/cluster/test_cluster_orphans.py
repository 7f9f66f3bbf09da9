"""What carries the stack's label although the stack does not make it."""

from __future__ import annotations

from typing import Any

import pytest

from ops.cluster.orphans import Orphans, orphans, remove
from ops.kube import Key
from tests.support.memory import MemoryCluster
from tests.support.thing import thing


def found(*items: dict[str, Any], known: tuple[str, ...] = (), durable: bool = False) -> Orphans:
    made = {Key.of(item): item for item in items}
    return orphans(made, {Key("apps", "Deployment", "n", "ours")}, known, durable=durable)


def test_what_nobody_makes_is_an_orphan() -> None:
    ours, theirs = thing("Deployment", "n/ours"), thing("Deployment", "n/theirs")
    assert found(ours, theirs) == Orphans([Key.of(theirs)])
    # What left the program is in Pulumi's state, and removed by Pulumi itself.
    assert found(ours, theirs, known=("Deployment n/theirs",)) == Orphans()


@pytest.mark.parametrize("durable", [False, True])
def test_namespaces_and_data_of_a_durable_stack_are_left_to_people(durable: bool) -> None:
    space, claim = thing("Namespace", "theirs"), thing("PersistentVolumeClaim", "n/data")
    left = found(space, claim, durable=durable)
    assert left.spared == ([Key.of(space), Key.of(claim)] if durable else [Key.of(space)])
    assert [change.name for change in left.changes("c")] == ([] if durable else ["PersistentVolumeClaim n/data"])
    notes = {difference.name: difference.note for difference in left.differences("c")}
    assert "a namespace goes with all that is in it" in notes["Namespace theirs"]
    assert ("delete it by hand" in notes["PersistentVolumeClaim n/data"]) is durable


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("known", [(), ("StatefulSet n/db",)], ids=["an orphan itself", "in the state"])
def test_a_claim_of_a_stateful_set_that_is_there_is_no_orphan(durable: bool, known: tuple[str, ...]) -> None:
    """Just after `durable` became `ephemeral` nobody owns it, and it was taken for an orphan, and deleted."""
    store = thing("StatefulSet", "n/db", {"spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}})
    names = ("data-db-0", "data-db-11", "data-db-x", "data-other-0")
    claims = [thing("PersistentVolumeClaim", f"n/{name}") for name in names]
    left = found(store, *claims, known=known, durable=durable)
    orphaned = {key.name for key in (*left.removable, *left.spared)}
    assert orphaned == {"data-db-x", "data-other-0"} | (set() if known else {"db"})


def test_only_the_removable_go() -> None:
    cluster = MemoryCluster()
    cluster.put(thing("Namespace", "n"))
    cluster.put(thing("Deployment", "n/theirs"))
    left = Orphans([Key("apps", "Deployment", "n", "theirs")], [Key("", "Namespace", "", "n")])
    assert remove(cluster, left)
    assert [str(key) for key in cluster.objects] == ["Namespace n"]
    assert not remove(cluster, Orphans(spared=left.spared))

"""The documented destroy of a durable stack: `lifecycle: ephemeral` and `up`, then `destroy --exclude-protected`."""

from __future__ import annotations

from typing import Any

import pytest

from ops.render.program import PROJECT_DIR, render_config
from stacks.stack_file import read_stack_config
from tests.support.cases import changed
from tests.unit.clouds.graph import Graph
from tests.unit.clouds.test_cloud_lifecycle import ALWAYS_DURABLE

Plan = dict[str, Any]
PROVIDER = "pulumi:providers:"


def left_behind(graph: Graph) -> set[str]:
    """URNs that `--exclude-protected` leaves: what is protected, and all that it depends on, as Pulumi's
    `getProtectedExcludes` has it: by value and by name, parents, and providers, all the way."""
    left, todo = set[str](), [urn for urn, entry in graph.entries.items() if entry["protect"]]
    while todo:
        urn = todo.pop()
        if urn not in left:
            left.add(urn)
            parent = graph.entries[urn]["parent"]
            todo += [*graph.edges(urn), *([parent] if parent else [])]
    return left


@pytest.fixture(scope="module")
def graph() -> Graph:
    """Prod after the first of the two steps."""
    return Graph(render_config(changed(read_stack_config(PROJECT_DIR, "prod"), lifecycle="ephemeral")).plan)


def test_only_the_state_and_the_way_to_it_stay(graph: Graph) -> None:
    left = [graph.entries[urn] for urn in left_behind(graph)]
    assert {e["name"] for e in left if e["custom"]} == {*ALWAYS_DURABLE, "tokyo-aws"}
    assert {e["type"] for e in left if not e["custom"]} == {
        "pulumi:pulumi:Stack",
        "slipway:foundation:StateBucket",
        "slipway:foundation:AwsAccount",
    }


def test_nothing_that_goes_is_needed_by_what_stays(graph: Graph) -> None:
    left = left_behind(graph)
    assert [urn for urn in left if not graph.edges(urn) <= left] == []


def test_each_resource_goes_while_its_provider_is_there(graph: Graph) -> None:
    """Providers are explicit: one that goes does so after everything that it made, whichever cloud or cluster it is."""
    gone = graph.entries.keys() - left_behind(graph)
    managed = [e for e in graph.entries.values() if e["custom"] and not e["type"].startswith("pulumi:")]
    assert len(managed) > 200
    for entry in managed:
        provider = graph.entries[entry["provider"]]
        assert provider["urn"] not in gone or graph.goes_before(entry, provider), entry["name"]
    assert {e["name"] for e in graph.entries.values() if e["type"].startswith(PROVIDER) and e["urn"] in gone} == {
        "staging-kubernetes",
        "nginx-asia-kubernetes",
        "asia-gcp",
    }


def test_nothing_that_goes_is_protected_by_its_cloud(graph: Graph) -> None:
    """What the clouds themselves refuse to delete was unlocked by the first step."""
    left = left_behind(graph)
    locked = [
        (e["name"], key)
        for e in graph.entries.values()
        if e["urn"] not in left
        for key in ("deletionProtection", "skipDestroy", "retainOnDelete")
        if e["inputs"].get(key) is True
    ]
    assert locked == []


def test_before_the_first_step_almost_everything_would_stay(durable_plan: Plan) -> None:
    graph = Graph(durable_plan)
    kept = {graph.entries[urn]["name"] for urn in left_behind(graph)}
    assert {"staging-cluster", "nginx-asia-cluster", "postgres-database-instance", "staging-vpc"} <= kept

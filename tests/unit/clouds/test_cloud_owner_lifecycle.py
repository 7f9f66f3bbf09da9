"""Owner and lifecycle change in place, there and back: nothing that holds data or runs pods is made anew."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from ops.compare.compare import compare
from ops.compare.sources import Render, Side
from ops.render.program import PROJECT_DIR, render_config
from stacks.stack_file import read_stack_config
from tests.support.cases import changed

if TYPE_CHECKING:
    from ops.compare.model import StackDifference

CHANGES = [
    ({"lifecycle": "durable"}, {"lifecycle": "ephemeral"}),
    ({"lifecycle": "ephemeral"}, {"lifecycle": "durable"}),
    ({"owner": "one-team"}, {"owner": "another-team"}),
]
# A class of the same name in its place; volumes and claims know it by its name alone.
REPLACED = {"StorageClass gp3"}


@cache
def resources(stack: str, **settings: str) -> list[dict[str, Any]]:
    return render_config(changed(read_stack_config(PROJECT_DIR, stack), **settings)).plan["resources"]


def difference(base: list[dict[str, Any]], head: list[dict[str, Any]]) -> StackDifference:
    (found,) = compare(Side("before", {"x": Render(base)}), Side("after", {"x": Render(head)})).stacks
    return found


@pytest.mark.parametrize(("before", "after"), CHANGES, ids=lambda settings: "-".join(settings.values()))
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_nothing_is_lost(stack: str, before: dict[str, str], after: dict[str, str]) -> None:
    found = difference(resources(stack, **before), resources(stack, **after))
    assert len(found.changes) > 50
    anew = {change.label for change in found.changes if change.operation != "update"}
    assert anew == (REPLACED if stack == "prod" and "lifecycle" in after else set())
    lost = {change.danger for change in found.dangers}
    assert lost <= ({"a protection"} if after.get("lifecycle") == "ephemeral" else set())


def test_the_storage_class_goes_before_its_successor_comes() -> None:
    """Its name is fixed, and the API server refuses to change these (storage.k8s.io/v1)."""
    (storage,) = [entry for entry in resources("prod") if entry["type"].endswith(":StorageClass")]
    assert storage["options"]["deleteBeforeReplace"] is True
    assert storage["options"]["replaceOnChanges"] == ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_claim_templates_say_nothing_that_can_change(stack: str) -> None:
    sets = [entry for entry in resources(stack) if entry["type"].endswith(":StatefulSet")]
    assert sets
    for entry in sets:
        for claim in entry["inputs"]["spec"].get("volumeClaimTemplates", ()):
            own = {key for key in claim["metadata"]["labels"] if key.startswith("slipway.dev/")}
            assert own == {"slipway.dev/project", "slipway.dev/stack", "slipway.dev/system"}


def test_what_makes_nodes_says_nothing_that_can_change() -> None:
    before, after = ({e["name"]: e for e in resources("prod", owner=owner)} for owner in ("one-team", "another-team"))
    for name, path in (("staging-node-template", "tagSpecifications"), ("nginx-asia-node-pool", "nodeConfig")):
        assert before[name]["inputs"][path] == after[name]["inputs"][path]

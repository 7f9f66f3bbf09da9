"""The table of inputs that cannot be changed in place: complete, with a source for each row, and without a slip."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from ops.compare.compare import compare
from ops.compare.immutable import fixed_paths, key_of, refusals, replacements, table
from ops.compare.sources import Render, Side
from ops.compare.stateful import what_is_lost
from ops.compare.timing import when_applied
from ops.render.placeholders import output_types
from ops.render.program import PROJECT_DIR, render_config
from stacks.stack_file import read_stack_config
from tests.support.cases import case_names, changed, rendered, tree

COLUMNS = {"replaces", "refused", "source"}
SOURCES = ("k8s: ", "aws: ", "google: ", "pulumi: ", "what the provider's arguments mean")


@cache
def full() -> list[dict[str, Any]]:
    """Prod as a tutorial environment with everything on that it leaves off."""
    config = read_stack_config(PROJECT_DIR, "prod")
    clusters = tree(config, "clusters")
    clusters["staging"] |= {
        "nodes": {"minCount": 1, "maxCount": 5},
        "network": {"flowLogs": True},
        "monitoring": {},
        "ssh": {"publicKey": "ssh-ed25519 " + "A" * 68, "sources": ["10.0.0.0/8"]},
    }
    clusters["nginx-asia"]["ingress"] = {"https": {}}
    apps = tree(config, "apps")
    apps["nginx"]["host"] = "nginx.k8s.example.com"
    deployers = tree(config, "deployers")
    deployers["tokyo"]["iamUser"] = {"reason": "the pipeline has no OpenID Connect"}
    changes = {"clusters": clusters, "deployers": deployers, "apps": apps}
    return render_config(changed(config, lifecycle="ephemeral", **changes)).plan["resources"]


@cache
def used() -> frozenset[str]:
    plans = [*(rendered(case).plan["resources"] for case in case_names()), full()]
    return frozenset(key_of(entry["type"]) for plan in plans for entry in plan if entry["custom"])


def test_every_type_of_every_plan_has_a_row() -> None:
    assert len(used()) > 80
    assert used() - set(table()) == set()


def test_no_row_is_left_over() -> None:
    # Workloads may have a claim of their own, which none of the systems asks for.
    assert set(table()) - used() == {"kubernetes", "kubernetes:PersistentVolumeClaim"}


def test_every_row_has_a_source_and_known_columns() -> None:
    for key, row in table().items():
        assert set(row) <= COLUMNS, key
        assert row["source"].startswith(SOURCES), key
        for column in ("replaces", "refused"):
            paths = row.get(column, [])
            assert len(set(paths)) == len(paths), key
            assert all(isinstance(path, str) and path for path in paths), key


@pytest.mark.parametrize("prefix", ["aws:", "gcp:"])
def test_every_path_begins_with_an_input_of_its_type(prefix: str) -> None:
    rows = {key: row for key, row in table().items() if key.startswith(prefix)}
    assert len(rows) > 20
    for key, row in rows.items():
        names = {path.split(".")[0] for column in ("replaces", "refused") for path in row.get(column, ())}
        assert names - set(output_types(key)) == set(), key


def test_what_the_api_server_refuses_counts_as_replaced() -> None:
    token = "kubernetes:storage.k8s.io/v1:StorageClass"  # noqa: S105 - a type token
    assert {"parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"} <= set(fixed_paths(token, {}))
    assert replacements(token, {"reclaimPolicy": "Retain"}, {"reclaimPolicy": "Delete"}, {}, {})


def test_what_a_cloud_refuses_is_said() -> None:
    token, (one, other) = "aws:eks/cluster:Cluster", ({"vpcConfig": {"subnetIds": [text]}} for text in "ab")
    assert refusals(token, one, other, {}) == ["its cloud refuses to change `vpcConfig.subnetIds`"]
    assert refusals(token, one, other, {"ignoreChanges": ["vpcConfig.subnetIds"]}) == []


@pytest.mark.parametrize(
    ("token", "key", "old", "new", "refused"),
    [
        ("aws:eks/cluster:Cluster", "version", "1.36", "1.35", True),
        ("aws:eks/cluster:Cluster", "version", "1.9", "1.10", False),
        ("aws:rds/instance:Instance", "engineVersion", "17", "16", True),
        ("gcp:sql/databaseInstance:DatabaseInstance", "databaseVersion", "MYSQL_8_4", "MYSQL_8_0", True),
        ("gcp:sql/databaseInstance:DatabaseInstance", "databaseVersion", "POSTGRES_16", "POSTGRES_17", False),
    ],
)
def test_a_version_never_goes_back(token: str, key: str, old: str, new: str, refused: bool) -> None:
    said = refusals(token, {key: old}, {key: new}, {})
    assert said == ([f"its cloud refuses to go back from {old} to {new}"] if refused else [])


def test_a_disk_that_grows_by_itself_is_never_made_smaller() -> None:
    """Cloud SQL would be made anew for it, with all its data; RDS keeps what there is."""
    (instance,) = [entry for entry in full() if entry["type"] == "gcp:sql/databaseInstance:DatabaseInstance"]
    token, inputs = instance["type"], instance["inputs"]
    assert inputs["settings"]["diskAutoresize"]
    grown = {**inputs, "settings": {**inputs["settings"], "diskSize": 70}}
    assert replacements(token, grown, inputs, {}, instance["options"]) == []
    assert replacements(token, grown, inputs, {}, {}) == [
        "`settings.diskSize` shrinks from 70 to 20, which no provider does in place"
    ]
    rds = "aws:rds/instance:Instance"
    assert replacements(rds, {"allocatedStorage": 70}, {"allocatedStorage": 20}, {}, {}) == []
    assert when_applied(rds, {"allocatedStorage": 70}, {"allocatedStorage": 20}) == [
        "`allocatedStorage` stays as it is: storage never shrinks"
    ]


def test_a_type_without_a_row_is_no_promise() -> None:
    assert refusals("aws:sqs/queue:Queue", {"name": "a"}, {"name": "b"}, {}) == [
        "whether this can be made in place only the engine's preview knows"
    ]


def test_a_change_that_waits_is_told_with_its_window() -> None:
    def said(**settings: Any) -> str:
        config = read_stack_config(PROJECT_DIR, "prod")
        databases = tree(config, "databases")
        base = render_config(config).plan["resources"]
        databases["postgres"] |= settings
        head = render_config(changed(config, databases=databases)).plan["resources"]
        (stack,) = compare(Side("b", {"prod": Render(base)}), Side("h", {"prod": Render(head)})).stacks
        (change,) = [change for change in stack.changes if change.type == "aws:rds/instance:Instance"]
        return " ".join(change.reasons)

    assert "waits for the maintenance window (sat:18:30-sat:19:30 UTC)" in said(size="db.t4g.small")
    assert "is changed at once" in said(size="db.t4g.small", applyImmediately=True)
    assert "refuses another major version without `allowMajorVersionUpgrade`" in said(version="16")


def test_what_the_provider_only_forgets_is_not_lost() -> None:
    schema: dict[str, Any] = {"type": "gcp:sql/database:Database", "inputs": {"name": "x"}, "protect": False}
    assert what_is_lost(schema, []) == "a database"
    assert what_is_lost({**schema, "inputs": {"name": "x", "deletionPolicy": "ABANDON"}}, []) is None

"""The difference of two plans: what happens to which resource, and what is lost by it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ops.cluster.diff import yaml_diff
from ops.compare.compare import compare
from ops.compare.immutable import covers, quantity
from ops.compare.plain import differing, masked, to_text, unified
from ops.compare.sources import Render, Side

if TYPE_CHECKING:
    from ops.compare.model import Change, StackDifference

Entry = dict[str, Any]
GOLDEN = Path(__file__).resolve().parents[2] / "golden"


def entry(token: str, name: str, inputs: dict[str, Any] | None = None, **more: Any) -> Entry:
    """A resource as plan.json has it."""
    custom, under = not token.startswith("slipway:"), more.pop("under", "")
    return {
        "urn": f"urn:pulumi:dev::slipway::{under}{'$' if under else ''}{token}::{name}",
        "type": token,
        "name": name,
        "custom": custom,
        "parent": more.pop("parent", None),
        "provider": more.pop("provider", None),
        "dependencies": [],
        "protect": more.pop("protect", False),
        "options": more.pop("options", {}),
        "inputs": inputs or {},
        **more,
    }


def kubernetes(kind: str, name: str, body: dict[str, Any] | None = None, **more: Any) -> Entry:
    """A Kubernetes object in the namespace `shop`, made by the provider `local-kubernetes`."""
    groups = {"StatefulSet": "apps/v1", "Deployment": "apps/v1", "ClusterRoleBinding": "rbac/v1"}
    metadata = {"name": name, **({} if kind == "Namespace" else {"namespace": "shop"})}
    inputs = {"apiVersion": "v1", "kind": kind, "metadata": metadata, **(body or {})}
    more.setdefault("provider", PROVIDER["urn"])
    token, logical = f"kubernetes:{groups.get(kind, 'core/v1')}:{kind}", more.pop("logical", f"shop-{name}")
    return entry(token, logical, inputs, **more)


PROVIDER = entry("pulumi:providers:kubernetes", "local-kubernetes", {"context": "slipway"})


def stack(base: list[Entry], head: list[Entry], *, allowed: bool = False) -> StackDifference:
    found = compare(Side("b", {"dev": Render(base)}), Side("h", {"dev": Render(head)}), allowed=allowed)
    assert bool(found.blocked) == bool(found.dangers and not allowed)
    return found.stacks[0]


def only(base: list[Entry], head: list[Entry]) -> Change:
    (change,) = stack([PROVIDER, *base], [PROVIDER, *head]).changes
    return change


def changed(value: Entry, *path: str, to: Any) -> Entry:
    """A copy with another value at a path of the inputs."""
    result = copy.deepcopy(value)
    place = result["inputs"]
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = to
    return result


def golden(name: str) -> list[Entry]:
    return json.loads((GOLDEN / name / "plan.json").read_text())["resources"]


def test_the_same_plan_changes_nothing_however_it_is_ordered() -> None:
    for name in ("dev", "prod"):
        plan = golden(name)
        other = list(reversed(copy.deepcopy(plan)))
        found = stack(plan, other)
        assert found.changes == ()
        assert found.unchanged == sum(resource["custom"] for resource in plan)


def test_a_stack_that_is_new_creates_everything_and_loses_nothing() -> None:
    plan = golden("prod")
    found = compare(Side("b", {}), Side("h", {"prod": Render(plan)})).stacks[0]
    assert found.state == "new"
    assert {change.operation for change in found.changes} == {"create"}
    assert len(found.changes) == sum(resource["custom"] for resource in plan)
    assert not found.dangers


def test_a_stack_that_goes_away_loses_what_is_stateful_in_it() -> None:
    plan = golden("prod")
    found = compare(Side("b", {"prod": Render(plan)}), Side("h", {})).stacks[0]
    assert found.state == "removed"
    lost = {change.type for change in found.dangers}
    assert lost >= {
        "aws:rds/instance:Instance",
        "aws:s3/bucket:Bucket",
        "aws:route53/zone:Zone",
        "aws:kms/key:Key",
        "aws:ecr/repository:Repository",
        "aws:eks/cluster:Cluster",
        "gcp:container/cluster:Cluster",
        "gcp:sql/databaseInstance:DatabaseInstance",
        "gcp:artifactregistry/repository:Repository",
        "gcp:kms/cryptoKey:CryptoKey",
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:core/v1:Namespace",
        "pulumi:index:Stash",
    }
    harmless = {"aws:ec2/routeTable:RouteTable", "kubernetes:core/v1:Service", "aws:ec2/securityGroup:SecurityGroup"}
    assert harmless <= {resource["type"] for resource in plan} - lost


def test_a_namespace_is_lost_only_with_claims_in_it() -> None:
    namespace = kubernetes("Namespace", "shop")
    assert only([namespace], []).danger is None
    claim = kubernetes("PersistentVolumeClaim", "data")
    found = stack([PROVIDER, namespace, claim], [PROVIDER])
    assert {change.label for change in found.dangers} == {"Namespace shop", "PersistentVolumeClaim shop/data"}
    elsewhere = copy.deepcopy(claim)
    elsewhere["inputs"]["metadata"]["namespace"] = "another"
    assert [c.label for c in stack([PROVIDER, namespace, elsewhere], [PROVIDER]).dangers] == [
        "PersistentVolumeClaim another/data"
    ]


DEPLOYMENT = kubernetes("Deployment", "web", {"spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}}})
CLAIM_TEMPLATE = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
DB_TEMPLATE = {"spec": {"containers": [{"image": "db:1"}]}}
STATEFUL_SPEC = {"serviceName": "db", "template": DB_TEMPLATE, "volumeClaimTemplates": [CLAIM_TEMPLATE]}
STATEFUL = kubernetes("StatefulSet", "db", {"spec": STATEFUL_SPEC})
BINDING = kubernetes("ClusterRoleBinding", "reader", {"roleRef": {"name": "reader"}, "subjects": []})
CLAIM = kubernetes("PersistentVolumeClaim", "data", {"spec": {"resources": {"requests": {"storage": "10Gi"}}}})
DATABASE_INPUTS = {"engine": "postgres", "instanceClass": "a", "allocatedStorage": 20, "dbName": "x"}
DATABASE = entry("aws:rds/instance:Instance", "db", DATABASE_INPUTS)
CLUSTER = entry("gcp:container/cluster:Cluster", "c", {"location": "asia-east1-a", "resourceLabels": {"a": "b"}})
UNKNOWN = entry("azure-native:storage:FileSystem", "f", {"name": "f"})


@pytest.mark.parametrize(
    ("resource", "path", "value", "operation", "lost"),
    [
        (DEPLOYMENT, ("spec", "replicas"), 3, "update", False),
        (DEPLOYMENT, ("spec", "selector", "matchLabels", "app"), "other", "replace", False),
        (DEPLOYMENT, ("metadata", "name"), "other", "replace", False),
        (STATEFUL, ("spec", "template", "spec", "containers"), [{"image": "db:2"}], "update", False),
        (STATEFUL, ("spec", "serviceName"), "other", "replace", True),
        (STATEFUL, ("spec", "volumeClaimTemplates"), [], "replace", True),
        (STATEFUL, ("metadata", "namespace"), "other", "replace", True),
        (BINDING, ("roleRef", "name"), "writer", "replace", False),
        (BINDING, ("subjects",), [{"name": "x"}], "update", False),
        (CLAIM, ("spec", "resources", "requests", "storage"), "20Gi", "update", False),
        (CLAIM, ("spec", "resources", "requests", "storage"), "9000Mi", "replace", True),
        (CLAIM, ("spec", "storageClassName"), "fast", "replace", True),
        (DATABASE, ("instanceClass",), "b", "update", False),
        (DATABASE, ("engine",), "mysql", "replace", True),
        (DATABASE, ("allocatedStorage",), 10, "update", False),
        (CLUSTER, ("resourceLabels", "a"), "c", "update", False),
        (CLUSTER, ("location",), "asia-east1-b", "replace", True),
    ],
)
def test_what_cannot_be_changed_in_place_is_replaced(
    resource: Entry, path: tuple[str, ...], value: Any, operation: str, lost: bool
) -> None:
    change = only([resource], [changed(resource, *path, to=value)])
    assert change.operation == operation
    assert bool(change.danger) == lost
    assert change.reasons or operation != "replace"
    assert change.diff


def test_content_of_a_config_map_is_replaced_unless_the_provider_updates_it() -> None:
    config = kubernetes("ConfigMap", "settings", {"data": {"a": "1"}})
    assert only([config], [changed(config, "data", "a", to="2")]).operation == "replace"
    mutable = changed(PROVIDER, "enableConfigMapMutable", to="true")
    (change,) = stack([mutable, config], [mutable, changed(config, "data", "a", to="2")]).changes
    assert change.operation == "update"


def test_options_count() -> None:
    kept = changed(DATABASE, "engine", to="mysql")
    kept["options"] = {"ignoreChanges": ["engine"]}
    assert only([DATABASE], [kept]).operation == "update"
    assert stack([{**DATABASE, "options": kept["options"]}], [kept]).changes == ()
    forced = changed(DEPLOYMENT, "spec", "replicas", to=3)
    forced["options"] = {"replaceOnChanges": ["spec.replicas"]}
    assert only([DEPLOYMENT], [forced]).operation == "replace"
    retained = {**DATABASE, "options": {"retainOnDelete": True}}
    assert only([retained], []).danger is None


def test_what_is_protected_is_never_lost_silently() -> None:
    guarded = entry("aws:ec2/eip:Eip", "address", protect=True)
    assert only([guarded], []).danger
    change = only([guarded], [{**guarded, "protect": False}])
    assert change.operation == "update"
    assert change.danger
    assert only([{**guarded, "protect": False}], [guarded]).danger is None


def test_other_providers_types_are_judged_by_their_name() -> None:
    assert only([UNKNOWN], []).danger
    assert only([entry("azure-native:network:RouteTable", "r")], []).danger is None


def test_a_replacement_drags_what_is_made_of_it_along() -> None:
    network = entry("aws:ec2/vpc:Vpc", "vpc", {"cidrBlock": "10.0.0.0/16"})
    subnet = entry("aws:ec2/subnet:Subnet", "subnet", {"vpcId": "${vpc.id}", "cidrBlock": "10.0.1.0/24"})
    cluster = entry("gcp:container/cluster:Cluster", "c", {"subnetwork": "${subnet.id}", "name": "c"})
    provider = entry("pulumi:providers:kubernetes", "c-kubernetes", {"clusterIdentifier": "${c.id}", "kubeconfig": "x"})
    web = kubernetes("Deployment", "web", provider=provider["urn"])
    other = entry("aws:ec2/subnet:Subnet", "other", {"vpcId": "${vpc2.id}", "cidrBlock": "10.1.1.0/24"})
    base = [network, subnet, cluster, provider, web, other]
    found = stack(base, [changed(network, "cidrBlock", to="10.9.0.0/16"), *base[1:]])
    assert {change.urn for change in found.changes} == {resource["urn"] for resource in base[:-1]}
    assert {change.operation for change in found.changes} == {"replace"}
    assert [change.label for change in found.dangers] == ["gcp container Cluster c", "provider c-kubernetes"]


def test_what_is_replaced_with_another_is_replaced() -> None:
    network = entry("aws:ec2/vpc:Vpc", "vpc", {"cidrBlock": "10.0.0.0/16"})
    cluster = entry("aws:eks/cluster:Cluster", "c", {"name": "c"}, options={"replaceWith": [network["urn"]]})
    found = stack([network, cluster], [changed(network, "cidrBlock", to="10.9.0.0/16"), cluster])
    assert [(change.label, change.operation) for change in found.dangers] == [("aws eks Cluster c", "replace")]
    assert found.dangers[0].reasons == ("it is replaced with aws ec2 Vpc vpc",)


def test_new_credentials_of_the_same_cluster_replace_nothing() -> None:
    provider = entry("pulumi:providers:kubernetes", "k", {"clusterIdentifier": "${c.id}", "kubeconfig": "a"})
    change = only([provider], [changed(provider, "kubeconfig", to="b")])
    assert change.operation == "update"
    assert change.danger is None


def test_a_provider_that_points_elsewhere_replaces_all_it_made() -> None:
    found = stack([PROVIDER, DEPLOYMENT, STATEFUL], [changed(PROVIDER, "context", to="other"), DEPLOYMENT, STATEFUL])
    assert [change.operation for change in found.changes] == ["replace"] * 3
    assert {change.label for change in found.dangers} == {"provider local-kubernetes", "StatefulSet shop/db"}


def renamed(resource: Entry, name: str, **more: Any) -> Entry:
    return {**copy.deepcopy(resource), "name": name, "urn": resource["urn"].rpartition("::")[0] + f"::{name}", **more}


def test_a_rename_is_no_replacement_only_with_an_alias() -> None:
    change = only([STATEFUL], [renamed(STATEFUL, "shop-database", options={"aliases": [STATEFUL["urn"]]})])
    assert (change.operation, change.danger) == ("update", None)
    assert STATEFUL["urn"] in change.reasons[0]
    change = only([STATEFUL], [renamed(STATEFUL, "shop-database")])
    assert change.operation == "replace"
    assert change.danger
    assert "alias" in change.reasons[0]


def test_children_inherit_the_alias_of_their_component() -> None:
    old = entry("slipway:workloads:Shop", "shop")
    child = kubernetes("StatefulSet", "db", logical="shop-db", under="slipway:workloads:Shop", parent=old["urn"])
    new = entry("slipway:workloads:Store", "store", options={"aliases": [old["urn"]]})
    moved = kubernetes("StatefulSet", "db", logical="store-db", under="slipway:workloads:Store", parent=new["urn"])
    assert only([old, child], [new, moved]).operation == "update"
    new["options"] = {}
    assert only([old, child], [new, moved]).operation == "replace"


def test_another_type_far_above_is_another_urn() -> None:
    old = entry("slipway:workloads:Shop", "shop")
    service = entry("slipway:workloads:Service", "db", parent=old["urn"], under="slipway:workloads:Shop")
    under = "slipway:workloads:{}$slipway:workloads:Service"
    child = kubernetes("StatefulSet", "db", under=under.format("Shop"), parent=service["urn"])
    new = entry("slipway:workloads:Store", "shop")
    other = entry("slipway:workloads:Service", "db", parent=new["urn"], under="slipway:workloads:Store")
    moved = kubernetes("StatefulSet", "db", under=under.format("Store"), parent=other["urn"])
    change = only([old, service, child], [new, other, moved])
    assert change.operation == "replace"
    assert change.danger
    new["options"] = {"aliases": [old["urn"]]}
    change = only([old, service, child], [new, other, moved])
    assert change.operation == "update"
    assert change.danger is None


def test_secrets_are_masked_and_still_seen_to_change() -> None:
    body = {"data": {"password": "aGVsbG8="}, "type": "Opaque"}
    secret = kubernetes("Secret", "key", body)
    change = only([secret], [changed(secret, "data", "password", to="d29ybGQ=")])
    assert "aGVsbG8=" not in change.diff
    assert "d29ybGQ=" not in change.diff
    assert "[secret, changed]" in change.diff


@pytest.mark.parametrize(
    ("kind", "value", "hidden"),
    [
        ("Deployment", {"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}, True),
        ("Deployment", {"env": [{"name": "TOKEN_KEY", "value": "hunter2"}]}, True),
        ("Deployment", {"env": [{"name": "DB_URL", "value": "postgres://u:hunter2@host/db"}]}, True),
        ("Deployment", {"env": [{"name": "DB_HOST", "value": "hunter2"}]}, False),
        ("Instance", {"password": "hunter2"}, True),
        ("Instance", {"settings": {"clientSecret": "hunter2"}}, True),
        ("Instance", {"password": "${x.result}"}, False),
        ("Secret", {"stringData": {"anything": "hunter2"}}, True),
        ("ConfigMap", {"data": {"anything": "hunter2"}}, False),
        ("Deployment", {"automountServiceAccountToken": False, "secretKeyRef": {"name": "hunter2", "key": "k"}}, False),
    ],
)
def test_which_values_are_hidden(kind: str, value: dict[str, Any], hidden: bool) -> None:
    before, after = masked(kind, value, value)
    assert before == after
    text = to_text(after)
    assert ("[secret]" in text) == hidden
    assert ("hunter2" in text) == (not hidden and "hunter2" in json.dumps(value))


def test_a_password_in_an_address_that_changed_is_seen_to_change() -> None:
    """Hidden alike on both sides it was no difference at all, and `drift` passed over it."""
    old, new = ({"kind": "ConfigMap", "data": {"URL": f"postgres://app:{word}@db/x"}} for word in ("one", "two"))
    text = yaml_diff(old, new, "c")
    assert "-  URL: postgres://app:[secret]@db/x" in text
    assert "+  URL: postgres://app:[secret, changed]@db/x" in text
    assert yaml_diff(old, old, "c") == ""


def test_paths_and_rules() -> None:
    old = {"a": {"b": [1, {"c": 2}]}, "d": 1}
    assert list(differing(old, {"a": {"b": [1, {"c": 3}, 4]}})) == [("a", "b", "[*]", "c"), ("a", "b", "[*]"), ("d",)]
    assert covers("spec.selector", ("spec", "selector", "matchLabels"))
    assert covers("spec.selector", ("spec",))
    assert covers("spec.containers[*].image", ("spec", "containers", "[*]", "image"))
    assert not covers("spec.selector", ("spec", "selectors"))
    assert not covers("spec.selector", ())


@pytest.mark.parametrize(
    ("small", "large"), [("1Gi", "2Gi"), ("1000Mi", "1Gi"), ("1G", "1Gi"), (5, "6"), ("500m", 1), ("900k", "1M")]
)
def test_quantities(small: object, large: object) -> None:
    left, right = quantity(small), quantity(large)
    assert left is not None
    assert right is not None
    assert left < right


def test_no_quantity() -> None:
    assert quantity("${x.size}") is None


def test_json_in_texts_is_compared_line_by_line() -> None:
    base, head = ({"policy": json.dumps({"Action": a, "Effect": "Allow"})} for a in ("s3:Get", "s3:Put"))
    text = unified(base, head)
    assert "-  Action: s3:Get" in text
    assert "Effect: Allow" in text
    assert "-  Effect" not in text

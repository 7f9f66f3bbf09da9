"""What must hold for every resource of every stack: names, parents, providers, protection, the order of teardown."""

from __future__ import annotations

from collections import Counter

import pytest

from components.scope import LABEL_DOMAIN
from tests.support import cases, harness
from tests.support.cases import Resource, resources
from tests.support.data import leaves, mapping, value

STACK = "pulumi:pulumi:Stack"


def by_urn(case: str) -> dict[str, Resource]:
    return {resource.urn: resource for resource in resources(case)}


def outlives(resource: Resource) -> set[str]:
    """URNs that are deleted after the resource: what it depends on, its provider, and what owns it."""
    inputs = [urn for urns in mapping(resource.data, "propertyDependencies").values() for urn in urns]
    owners = [resource.provider, resource.parent, value(resource.data, "options", "deletedWith")]
    return {urn for urn in (*resource.data["dependencies"], *inputs, *owners) if urn}


def reachable(case: str, start: Resource) -> set[str]:
    known, found, todo = by_urn(case), set[str](), [start.urn]
    while todo:
        for urn in outlives(known[todo.pop()]) - found:
            found.add(urn)
            todo.append(urn)
    return found


def test_urns_are_unique(case: str) -> None:
    counts = Counter(resource.urn for resource in resources(case))
    assert {urn: count for urn, count in counts.items() if count > 1} == {}


def test_logical_names_are_unique(case: str) -> None:
    """A reference `${name.output}` names a resource by its logical name alone."""
    for custom in (True, False):
        group = [r for r in resources(case) if r.custom == custom and r.type != STACK]
        counts = Counter(r.name if custom else f"{r.type} {r.name}" for r in group)
        assert {name: count for name, count in counts.items() if count > 1} == {}


def test_every_resource_has_a_component_as_parent(case: str) -> None:
    known = by_urn(case)
    for resource in resources(case):
        if resource.type == STACK:
            assert resource.parent is None
            continue
        assert resource.parent in known, resource.urn
        parent = known[resource.parent]
        assert parent.type.startswith("slipway:") or (parent.type == STACK and not resource.custom), resource.urn


def test_components_are_ours(case: str) -> None:
    wrong = [r.type for r in resources(case) if not r.custom and r.type != STACK and not r.type.startswith("slipway:")]
    assert wrong == []


def test_every_resource_names_its_provider(case: str) -> None:
    """A default provider would take whatever account or cluster the machine happens to be set to."""
    known = by_urn(case)
    wrong = [
        r.urn
        for r in resources(case)
        if r.custom
        and not r.is_provider
        and not r.type.startswith("pulumi:")
        and (r.provider not in known or known[r.provider].type != f"pulumi:providers:{r.type.split(':')[0]}")
    ]
    assert wrong == []


def test_dependencies_are_there(case: str) -> None:
    known = by_urn(case)
    assert {urn for resource in resources(case) for urn in outlives(resource)} <= set(known)


def test_nothing_depends_on_itself(case: str) -> None:
    assert [r.urn for r in resources(case) if r.urn in reachable(case, r)] == []


def test_a_kubernetes_object_goes_before_its_namespace_and_its_provider(case: str) -> None:
    """On destroy nothing is left that cannot be reached any more."""
    namespaces = {
        (r.provider, value(r.inputs, "metadata", "name")): r.urn
        for r in resources(case)
        if r.is_kubernetes and r.inputs["kind"] == "Namespace"
    }
    for resource in resources(case):
        if not resource.is_kubernetes:
            continue
        after = reachable(case, resource)
        assert resource.provider in after, resource.urn
        if namespace := value(resource.inputs, "metadata", "namespace"):
            owner = namespaces.get((resource.provider, namespace))
            # kube-system and its like are the cluster's own.
            assert owner in after if owner else namespace.startswith("kube-"), resource.urn


def test_what_reaches_outside_the_cluster_is_awaited_on_removal(case: str) -> None:
    """A load balancer, or a claim and its disk, must be gone before the nodes are: not merely with the namespace."""
    for resource in resources(case):
        outside = resource.type.endswith(":PersistentVolumeClaim") or (
            resource.type == "kubernetes:core/v1:Service" and value(resource.inputs, "spec", "type") == "LoadBalancer"
        )
        if outside:
            assert "deletedWith" not in resource.data["options"], resource.urn


def test_lifecycle_drives_protection(case: str) -> None:
    """An ephemeral stack goes in one command; a durable one keeps its claims."""
    lifecycle = cases.case(case).values["slipway:lifecycle"]
    protected = [r for r in resources(case) if r.data["protect"]]
    if lifecycle == "ephemeral":
        assert protected == []
    claims = {r.urn for r in resources(case) if r.type.endswith(":PersistentVolumeClaim")}
    assert {r.urn for r in protected if r.urn in claims} == (claims if lifecycle == "durable" else set())


def test_numbers_are_integers(case: str) -> None:
    """A recording monitor hears 80 as 80.0; Kubernetes refuses that."""
    assert [path for path, leaf in leaves(cases.rendered(case).plan) if isinstance(leaf, float)] == []
    manifests = {"manifests": cases.rendered(case).manifests}
    assert [path for path, leaf in leaves(manifests) if isinstance(leaf, float) and leaf.is_integer()] == []


def test_kubernetes_objects_carry_the_label_contract(case: str) -> None:
    config = cases.case(case)
    contract = {
        "project": config.project,
        "stack": config.stack,
        "owner": config.values["slipway:owner"],
        "lifecycle": config.values["slipway:lifecycle"],
    }
    expected = {f"{LABEL_DOMAIN}/{key}": text for key, text in contract.items()}
    for resource in resources(case):
        if not resource.is_kubernetes:
            continue
        labels = mapping(resource.inputs, "metadata", "labels")
        assert expected.items() <= labels.items(), resource.urn
        assert labels.get(f"{LABEL_DOMAIN}/system"), resource.urn


@pytest.mark.timeout(120)
@pytest.mark.parametrize("monitor", [harness.PreviewMonitor, harness.EchoingMonitor])
def test_a_preview_registers_the_same_and_leaves_unknown_what_only_a_provider_will_know(
    case: str, monitor: type[harness.PreviewMonitor]
) -> None:
    """A resource made inside `apply` would be missing, one that waits would hang, and no port or address is `None`."""
    known, found = by_urn(case), harness.preview(cases.case(case), monitor)
    assert set(found) == set(known)
    for record in found.values():
        told = {path: text for path, text in leaves(record.inputs) if isinstance(text, str)}
        assert [path for path, text in told.items() if "None" in text and path != ".spec.clusterIP"] == [], record.urn
        for name, output in record.outputs.items():
            planned = known[record.urn].data["outputs"].get(name)
            assert output == planned or harness.UNKNOWN in str(output), f"{record.urn}: {name}"


def test_the_stack_exports_a_url_for_every_app_that_people_open(stack: str) -> None:
    root = next(r for r in resources(stack) if r.type == STACK)
    exports: dict[str, str] = mapping(root.data, "outputs")
    hidden = [
        app.name
        for app in cases.rendered(stack).apps
        if app.url and app.part_of is None and app.url not in exports.values()
    ]
    assert hidden == []
    urls = {name: text for name, text in exports.items() if "://" in str(text)}
    assert urls
    assert all(text.startswith(("http://", "https://")) for text in urls.values())

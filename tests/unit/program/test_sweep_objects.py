"""What must hold for the Kubernetes objects of every stack: names, labels, selectors, references, guard rails."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from components.scope import LABEL_DOMAIN
from components.workload.spec import SELECTOR_KEYS
from tests.support import cases
from tests.support.data import items, leaves, mapping, texts, value
from tests.support.objects import (
    Thing,
    Workload,
    find,
    namespace_of,
    of_kind,
    quantity,
    running_containers,
    things,
    workloads,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_RBAC_NAME = re.compile(r"[^/%\s]{1,253}")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
_REFERENCE_BY_VOLUME = {
    "configMap": ("ConfigMap", "name"),
    "secret": ("Secret", "secretName"),
    "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"),
}


def selected(case: str, service: Thing, labels: dict[str, str]) -> list[Workload]:
    """The workloads in the namespace of an object whose pods its selector matches."""
    return [
        w
        for w in workloads(case)
        if (w.cluster, w.namespace) == (service.cluster, service.namespace) and labels.items() <= w.pod_labels.items()
    ]


def services(case: str) -> list[Thing]:
    return of_kind(case, "Service")


def test_objects_are_unique(case: str) -> None:
    counts = Counter(map(str, things(case)))
    assert [name for name, count in counts.items() if count > 1] == []


def test_names_are_valid(case: str) -> None:
    for thing in things(case):
        rbac = thing.data["apiVersion"].startswith("rbac.")
        # Names that become DNS names or label values are labels; all ours are, so that no rule has to be remembered.
        pattern = _RBAC_NAME if rbac else _DNS_SUBDOMAIN if thing.kind == "StorageClass" else _DNS_LABEL
        assert pattern.fullmatch(thing.name), thing
        assert len(thing.name) <= 63, thing


def labelled(thing: Thing) -> Iterator[dict[str, str]]:
    yield thing.labels
    if thing.pod is not None:
        yield mapping(thing.pod, "metadata", "labels")
    for claim in items(thing.data, "spec", "volumeClaimTemplates"):
        yield mapping(claim, "metadata", "labels")


def test_labels_are_valid_and_on_everything(case: str) -> None:
    for thing in things(case):
        for labels in labelled(thing):
            assert {f"{LABEL_DOMAIN}/stack", f"{LABEL_DOMAIN}/system"} <= set(labels), thing
            for key, text in labels.items():
                assert _LABEL_KEY.fullmatch(key), (thing, key)
                assert _LABEL_VALUE.fullmatch(text), (thing, key, text)


def test_values_of_string_maps_are_text(case: str) -> None:
    """YAML would take a bare 1 or true for something else than the API wants."""
    for thing in things(case):
        maps = [thing.labels, thing.annotations, mapping(thing.data, "data"), mapping(thing.data, "stringData")]
        if thing.pod is not None:
            maps += [mapping(thing.pod, "metadata", key) for key in ("labels", "annotations")]
        assert [(thing, given) for m in maps for given in m.values() if not isinstance(given, str)] == []


def selectors(thing: Thing) -> Iterator[dict[str, str]]:
    if thing.kind in ("Deployment", "StatefulSet", "DaemonSet", "PodDisruptionBudget"):
        yield mapping(thing.data, "spec", "selector", "matchLabels")
    if thing.kind == "Service":
        yield mapping(thing.data, "spec", "selector")
    if thing.kind == "NetworkPolicy":
        yield mapping(thing.data, "spec", "podSelector", "matchLabels")
    if thing.pod is not None:
        for spread in items(thing.pod, "spec", "topologySpreadConstraints"):
            yield mapping(spread, "labelSelector", "matchLabels")


def test_selectors_use_only_labels_that_never_change(case: str) -> None:
    wrong = [(str(t), set(s) - SELECTOR_KEYS) for t in things(case) for s in selectors(t) if set(s) - SELECTOR_KEYS]
    assert wrong == []


def test_a_workload_selects_its_own_pods_and_nobody_elses(case: str) -> None:
    for workload in workloads(case):
        assert workload.selector, workload
        assert selected(case, workload, workload.selector) == [workload], workload
        spread = items(workload.template, "spec", "topologySpreadConstraints")
        assert all(mapping(item, "labelSelector", "matchLabels") == workload.selector for item in spread), workload


def test_services_lead_to_one_workload_and_to_ports_that_exist(case: str) -> None:
    for service in services(case):
        spec = mapping(service.data, "spec")
        if spec.get("type") == "ExternalName":
            assert "selector" not in spec, service
            assert _DNS_SUBDOMAIN.fullmatch(spec["externalName"]), service
            continue
        found = selected(case, service, spec["selector"])
        assert len(found) == 1, (service, [str(w) for w in found])
        ports = [port for container in found[0].containers for port in items(container, "ports")]
        listening = {port["name"]: port.get("protocol", "TCP") for port in ports} | {
            port["containerPort"]: port.get("protocol", "TCP") for port in ports
        }
        assert spec["ports"], service
        for port in spec["ports"]:
            target = port.get("targetPort", port["port"])
            assert listening.get(target) == port.get("protocol", "TCP"), (service, target)


def test_port_names_are_valid_and_unique(case: str) -> None:
    for workload in workloads(case):
        names = [port["name"] for container in workload.containers for port in items(container, "ports")]
        assert len(set(names)) == len(names), workload
        assert all(_PORT_NAME.fullmatch(name) for name in names), (workload, names)


def test_node_ports_are_taken_once(case: str) -> None:
    taken = Counter(
        (service.cluster, port["nodePort"])
        for service in services(case)
        for port in items(service.data, "spec", "ports")
        if "nodePort" in port
    )
    assert [port for port, count in taken.items() if count > 1] == []
    assert all(30000 <= port <= 32767 for _, port in taken)


def test_the_mock_is_selected_by_app_and_tier_only(case: str) -> None:
    found = [service for service in services(case) if service.name == "h2o-example"]
    if not found:
        pytest.skip(f"{case} has no h2o-example")
    for service in found:
        assert value(service.data, "spec", "selector") == {"app": "h2o-example", "tier": "frontend"}
        (workload,) = selected(case, service, value(service.data, "spec", "selector"))
        assert "revision" in workload.pod_labels


def test_dev_exercises_all_four_service_types() -> None:
    kinds = {value(service.data, "spec", "type") for service in services("dev")}
    assert kinds == {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"}


def test_ingresses_lead_to_services_and_ports_that_exist(case: str) -> None:
    classes = {thing.name for thing in of_kind(case, "IngressClass")}
    for ingress in of_kind(case, "Ingress"):
        assert value(ingress.data, "spec", "ingressClassName") in classes, ingress
        rules = [path for rule in items(ingress.data, "spec", "rules") for path in items(rule, "http", "paths")]
        backends = [mapping(path, "backend", "service") for path in rules]
        backends += [mapping(ingress.data, "spec", "defaultBackend", "service")]
        for backend in filter(None, backends):
            service = find(case, ingress, "Service", backend["name"])
            assert service is not None, (ingress, backend)
            ports = items(service.data, "spec", "ports")
            wanted = mapping(backend, "port")
            known = {port.get("name") for port in ports} | {port["port"] for port in ports}
            assert (wanted.get("name") or wanted.get("number")) in known, (ingress, backend)


def references(workload: Workload) -> Iterator[tuple[str, str]]:
    for volume in items(workload.template, "spec", "volumes"):
        for source, (kind, key) in _REFERENCE_BY_VOLUME.items():
            if source in volume:
                yield kind, volume[source][key]
    spec = mapping(workload.template, "spec")
    for container in [*items(spec, "containers"), *items(spec, "initContainers")]:
        for variable in items(container, "env"):
            for source, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                if name := value(variable, "valueFrom", source, "name"):
                    yield kind, name
    if account := spec.get("serviceAccountName"):
        yield "ServiceAccount", account
    if headless := value(workload.data, "spec", "serviceName"):
        yield "Service", headless


def made_by_hand(case: str) -> set[tuple[str, str]]:
    """Secrets that the stack file names (a key `secret`) because somebody else makes them."""
    found: set[tuple[str, str]] = set()
    for text in cases.case(case).values.values():
        if text.startswith("{"):
            for path, given in leaves(json.loads(text)):
                if path.endswith(".secret"):
                    found.add(("Secret", given))
    return found


def test_what_a_pod_mounts_is_there(case: str) -> None:
    missing = [
        (str(workload), kind, name)
        for workload in workloads(case)
        for kind, name in references(workload)
        if find(case, workload, kind, name) is None and (kind, name) not in made_by_hand(case)
    ]
    assert missing == []


def test_secret_keys_that_a_pod_reads_are_there(case: str) -> None:
    for workload in workloads(case):
        for container in items(workload.template, "spec", "containers"):
            for variable in items(container, "env"):
                if wanted := mapping(variable, "valueFrom", "secretKeyRef"):
                    if ("Secret", wanted["name"]) in made_by_hand(case):
                        continue
                    secret = find(case, workload, "Secret", wanted["name"])
                    assert secret is not None, (workload, wanted)
                    keys = {**mapping(secret.data, "stringData"), **mapping(secret.data, "data")}
                    assert wanted["key"] in keys, (workload, wanted)


def test_every_namespace_is_guarded(case: str) -> None:
    for namespace in of_kind(case, "Namespace"):
        inside = [t for t in things(case) if (t.cluster, t.namespace) == (namespace.cluster, namespace.name)]
        assert {"ResourceQuota", "LimitRange", "NetworkPolicy"} <= {thing.kind for thing in inside}, namespace
        deny = [
            t
            for t in inside
            if t.kind == "NetworkPolicy"
            and value(t.data, "spec", "podSelector") == {}
            and sorted(texts(t.data, "spec", "policyTypes")) == ["Egress", "Ingress"]
            and not items(t.data, "spec", "ingress")
            and not items(t.data, "spec", "egress")
        ]
        assert len(deny) == 1, namespace


def test_every_object_lives_in_a_namespace_of_the_stack(case: str) -> None:
    for thing in things(case):
        if thing.namespace is not None and not thing.namespace.startswith("kube-"):
            assert namespace_of(case, thing), thing


def test_the_quota_has_room_for_a_rolling_update(case: str) -> None:
    """All pods of a namespace at their most, one more of each workload while it rolls, fit its quota."""
    for quota in of_kind(case, "ResourceQuota"):
        hard = mapping(quota.data, "spec", "hard")
        used: Counter[str] = Counter()
        for workload in workloads(case):
            if (workload.cluster, workload.namespace) != (quota.cluster, quota.namespace):
                continue
            scalers = [
                t
                for t in of_kind(case, "HorizontalPodAutoscaler")
                if (t.cluster, t.namespace) == (workload.cluster, workload.namespace)
                and value(t.data, "spec", "scaleTargetRef", "name") == workload.name
            ]
            most = max([workload.replicas or 1, *(value(t.data, "spec", "maxReplicas") for t in scalers)]) + 1
            used["pods"] += most
            for container in workload.containers:
                for key, path in (
                    ("requests.cpu", ("requests", "cpu")),
                    ("requests.memory", ("requests", "memory")),
                    ("limits.memory", ("limits", "memory")),
                ):
                    used[key] += most * quantity(value(container, "resources", *path) or 0)  # pyright: ignore[reportArgumentType] - a Counter counts floats as well
        over = {key: (need, hard[key]) for key, need in used.items() if key in hard and need > quantity(hard[key])}
        assert over == {}, quota


def test_images_are_pinned(case: str) -> None:
    for workload, container in running_containers(case):
        image = container["image"]
        name, at, digest = image.partition("@")
        tag = name.rpartition("/")[2].partition(":")[2]
        assert (at and digest.startswith("sha256:")) or tag, (workload, image)
        assert tag != "latest", (workload, image)
        assert container["imagePullPolicy"] == "IfNotPresent", (workload, image)


def test_nothing_is_left_for_a_provider_to_resolve(stack: str) -> None:
    made = cases.rendered(stack)
    for name, cluster in made.clusters.items():
        if cluster.kind in ("embedded", "existing"):
            assert made.unresolved[name] == []


def test_annotations_of_the_provider_stay_out_of_the_manifests(case: str) -> None:
    made = cases.rendered(case).manifests
    assert [text for path, text in leaves({"all": made}) if path.endswith("~") and "pulumi.com/" in str(text)] == []

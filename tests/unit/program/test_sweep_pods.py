"""What must hold for every pod of every stack: Pod Security, resources, probes, stopping, scaling, volumes."""

from __future__ import annotations

import re

from tests.support.data import Data, items, mapping, texts, value
from tests.support.objects import (
    ENFORCE,
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
from tests.support.pod_security import departures

REASON = "slipway.dev/pod-security-reason"
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_KEY", re.IGNORECASE)


def level_of(case: str, thing: Thing) -> str:
    namespace = namespace_of(case, thing)
    assert namespace is not None, thing
    return namespace.labels[ENFORCE]


def test_every_pod_is_admitted_in_its_namespace(case: str) -> None:
    for thing in things(case):
        if thing.pod is not None and level_of(case, thing) == "restricted":
            assert departures(thing.pod) == [], thing


def test_a_weaker_namespace_says_why_and_is_needed(case: str) -> None:
    for namespace in of_kind(case, "Namespace"):
        level = namespace.labels[ENFORCE]
        assert level in ("restricted", "privileged"), namespace
        assert bool(namespace.annotations.get(REASON, "").strip()) == (level == "privileged"), namespace
        if level == "privileged":
            pods = [
                t.pod for t in things(case) if t.pod and (t.cluster, t.namespace) == (namespace.cluster, namespace.name)
            ]
            # Else it could be `baseline`.
            assert any(what.startswith("host") for pod in pods for what in departures(pod)), namespace


def test_a_pod_that_departs_from_restricted_says_why(case: str) -> None:
    for workload in workloads(case):
        reasons = {k: v for k, v in workload.pod_annotations.items() if k.startswith("slipway.dev/exempt-")}
        assert all(len(reason.split()) >= 3 for reason in reasons.values()), workload
        assert reasons or not departures(workload.template), workload


def test_resources_are_requested_and_memory_is_limited(case: str) -> None:
    for workload, container in running_containers(case):
        where = (str(workload), container["name"])
        requests, limits = (mapping(container, "resources", key) for key in ("requests", "limits"))
        assert quantity(requests["cpu"]) > 0, where
        assert 0 < quantity(requests["memory"]) <= quantity(limits["memory"]), where
        assert "cpu" not in limits, where


def test_containers_are_probed(case: str) -> None:
    for workload, container in running_containers(case):
        where = (str(workload), container["name"])
        for key in PROBES:
            probe = mapping(container, key)
            assert probe, (*where, key)
            assert len({"httpGet", "tcpSocket", "exec", "grpc"} & set(probe)) == 1, (*where, key)
            assert probe["timeoutSeconds"] >= 1, (*where, key)
            port = value(probe, "httpGet", "port") or value(probe, "tcpSocket", "port")
            names = {p["name"] for c in workload.containers for p in items(c, "ports")}
            assert port is None or port in names, (*where, key)
        # A slow start must not count against liveness, and a pod that cannot serve must leave at once.
        startup, readiness = mapping(container, "startupProbe"), mapping(container, "readinessProbe")
        assert startup["periodSeconds"] * startup["failureThreshold"] >= 30, where
        assert readiness["periodSeconds"] <= 5, where


def test_containers_stop_gracefully(case: str) -> None:
    for workload, container in running_containers(case):
        where = (str(workload), container["name"])
        pause = value(container, "lifecycle", "preStop", "sleep", "seconds")
        served = of_kind(case, "Service")
        if any(
            (s.cluster, s.namespace) == (workload.cluster, workload.namespace)
            and mapping(s.data, "spec", "selector")
            and mapping(s.data, "spec", "selector").items() <= workload.pod_labels.items()
            for s in served
        ):
            assert pause, where
        assert (pause or 0) < value(workload.template, "spec", "terminationGracePeriodSeconds"), where


def test_pods_do_not_get_what_they_do_not_need(case: str) -> None:
    for workload in workloads(case):
        spec = mapping(workload.template, "spec")
        token = spec["automountServiceAccountToken"]
        assert token is False or workload.exempt("service-account-token"), workload
        assert spec["enableServiceLinks"] is False, workload
        for key, kind in (("hostNetwork", "host-network"), ("hostPID", "host-pid")):
            assert not spec.get(key) or workload.exempt(kind), (workload, key)
        for volume in items(spec, "volumes"):
            assert "hostPath" not in volume or workload.exempt("host-path"), (workload, volume)


def test_root_file_systems_are_read_only_and_users_are_not_root(case: str) -> None:
    for workload in workloads(case):
        spec = mapping(workload.template, "spec")
        for container in [*items(spec, "containers"), *items(spec, "initContainers")]:
            context = mapping(container, "securityContext")
            assert context["readOnlyRootFilesystem"] is True or workload.exempt("writable-root"), workload
            assert context["runAsUser"] > 0 or workload.exempt("root-user"), workload
            assert context["allowPrivilegeEscalation"] is False, workload
            assert texts(context, "capabilities", "drop") == ["ALL"], workload


def test_mounts_and_volumes_belong_together(case: str) -> None:
    for workload in workloads(case):
        spec = mapping(workload.template, "spec")
        claims = [claim["metadata"]["name"] for claim in items(workload.data, "spec", "volumeClaimTemplates")]
        volumes = [volume["name"] for volume in items(spec, "volumes")] + claims
        assert len(set(volumes)) == len(volumes), workload
        used: set[str] = set()
        for container in [*items(spec, "containers"), *items(spec, "initContainers")]:
            mounts = items(container, "volumeMounts")
            paths = [mount["mountPath"] for mount in mounts]
            assert len(set(paths)) == len(paths), (workload, paths)
            used |= {mount["name"] for mount in mounts}
        assert used == set(volumes), workload
        for volume in items(spec, "volumes"):
            assert "emptyDir" not in volume or value(volume, "emptyDir", "sizeLimit"), (workload, volume)


def test_credentials_come_from_secrets(case: str) -> None:
    for workload in workloads(case):
        spec = mapping(workload.template, "spec")
        for container in [*items(spec, "containers"), *items(spec, "initContainers")]:
            for variable in items(container, "env"):
                if _SECRET_NAME.search(variable["name"]) and not variable["name"].endswith("_FILE"):
                    assert value(variable, "valueFrom", "secretKeyRef"), (str(workload), variable)


def test_a_rolling_update_never_takes_a_pod_before_the_next_is_ready(case: str) -> None:
    for workload in workloads(case):
        if workload.kind != "Deployment":
            continue
        strategy = mapping(workload.data, "spec", "strategy")
        if strategy["type"] == "RollingUpdate":
            assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}, workload


def claims_of(case: str, workload: Workload) -> list[Data]:
    found = [
        find(case, workload, "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
        for volume in items(workload.template, "spec", "volumes")
        if "persistentVolumeClaim" in volume
    ]
    return [claim.data for claim in found if claim]


def test_a_volume_for_one_pod_is_held_by_one_pod(case: str) -> None:
    for workload in workloads(case):
        single = [c for c in claims_of(case, workload) if value(c, "spec", "accessModes") != ["ReadWriteMany"]]
        if single:
            assert workload.kind == "Deployment", workload
            assert value(workload.data, "spec", "strategy") == {"type": "Recreate"}, workload
            assert workload.replicas == 1, workload


def test_every_workload_can_be_drained(case: str) -> None:
    """Exactly one disruption budget each, and none that keeps the only pod of a workload on its node for ever."""
    for workload in workloads(case):
        budgets = [
            t
            for t in of_kind(case, "PodDisruptionBudget")
            if (t.cluster, t.namespace) == (workload.cluster, workload.namespace)
            and mapping(t.data, "spec", "selector", "matchLabels").items() <= workload.pod_labels.items()
        ]
        assert len(budgets) == (0 if workload.kind == "DaemonSet" else 1), workload
        for budget in budgets:
            spec = mapping(budget.data, "spec")
            assert "minAvailable" not in spec, budget
            assert isinstance(spec["maxUnavailable"], int), budget
            assert spec["maxUnavailable"] >= 1, budget
            assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow", budget


def test_the_autoscaler_alone_decides_on_replicas(case: str) -> None:
    scaled = {
        (t.cluster, t.namespace, value(t.data, "spec", "scaleTargetRef", "name")): t
        for t in of_kind(case, "HorizontalPodAutoscaler")
    }
    for workload in workloads(case):
        scaler = scaled.pop((workload.cluster, workload.namespace, workload.name), None)
        if workload.kind == "DaemonSet":
            assert workload.replicas is None, workload
            continue
        assert workload.replicas, workload
        if scaler:
            assert workload.replicas == value(scaler.data, "spec", "minReplicas"), workload
            assert value(scaler.data, "spec", "scaleTargetRef", "kind") == workload.kind, scaler
            assert value(scaler.data, "spec", "minReplicas") <= value(scaler.data, "spec", "maxReplicas"), scaler
    assert scaled == {}


def test_the_variant_that_scales_has_an_autoscaler() -> None:
    """Guards the test above against looking at nothing."""
    assert len(of_kind("dev+scaled", "HorizontalPodAutoscaler")) == 1

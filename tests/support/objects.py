"""The Kubernetes objects of a case, per cluster, and its workloads as one shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import cases
from tests.support.data import Data, items, mapping, value

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet")
ENFORCE = "pod-security.kubernetes.io/enforce"
_POD_PATHS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((*CONTROLLERS, "Job", "ReplicaSet"), ("spec", "template")),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}


@dataclass(frozen=True)
class Thing:
    """One Kubernetes object."""

    cluster: str
    data: Data

    @property
    def kind(self) -> str:
        return self.data["kind"]

    @property
    def name(self) -> str:
        return self.data["metadata"]["name"]

    @property
    def namespace(self) -> str | None:
        return value(self.data, "metadata", "namespace")

    @property
    def labels(self) -> dict[str, str]:
        return mapping(self.data, "metadata", "labels")

    @property
    def annotations(self) -> dict[str, str]:
        return mapping(self.data, "metadata", "annotations")

    @property
    def pod(self) -> Data | None:
        """Its pod template, where it makes pods."""
        return value(self.data, *_POD_PATHS[self.kind]) if self.kind in _POD_PATHS else None

    def __str__(self) -> str:
        return f"{self.cluster}/{self.namespace or '-'}/{self.kind}/{self.name}"


@dataclass(frozen=True)
class Workload(Thing):
    """A Deployment, StatefulSet or DaemonSet."""

    @property
    def selector(self) -> dict[str, str]:
        return mapping(self.data, "spec", "selector", "matchLabels")

    @property
    def template(self) -> Data:
        return mapping(self.data, "spec", "template")

    @property
    def pod_labels(self) -> dict[str, str]:
        return mapping(self.template, "metadata", "labels")

    @property
    def pod_annotations(self) -> dict[str, str]:
        return mapping(self.template, "metadata", "annotations")

    @property
    def containers(self) -> list[Data]:
        """The containers that keep running: ordinary ones and sidecars, not init steps."""
        return items(self.template, "spec", "containers")

    @property
    def replicas(self) -> int | None:
        return value(self.data, "spec", "replicas")

    def exempt(self, kind: str) -> bool:
        """Whether its pods carry the reason for an exemption from the hardened core."""
        return bool(self.pod_annotations.get(f"slipway.dev/exempt-{kind}", "").strip())


def things(case: str) -> list[Thing]:
    """All Kubernetes objects of a case, Secrets with generated values among them."""
    made = cases.rendered(case)
    plain = [Thing(c, m) for c, by_namespace in made.manifests.items() for ms in by_namespace.values() for m in ms]
    return plain + [Thing(cluster, secret.manifest) for cluster, secrets in made.secrets.items() for secret in secrets]


def of_kind(case: str, *kinds: str) -> list[Thing]:
    """The objects of some kinds."""
    return [thing for thing in things(case) if thing.kind in kinds]


def workloads(case: str) -> list[Workload]:
    """The Deployments, StatefulSets and DaemonSets."""
    return [Workload(thing.cluster, thing.data) for thing in of_kind(case, *CONTROLLERS)]


def find(case: str, like: Thing, kind: str, name: str) -> Thing | None:
    """An object of a kind and name in the namespace and cluster of another."""
    return next(
        (t for t in of_kind(case, kind) if (t.cluster, t.namespace, t.name) == (like.cluster, like.namespace, name)),
        None,
    )


def namespace_of(case: str, thing: Thing) -> Thing | None:
    """The Namespace object that an object lives in."""
    return next(
        (n for n in of_kind(case, "Namespace") if (n.cluster, n.name) == (thing.cluster, thing.namespace)), None
    )


def running_containers(case: str) -> Iterator[tuple[Workload, Data]]:
    """Each container that keeps running, with its workload."""
    for workload in workloads(case):
        for container in workload.containers:
            yield workload, container


_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def quantity(text: str | int) -> float:
    """A Kubernetes quantity as a number (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/)."""
    given = str(text)
    digits = given.rstrip("kMGTmi")
    unit = given[len(digits) :]
    return float(digits) / 1000 if unit == "m" else float(digits) * _UNITS[unit]

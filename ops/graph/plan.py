"""A plan as the picture needs it: resources by URN, children, workloads and who may connect to whom."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Entry = dict[str, Any]
SERVICE = "slipway:workloads:Service"
EXTERNAL_NAME = "slipway:workloads:ExternalName"
_CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet")
_NO_CONTROLLER: Entry = {"inputs": {}}
_NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def at(value: object, *path: str | int) -> Any:
    """A value inside plain data, or None."""
    for key in path:
        if isinstance(value, dict):
            value = cast("dict[str, Any]", value).get(str(key))
        elif isinstance(value, list) and isinstance(key, int):
            items = cast("list[Any]", value)
            value = items[key] if key < len(items) else None
        else:
            return None
    return value


def items(value: object) -> list[Any]:
    """A list, or an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


@dataclass(frozen=True)
class Workload:
    """A workload of the stack.

    Attributes:
        urn: URN of its component.
        name: Its name in the stack.
        object: Name of its controller.
        kind: `Deployment`, `StatefulSet` or `DaemonSet`.
        cluster: Name of its cluster.
        namespace: Its namespace.
        system: Its system.
        image: Image of the first container.
        count: How many pods, for example `3` or `2 to 4`; empty for a DaemonSet.
        labels: Labels of its pods.
        entries: How it is reached from outside.
        text: Everything that its objects say, for a search.
        service: Name of its Service, or None.
    """

    urn: str
    name: str
    object: str
    kind: str
    cluster: str
    namespace: str
    system: str
    image: str
    count: str
    labels: Mapping[str, str]
    entries: tuple[str, ...]
    text: str
    service: str | None


@dataclass(frozen=True)
class Connection:
    """An edge that a network policy opens from a workload.

    Attributes:
        source: The workload.
        target: The workload at the other end, or None where it is outside the cluster.
        outside: Name of what is outside, or empty.
        ports: Port numbers.
    """

    source: Workload
    target: Workload | None
    outside: str
    ports: tuple[int, ...]


@dataclass
class Plan:
    """A plan.

    Attributes:
        stack: Name of the stack.
        resources: Its resources.
    """

    stack: str
    resources: list[Entry]
    _below: dict[str | None, list[Entry]] = field(default_factory=dict[str | None, list[dict[str, Any]]])

    def __post_init__(self) -> None:
        """Index the children."""
        for entry in self.resources:
            self._below.setdefault(entry["parent"], []).append(entry)

    def children(self, urn: str) -> list[Entry]:
        """Resources whose parent this is."""
        return self._below.get(urn, [])

    def below(self, urn: str) -> Iterator[Entry]:
        """Resources at any depth below this one."""
        for entry in self.children(urn):
            yield entry
            yield from self.below(entry["urn"])

    def components(self, *prefixes: str) -> list[Entry]:
        """Components whose type begins so, in the order of their names."""
        found = [e for e in self.resources if not e["custom"] and e["type"].startswith(prefixes)]
        return sorted(found, key=lambda entry: entry["name"])

    @cached_property
    def clusters(self) -> list[Entry]:
        """Components that are a cluster; what a cluster consists of has no kind."""
        return [entry for entry in self.components("slipway:clusters:") if at(entry, "outputs", "kind")]

    @cached_property
    def workloads(self) -> list[Workload]:
        """Every workload by cluster, namespace and name."""
        found = [self._workload(entry) for entry in self.components(SERVICE)]
        return sorted(found, key=lambda workload: (workload.cluster, workload.namespace, workload.name))

    def _workload(self, entry: Entry) -> Workload:
        out: dict[str, Any] = entry["outputs"]
        below = list(self.below(entry["urn"]))
        controller = next((e for e in below if e["type"].rpartition(":")[2] in _CONTROLLERS), _NO_CONTROLLER)
        return Workload(
            urn=entry["urn"],
            name=out["name"],
            object=out["object"],
            kind=out["kind"],
            cluster=out["cluster"],
            namespace=out["namespace"],
            system=out["system"],
            image=out["image"],
            count=_count(controller, below),
            labels=at(controller, "inputs", "spec", "template", "metadata", "labels") or {},
            entries=_entries(out),
            text=json.dumps([e["inputs"] for e in below], sort_keys=True),
            service=out.get("service"),
        )

    def connections(self) -> list[Connection]:
        """Every edge between workloads, and to what is outside, as the network policies open them."""
        found: list[Connection] = []
        cluster_of = {at(cluster, "outputs", "name"): cluster["urn"] for cluster in self.clusters}
        for policy in self.resources:
            if not policy["type"].endswith(":NetworkPolicy"):
                continue
            namespace = at(policy, "inputs", "metadata", "namespace")
            own = [
                w for w in self.workloads if str(policy["provider"]) in self._providers(cluster_of.get(w.cluster, ""))
            ]
            sources = _selected(own, namespace, at(policy, "inputs", "spec", "podSelector", "matchLabels"))
            for rule in items(at(policy, "inputs", "spec", "egress")):
                ports = tuple(p["port"] for p in items(at(rule, "ports")) if isinstance(at(p, "port"), int))
                found += [c for source in sources for c in self._ends(source, policy, rule, ports, own)]
        return found

    def _providers(self, cluster: str) -> set[str]:
        return {e["urn"] for e in self.children(cluster) if e["type"] == "pulumi:providers:kubernetes"}

    def _ends(
        self, source: Workload, policy: Entry, rule: Entry, ports: tuple[int, ...], own: list[Workload]
    ) -> Iterator[Connection]:
        for peer in items(at(rule, "to")):
            if at(peer, "ipBlock"):
                name = str(at(policy, "inputs", "metadata", "name")).partition("-to-")[2]
                yield Connection(source, None, name, ports)
                continue
            where = at(peer, "namespaceSelector", "matchLabels", _NAMESPACE_LABEL) or source.namespace
            for target in _selected(own, where, at(peer, "podSelector", "matchLabels")):
                yield Connection(source, target, "", ports)


def _selected(workloads: list[Workload], namespace: str, selector: Mapping[str, str] | None) -> list[Workload]:
    """Workloads in a namespace whose pods a selector takes; one without labels takes none here."""
    wanted = set((selector or {}).items())
    return [w for w in workloads if wanted and w.namespace == namespace and wanted <= set(w.labels.items())]


def _count(controller: Entry, below: list[Entry]) -> str:
    scaler = next((e for e in below if e["type"].endswith(":HorizontalPodAutoscaler")), None)
    if scaler is not None:
        spec = at(scaler, "inputs", "spec")
        return f"{at(spec, 'minReplicas') or 1} to {at(spec, 'maxReplicas')}"
    replicas = at(controller, "inputs", "spec", "replicas")
    return str(replicas) if replicas is not None else ""


def _entries(out: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    if out.get("ingressHost"):
        found.append(str(out["ingressHost"]))
    if out.get("serviceType") == "LoadBalancer":
        found.append(f"load balancer :{out.get('servicePort')}")
    if out.get("nodePort"):
        found.append(f"node port {out['nodePort']}")
    elif out.get("serviceType") == "NodePort":
        found.append("node port")
    return tuple(found)

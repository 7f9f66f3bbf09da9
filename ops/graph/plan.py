"""A plan as the picture needs it: resources by URN, children, workloads and who may connect to whom."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ops.kube import entries, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Entry = dict[str, Any]
_CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet")


def type_name(entry: Entry) -> str:
    """The last part of its type."""
    return str(entry["type"]).rpartition(":")[2]


@dataclass(frozen=True)
class Workload:
    """`count` of pods: `3` or `2 to 4`, empty for a DaemonSet; `text`: all that its objects say, for a search."""

    cluster: str
    namespace: str
    name: str
    out: Mapping[str, Any]
    count: str
    labels: Mapping[str, str]
    text: str


class Plan:
    """The resources of a plan.json."""

    def __init__(self, resources: list[Entry]) -> None:
        self.resources = resources
        self.children: dict[str | None, list[Entry]] = defaultdict(list)
        for entry in resources:
            self.children[entry["parent"]].append(entry)

    def below(self, urn: str) -> Iterator[Entry]:
        """Resources at any depth below this one."""
        for entry in self.children[urn]:
            yield entry
            yield from self.below(entry["urn"])

    def size(self, component: Entry) -> int:
        """How many resources of providers it has."""
        return sum(entry["custom"] for entry in self.below(component["urn"]))

    def components(self, *prefixes: str) -> list[Entry]:
        """Components whose type begins so, in the order of their names."""
        found = [e for e in self.resources if not e["custom"] and e["type"].startswith(prefixes)]
        return sorted(found, key=lambda entry: entry["name"])

    @cached_property
    def clusters(self) -> list[Entry]:
        """Components that are a cluster; what a cluster consists of has no kind."""
        return [entry for entry in self.components("slipway:clusters:") if entry["outputs"].get("kind")]

    @cached_property
    def workloads(self) -> list[Workload]:
        """Every workload by cluster, namespace and name."""
        found = [self._workload(entry) for entry in self.components("slipway:workloads:Service")]
        return sorted(found, key=lambda w: (w.cluster, w.namespace, w.name))

    def _workload(self, entry: Entry) -> Workload:
        below = list(self.below(entry["urn"]))
        specs = {type_name(child): section(child, "inputs", "spec") for child in below}
        spec = next((specs[kind] for kind in _CONTROLLERS if kind in specs), Entry())
        replicas, scaler = spec.get("replicas"), specs.get("HorizontalPodAutoscaler")
        count = "" if replicas is None else str(replicas)
        if scaler is not None:
            count = f"{scaler.get('minReplicas') or 1} to {scaler['maxReplicas']}"
        labels = section(spec, "template", "metadata", "labels")
        out, text = entry["outputs"], json.dumps([e["inputs"] for e in below], sort_keys=True)
        return Workload(out["cluster"], out["namespace"], out["name"], out, count, labels, text)

    def connections(self) -> Iterator[tuple[Workload, Workload | str, set[int]]]:
        """What network policies open: from a workload to another, or to what is outside and has only a name; ports."""
        cluster_of = {c["urn"]: e["outputs"]["name"] for e in self.clusters for c in self.children[e["urn"]]}
        for policy in self.resources:
            if type_name(policy) != "NetworkPolicy":
                continue
            cluster, metadata = cluster_of.get(policy["provider"]), section(policy, "inputs", "metadata")
            namespace, outside = metadata["namespace"], metadata["name"].partition("-to-")[2]
            spec = section(policy, "inputs", "spec")
            for source in self._selected(cluster, namespace, spec):
                for rule in entries(spec, "egress"):
                    ports = {port["port"] for port in entries(rule, "ports") if isinstance(port.get("port"), int)}
                    for peer in entries(rule, "to"):
                        labels = section(peer, "namespaceSelector", "matchLabels")
                        wanted = labels.get("kubernetes.io/metadata.name")
                        found = [outside] if "ipBlock" in peer else self._selected(cluster, wanted or namespace, peer)
                        yield from ((source, target, ports) for target in found)

    def _selected(self, cluster: str | None, namespace: str, selecting: Entry) -> list[Workload]:
        """Workloads whose pods a `podSelector` takes; one without labels takes none here."""
        wanted = section(selecting, "podSelector", "matchLabels").items()
        inside = [w for w in self.workloads if (w.cluster, w.namespace) == (cluster, namespace)]
        return [w for w in inside if wanted and wanted <= w.labels.items()]

"""The picture of a plan: clouds, clusters, namespaces, workloads, and who connects to whom."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.versions import by_tag
from ops.graph.plan import Plan, type_name
from ops.kube import section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ops.graph.plan import Entry, Workload

_CLUSTERS = {"embedded": "embedded Kubernetes", "existing": "existing Kubernetes", "gke": "GKE", "eks": "EKS"}
_CLOUDS = {"AwsAccount": "AWS", "GcpProject": "Google Cloud"}
_DATABASES = ("Rds", "CloudSql")
_NOT_DRAWN = ("kubernetes-api", "nodes", "dns")
"""Far ends that every platform has; arrows to them would say nothing."""


@dataclass(frozen=True, order=True)
class Node:
    """An innermost box: in which boxes it is (their titles, outermost first), and how it is reached from outside."""

    where: tuple[str, ...]
    key: str
    title: str
    lines: tuple[str, ...] = ()
    kind: str = "Deployment"
    entries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """What to draw; an edge is from a key to a key and has a label, which may be empty."""

    title: str
    nodes: tuple[Node, ...]
    edges: Mapping[tuple[str, str], str]


def picture(content: Mapping[str, Any]) -> Picture:
    """The picture of plan.json; the same whatever the order of its resources."""
    drawing = _Drawing(Plan(content["resources"]))
    nodes = tuple(sorted({*drawing.foundation(), *drawing.workloads(), *drawing.connections(), *drawing.names()}))
    drawn = {node.key for node in nodes}
    edges = {
        ends: ", ".join(f":{port}" for port in sorted(ports))
        for ends, ports in sorted(drawing.edges.items())
        if drawn.issuperset(ends) and ends[0] != ends[1]
    }
    resources = sum(entry["custom"] for entry in content["resources"])
    title = f"stack {content['stack']} ({len(drawing.plan.workloads)} workloads, {resources} resources)"
    return Picture(title, nodes, edges)


class _Drawing:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.edges: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        foundation = plan.components("slipway:foundation:")
        self._foundation = [entry for entry in foundation if type_name(entry) not in _CLOUDS]
        self._databases = [entry for entry in foundation if type_name(entry) in _DATABASES]
        self._cloud_of: dict[str, str] = {}
        for entry in foundation:
            if cloud := _CLOUDS.get(type_name(entry)):
                title = f"{entry['name']} · {cloud} {entry['outputs'].get('region') or ''}".strip()
                self._cloud_of |= dict.fromkeys((child["urn"] for child in plan.below(entry["urn"])), title)
        self._homes: dict[str, tuple[str, ...]] = {}
        for cluster in plan.clusters:
            name, kind = cluster["outputs"]["name"], cluster["outputs"]["kind"]
            self._homes[name] = (*self._cloud(cluster), f"{name} · {_CLUSTERS.get(kind, kind)}")

    def _cloud(self, entry: Entry) -> tuple[str, ...]:
        """The account or project whose providers make most of what is below a component."""
        providers = (child["provider"] for child in self.plan.below(entry["urn"]))
        counts = Counter(self._cloud_of[provider] for provider in providers if provider in self._cloud_of)
        return (max(sorted(counts), key=lambda title: counts[title]),) if counts else ()

    def _where(self, workload: Workload) -> tuple[str, ...]:
        return *self._homes[workload.cluster], workload.namespace

    def foundation(self) -> Iterator[Node]:
        """What clouds and clusters consist of."""
        for entry in self._foundation:
            kind, out = type_name(entry), entry["outputs"]
            detail = next((str(out[key]) for key in ("domain", "bucket", "database") if out.get(key)), "")
            lines = tuple(filter(None, (kind, detail, f"resources: {self.plan.size(entry)}")))
            look = "database" if kind in _DATABASES else "platform"
            yield Node(self._cloud(entry), entry["name"], entry["name"], lines, look)
        for cluster in self.plan.clusters:
            name, children = cluster["outputs"]["name"], self.plan.children[cluster["urn"]]
            parts = [entry for entry in children if entry["type"].startswith("slipway:clusters:")]
            if parts:
                lines = tuple(sorted(f"{type_name(part)}: {self.plan.size(part)}" for part in parts))
                yield Node(self._homes[name], f"cluster-{name}", "the cluster itself", lines, "platform")

    def workloads(self) -> Iterator[Node]:
        """A box for each."""
        for workload in self.plan.workloads:
            out, kind = workload.out, workload.out["kind"]
            count = f"{kind} × {workload.count}" if workload.count else f"{kind} on every node"  # noqa: RUF001 - the sign people read
            entries = [str(out["ingressHost"])] if out.get("ingressHost") else []
            if out.get("serviceType") == "LoadBalancer":
                entries.append(f"load balancer :{out.get('servicePort')}")
            if out.get("nodePort") or out.get("serviceType") == "NodePort":
                entries.append(f"node port {out.get('nodePort') or ''}".strip())
            lines = count, by_tag(out["image"]).rpartition("/")[2]
            yield Node(self._where(workload), workload.name, out["object"], lines, kind, tuple(entries))

    def connections(self) -> Iterator[Node]:
        """Draw what the policies open; returns far ends outside the cluster that are no database of the stack."""
        databases = {entry["outputs"].get("port") for entry in self._databases}
        for source, target, ports in self.plan.connections():
            if not isinstance(target, str):
                self.edges[source.name, target.name] |= ports
            elif target not in _NOT_DRAWN and not ports & databases:
                key = f"{source.cluster}/{source.namespace}/{target}"
                yield Node(self._where(source), key, target, ("outside the cluster",), "outside")
                self.edges[source.name, key] |= ports

    def names(self) -> Iterator[Node]:
        """Draw arrows to databases; returns Services that are only a name, which arrows lead through."""
        hosts = {entry["name"]: str(entry["outputs"].get("host") or "") for entry in self._databases}
        ports = {entry["name"]: {entry["outputs"]["port"]} for entry in self._databases if entry["outputs"].get("port")}
        for workload in self.plan.workloads:
            for database in [name for name, host in hosts.items() if host and host in workload.text]:
                self.edges[workload.name, database] |= ports.get(database, set())
        for entry in self.plan.components("slipway:workloads:ExternalName"):
            alias, name, host = entry["name"], entry["outputs"]["name"], str(entry["outputs"]["host"])
            namespace = next(
                (section(child, "inputs", "metadata")["namespace"] for child in self.plan.below(entry["urn"])), ""
            )
            for user in self.plan.workloads:
                if user.namespace != namespace or name not in user.text:
                    continue
                yield Node(self._where(user), alias, name, ("ExternalName",), "alias")
                self.edges[user.name, alias] = set()
                for database in [database for database, its in hosts.items() if its == host]:
                    self.edges[alias, database] |= ports.get(database, set())
                for target in self.plan.workloads:
                    service = f"{target.out.get('service')}.{target.namespace}.svc"
                    if target.cluster == user.cluster and host.startswith(service):
                        self.edges[alias, target.name] |= self.edges.pop((user.name, target.name), set())

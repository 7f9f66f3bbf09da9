"""The picture of a plan: clouds, clusters, namespaces, workloads, and who connects to whom."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from components.versions import by_tag
from ops.graph.model import Edge, Group, Node, Picture
from ops.graph.plan import EXTERNAL_NAME, Plan, Workload, at

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("workloads", "systems")
"""What the innermost boxes are."""
_KINDS = {"Deployment": "stateless", "StatefulSet": "stateful", "DaemonSet": "daemon"}
_CLUSTERS = {"embedded": "embedded Kubernetes", "existing": "existing Kubernetes", "gke": "GKE", "eks": "EKS"}
_CLOUDS = {"AwsAccount": "AWS", "GcpProject": "Google Cloud"}
_FOUNDATION = {
    "ArtifactRegistry": ("Artifact Registry", "platform"),
    "AwsCertificate": ("certificate of the hosts", "platform"),
    "AwsDeployer": ("releases apps", "platform"),
    "CloudSql": ("Cloud SQL", "database"),
    "DelegatedZone": ("Route 53 zone", "platform"),
    "DomainProof": ("proof of a domain", "platform"),
    "Ecr": ("ECR", "platform"),
    "GcpCertificate": ("certificate of the hosts", "platform"),
    "GcpDeployer": ("releases apps", "platform"),
    "GithubIdentity": ("GitHub's identities", "platform"),
    "GithubPool": ("GitHub's identities", "platform"),
    "PrivateServices": ("private network for services", "platform"),
    "Rds": ("RDS", "database"),
    "StateBucket": ("Pulumi's state", "platform"),
}
_PARTS = {
    "ControlPlane": "control plane",
    "GkeControlPlane": "control plane",
    "EksNetwork": "network",
    "GkeNetwork": "network",
    "EksNodes": "nodes",
    "GkeNodes": "nodes",
    "NodeIdentity": "identity of nodes",
    "ClusterAddons": "add-ons",
    "NodeAddons": "add-ons of nodes",
}
_NOT_DRAWN = ("kubernetes-api", "nodes", "dns")
"""Far ends that every platform has; arrows to them would say nothing."""


def picture(content: Mapping[str, Any], level: str = "workloads") -> Picture:
    """The picture of a plan.

    Args:
        content: plan.json.
        level: `workloads`: a box for each; `systems`: a box for each namespace.

    Returns:
        What to draw.
    """
    plan = Plan(content["stack"], content["resources"])
    root = Group("stack", plan.stack, kind="stack")
    edges: set[Edge] = set()
    for connection in plan.connections():
        ports = ", ".join(f":{port}" for port in connection.ports)
        if connection.target is not None:
            edges.add(Edge(connection.source.name, connection.target.name, ports))
    clouds = _clouds(plan)
    root.groups += clouds.values()
    for cluster in plan.clusters:
        home = clouds.get(_cloud_of(plan, cluster), root)
        home.groups.append(_cluster(plan, cluster, edges))
    _outside(plan, root, edges)
    _databases(plan, edges)
    drawn = {node.key for node in root.everything()}
    edges = {edge for edge in edges if {edge.source, edge.target} <= drawn and edge.source != edge.target}
    if level == "systems":
        edges = _collapse(root, edges)
    custom = sum(entry["custom"] for entry in plan.resources)
    least = sum(int(w.count.partition(" ")[0]) for w in plan.workloads if w.count)
    note = f"{len(plan.workloads)} workloads, {'at least ' if _scaled(plan) else ''}{least} pods"
    return Picture(f"stack {plan.stack}", f"{note}, {custom} resources", root, tuple(sorted(edges)))


def _scaled(plan: Plan) -> bool:
    return any(" to " in workload.count for workload in plan.workloads)


def _type(entry: Mapping[str, Any]) -> str:
    return str(entry["type"]).rpartition(":")[2]


def _clouds(plan: Plan) -> dict[str, Group]:
    """Account or project to its box, with what is of the foundation."""
    found: dict[str, Group] = {}
    for entry in plan.components("slipway:foundation:"):
        if _type(entry) in _CLOUDS:
            region = at(entry, "outputs", "region")
            note = f"{_CLOUDS[_type(entry)]} {region or ''}".strip()
            found[entry["urn"]] = Group(f"cloud-{entry['name']}", entry["name"], note, "cloud")
    for entry in plan.components("slipway:foundation:"):
        home = found.get(_cloud_of(plan, entry))
        if home is not None and _type(entry) in _FOUNDATION:
            what, kind = _FOUNDATION[_type(entry)]
            out = entry["outputs"]
            detail = next((str(out[key]) for key in ("domain", "bucket", "database") if out.get(key)), "")
            count = sum(child["custom"] for child in plan.below(entry["urn"]))
            lines = tuple(filter(None, [what, detail, f"{count} resources" if count > 1 else "1 resource"]))
            home.nodes.append(Node(entry["name"], entry["name"], lines, kind))
    return found


def _cloud_of(plan: Plan, entry: Mapping[str, Any]) -> str:
    """URN of the account or project whose provider makes what is below a component."""
    by_provider = {
        child["urn"]: account["urn"]
        for account in plan.components("slipway:foundation:AwsAccount", "slipway:foundation:GcpProject")
        for child in plan.below(account["urn"])
        if child["type"].startswith("pulumi:providers:")
    }
    counts: dict[str, int] = defaultdict(int)
    for child in plan.below(str(entry["urn"])):
        if child["provider"] in by_provider:
            counts[by_provider[child["provider"]]] += 1
    return max(sorted(counts), key=lambda urn: counts[urn]) if counts else ""


def _cluster(plan: Plan, entry: Mapping[str, Any], edges: set[Edge]) -> Group:
    out = entry["outputs"]
    name = str(out["name"])
    group = Group(f"cluster-{name}", name, _CLUSTERS.get(str(out["kind"]), str(out["kind"])), "cluster")
    parts: dict[str, int] = {}
    for child in plan.children(str(entry["urn"])):
        label = _PARTS.get(_type(child))
        if label:
            below = list(plan.below(child["urn"]))
            parts[label] = parts.get(label, 0) + sum(resource["custom"] for resource in below)
    lines = tuple(f"{label}: {count}" for label, count in sorted(parts.items()))
    if lines:
        group.nodes.append(Node(f"cluster-{name}-parts", "the cluster itself", lines, "platform"))
    for namespace in sorted({w.namespace for w in plan.workloads if w.cluster == name}):
        inside = [w for w in plan.workloads if (w.cluster, w.namespace) == (name, namespace)]
        box = Group(f"{name}/{namespace}", namespace, kind="namespace", nodes=[_node(w) for w in inside])
        box.nodes += _aliases(plan, name, inside, edges)
        group.groups.append(box)
    return group


def _node(workload: Workload) -> Node:
    image = by_tag(workload.image).rpartition("/")[2]
    count = f"{workload.kind} × {workload.count}" if workload.count else f"{workload.kind} on every node"  # noqa: RUF001 - the sign people read
    return Node(workload.name, workload.object, (count, image), _KINDS[workload.kind], workload.entries)


def _aliases(plan: Plan, cluster: str, inside: list[Workload], edges: set[Edge]) -> list[Node]:
    """Services that are only a name for something else: an arrow leads through them."""
    found: list[Node] = []
    for entry in plan.components(EXTERNAL_NAME):
        service = next(plan.below(entry["urn"]), None)
        namespace = at(service, "inputs", "metadata", "namespace")
        users = [w for w in inside if w.namespace == namespace and entry["outputs"]["name"] in w.text]
        if not users:
            continue
        host = str(entry["outputs"]["host"])
        found.append(Node(entry["name"], entry["outputs"]["name"], ("ExternalName",), "alias"))
        edges |= {Edge(user.name, entry["name"]) for user in users}
        for target in plan.workloads:
            if target.cluster == cluster and host.startswith(f"{target.service}.{target.namespace}.svc"):
                straight = {edge for edge in edges if (edge.source, edge.target) == (users[0].name, target.name)}
                label = next((edge.label for edge in straight), "")
                edges -= straight
                edges.add(Edge(entry["name"], target.name, label))
    return found


def _databases(plan: Plan, edges: set[Edge]) -> None:
    """Arrows to managed databases: from what names their host, or from the name that stands for it."""
    for entry in plan.components("slipway:foundation:Rds", "slipway:foundation:CloudSql"):
        host, port = entry["outputs"].get("host"), entry["outputs"].get("port")
        label = f":{port}" if port else ""
        through = [alias for alias in plan.components(EXTERNAL_NAME) if alias["outputs"]["host"] == host]
        for alias in through:
            edges.add(Edge(alias["name"], entry["name"], label))
        if not through:
            edges |= {Edge(w.name, entry["name"], label) for w in plan.workloads if host and host in w.text}


def _outside(plan: Plan, root: Group, edges: set[Edge]) -> None:
    """Far ends outside the cluster that are no database of the stack."""
    databases = [
        e["outputs"].get("port") for e in plan.components("slipway:foundation:Rds", "slipway:foundation:CloudSql")
    ]
    boxes = {group.key: group for group in _all(root)}
    for connection in plan.connections():
        if connection.target is not None or connection.outside in _NOT_DRAWN or set(connection.ports) & set(databases):
            continue
        source = connection.source
        box = boxes[f"{source.cluster}/{source.namespace}"]
        key = f"{source.cluster}/{source.namespace}/{connection.outside}"
        if all(node.key != key for node in box.nodes):
            box.nodes.append(Node(key, connection.outside, ("outside the cluster",), "outside"))
        edges.add(Edge(source.name, key, ", ".join(f":{port}" for port in connection.ports)))


def _all(group: Group) -> list[Group]:
    return [group, *(inner for child in group.groups for inner in _all(child))]


def _collapse(root: Group, edges: set[Edge]) -> set[Edge]:
    """Each namespace becomes one node."""
    home: dict[str, str] = {}
    for group in _all(root):
        boxes = [child for child in group.groups if child.kind == "namespace"]
        for box in boxes:
            home |= {node.key: box.key for node in box.everything()}
            names = [node.title for node in box.nodes if node.kind not in ("alias", "outside")]
            entries = tuple(dict.fromkeys(entry for node in box.nodes for entry in node.entries))
            lines = (f"{len(names)} workloads" if len(names) > 1 else "1 workload", *_wrapped(names))
            group.nodes.append(Node(box.key, box.title, lines, "system", entries))
        group.groups = [child for child in group.groups if child.kind != "namespace"]
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for edge in edges:
        ends = home.get(edge.source, edge.source), home.get(edge.target, edge.target)
        if ends[0] != ends[1]:
            found[ends] |= set(re.findall(r":\d+", edge.label))
    return {Edge(source, target, ", ".join(sorted(labels))) for (source, target), labels in found.items()}


def _wrapped(names: list[str], width: int = 30) -> list[str]:
    lines: list[str] = [""]
    for name in names:
        joined = f"{lines[-1]}, {name}" if lines[-1] else name
        if len(joined) > width and lines[-1]:
            lines[-1] += ","
            lines.append(name)
        else:
            lines[-1] = joined
    return lines

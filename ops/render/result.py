"""What a render yields: the plan, the manifests per cluster and namespace, and the apps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Cluster:
    """A cluster of the stack, as tools beside the program see it. `kubeconfig` is a path, None for the usual place;
    `registry` stands in front of the names of own images; `provider` is the URN of its Kubernetes provider."""

    name: str
    kind: str
    context: str | None
    kubeconfig: str | None
    registry: str
    provider: str

    @property
    def by_cloud(self) -> bool:
        """Whether the program makes it, in a cloud."""
        return self.kind not in ("embedded", "existing")


@dataclass(frozen=True)
class Smoke:
    """The request that a new release of an app has to answer, with a text in the answer (empty for anything)."""

    path: str
    status: int
    text: str


@dataclass(frozen=True)
class App:
    """A workload of the stack; `object` is that object's name. `path` is of its URL, which may hold references;
    `ingress_host` is at the ingress controller; `part_of` is the app that people see it as a part of."""

    name: str
    system: str
    cluster: str
    namespace: str
    kind: str
    object: str
    service: str | None
    service_type: str | None
    node_port: int | None
    path: str | None
    ingress_host: str | None
    part_of: str | None
    image: str
    url: str | None
    smoke: Smoke | None = None


@dataclass(frozen=True)
class SecretManifest:
    """A Kubernetes Secret whose values are generated; it is never written to a file. Its values are texts that may hold
    references `${<stash>.output}` to the stashes that are named."""

    manifest: Manifest
    stashes: tuple[str, ...]


@dataclass(frozen=True)
class Rendered:
    """Everything about a stack that can be known without a provider. `manifests` are by cluster and namespace; objects
    of no namespace stand under `_cluster`, Namespaces under their own name. `unresolved`: references in a cluster's
    manifests that only a provider can resolve."""

    stack: str
    project: str
    plan: dict[str, Any]
    manifests: dict[str, dict[str, list[Manifest]]]
    secrets: dict[str, list[SecretManifest]]
    apps: list[App]
    clusters: dict[str, Cluster]
    unresolved: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

"""Kubernetes objects in one line."""

from __future__ import annotations

from typing import Any

_VERSIONS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "Ingress": "networking.k8s.io/v1",
    "StorageClass": "storage.k8s.io/v1",
}


def thing(kind: str, where: str, body: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """An object; `where` is `namespace/name`, or the name alone of one of the whole cluster."""
    namespace, _, name = where.rpartition("/")
    place = {"name": name, **({"namespace": namespace} if namespace else {}), **metadata}
    return {"apiVersion": _VERSIONS.get(kind, "v1"), "kind": kind, "metadata": place, **(body or {})}

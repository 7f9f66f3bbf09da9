"""Kubernetes manifests from the recorded resources, per cluster and namespace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from ops.render.monitor import Record, with_secrets
from ops.render.placeholders import REFERENCE
from ops.render.result import Manifest, SecretManifest

if TYPE_CHECKING:
    from collections.abc import Iterable

CLUSTER_SCOPE = "_cluster"
"""Where objects stand that live in no namespace."""
_PROVIDER_ANNOTATIONS = "pulumi.com/"
_STASH = "pulumi:index:Stash"


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        return {key: _clean(item) for key, item in mapping.items() if item is not None}
    if isinstance(value, list):
        return [_clean(item) for item in cast("list[Any]", value)]
    return value


def manifest_of(record: Record) -> Manifest | None:
    """The Kubernetes object behind a resource, without annotations for Pulumi's provider; None if it is none."""
    package, _, rest = record.type.partition(":")
    if package != "kubernetes" or ":" not in rest or "apiVersion" not in record.inputs:
        return None
    body = cast("dict[str, Any]", _clean(record.inputs))
    metadata = body.pop("metadata", {})
    noted = metadata.pop("annotations", {})
    annotations = {key: value for key, value in noted.items() if not key.startswith(_PROVIDER_ANNOTATIONS)}
    metadata |= {"annotations": annotations} if annotations else {}
    return {"apiVersion": body.pop("apiVersion"), "kind": body.pop("kind"), "metadata": metadata, **body}


def _opened(value: Any) -> Any:
    return with_secrets(value, lambda secret: _opened(secret.value))


def _sort_key(manifest: Manifest) -> tuple[str, str, str]:
    return (manifest["kind"], manifest["metadata"]["name"], json.dumps(manifest, sort_keys=True))


def collect(
    records: Iterable[Record], provider: str
) -> tuple[dict[str, list[Manifest]], list[SecretManifest], list[str]]:
    """All Kubernetes objects that one provider makes: manifests by namespace, Secrets with generated values, and
    references that cannot be resolved."""
    everything = list(records)
    stashes = {f"${{{record.name}.output}}": record.name for record in everything if record.type == _STASH}
    by_namespace: dict[str, list[Manifest]] = {}
    secrets: list[SecretManifest] = []
    unresolved: set[str] = set()
    for record in everything:
        if record.provider != provider:
            continue
        manifest = manifest_of(record)
        if manifest is None:
            continue
        opened = _opened(manifest)
        if opened != manifest:
            used = set(REFERENCE.findall(json.dumps(opened)))
            unresolved |= used - set(stashes)
            secrets.append(SecretManifest(opened, tuple(sorted(stashes[ref] for ref in used & set(stashes)))))
            continue
        unresolved |= set(REFERENCE.findall(json.dumps(manifest)))
        own = manifest["kind"] == "Namespace"
        namespace = manifest["metadata"]["name"] if own else manifest["metadata"].get("namespace", CLUSTER_SCOPE)
        by_namespace.setdefault(namespace, []).append(manifest)
    ordered = {name: sorted(items, key=_sort_key) for name, items in sorted(by_namespace.items())}
    return ordered, sorted(secrets, key=lambda s: _sort_key(s.manifest)), sorted(unresolved)

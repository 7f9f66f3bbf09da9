"""What an apply would change: the API server's own answer to a dry run against what is there."""

from __future__ import annotations

import copy
import difflib
from typing import TYPE_CHECKING

import yaml

from ops.engines import stash
from ops.engines.base import Change
from ops.engines.release import MANAGER, owned
from ops.errors import OpsError
from ops.kube import CommandError, Key, annotations_of, section
from ops.live import NAMESPACE, RELEASE_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ops.kube import Kubectl, Manifest
    from ops.live import Inventory
    from ops.render.result import SecretManifest

# Written by the server with every change, or by controllers: no difference of the stack.
_SERVER_FIELDS = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_CONTEXT_LINES = 3


def bare(item: Manifest) -> Manifest:
    """A live object without what the server and the controllers write."""
    result = copy.deepcopy(item)
    result.pop("status", None)
    for name in _SERVER_FIELDS:
        result["metadata"].pop(name, None)
    return result


def _masked(item: Manifest, before: Manifest | None) -> Manifest:
    """A Secret without its values; that a value differs from the one before shows, and not more."""
    if item["kind"] != "Secret":
        return item
    known = section(before, "data") if before is not None else None
    data = section(item, "data")
    changed = {key for key, value in data.items() if known is not None and known.get(key) != value}
    return {**item, "data": {key: "[secret, changed]" if key in changed else "[secret]" for key in data}}


def yaml_diff(before: Manifest, after: Manifest, name: str) -> str:
    """Unified diff of two objects as YAML, secrets masked."""
    texts = [
        yaml.safe_dump(_masked(item, previous), sort_keys=True, width=120).splitlines()
        for item, previous in ((before, None), (after, before))
    ]
    lines = difflib.unified_diff(
        *texts, fromfile=f"live {name}", tofile=f"wanted {name}", n=_CONTEXT_LINES, lineterm=""
    )
    return "\n".join(lines)


def chart_changes(
    kubectl: Kubectl, wanted: Sequence[Manifest], release: str, there: Inventory
) -> tuple[list[Change], list[Key]]:
    """What installing a chart would change on a cluster.

    Args:
        kubectl: The cluster.
        wanted: The chart's manifests.
        release: Name of the release.
        there: The stack's live objects.

    Returns:
        The changes, and the keys of live objects of the release that are not wanted any more.

    Raises:
        UnreachableError: The cluster does not answer.
        OpsError: The API server refuses a manifest.
    """
    marked = {Key.of(item): owned(item, release) for item in wanted}
    made = there.made()
    changes = [Change("create", kubectl.cluster, str(key)) for key in marked if key not in made]
    known = [item for key, item in marked.items() if key in made]
    if known:
        try:
            answers = kubectl.apply(known, manager=MANAGER, dry_run=True)
        except CommandError as error:
            raise OpsError(
                f"cluster {kubectl.cluster}: the API server does not take a change:\n{error.text}\nwhat cannot be "
                "changed in place has to be removed first (`slipway down`)"
            ) from None
        for answer in answers:
            key = Key.of(answer)
            before, after = bare(made[key]), bare(answer)
            if before != after:
                changes.append(Change("update", kubectl.cluster, str(key), yaml_diff(before, after, str(key))))
    gone = [
        key
        for key, item in made.items()
        if key not in marked and annotations_of(item).get(RELEASE_ANNOTATION) == release
    ]
    # What lives in a namespace that goes, goes with it.
    leaving = {key.name for key in gone if key.kind == "Namespace"}
    gone = [key for key in gone if key.namespace not in leaving]
    changes += [Change("delete", kubectl.cluster, str(key)) for key in gone]
    return changes, gone


def secret_changes(
    cluster: str, wanted: Sequence[SecretManifest], values: Mapping[str, str], there: Inventory
) -> tuple[list[Change], list[Manifest], list[Key]]:
    """What would change about the Secrets with generated values.

    Args:
        cluster: Name of the cluster.
        wanted: The Secrets.
        values: Stash name to value.
        there: The stack's live objects.

    Returns:
        The changes, the filled Secrets that have to be applied, the keys of those that are not wanted any more.
    """
    made = there.made()
    changes: list[Change] = []
    apply: list[Manifest] = []
    keys = {stash.key(secret) for secret in wanted}
    for secret in wanted:
        manifest = stash.filled(secret, values)
        key = stash.key(secret)
        live = made.get(key)
        if live is None:
            changes.append(Change("create", cluster, str(key)))
        elif stash.same(live, manifest):
            continue
        else:
            diff = yaml_diff(bare(live), {**bare(live), "data": manifest["data"]}, str(key))
            changes.append(Change("update", cluster, str(key), diff))
        apply.append(manifest)
    gone = [k for k, v in made.items() if stash.is_ours(v) and k not in keys and k.namespace != NAMESPACE]
    live_namespaces = there.namespaces()
    gone = [k for k in gone if k.namespace in live_namespaces]
    changes += [Change("delete", cluster, str(key)) for key in gone]
    return changes, apply, gone

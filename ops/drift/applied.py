"""A release's stored manifest beside the program and the cluster: what somebody changed, and what nobody applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ops.drift.fields import owners
from ops.drift.report import Difference, Drift, differences_of
from ops.engines import stash
from ops.engines.base import Change
from ops.engines.differences import Comparison, yaml_diff
from ops.kube import Key, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ops.engines.differences import SecretComparison
    from ops.engines.release import Record
    from ops.kube import Kubectl, Manifest
    from ops.render.result import SecretManifest

SPARED_NAMESPACE = "`up` leaves it alone, `down` removes it: a namespace goes with all that is in it"
SPARED_DATA = "`up` leaves it alone: the stack is durable and it holds data; delete it by hand if nobody needs it"


def standing(history: Sequence[Record]) -> Record | None:
    """The revision that was applied last and stood: what the cluster should be like until the next `up`."""
    good = [record for record in history if record.status in ("deployed", "superseded")]
    return next((record for record in reversed(good) if record.status == "deployed"), good[-1] if good else None)


def unfinished(history: Sequence[Record], namespaces: Mapping[str, Manifest]) -> list[str]:
    """Runs that began and never ended, each as a sentence."""
    said: list[str] = []
    if history and history[-1].status != "deployed":
        last = history[-1]
        said.append(f"revision {last.revision} of {last.release} is {last.status}: a run was interrupted or failed")
    ending = sorted(name for name, item in namespaces.items() if item["metadata"].get("deletionTimestamp"))
    if ending:
        said.append(f"namespaces are being removed: {', '.join(ending)}")
    return said


def same_documents(one: Iterable[Manifest], other: Iterable[Manifest]) -> bool:
    """Whether two sets of manifests say the same."""
    return {Key.of(item): item for item in one} == {Key.of(item): item for item in other}


def document_changes(cluster: str, applied: Sequence[Manifest], program: Sequence[Manifest]) -> list[Change]:
    """What the program says now and did not when it was applied.

    Args:
        cluster: Name of the cluster.
        applied: Manifests of the revision that stands.
        program: Manifests of the program.
    """
    before = {Key.of(item): item for item in applied}
    after = {Key.of(item): item for item in program}
    changes = [Change("create", cluster, str(key)) for key in after if key not in before]
    changes += [
        Change("update", cluster, str(key), yaml_diff(before[key], after[key], str(key)))
        for key in after
        if key in before and before[key] != after[key]
    ]
    return changes + [Change("delete", cluster, str(key)) for key in before if key not in after]


def of_cluster(comparison: Comparison, pending: Sequence[Change], interrupted: Sequence[str], cluster: str) -> Drift:
    """The drift of a cluster, generated Secrets left out.

    Args:
        comparison: What was applied against what is there.
        pending: The program against what was applied.
        interrupted: Runs that never ended.
        cluster: Name of the cluster.
    """
    spared = [
        Difference("orphan", cluster, str(key), note=SPARED_NAMESPACE if key.kind == "Namespace" else SPARED_DATA)
        for key in comparison.spared
    ]
    return Drift("helm", [*differences_of(comparison.changes), *spared], list(pending), list(interrupted))


def sort_secrets(
    kubectl: Kubectl,
    found: SecretComparison,
    wanted: Sequence[SecretManifest],
    stored: Mapping[str, str],
    applied: Sequence[Manifest],
) -> tuple[list[Change], list[Change]]:
    """Which differences of generated Secrets are somebody's hand, and which the program's.

    They are in no release; so who wrote an entry last is asked of the API server, and a Secret that is not there was
    there when its values are kept and what stands refers to it.

    Args:
        kubectl: The cluster.
        found: The program's Secrets against what is there.
        wanted: The program's Secrets.
        stored: Values kept so far, by stash.
        applied: Manifests of the revision that stands.

    Returns:
        Those by hand, and those that nobody applied yet.
    """
    hand: list[Change] = []
    pending: list[Change] = []
    used = {
        (item["metadata"].get("namespace"), name)
        for item in applied
        for name in _secret_names(json.dumps(item.get("spec", {})), wanted)
    }
    by_name = {str(stash.key(secret)): secret for secret in wanted}
    filled = {str(Key.of(item)): item for item in found.apply}
    for change in found.changes:
        secret = by_name.get(change.name)
        if secret is None:  # not wanted any more: the program's doing
            pending.append(change)
            continue
        key = stash.key(secret)
        if change.operation == "create":
            known = set(secret.stashes) <= stored.keys() and (key.namespace, key.name) in used
            (hand if known else pending).append(change)
        else:
            (pending if _is_ours(kubectl, key, filled[change.name]) else hand).append(change)
    return hand, pending


def _secret_names(text: str, wanted: Sequence[SecretManifest]) -> set[str]:
    names = {stash.key(secret).name for secret in wanted}
    return {name for name in names if json.dumps(name) in text}


def _is_ours(kubectl: Kubectl, key: Key, wanted: Manifest) -> bool:
    """Whether each entry that differs was last written by this engine: then the program is what changed."""
    for live in kubectl.get(["secrets", key.name, "-n", key.namespace, "--show-managed-fields"]):
        data = section(live, "data")
        if data.keys() - wanted["data"].keys():
            return False
        differing = [name for name, value in wanted["data"].items() if data.get(name) != value]
        return bool(differing) and all(
            name not in data or stash.FIELD_MANAGER in owners(live, ("f:data", f"f:{name}")) for name in differing
        )
    return False

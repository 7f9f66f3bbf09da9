"""StatefulSets: whose a claim is, and a known limit: a broken pod of an old revision holds up its own replacement."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ops.kube import Key, entries, labels_of, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ops.diagnose import PodTrouble
    from ops.kube import Kubectl, Manifest

_REVISION = "controller-revision-hash"


def claims_of(workload: Manifest, template: Manifest, objects: Iterable[Key]) -> list[Key]:
    """Those of some objects that are claims which a StatefulSet made from one of its templates."""
    kind, owner = "PersistentVolumeClaim", Key.of(workload)
    pattern = re.compile(rf"{re.escape(template['metadata']['name'])}-{re.escape(owner.name)}-\d+")
    found = (key for key in objects if (key.kind, key.namespace) == (kind, owner.namespace))
    return [key for key in found if pattern.fullmatch(key.name)]


def free_stateful_sets(kubectl: Kubectl, pods: Sequence[Manifest], found: Sequence[PodTrouble]) -> None:
    """Delete pods of StatefulSets that cannot start and are of a revision that is not wanted any more. The controller
    waits for such a pod to become ready before it replaces it, which never happens; Kubernetes asks for the deletion
    (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback)."""
    hopeless = {(trouble.namespace, trouble.pod) for trouble in found if trouble.hopeless}
    stuck = {
        (pod["metadata"]["namespace"], owner["name"]): pod
        for pod in pods
        if (pod["metadata"]["namespace"], pod["metadata"]["name"]) in hopeless
        for owner in entries(pod, "metadata", "ownerReferences")
        if owner["kind"] == "StatefulSet"
    }
    outdated: list[Key] = []
    for (namespace, name), pod in stuck.items():
        for workload in kubectl.get(["statefulsets.apps", name, "-n", namespace]):
            status = section(workload, "status")
            current = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
            if current and labels_of(pod).get(_REVISION) != status.get("updateRevision"):
                outdated.append(Key.of(pod))
    kubectl.delete(outdated)

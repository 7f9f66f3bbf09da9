"""What runs of an app on its cluster now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.kube import CommandError, Key, entries, section
from ops.live import selector
from ops.urls import named_in, objects_by_resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.kube import Kubectl, Manifest
    from ops.releases.target import Target

_TYPES = "deployments.apps,services"


def look(kubectl: Kubectl, target: Target) -> dict[Key, Manifest]:
    """The app's namespaces with their Deployments and Services, and what its addresses lead through. Asked a namespace
    at a time: a deployer may look nowhere else, and at no list of all."""
    namespaces = sorted({part.namespace for part in target.parts})
    found = kubectl.get(["namespaces", *namespaces])
    for namespace in namespaces:
        found += kubectl.get([_TYPES, "-n", namespace, "-l", selector(target.stack.name)])
    resources = objects_by_resource(target.stack.rendered.plan)
    for key in {key for part in target.parts for key in named_in(part.url or "", resources)}:
        if key.namespace not in namespaces:
            found += _elsewhere(kubectl, key)
    return {Key.of(item): item for item in found}


def runs(target: Target, live: Mapping[Key, Manifest]) -> bool:
    """Whether the app runs with the target's tag, and its rollout is done."""
    found = [(part, live.get(key)) for key, part in target.keys().items()]
    return all(there is not None and has_image(there, part.image) and is_done(there) for part, there in found)


def _elsewhere(kubectl: Kubectl, key: Key) -> list[Manifest]:
    """What an address leads through, such as the ingress controller's Service; no deployer may see that."""
    try:
        return kubectl.get([f"{key.kind.lower()}s", key.name, "-n", key.namespace])
    except CommandError:
        return []


def has_image(item: Manifest, image: str) -> bool:
    """Whether a workload or a pod has a container of an image."""
    spec = section(item, "spec", "template", "spec") or section(item, "spec")
    return any(container["image"] == image for container in entries(spec, "containers"))


def is_current(workload: Manifest) -> bool:
    """Whether its status is about its specification as it is now."""
    return section(workload, "status").get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)


def is_done(workload: Manifest) -> bool:
    """Whether a Deployment's rollout is done, as `kubectl rollout status` sees it."""
    status, wanted = section(workload, "status"), int(section(workload, "spec").get("replicas", 1))
    updated, total = int(status.get("updatedReplicas", 0)), int(status.get("replicas", 0))
    return is_current(workload) and int(status.get("availableReplicas", 0)) >= updated >= max(wanted, total)


def running_digests(kubectl: Kubectl, target: Target) -> dict[str, set[str]]:
    """Image reference to the digests, of an image or an index, that the node names for what the pods really run."""
    found: dict[str, set[str]] = {}
    for namespace in sorted({part.namespace for part in target.parts}):
        for pod in kubectl.get(["pods", "-n", namespace, "-l", selector(target.stack.name)]):
            if pod["metadata"].get("deletionTimestamp"):
                continue
            images = {c["name"]: c["image"] for c in entries(section(pod, "spec"), "containers")}
            for status in entries(pod, "status", "containerStatuses"):
                digest = str(status.get("imageID", "")).rpartition("@")[2]
                if images.get(status["name"]) in target.images and digest.startswith("sha256:"):
                    found.setdefault(images[status["name"]], set()).add(digest)
    return found

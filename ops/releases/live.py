"""What runs of an app now, and the way to its cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ops.access import LOCAL_KINDS, kubectl
from ops.errors import RefusedError
from ops.kube import Key, Kubectl, Manifest, annotations_of, entries, section
from ops.live import RELEASE_ANNOTATION, labelled, selector
from ops.releases import history
from ops.releases.target import is_done, tag_of
from ops.stack import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.progress import Progress
    from ops.releases.history import History
    from ops.releases.target import Target
    from ops.render import App
    from stacks.settings.clusters import Cluster

_TYPES = "namespaces,deployments.apps,services,configmaps"


@dataclass(frozen=True)
class Way:
    """How a cluster is reached, from the settings alone.

    Attributes:
        name: Name in the stack file.
        kind: `embedded` or `existing`.
        context: Kubeconfig context, or None.
        kubeconfig: Path of the kubeconfig, or None.
    """

    name: str
    kind: str
    context: str | None
    kubeconfig: str | None


def reach(stack: str, clusters: Mapping[str, Cluster], progress: Progress) -> dict[str, Kubectl]:
    """kubectl of clusters of the settings; the stack is rendered, once, only where a cloud makes one of them.

    Args:
        stack: Name of the stack.
        clusters: Settings of the clusters by name.
        progress: Told when kubectl has to be built.

    Raises:
        RefusedError: A cloud makes one, and it is not there yet or there is no Pulumi CLI to ask.
        UnreachableError: One is the embedded one and was never started.
    """
    local = {name: cluster for name, cluster in clusters.items() if cluster.kind in LOCAL_KINDS}
    made = load(stack, progress) if len(local) < len(clusters) else None
    return {
        name: kubectl(_way(name, cluster), progress) if made is None or name in local else made.kubectl(name)
        for name, cluster in clusters.items()
    }


def _way(name: str, cluster: Cluster) -> Way:
    from local.settings import CONTEXT

    settings = cast("Any", cluster)
    context = CONTEXT if cluster.kind == "embedded" else getattr(settings, "context", None)
    return Way(name, cluster.kind, context, getattr(settings, "kubeconfig", None))


@dataclass(frozen=True)
class Live:
    """What is on the cluster.

    Attributes:
        objects: The stack's namespaces, Deployments, Services and ConfigMaps.
        history: The stack's releases on this cluster.
    """

    objects: dict[Key, Manifest]
    history: History

    def workload(self, part: App) -> Manifest | None:
        """The live object of a part."""
        return self.objects.get(Key("apps", part.kind, part.namespace, part.object))

    def tags(self, target: Target) -> dict[str, str | None]:
        """Part to the tag that it runs."""
        return {part.name: tag_of(live, part) if (live := self.workload(part)) else None for part in target.parts}

    def tag(self, target: Target) -> str | None:
        """The tag of the app: that of its first part, the others have the same."""
        return next(iter(self.tags(target).values()))

    def runs(self, target: Target) -> bool:
        """Whether the app runs with the target's tag, and its rollout is done."""
        found = [self.workload(part) for part in target.parts]
        tagged = all(tag == target.tag for tag in self.tags(target).values())
        return tagged and all(live is not None and is_done(live) for live in found)

    def namespaces(self) -> list[Manifest]:
        """The stack's namespaces."""
        return [item for key, item in self.objects.items() if key.kind == "Namespace"]

    def release(self, target: Target) -> str | None:
        """The Helm release that the app belongs to, or None."""
        for part in target.parts:
            live = self.workload(part)
            if live is not None and RELEASE_ANNOTATION in annotations_of(live):
                return annotations_of(live)[RELEASE_ANNOTATION]
        return None


def look(kubectl: Kubectl, stack: str) -> Live:
    """Ask the cluster, in one call.

    Raises:
        UnreachableError: It does not answer.
    """
    return among(labelled(kubectl, _TYPES, stack), stack)


def among(objects: dict[Key, Manifest], stack: str) -> Live:
    """The same from a stack's live objects that are known already.

    Args:
        objects: All of them.
        stack: Stack name.
    """
    return Live(objects, history.parse(objects.values(), stack))


def require_there(live: Live, target: Target) -> None:
    """Refuse an app that is not there yet.

    Raises:
        RefusedError: Some of its workloads are missing.
    """
    missing = [part.object for part in target.parts if live.workload(part) is None]
    if missing:
        raise RefusedError(
            f"{target.app} is not on cluster {target.cluster} yet (there is no Deployment {', '.join(missing)} of "
            f"stack {target.stack.name}): slipway up --stack {target.stack.name}"
        )


def running_digests(kubectl: Kubectl, target: Target) -> dict[str, set[str]]:
    """What the pods of an app really run.

    Args:
        kubectl: The cluster.
        target: The app.

    Returns:
        Image reference to the digests that the node names for it; a digest may be of an image or of an index.
    """
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

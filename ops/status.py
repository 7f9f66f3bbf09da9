"""How the apps of a stack are: one call per cluster."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ops.kube import Key, Kubectl, Manifest, entries, section
from ops.live import labelled
from ops.urls import hosts_of, objects_by_resource, resolve, with_live_host, with_live_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.images.origin import Origin
    from ops.render.result import App, Rendered

TYPES = "deployments.apps,statefulsets.apps,daemonsets.apps,services,ingresses.networking.k8s.io,namespaces"
"""Of which an app's state consists, as kubectl takes it."""


@dataclass(frozen=True)
class AppStatus:
    """An app as it is now. `url` is None where it has none or its address is not known yet; `ready` counts pods of the
    wanted revision. `origin` says what the image is on the embedded cluster (`built here`: upstream's software from
    packages), None on others."""

    name: str
    system: str
    cluster: str
    namespace: str
    url: str | None
    host: str | None
    ready: int
    desired: int
    image: str
    origin: Origin | None = None

    @property
    def is_ready(self) -> bool:
        return self.desired > 0 and self.ready >= self.desired

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def collect(rendered: Rendered, clusters: Mapping[str, Kubectl]) -> list[AppStatus]:
    """The state of a stack's apps on some clusters in the order of the render; each cluster is asked once."""
    live = {name: labelled(kubectl, TYPES, rendered.stack) for name, kubectl in clusters.items()}
    return listed(rendered, live)


def listed(rendered: Rendered, live: Mapping[str, Mapping[Key, Manifest]]) -> list[AppStatus]:
    """The same from objects that are known already, by cluster."""
    resources = objects_by_resource(rendered.plan)
    return [_status(app, rendered, resources, live[app.cluster]) for app in rendered.apps if app.cluster in live]


def _status(app: App, rendered: Rendered, resources: Mapping[str, Key], live: Mapping[Key, Manifest]) -> AppStatus:
    workload = live.get(Key("apps", app.kind, app.namespace, app.object))
    ready, desired = counts(app.kind, workload) if workload else (0, _wanted(app, rendered))
    image = _image(workload) if workload else None
    hosts = hosts_of(live.get(Key("networking.k8s.io", "Ingress", app.namespace, app.object)))
    return AppStatus(
        name=app.name,
        system=app.system,
        cluster=app.cluster,
        namespace=app.namespace,
        url=_url(app, rendered, resources, live, hosts),
        host=hosts[0] if hosts else None,
        ready=ready,
        desired=desired,
        image=image or app.image,
    )


def _url(
    app: App, rendered: Rendered, resources: Mapping[str, Key], live: Mapping[Key, Manifest], hosts: list[str]
) -> str | None:
    url = resolve(app.url, resources, live) if app.url else None
    if url:
        wanted = (item for items in rendered.manifests.get(app.cluster, {}).values() for item in items)
        url = with_live_port(url, wanted, live)
    return with_live_host(url, hosts, app.ingress_host) if url and app.ingress_host else url


def _wanted(app: App, rendered: Rendered) -> int:
    for manifest in rendered.manifests.get(app.cluster, {}).get(app.namespace, []):
        if manifest["kind"] == app.kind and manifest["metadata"]["name"] == app.object:
            return int(manifest["spec"].get("replicas", 1))
    return 1


def counts(kind: str, workload: Manifest) -> tuple[int, int]:
    """Ready pods of the current revision, and wanted pods."""
    status = section(workload, "status")
    current = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    if kind == "DaemonSet":
        desired = int(status.get("desiredNumberScheduled", 0)) if current else 1
        ready = min(int(status.get("numberReady", 0)), int(status.get("updatedNumberScheduled", 0)))
    else:
        desired = int(workload["spec"].get("replicas", 1))
        ready = min(int(status.get("readyReplicas", 0)), int(status.get("updatedReplicas", 0)))
    # What the status says about an older specification counts for nothing.
    return (min(ready, desired) if current else 0), desired


def _image(workload: Manifest) -> str | None:
    containers = entries(workload, "spec", "template", "spec", "containers")
    return str(containers[0]["image"]) if containers else None


def all_ready(statuses: Sequence[AppStatus]) -> bool:
    """Whether every app is ready; a stack without apps is."""
    return all(status.is_ready for status in statuses)

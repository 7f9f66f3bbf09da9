"""Composition: turns settings into components and names nothing twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.clusters.existing import ExistingCluster, ExistingClusterArgs
from components.scope import Scope
from components.workloads.spec import Autoscaling, ContainerResources, Options
from stacks.settings.clusters import EmbeddedCluster
from stacks.settings.clusters import ExistingCluster as ExistingClusterSettings

if TYPE_CHECKING:
    import pulumi

    from components.clusters.handle import ClusterHandle
    from stacks.settings import Settings
    from stacks.settings.apps import StatelessApp
    from stacks.settings.clusters import Cluster

EMBEDDED_CONTEXT = "slipway"
"""Kubeconfig context that `slipway local up` writes."""
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Environment:
    """All that a stack consists of.

    Attributes:
        clusters: The clusters, by name.
        urls: App name to URL, of the apps that people can open.
    """

    clusters: dict[str, ClusterHandle]
    urls: dict[str, pulumi.Output[str]]


def build(settings: Settings, *, project: str, stack: str) -> Environment:
    """Make everything the settings ask for.

    Args:
        settings: The stack's settings.
        project: Pulumi project name.
        stack: Pulumi stack name.

    Returns:
        What was made.
    """
    scope = Scope(
        project=project,
        stack=stack,
        owner=settings.owner,
        lifecycle=settings.lifecycle,
        namespace_prefix=settings.namespace_prefix,
    )
    clusters = {name: _cluster(name, cluster) for name, cluster in sorted(settings.clusters.items())}
    urls = _apps(settings, scope, clusters)
    return Environment(clusters=clusters, urls=urls)


def _cluster(name: str, settings: Cluster) -> ClusterHandle:
    match settings:
        case EmbeddedCluster():
            args = ExistingClusterArgs(
                kind=settings.kind,
                registry=settings.registry,
                context=EMBEDDED_CONTEXT,
                storage_class=settings.storage_class,
                node_address=LOOPBACK,
            )
        case ExistingClusterSettings():
            args = ExistingClusterArgs(
                kind=settings.kind,
                registry=settings.registry,
                context=settings.context,
                kubeconfig=settings.kubeconfig,
                storage_class=settings.storage_class,
                node_address=settings.node_address,
                load_balancer_address=settings.load_balancer_address,
            )
    return ExistingCluster(name, args).handle


def _options(app: StatelessApp) -> Options:
    scaling = app.autoscale
    return Options(
        replicas=app.fixed_replicas,
        autoscaling=scaling
        and Autoscaling(
            min_replicas=scaling.min_replicas,
            max_replicas=scaling.max_replicas,
            cpu_percent=scaling.cpu_percent,
            scale_down_seconds=scaling.scale_down_seconds,
        ),
        resources=ContainerResources(
            cpu=app.resources.cpu, memory=app.resources.memory, memory_limit=app.resources.memory_limit
        ),
        service_type=app.service_type,
        node_port=app.node_port,
        host=app.host,
    )


def _apps(settings: Settings, scope: Scope, clusters: dict[str, ClusterHandle]) -> dict[str, pulumi.Output[str]]:
    urls: dict[str, pulumi.Output[str] | None] = {}
    if app := settings.apps.h2o_example:
        from components.workloads.h2o_example import H2oExample, H2oExampleArgs

        mock = H2oExample(
            "h2o-mock",
            H2oExampleArgs(
                scope=scope,
                cluster=clusters[app.cluster],
                revision=app.revision,
                options=_options(app),
            ),
        )
        urls["h2o-example"] = mock.service.url
    if app := settings.apps.nginx:
        from components.workloads.nginx import Nginx, NginxArgs

        nginx = Nginx(
            "nginx-gke",
            NginxArgs(
                scope=scope,
                cluster=clusters[app.cluster],
                image=app.image,
                options=_options(app),
            ),
        )
        urls["nginx"] = nginx.service.url
    return {name: url for name, url in urls.items() if url is not None}

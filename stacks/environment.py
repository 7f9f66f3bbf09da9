"""Composition: turns settings into components and names nothing twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.clusters.existing import ExistingCluster, ExistingClusterArgs
from components.scope import Scope
from stacks.apps import Dependencies, make_apps
from stacks.https import https_of
from stacks.platform import add_platform
from stacks.settings.clusters import EmbeddedCluster
from stacks.settings.clusters import ExistingCluster as ExistingClusterSettings
from stacks.settings.managed import EksCluster, GkeCluster

if TYPE_CHECKING:
    import pulumi

    from components.model import Cluster
    from stacks.clouds.composition import Clouds
    from stacks.settings import Settings
    from stacks.settings.clusters import ClusterSettings

EMBEDDED_CONTEXT = "slipway"
EMBEDDED_KUBECONFIG = "/var/lib/slipway/kubeconfig"
"""Kubeconfig and context that `slipway local up` writes."""
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Environment:
    """All that a stack consists of.

    Attributes:
        clusters: The clusters, by name.
        urls: App name to URL, of the apps that people can open.
    """

    clusters: dict[str, Cluster]
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
    clouds = _clouds(scope, settings)
    clusters: dict[str, Cluster] = {}
    urls: dict[str, pulumi.Output[str]] = {}
    for name, cluster in sorted(settings.clusters.items()):
        bare = _cluster(name, cluster, clouds)
        handle, platform_urls = add_platform(scope, bare, cluster, https_of(scope, settings, name, clouds))
        clusters[name] = clouds.complete(handle) if clouds else handle
        urls |= platform_urls
    databases = clouds.databases() if clouds else {}
    urls |= make_apps(Dependencies(scope=scope, clusters=clusters, databases=databases), settings.apps)
    if clouds:
        clouds.finish(clusters)
    return Environment(clusters=clusters, urls=urls)


def _clouds(scope: Scope, settings: Settings) -> Clouds | None:
    if not settings.clouds:
        return None
    # Loads the clouds' SDKs, which a stack without clouds never needs.
    from stacks.clouds.composition import Clouds

    return Clouds(scope, settings)


def _cluster(name: str, settings: ClusterSettings, clouds: Clouds | None) -> Cluster:
    match settings:
        case GkeCluster() | EksCluster():
            if clouds is None:
                raise TypeError(f"cluster {name}: the settings' rules let no cloud's cluster through without its cloud")
            return clouds.cluster(name, settings)
        case EmbeddedCluster():
            args = ExistingClusterArgs(
                kind=settings.kind,
                registry=settings.registry,
                context=EMBEDDED_CONTEXT,
                kubeconfig=EMBEDDED_KUBECONFIG,
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
                image_digests=settings.image_digests,
            )
    return ExistingCluster(name, args).handle

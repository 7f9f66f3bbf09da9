"""Rules of HTTPS between a cluster, the hosts on it and the zones, as lines `path = value | remedy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.settings.clusters import ExistingCluster
from stacks.settings.limits import LIMITS
from stacks.settings.managed import EksCluster, GkeCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.settings.cluster_base import ClusterBase, HttpsSettings
    from stacks.settings.root import Settings

DOMAIN_LIMIT = LIMITS["aws:acm/certificate:Certificate"]["domainName"].longest
"""Characters of what a certificate of a cloud may name; Google's are held to the same."""


def broken_https(settings: Settings) -> Iterator[str]:
    """Check every rule.

    Args:
        settings: Settings whose parts are right by themselves.

    Yields:
        A line `path = value | remedy` for each broken rule.
    """
    for name, cluster in settings.clusters.items():
        https = cluster.ingress and cluster.ingress.https
        if not https:
            continue
        path = f"clusters.{name}.ingress.https"
        yield from _secret(path, cluster, https)
        if isinstance(cluster, GkeCluster | EksCluster):
            yield from _in_a_cloud(path, settings, name)
        elif https.redirect and https.node_port is None and _by_node_ports(cluster):
            remedy = "needs https.nodePort: people are redirected to a port that is known, or say redirect: false"
            yield f"{path}.redirect = true | {remedy}"
        if isinstance(cluster, GkeCluster):
            for key, port in cluster.node_ports().items():
                if key.startswith("ingress."):
                    remedy = "is served by nobody: with HTTPS, GKE's load balancer asks the pods themselves; remove it"
                    yield f"clusters.{name}.{key} = {port} | {remedy}"


def _by_node_ports(cluster: ClusterBase) -> bool:
    return not isinstance(cluster, ExistingCluster) or cluster.node_address is not None


def _secret(path: str, cluster: ClusterBase, https: HttpsSettings) -> Iterator[str]:
    own = isinstance(cluster, ExistingCluster)
    if own and https.secret is None:
        remedy = "names the Secret (kubernetes.io/tls) in the controller's namespace that holds the hosts' certificate"
        yield f"{path}.secret = (none) | is missing: {remedy}"
    elif not own and https.secret is not None:
        remedy = "is for clusters of kind existing; here the certificate is made: remove it"
        yield f"{path}.secret = {https.secret} | {remedy}"


def _in_a_cloud(path: str, settings: Settings, name: str) -> Iterator[str]:
    if not settings.zones:
        remedy = "needs a zone, whose records prove to the cloud that the hosts are yours: add zones"
        yield f"{path} = (on) | {remedy}"
    elif not settings.hosts(name):
        yield f"{path} = (on) | has nothing to serve: give an app on {name} a host in a zone, or remove it"
    for domain, zone in settings.domains(name).items():
        if len(domain) > DOMAIN_LIMIT:
            remedy = f"a certificate would name {domain}, which has more than {DOMAIN_LIMIT} characters"
            host = next((app for app, host in settings.hosts(name).items() if host == domain), None)
            where, value = (
                (f"apps.{host}.host", domain) if host else (f"zones.{zone}.subZone", settings.zones[zone].sub_zone)
            )
            yield f"{where} = {value} | {remedy}; choose a shorter one, or remove {path}"

"""Composition of HTTPS: which certificate the ingress controller of a cluster has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.certificates import OwnCertificate
from components.platform.https import Https
from components.workload import ExistingSecret
from stacks.settings.clusters import EmbeddedCluster
from stacks.settings.managed import EksCluster, GkeCluster

if TYPE_CHECKING:
    from components.platform.https import Certificate
    from components.scope import Scope
    from stacks.clouds.composition import Clouds
    from stacks.settings import Settings


def https_of(scope: Scope, settings: Settings, name: str, clouds: Clouds | None) -> Https | None:
    """HTTPS of a cluster.

    Args:
        scope: The stack.
        settings: The stack's settings.
        name: Name of the cluster.
        clouds: The clouds' part of the stack, or None.

    Returns:
        What the ingress controller needs; None where it speaks plain HTTP alone.
    """
    cluster = settings.clusters[name]
    wanted = cluster.ingress and cluster.ingress.https
    if not wanted:
        return None
    match cluster:
        case GkeCluster() | EksCluster():
            if clouds is None:
                raise TypeError(f"cluster {name}: the settings' rules let no cloud's cluster through without its cloud")
            certificate: Certificate = clouds.certificate(name, cluster)
        case EmbeddedCluster():
            certificate = _own(scope, settings, name)
        case _:
            if wanted.secret is None:
                raise TypeError(f"cluster {name}: the settings' rules let no HTTPS through without its Secret")
            certificate = ExistingSecret(wanted.secret)
    return Https(certificate=certificate, redirect=wanted.redirect, node_port=wanted.node_port)


def _own(scope: Scope, settings: Settings, name: str) -> OwnCertificate:
    # Loads what makes certificates, which no other kind of cluster needs.
    from local import paths, pki

    hosts = settings.hosts(name)
    # On a cluster of the user's own machine an app with a host has a name below `localhost` as well.
    names = tuple(sorted({*hosts.values(), *(f"{scope.namespace(app)}.localhost" for app in hosts), "localhost"}))
    issued = pki.issue(paths.PKI, names)
    return OwnCertificate(issued.bundle if issued else "", issued.identity if issued else "", names)

"""Rules between parts of the settings, each yielding `path = value | remedy` lines: one message tells them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.settings.app_base import StatelessApp
from stacks.settings.cloud_rules import broken_cloud_rules
from stacks.settings.https_rules import broken_https
from stacks.settings.names import broken_names
from stacks.settings.problems import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.settings.root import Settings


@dataclass(frozen=True)
class Place:
    """Where settings are read; names at the clouds are made of it.

    Attributes:
        project: Pulumi project.
        stack: Pulumi stack; None: not known.
    """

    project: str = "slipway"
    stack: str | None = None


def broken_rules(settings: Settings, place: Place) -> list[str]:
    """Check every rule.

    Args:
        settings: Settings whose parts are right by themselves.
        place: Where they are read.

    Returns:
        A line `path = value | remedy` for each broken rule.
    """
    return [
        *_known_clusters(settings),
        *_node_ports(settings),
        *_hosts(settings),
        *broken_https(settings),
        *broken_cloud_rules(settings),
        *broken_names(settings, place.project, place.stack),
    ]


def _known_clusters(settings: Settings) -> Iterator[str]:
    if not settings.clusters and not settings.clouds:
        return  # That there is no cluster is told once, not for every app.
    known = ", ".join(sorted(settings.clusters)) or "none"
    for name, app in settings.apps.deployed().items():
        if app.cluster not in settings.clusters:
            yield f"apps.{name}.cluster = {shown(app.cluster)} | is no cluster of this stack; there is: {known}"


def _taken_node_ports(settings: Settings) -> Iterator[tuple[str, str, int]]:
    for name, cluster in settings.clusters.items():
        for path, port in cluster.node_ports().items():
            yield name, f"clusters.{name}.{path}", port
    for name, app in settings.apps.deployed().items():
        for path, port in app.node_ports().items():
            yield app.cluster, f"apps.{name}.{path}", port


def _node_ports(settings: Settings) -> Iterator[str]:
    taken: dict[tuple[str, int], str] = {}
    for cluster, path, port in _taken_node_ports(settings):
        other = taken.setdefault((cluster, port), path)
        if other != path:
            yield f"{path} = {port} | is already taken by {other}; choose another port"


def _hosts(settings: Settings) -> Iterator[str]:
    apps = settings.apps.deployed().items()
    # On a cluster of the user's own machine an app with a host has this name as well.
    taken = {
        (app.cluster, f"{name}.localhost"): f"apps.{name}.host"
        for name, app in apps
        if isinstance(app, StatelessApp) and app.host
    }
    for name, app in apps:
        if not isinstance(app, StatelessApp) or app.host is None:
            continue
        path = f"apps.{name}.host"
        cluster = settings.clusters.get(app.cluster)
        if cluster is not None and cluster.ingress is None:
            yield f"{path} = {app.host} | needs an ingress controller: add clusters.{app.cluster}.ingress"
        other = taken.setdefault((app.cluster, app.host), path)
        if other != path:
            yield f"{path} = {app.host} | is already taken by {other}; choose another host name"

"""The root of the settings. What spans more than one of its parts is a matter of the rules (rules.py)."""

from __future__ import annotations

from pydantic import Field

from stacks.settings.app_base import StatelessApp
from stacks.settings.apps import Apps
from stacks.settings.clouds import (
    Cloud,
    DnsZone,
    Lifecycle,
    covering,
    inside,
)
from stacks.settings.clusters import ClusterSettings  # noqa: TC001 - pydantic reads the annotation at run time
from stacks.settings.fields import Label, Model, Prefix
from stacks.settings.foundation import (  # noqa: TC001 - pydantic reads the annotation at run time
    Database,
    Deployer,
    Registry,
    State,
)

ENTRY_LIMIT = 50
"""Entries of one kind: a stack with more clusters than that is none that one update should touch."""


class Settings(Model):
    """Everything a stack file says.

    Attributes:
        lifecycle: `ephemeral` (a tutorial environment, may vanish) or `durable` (protected, backed up).
        owner: Who answers for the stack; becomes a label or tag on everything.
        namespace_prefix: Put before each namespace, so that several stacks share a cluster.
        clouds: The AWS accounts and Google Cloud projects, by name.
        state: The bucket of Pulumi's state; none: made elsewhere.
        zones: DNS zones, by name.
        registries: Registries of own images, by name.
        clusters: The clusters, by name.
        databases: Managed databases, by name.
        deployers: Identities that release apps, by name.
        apps: The apps, by name.
    """

    lifecycle: Lifecycle = "ephemeral"
    owner: Label = "slipway"
    namespace_prefix: Prefix = ""
    clouds: dict[Label, Cloud] = Field(default_factory=dict, max_length=ENTRY_LIMIT)
    state: State | None = None
    zones: dict[Label, DnsZone] = Field(default_factory=dict, max_length=ENTRY_LIMIT)
    registries: dict[Label, Registry] = Field(default_factory=dict, max_length=ENTRY_LIMIT)
    clusters: dict[Label, ClusterSettings] = Field(default_factory=dict, max_length=ENTRY_LIMIT)
    databases: dict[Label, Database] = Field(default_factory=dict, max_length=ENTRY_LIMIT)
    deployers: dict[Label, Deployer] = Field(default_factory=dict, max_length=ENTRY_LIMIT)
    apps: Apps = Apps()

    def hosts(self, cluster: str) -> dict[str, str]:
        """Hosts that a cluster's ingress controller serves.

        Args:
            cluster: Name of the cluster.

        Returns:
            App name to host name.
        """
        apps = self.apps.deployed().items()
        return {n: a.host for n, a in apps if isinstance(a, StatelessApp) and a.host and a.cluster == cluster}

    def domains(self, cluster: str) -> dict[str, str]:
        """What a certificate for those hosts names.

        Args:
            cluster: Name of the cluster.

        Returns:
            Host name or wildcard to the name of the zone that it lies in; hosts outside the stack's zones are left out.
        """
        found: dict[str, str] = {}
        for host in self.hosts(cluster).values():
            name = next((name for name, zone in self.zones.items() if inside(host, zone.sub_zone)), None)
            if name is not None:
                found[covering(host, self.zones[name].sub_zone)] = name
        return found

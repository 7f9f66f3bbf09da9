"""Composition of what a stack has in the clouds, whichever they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.foundation.database import DatabaseSpec
from stacks.settings.app_base import StatelessApp
from stacks.settings.clouds import AwsCloud, GcpCloud, inside
from stacks.settings.managed import EksCluster, GkeCluster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.foundation.database import OutsideDatabase
    from components.foundation.delegated_zone import DelegatedZone
    from components.model import Cluster, DeployerSubject
    from components.platform.https import Certificate
    from components.scope import Scope
    from stacks.clouds.aws import Aws
    from stacks.clouds.gcp import Gcp
    from stacks.settings import Settings
    from stacks.settings.foundation import Database, Deployer

DURABLE_BACKUP_DAYS = 14
EPHEMERAL_BACKUP_DAYS = 1


class Clouds:
    """The clouds' part of a stack.

    Made in this order: what stands before clusters, then `cluster` for each, which `complete` ends, then `databases`,
    then, once the clusters have their ingress controllers, `finish`.
    """

    def __init__(self, scope: Scope, settings: Settings) -> None:
        """Make accounts, registries, the state bucket and DNS zones.

        Args:
            scope: The stack.
            settings: The stack's settings.
        """
        self._scope, self._settings = scope, settings
        self._aws, self._gcp = _aws(scope, settings), _gcp(scope, settings)

    def cluster(self, name: str, settings: GkeCluster | EksCluster) -> Cluster:
        """Make a cluster.

        Args:
            name: Its name in the stack.
            settings: Its settings.

        Returns:
            The bare cluster.
        """
        match settings:
            case GkeCluster():
                return self._in_gcp.cluster(name, settings)
            case EksCluster():
                return self._in_aws.cluster(name, settings)

    def certificate(self, name: str, settings: GkeCluster | EksCluster) -> Certificate:
        """Make the certificate for the hosts of a cluster, in the cluster's cloud.

        Args:
            name: Name of the cluster.
            settings: Its settings.

        Returns:
            The certificate, as the ingress controller takes it.
        """
        domains = {domain: self._zones[zone] for domain, zone in self._settings.domains(name).items()}
        match settings:
            case GkeCluster():
                return self._in_gcp.certificate(name, settings, domains)
            case EksCluster():
                return self._in_aws.certificate(name, settings, domains)

    def complete(self, handle: Cluster) -> Cluster:
        """Make a cluster's autoscaler and the identity that releases to it; let hosts in the zones lead to its ingress.

        Args:
            handle: The cluster with its platform; namespaces made before this are none of the deployer's business.

        Returns:
            The cluster, as apps see it.
        """
        settings = self._settings.clusters[handle.name]
        if isinstance(settings, EksCluster) and settings.nodes.scaled:
            self._in_aws.scale(handle, settings)
        if handle.ingress is not None and handle.ingress.address is not None:
            domains = tuple(zone.domain for zone in self._zones.values())
            handle = replace(handle, ingress=replace(handle.ingress, domains=domains))
        for name, deployer in sorted(self._settings.deployers.items()):
            if deployer.cluster == handle.name:
                return replace(handle, deployer=self._deployer(name, deployer))
        return handle

    def _deployer(self, name: str, deployer: Deployer) -> DeployerSubject:
        settings = self._settings.clusters[deployer.cluster]
        if isinstance(settings, GkeCluster):
            if self._aws is not None:
                self._aws.state_user(name, deployer)
            return self._in_gcp.deployer(name, deployer, settings)
        if isinstance(settings, EksCluster):
            return self._in_aws.deployer(name, deployer, settings)
        raise TypeError(f"deployer {name}: the settings' rules let no such cluster through")

    def databases(self) -> dict[str, OutsideDatabase]:
        """Make the managed databases; their clusters are there.

        Returns:
            Name to database, as apps see it.
        """
        return {name: self._database(name, database) for name, database in sorted(self._settings.databases.items())}

    def _database(self, name: str, settings: Database) -> OutsideDatabase:
        durable = self._scope.durable
        days = DURABLE_BACKUP_DAYS if durable else EPHEMERAL_BACKUP_DAYS
        spec = DatabaseSpec(
            engine=settings.engine,
            version=settings.version,
            size=settings.size,
            storage_gb=settings.storage_gb,
            database=settings.database,
            user=settings.user,
            standby=durable if settings.standby is None else settings.standby,
            backup_days=days if settings.backup_days is None else settings.backup_days,
            apply_immediately=settings.apply_immediately,
            allow_major_version_upgrade=settings.allow_major_version_upgrade,
        )
        cluster = self._settings.clusters[settings.cluster]
        if isinstance(cluster, EksCluster):
            return self._in_aws.database(name, settings.cluster, cluster, spec)
        if isinstance(cluster, GkeCluster):
            return self._in_gcp.database(name, settings.cluster, cluster, spec)
        raise TypeError(f"database {name}: the settings' rules let no such cluster through")

    def finish(self, clusters: Mapping[str, Cluster]) -> None:
        """Make what needs everything else: who may push, and DNS records of the apps' hosts.

        Args:
            clusters: The clusters with their ingress controllers.
        """
        if self._aws is not None:
            self._aws.allow_push()
        for app in self._settings.apps.deployed().values():
            if not isinstance(app, StatelessApp) or app.host is None:
                continue
            handle = clusters[app.cluster]
            zone = next((zone for zone in self._zones.values() if inside(app.host, zone.domain)), None)
            if zone and handle.ingress and handle.ingress.address is not None:
                kind = "CNAME" if handle.load_balancer_address == "hostname" else "A"
                zone.point(app.host, handle.ingress.address, kind)

    @property
    def _zones(self) -> Mapping[str, DelegatedZone]:
        return self._aws.zones if self._aws is not None else {}

    @property
    def _in_aws(self) -> Aws:
        if self._aws is None:
            raise TypeError("the settings' rules let nothing of AWS through without an account")
        return self._aws

    @property
    def _in_gcp(self) -> Gcp:
        if self._gcp is None:
            raise TypeError("the settings' rules let nothing of Google Cloud through without a project")
        return self._gcp


def _aws(scope: Scope, settings: Settings) -> Aws | None:
    if not any(isinstance(cloud, AwsCloud) for cloud in settings.clouds.values()):
        return None
    # Loads the SDK, which a stack without AWS never needs.
    from stacks.clouds.aws import Aws

    return Aws(scope, settings)


def _gcp(scope: Scope, settings: Settings) -> Gcp | None:
    if not any(isinstance(cloud, GcpCloud) for cloud in settings.clouds.values()):
        return None
    # As above, for Google Cloud's.
    from stacks.clouds.gcp import Gcp

    return Gcp(scope, settings)

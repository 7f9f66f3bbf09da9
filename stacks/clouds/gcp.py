"""Composition of Google Cloud: projects, Artifact Registry, GKE clusters, deployers, Cloud SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.clusters.gke.cluster import GkeCluster, GkeClusterArgs
from components.clusters.gke.control_plane import MaintenanceWindow
from components.clusters.gke.nodes import PullFrom
from components.foundation.artifact_registry import ArtifactRegistry, ArtifactRegistryArgs
from components.foundation.cloud_sql import CloudSql, CloudSqlArgs, PrivateServices, PrivateServicesArgs
from components.foundation.gcp_certificate import DomainProof, DomainProofArgs, GcpCertificate, GcpCertificateArgs
from components.foundation.gcp_deployer import GcpDeployer, GcpDeployerArgs, GithubPool, GithubPoolArgs
from components.foundation.gcp_project import GcpProject, GcpProjectArgs
from components.foundation.github import GithubJob
from stacks.settings.clouds import GcpCloud
from stacks.settings.foundation import ArtifactRegistry as ArtifactRegistrySettings
from stacks.settings.managed import GkeCluster as GkeSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.foundation.database import DatabaseSpec, OutsideDatabase
    from components.foundation.delegated_zone import DelegatedZone
    from components.foundation.gcp_project import GcpProjectHandle
    from components.model import Cluster, DeployerSubject
    from components.platform.https import Certificate
    from components.scope import Scope
    from stacks.settings import Settings
    from stacks.settings.foundation import Deployer


class Gcp:
    """What a stack has in its Google Cloud projects."""

    def __init__(self, scope: Scope, settings: Settings) -> None:
        """Make projects and registries.

        Args:
            scope: The stack.
            settings: The stack's settings.
        """
        self._scope, self._settings = scope, settings
        self._projects: dict[str, GcpProjectHandle] = {}
        self._registries: dict[str, ArtifactRegistry] = {}
        for name, cloud in sorted(settings.clouds.items()):
            if isinstance(cloud, GcpCloud):
                args = GcpProjectArgs(scope=scope, project=cloud.project, region=cloud.region)
                self._projects[name] = GcpProject(name, args).handle
        for name, registry in sorted(settings.registries.items()):
            if isinstance(registry, ArtifactRegistrySettings):
                self._registries[name] = self._registry(name, registry)
        self._clusters: dict[str, GkeCluster] = {}
        self._pools: dict[str, GithubPool] = {}
        self._services: dict[str, PrivateServices] = {}
        self._proofs: dict[tuple[str, str], DomainProof] = {}

    def _registry(self, name: str, settings: ArtifactRegistrySettings) -> ArtifactRegistry:
        return ArtifactRegistry(
            name,
            ArtifactRegistryArgs(
                scope=self._scope,
                project=self._projects[settings.cloud],
                repository=settings.repository,
                keep=settings.keep,
                untagged_days=settings.untagged_days,
            ),
        )

    def cluster(self, name: str, settings: GkeSettings) -> Cluster:
        """Make a GKE cluster.

        Args:
            name: Its name in the stack.
            settings: Its settings.

        Returns:
            The bare cluster.
        """
        registry = self._registries[settings.registry]
        nodes, network, window = settings.nodes, settings.network, settings.maintenance
        self._clusters[name] = GkeCluster(
            name,
            GkeClusterArgs(
                scope=self._scope,
                project=self._projects[settings.cloud],
                location=settings.location,
                registry=registry.address,
                pull_from=PullFrom(registry.repository, registry.location),
                nodes_cidr=network.nodes,
                pods_cidr=network.pods,
                services_cidr=network.services,
                control_plane_cidr=network.control_plane,
                flow_logs=network.flow_logs,
                api_access=settings.api_access,
                channel=settings.channel,
                maintenance=MaintenanceWindow(window.start, window.hours, window.days),
                machine_type=nodes.machine_type,
                node_count=nodes.count,
                node_least=nodes.least,
                node_most=nodes.most,
                disk_gb=nodes.disk_gb,
                scopes=nodes.scopes,
                gateways=settings.ingress is not None and settings.ingress.https is not None,
            ),
        )
        return self._clusters[name].handle

    def certificate(self, name: str, settings: GkeSettings, domains: Mapping[str, DelegatedZone]) -> Certificate:
        """Make the certificate that a Gateway of a cluster ends TLS with.

        Args:
            name: Name of the cluster.
            settings: Its settings.
            domains: What it names, and the zone of each.
        """
        project = self._projects[settings.cloud]
        proofs = {domain: self._proof(project, domain.removeprefix("*."), zone) for domain, zone in domains.items()}
        return GcpCertificate(name, GcpCertificateArgs(scope=self._scope, project=project, domains=proofs)).gateway

    def _proof(self, project: GcpProjectHandle, domain: str, zone: DelegatedZone) -> DomainProof:
        if (project.project, domain) not in self._proofs:
            args = DomainProofArgs(scope=self._scope, project=project, domain=domain, zone=zone)
            self._proofs[project.project, domain] = DomainProof(args)
        return self._proofs[project.project, domain]

    def deployer(self, name: str, deployer: Deployer, settings: GkeSettings) -> DeployerSubject:
        """Make the identity that releases apps to a cluster.

        Args:
            name: The deployer's name.
            deployer: Its settings.
            settings: Settings of its cluster, which is made.

        Returns:
            Who it is to the cluster.
        """
        project, registry = self._projects[settings.cloud], self._registries[settings.registry]
        if settings.cloud not in self._pools:
            repositories = [
                other.repository
                for other in self._settings.deployers.values()
                if isinstance(at := self._settings.clusters[other.cluster], GkeSettings) and at.cloud == settings.cloud
            ]
            self._pools[settings.cloud] = GithubPool(
                settings.cloud, GithubPoolArgs(project=project, repositories=repositories)
            )
        return GcpDeployer(
            name,
            GcpDeployerArgs(
                project=project,
                pool=self._pools[settings.cloud],
                push_to=PullFrom(registry.repository, registry.location),
                job=GithubJob(deployer.repository, deployer.environment or self._scope.stack),
            ),
        ).subject

    def database(self, name: str, cluster: str, settings: GkeSettings, spec: DatabaseSpec) -> OutsideDatabase:
        """Make a Cloud SQL instance in a cluster's network.

        Args:
            name: The database's name in the stack.
            cluster: The cluster's name.
            settings: The cluster's settings.
            spec: What the database is to be.

        Returns:
            The database, as apps see it.
        """
        project = self._projects[settings.cloud]
        if cluster not in self._services:
            self._services[cluster] = PrivateServices(
                cluster,
                PrivateServicesArgs(
                    scope=self._scope,
                    project=project,
                    network_id=self._clusters[cluster].network.network.id,
                    cidr=settings.network.databases,
                ),
            )
        args = CloudSqlArgs(scope=self._scope, project=project, services=self._services[cluster], spec=spec)
        return CloudSql(name, args).outside

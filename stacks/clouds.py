"""Composition of the clouds: accounts, registries, state, zones, clusters, databases and deployers.

This module and the SDKs of the clouds are loaded only by a stack that names a cloud.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.foundation.database import DatabaseSpec
from stacks.settings.apps import StatelessApp
from stacks.settings.clouds import AwsCloud, GcpCloud, inside
from stacks.settings.foundation import ArtifactRegistry as ArtifactRegistrySettings
from stacks.settings.foundation import Ecr as EcrSettings
from stacks.settings.managed import EksCluster as EksSettings
from stacks.settings.managed import GkeCluster as GkeSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.clusters.eks.cluster import EksCluster
    from components.clusters.gke.cluster import GkeCluster
    from components.clusters.handle import ClusterHandle
    from components.foundation.artifact_registry import ArtifactRegistry
    from components.foundation.aws_account import AwsAccountHandle
    from components.foundation.aws_deployer import GithubIdentity
    from components.foundation.cloud_sql import PrivateServices
    from components.foundation.delegated_zone import DelegatedZone
    from components.foundation.ecr import Ecr
    from components.foundation.gcp_deployer import GithubPool
    from components.foundation.gcp_project import GcpProjectHandle
    from components.foundation.state_bucket import StateBucket
    from components.platform.deployer_access import DeployerSubject
    from components.scope import Scope
    from components.workloads.database import OutsideDatabase
    from stacks.settings import Settings
    from stacks.settings.foundation import Database, Deployer

DURABLE_BACKUP_DAYS = 14
EPHEMERAL_BACKUP_DAYS = 1


class Clouds:
    """The clouds' part of a stack.

    Made in this order: accounts, then what stands before clusters, then `cluster` for each, then `databases`, then,
    once the clusters have their ingress controllers, `finish`.
    """

    def __init__(self, scope: Scope, settings: Settings) -> None:
        """Make accounts, registries, the state bucket and DNS zones.

        Args:
            scope: The stack.
            settings: The stack's settings.
        """
        self._scope, self._settings = scope, settings
        self._accounts: dict[str, AwsAccountHandle] = {}
        self._projects: dict[str, GcpProjectHandle] = {}
        for name, cloud in sorted(settings.clouds.items()):
            match cloud:
                case AwsCloud():
                    self._accounts[name] = self._account(name, cloud)
                case GcpCloud():
                    self._projects[name] = self._project(name, cloud)
        self._artifact_registries: dict[str, ArtifactRegistry] = {}
        self._ecrs: dict[str, Ecr] = {}
        for name, registry in sorted(settings.registries.items()):
            match registry:
                case ArtifactRegistrySettings():
                    self._artifact_registries[name] = self._artifact_registry(name, registry)
                case EcrSettings():
                    self._ecrs[name] = self._ecr(name, registry)
        self._state = self._state_bucket()
        self._zones = self._delegated_zones()
        self._eks: dict[str, EksCluster] = {}
        self._gke: dict[str, GkeCluster] = {}
        self._identities: dict[str, GithubIdentity] = {}
        self._pools: dict[str, GithubPool] = {}
        self._services: dict[str, PrivateServices] = {}
        self._pushers: dict[str, list[pulumi.Input[str]]] = {
            name: list(registry.pushers)
            for name, registry in settings.registries.items()
            if isinstance(registry, EcrSettings)
        }

    def _account(self, name: str, settings: AwsCloud) -> AwsAccountHandle:
        from components.foundation.aws_account import AwsAccount, AwsAccountArgs

        return AwsAccount(
            name,
            AwsAccountArgs(
                scope=self._scope,
                region=settings.region,
                account_id=settings.account_id,
                profile=settings.profile,
                role_arn=settings.role_arn,
            ),
        ).handle

    def _project(self, name: str, settings: GcpCloud) -> GcpProjectHandle:
        from components.foundation.gcp_project import GcpProject, GcpProjectArgs

        args = GcpProjectArgs(scope=self._scope, project=settings.project, region=settings.region)
        return GcpProject(name, args).handle

    def _artifact_registry(self, name: str, settings: ArtifactRegistrySettings) -> ArtifactRegistry:
        from components.foundation.artifact_registry import ArtifactRegistry, ArtifactRegistryArgs

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

    def _ecr(self, name: str, settings: EcrSettings) -> Ecr:
        from components.foundation.ecr import Ecr, EcrArgs

        return Ecr(
            name,
            EcrArgs(
                scope=self._scope,
                account=self._accounts[settings.cloud],
                prefix=settings.prefix,
                images=settings.images,
                keep=settings.keep,
                untagged_days=settings.untagged_days,
            ),
        )

    def _state_bucket(self) -> StateBucket | None:
        settings = self._settings.state
        if settings is None:
            return None
        from components.foundation.state_bucket import StateBucket, StateBucketArgs

        return StateBucket(
            "state",
            StateBucketArgs(
                scope=replace(self._scope, lifecycle=settings.lifecycle),
                account=self._accounts[settings.cloud],
                bucket=settings.bucket,
                old_version_days=settings.old_version_days,
            ),
        )

    def _delegated_zones(self) -> dict[str, DelegatedZone]:
        zones: dict[str, DelegatedZone] = {}
        for name, settings in sorted(self._settings.zones.items()):
            from components.foundation.delegated_zone import DelegatedZone, DelegatedZoneArgs

            zones[name] = DelegatedZone(
                name,
                DelegatedZoneArgs(
                    scope=self._scope,
                    account=self._accounts[settings.cloud],
                    main_zone=settings.main_zone.name,
                    make_main_zone=settings.main_zone.make,
                    main_zone_id=settings.main_zone.id,
                    sub_zone=settings.sub_zone,
                    ttl=settings.ttl,
                ),
            )
        return zones

    def cluster(self, name: str, settings: GkeSettings | EksSettings) -> ClusterHandle:
        """Make a cluster.

        Args:
            name: Its name in the stack.
            settings: Its settings.

        Returns:
            The bare cluster.
        """
        if isinstance(settings, GkeSettings):
            self._gke[name] = self._gke_cluster(name, settings)
            return self._gke[name].handle
        self._eks[name] = self._eks_cluster(name, settings)
        return self._eks[name].handle

    def _gke_cluster(self, name: str, settings: GkeSettings) -> GkeCluster:
        from components.clusters.gke.cluster import GkeCluster, GkeClusterArgs
        from components.clusters.gke.control_plane import MaintenanceWindow
        from components.clusters.gke.nodes import PullFrom

        registry = self._artifact_registries[settings.registry]
        nodes, network, window = settings.nodes, settings.network, settings.maintenance
        return GkeCluster(
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
            ),
        )

    def _eks_cluster(self, name: str, settings: EksSettings) -> EksCluster:
        from components.clusters.eks.cluster import EksCluster, EksClusterArgs, eks_name
        from components.clusters.eks.nodes import SshAccess

        nodes, network = settings.nodes, settings.network
        return EksCluster(
            name,
            EksClusterArgs(
                scope=self._scope,
                account=self._accounts[settings.cloud],
                eks_name=eks_name(settings.dns_name or name),
                version=settings.version,
                zones=settings.zones,
                registry=self._ecrs[settings.registry].address,
                vpc_cidr=network.cidr,
                service_cidr=network.service_cidr,
                nat_per_zone=network.nat == "per-zone",
                flow_logs=network.flow_logs,
                api_access=settings.api_access,
                admins=settings.admins,
                logs=settings.logs,
                log_days=settings.log_days,
                instance_type=nodes.instance_type,
                node_count=nodes.count,
                node_least=nodes.least,
                node_most=nodes.most,
                disk_gb=nodes.disk_gb,
                max_pods=nodes.max_pods,
                ami_release=nodes.ami_release,
                session_manager=nodes.session_manager,
                ssh=settings.ssh and SshAccess(settings.ssh.public_key, settings.ssh.sources),
            ),
        )

    def complete(self, handle: ClusterHandle) -> ClusterHandle:
        """Make the identity that releases apps to a cluster, and let hosts in the stack's zones lead to its ingress.

        Args:
            handle: The cluster with its platform; namespaces made before this are none of the deployer's business.

        Returns:
            The cluster, as apps see it.
        """
        if handle.ingress is not None and handle.ingress.address is not None:
            domains = tuple(zone.domain for zone in self._zones.values())
            handle = replace(handle, ingress=replace(handle.ingress, domains=domains))
        for name, deployer in sorted(self._settings.deployers.items()):
            if deployer.cluster == handle.name:
                make = self._gcp_deployer if handle.name in self._gke else self._aws_deployer
                return replace(handle, deployer=make(name, deployer))
        return handle

    def _aws_deployer(self, name: str, deployer: Deployer) -> DeployerSubject:
        from components.foundation.aws_deployer import (
            AwsDeployer,
            AwsDeployerArgs,
            GithubIdentity,
            GithubIdentityArgs,
            Kubeconfig,
        )

        cluster, settings = self._eks[deployer.cluster], self._settings.clusters[deployer.cluster]
        if not isinstance(settings, EksSettings) or self._state is None:
            raise TypeError(f"deployer {name}: the settings' rules let no such cluster through")
        account, cloud = self._accounts[settings.cloud], self._settings.clouds[settings.cloud]
        if deployer.iam_user is None and settings.cloud not in self._identities:
            make = isinstance(cloud, AwsCloud) and cloud.github_identity == "make"
            args = GithubIdentityArgs(scope=self._scope, account=account, make=make)
            self._identities[settings.cloud] = GithubIdentity(settings.cloud, args)
        made = AwsDeployer(
            name,
            AwsDeployerArgs(
                scope=self._scope,
                account=account,
                cluster_name=cluster.control_plane.cluster.name,
                repositories=self._ecrs[settings.registry].arns,
                kubeconfig=Kubeconfig(
                    self._state.add_kubeconfig(deployer.cluster, cluster.kubeconfig), self._state.key_arn
                ),
                state_region=self._state.region,
                identity=None if deployer.iam_user else self._identities[settings.cloud].arn,
                github=deployer.github,
                environment=deployer.environment,
                user_reason=deployer.iam_user.reason if deployer.iam_user else None,
            ),
        )
        self._pushers[settings.registry].append(made.principal)
        return made.subject

    def _gcp_deployer(self, name: str, deployer: Deployer) -> DeployerSubject:
        from components.clusters.gke.nodes import PullFrom
        from components.foundation.gcp_deployer import GcpDeployer, GcpDeployerArgs, GithubPool, GithubPoolArgs

        settings = self._settings.clusters[deployer.cluster]
        if not isinstance(settings, GkeSettings):
            raise TypeError(f"deployer {name}: the settings' rules let no such cluster through")
        project, registry = self._projects[settings.cloud], self._artifact_registries[settings.registry]
        if settings.cloud not in self._pools:
            repositories = [
                other.github
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
                github=deployer.github,
                environment=deployer.environment,
            ),
        ).subject

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
        )
        cluster = self._settings.clusters[settings.cluster]
        if isinstance(cluster, EksSettings):
            return self._rds(name, settings.cluster, cluster, spec)
        if isinstance(cluster, GkeSettings):
            return self._cloud_sql(name, settings.cluster, cluster, spec)
        raise TypeError(f"database {name}: the settings' rules let no such cluster through")

    def _rds(self, name: str, cluster: str, settings: EksSettings, spec: DatabaseSpec) -> OutsideDatabase:
        from components.foundation.rds import Rds, RdsArgs

        made = self._eks[cluster]
        return Rds(
            name,
            RdsArgs(
                scope=self._scope,
                account=self._accounts[settings.cloud],
                vpc_id=made.network.vpc.id,
                vpc_cidr=settings.network.cidr,
                subnet_ids=[subnet.id for subnet in made.network.private_subnets],
                client_group_id=made.control_plane.cluster.vpc_config.cluster_security_group_id,
                spec=spec,
            ),
        ).outside

    def _cloud_sql(self, name: str, cluster: str, settings: GkeSettings, spec: DatabaseSpec) -> OutsideDatabase:
        from components.foundation.cloud_sql import CloudSql, CloudSqlArgs, PrivateServices, PrivateServicesArgs

        project = self._projects[settings.cloud]
        if cluster not in self._services:
            self._services[cluster] = PrivateServices(
                cluster,
                PrivateServicesArgs(
                    scope=self._scope,
                    project=project,
                    network_id=self._gke[cluster].network.network.id,
                    cidr=settings.network.databases,
                ),
            )
        args = CloudSqlArgs(scope=self._scope, project=project, services=self._services[cluster], spec=spec)
        return CloudSql(name, args).outside

    def finish(self, clusters: Mapping[str, ClusterHandle]) -> None:
        """Make what needs everything else: who may push, and DNS records of the apps' hosts.

        Args:
            clusters: The clusters with their ingress controllers.
        """
        for name, principals in sorted(self._pushers.items()):
            if principals:
                self._ecrs[name].allow_push(principals)
        for app in self._settings.apps.deployed().values():
            if not isinstance(app, StatelessApp) or app.host is None:
                continue
            handle = clusters[app.cluster]
            zone = next((zone for zone in self._zones.values() if inside(app.host, zone.domain)), None)
            if zone and handle.ingress and handle.ingress.address is not None:
                kind = "CNAME" if handle.load_balancer_address == "hostname" else "A"
                zone.point(app.host, handle.ingress.address, kind)

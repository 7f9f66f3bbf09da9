"""Composition of AWS: accounts, image repositories, the state bucket, DNS zones, EKS clusters, deployers, RDS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.certificates import BalancerCertificate
from components.clusters.eks.autoscaler import Autoscaler, AutoscalerArgs
from components.clusters.eks.cluster import EksCluster, EksClusterArgs, eks_name
from components.clusters.eks.nodes import SshAccess
from components.foundation.aws_account import AwsAccount, AwsAccountArgs
from components.foundation.aws_certificate import AwsCertificate, AwsCertificateArgs
from components.foundation.delegated_zone import DelegatedZone, DelegatedZoneArgs
from components.foundation.ecr import Ecr, EcrArgs
from components.foundation.rds import Rds, RdsArgs
from components.foundation.state_bucket import StateBucket, StateBucketArgs
from stacks.clouds.aws_deployers import AwsDeployers
from stacks.settings.clouds import AwsCloud
from stacks.settings.foundation import Ecr as EcrSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.foundation.aws_account import AwsAccountHandle
    from components.foundation.database import DatabaseSpec, OutsideDatabase
    from components.model import Cluster, DeployerSubject
    from components.platform.https import Certificate
    from components.scope import Scope
    from stacks.settings import Settings
    from stacks.settings.foundation import Deployer
    from stacks.settings.managed import EksCluster as EksSettings


class Aws:
    """What a stack has in its AWS accounts.

    Attributes:
        zones: The delegated DNS zones by name.
    """

    def __init__(self, scope: Scope, settings: Settings) -> None:
        """Make accounts, image repositories, the state bucket and DNS zones.

        Args:
            scope: The stack.
            settings: The stack's settings.
        """
        self._scope, self._settings = scope, settings
        self._accounts: dict[str, AwsAccountHandle] = {}
        self._repositories: dict[str, Ecr] = {}
        self._pushers: dict[str, list[pulumi.Input[str]]] = {}
        for name, cloud in sorted(settings.clouds.items()):
            if isinstance(cloud, AwsCloud):
                self._accounts[name] = self._account(name, cloud)
        for name, registry in sorted(settings.registries.items()):
            if isinstance(registry, EcrSettings):
                self._repositories[name] = self._ecr(name, registry)
                self._pushers[name] = list(registry.pushers)
        self._deployers = AwsDeployers(scope, settings, self._accounts, self._state_bucket())
        self.zones = self._delegated_zones()
        self._clusters: dict[str, EksCluster] = {}

    def _account(self, name: str, settings: AwsCloud) -> AwsAccountHandle:
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

    def _ecr(self, name: str, settings: EcrSettings) -> Ecr:
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
        return {
            name: DelegatedZone(
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
            for name, settings in sorted(self._settings.zones.items())
        }

    def cluster(self, name: str, settings: EksSettings) -> Cluster:
        """Make an EKS cluster.

        Args:
            name: Its name in the stack.
            settings: Its settings.

        Returns:
            The bare cluster.
        """
        nodes, network = settings.nodes, settings.network
        self._clusters[name] = EksCluster(
            name,
            EksClusterArgs(
                scope=self._scope,
                account=self._accounts[settings.cloud],
                eks_name=eks_name(settings.dns_name or name),
                version=settings.version,
                zones=settings.zones,
                registry=self._repositories[settings.registry].address,
                vpc_cidr=network.cidr,
                service_cidr=network.service_cidr,
                nat_per_zone=network.nat == "per-zone",
                flow_logs=network.flow_logs,
                api_access=settings.api_access,
                admins=self._admins(settings),
                logs=settings.logs,
                log_days=settings.log_days,
                adopt_logs=settings.log_group == "existing",
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
        return self._clusters[name].handle

    def _admins(self, settings: EksSettings) -> tuple[str, ...]:
        """Whom the settings name, and the role that the account is reached by; each once."""
        role = self._accounts[settings.cloud].role_arn
        return tuple(dict.fromkeys((*([role] if role else []), *settings.admins)))

    def certificate(self, name: str, settings: EksSettings, domains: Mapping[str, DelegatedZone]) -> Certificate:
        """Make the certificate that a cluster's load balancer ends TLS with.

        Args:
            name: Name of the cluster.
            settings: Its settings.
            domains: What it names, and the zone of each.
        """
        args = AwsCertificateArgs(scope=self._scope, account=self._accounts[settings.cloud], domains=domains)
        return BalancerCertificate(AwsCertificate(name, args).arn)

    def scale(self, handle: Cluster, settings: EksSettings) -> None:
        """Make what changes the number of a cluster's nodes.

        Args:
            handle: The cluster with its platform.
            settings: Its settings.
        """
        Autoscaler(
            handle.name,
            AutoscalerArgs(
                scope=self._scope,
                account=self._accounts[settings.cloud],
                cluster=handle,
                eks_name=eks_name(settings.dns_name or handle.name),
            ),
        )

    def deployer(self, name: str, deployer: Deployer, settings: EksSettings) -> DeployerSubject:
        """Make the identity that releases apps to a cluster.

        Args:
            name: The deployer's name.
            deployer: Its settings.
            settings: Settings of its cluster, which is made.

        Returns:
            Who it is to the cluster.
        """
        made = self._deployers.on_cluster(
            name, deployer, settings, self._clusters[deployer.cluster], self._repositories[settings.registry]
        )
        self._pushers[settings.registry].append(made.principal)
        return made.subject

    def state_user(self, name: str, deployer: Deployer) -> None:
        """Make what a deployer of another cloud is here, where no deployer of this cloud is the same jobs.

        Args:
            name: The deployer's name.
            deployer: Its settings.
        """
        self._deployers.state_user(name, deployer)

    def database(self, name: str, cluster: str, settings: EksSettings, spec: DatabaseSpec) -> OutsideDatabase:
        """Make an RDS instance beside a cluster.

        Args:
            name: The database's name in the stack.
            cluster: The cluster's name.
            settings: The cluster's settings.
            spec: What the database is to be.

        Returns:
            The database, as apps see it.
        """
        made = self._clusters[cluster]
        return Rds(
            name,
            RdsArgs(
                scope=self._scope,
                account=self._accounts[settings.cloud],
                vpc=made.network.vpc,
                vpc_cidr=settings.network.cidr,
                subnet_ids=[subnet.id for subnet in made.network.private_subnets],
                client_group_id=made.control_plane.cluster.vpc_config.cluster_security_group_id,
                spec=spec,
            ),
        ).outside

    def allow_push(self) -> None:
        """Let the deployers, and whom the settings name, push images; every deployer is made."""
        for name, principals in sorted(self._pushers.items()):
            if principals:
                self._repositories[name].allow_push(principals)

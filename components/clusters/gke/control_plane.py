"""The control plane of a GKE cluster and the key that encrypts its Secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pulumi
import pulumi_gcp as gcp

from components.clusters.gke.network import PODS_RANGE, SERVICES_RANGE
from components.foundation.tags import labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.clusters.gke.network import GkeNetwork
    from components.foundation.gcp_project import GcpProjectHandle
    from components.scope import Scope

container = gcp.container

SYSTEM = "cluster"
_FIRST_DAY = "2026-01-01"
"""A recurring window starts on some day; only its time of day matters."""
KEY_GRACE = f"{30 * 24 * 3600}s"
KEY_ROTATION = f"{90 * 24 * 3600}s"
KEY_ROLE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


@dataclass(frozen=True)
class MaintenanceWindow:
    """When GKE may upgrade.

    Attributes:
        start: Start, UTC, as `18:00`.
        hours: Length.
        days: Days on which it recurs, as `MO`.
    """

    start: str
    hours: int
    days: tuple[str, ...]

    def as_policy(self) -> gcp.container.ClusterMaintenancePolicyArgs:
        """The window as GKE takes it.

        Returns:
            A maintenance policy (RFC 3339 times, RFC 5545 recurrence).
        """
        start = datetime.fromisoformat(f"{_FIRST_DAY}T{self.start}:00+00:00")
        end = start + timedelta(hours=self.hours)
        return gcp.container.ClusterMaintenancePolicyArgs(
            recurring_window=gcp.container.ClusterMaintenancePolicyRecurringWindowArgs(
                start_time=start.strftime("%Y-%m-%dT%H:%M:%SZ"),
                end_time=end.strftime("%Y-%m-%dT%H:%M:%SZ"),
                recurrence=f"FREQ=WEEKLY;BYDAY={','.join(self.days)}",
            )
        )


@dataclass(frozen=True)
class GkeControlPlaneArgs:
    """What the control plane is made of.

    Attributes:
        scope: The stack.
        project: Where it is made.
        location: Zone (one replica) or region (three).
        network: Its network.
        control_plane_cidr: Range of its private endpoint.
        api_access: Public ranges that may reach it; none: only its own network.
        channel: Release channel.
        maintenance: When GKE may upgrade.
        service_account: Address of the nodes' service account.
        needed: What must be there before and outlives it.
        gateways: Whether it makes load balancers of layer 7 for Gateways.
    """

    scope: Scope
    project: GcpProjectHandle
    location: str
    network: GkeNetwork
    control_plane_cidr: str
    api_access: tuple[str, ...]
    channel: str
    maintenance: MaintenanceWindow
    service_account: pulumi.Input[str]
    needed: Sequence[pulumi.Resource]
    gateways: bool = False


def _authorized_networks(sources: Sequence[str]) -> container.ClusterMasterAuthorizedNetworksConfigArgs:
    return container.ClusterMasterAuthorizedNetworksConfigArgs(
        cidr_blocks=[
            container.ClusterMasterAuthorizedNetworksConfigCidrBlockArgs(cidr_block=source) for source in sources
        ],
        # Any machine of any Google customer would be let in otherwise.
        gcp_public_cidrs_access_enabled=False,
    )


def _first_pool(args: GkeControlPlaneArgs) -> container.ClusterNodeConfigArgs:
    """The pool that comes with a cluster, as long as it lives."""
    return container.ClusterNodeConfigArgs(
        service_account=args.service_account,
        shielded_instance_config=container.ClusterNodeConfigShieldedInstanceConfigArgs(
            enable_secure_boot=True, enable_integrity_monitoring=True
        ),
        resource_labels=labels(args.scope, SYSTEM),
    )


def _monitoring() -> container.ClusterMonitoringConfigArgs:
    return container.ClusterMonitoringConfigArgs(
        enable_components=["SYSTEM_COMPONENTS"],
        # The stack has a Prometheus of its own.
        managed_prometheus=container.ClusterMonitoringConfigManagedPrometheusArgs(enabled=False),
    )


def _addons() -> container.ClusterAddonsConfigArgs:
    return container.ClusterAddonsConfigArgs(
        http_load_balancing=container.ClusterAddonsConfigHttpLoadBalancingArgs(disabled=False),
        horizontal_pod_autoscaling=container.ClusterAddonsConfigHorizontalPodAutoscalingArgs(disabled=False),
        gce_persistent_disk_csi_driver_config=(
            container.ClusterAddonsConfigGcePersistentDiskCsiDriverConfigArgs(enabled=True)
        ),
        # A cache on each node would answer DNS from outside the namespace that network policies name.
        dns_cache_config=container.ClusterAddonsConfigDnsCacheConfigArgs(enabled=False),
    )


class GkeControlPlane(pulumi.ComponentResource):
    """A GKE cluster without nodes of its own.

    Attributes:
        cluster: The GKE cluster.
        grants: The grants that it needs as long as it lives.
    """

    def __init__(self, name: str, args: GkeControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the control plane.

        Args:
            name: Name of the cluster in the stack, and at Google.
            args: What it is made of.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.project.provider), opts)
        super().__init__("slipway:clusters:GkeControlPlane", f"{name}-control-plane", None, options)
        key, grant = self._key(name, args)
        self.grants: list[pulumi.Resource] = [grant]
        self.cluster = self._cluster(name, args, key)
        self.register_outputs({"name": self.cluster.name, "endpoint": self.cluster.endpoint})

    def _cluster(self, name: str, args: GkeControlPlaneArgs, key: gcp.kms.CryptoKey) -> gcp.container.Cluster:
        durable = args.scope.durable
        return container.Cluster(
            f"{name}-cluster",
            name=name,
            location=args.location,
            network=args.network.network.id,
            subnetwork=args.network.subnetwork.id,
            networking_mode="VPC_NATIVE",
            ip_allocation_policy=container.ClusterIpAllocationPolicyArgs(
                cluster_secondary_range_name=PODS_RANGE, services_secondary_range_name=SERVICES_RANGE
            ),
            # Dataplane V2 enforces network policies by itself.
            datapath_provider="ADVANCED_DATAPATH",
            private_cluster_config=container.ClusterPrivateClusterConfigArgs(
                enable_private_nodes=True,
                enable_private_endpoint=not args.api_access,
                master_ipv4_cidr_block=args.control_plane_cidr,
            ),
            master_authorized_networks_config=_authorized_networks(args.api_access),
            # The pool that comes with a cluster goes at once; the one that stays is a resource of its own.
            remove_default_node_pool=True,
            initial_node_count=1,
            node_config=_first_pool(args),
            workload_identity_config=container.ClusterWorkloadIdentityConfigArgs(
                workload_pool=f"{args.project.project}.svc.id.goog"
            ),
            release_channel=container.ClusterReleaseChannelArgs(channel=args.channel),
            maintenance_policy=args.maintenance.as_policy(),
            database_encryption=container.ClusterDatabaseEncryptionArgs(state="ENCRYPTED", key_name=key.id),
            enable_shielded_nodes=True,
            enable_legacy_abac=False,
            master_auth=container.ClusterMasterAuthArgs(
                client_certificate_config=container.ClusterMasterAuthClientCertificateConfigArgs(
                    issue_client_certificate=False
                )
            ),
            logging_config=container.ClusterLoggingConfigArgs(enable_components=["SYSTEM_COMPONENTS", "WORKLOADS"]),
            monitoring_config=_monitoring(),
            addons_config=_addons(),
            gateway_api_config=container.ClusterGatewayApiConfigArgs(channel="CHANNEL_STANDARD")
            if args.gateways
            else None,
            security_posture_config=container.ClusterSecurityPostureConfigArgs(
                mode="BASIC", vulnerability_mode="VULNERABILITY_DISABLED"
            ),
            resource_labels=labels(args.scope, SYSTEM),
            deletion_protection=durable,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*self.grants, *args.needed],
                protect=durable,
                # Both speak of the pool that is gone.
                ignore_changes=["nodeConfig", "initialNodeCount"],
                custom_timeouts=pulumi.CustomTimeouts(create="45m", update="60m", delete="45m"),
            ),
        )

    def _key(self, name: str, args: GkeControlPlaneArgs) -> tuple[gcp.kms.CryptoKey, pulumi.Resource]:
        durable, apis = args.scope.durable, list(args.project.apis)
        child = pulumi.ResourceOptions(parent=self)
        # Google keeps key rings for ever, so the name ends in random digits: a second `up` makes another one.
        ring = gcp.kms.KeyRing(
            f"{name}-keys",
            location=args.project.region,
            opts=pulumi.ResourceOptions(parent=self, depends_on=apis, protect=durable),
        )
        key = gcp.kms.CryptoKey(
            f"{name}-secrets-key",
            key_ring=ring.id,
            purpose="ENCRYPT_DECRYPT",
            rotation_period=KEY_ROTATION,
            # From this long after the destruction on, it cannot be undone. It never changes, whatever the lifecycle
            # does: Google keeps what a key was made with, and another key is another cluster.
            destroy_scheduled_duration=KEY_GRACE,
            labels=labels(args.scope, SYSTEM),
            opts=pulumi.ResourceOptions(parent=self, protect=durable),
        )
        agent = gcp.projects.ServiceIdentity(
            f"{name}-gke-agent",
            project=args.project.project,
            service="container.googleapis.com",
            opts=pulumi.ResourceOptions(parent=self, depends_on=apis),
        )
        grant = gcp.kms.CryptoKeyIAMMember(
            f"{name}-secrets-key-use", crypto_key_id=key.id, role=KEY_ROLE, member=agent.member, opts=child
        )
        return key, grant

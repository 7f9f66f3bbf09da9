"""A managed database beside a GKE cluster: Cloud SQL on a private address, with a DNS name of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_gcp as gcp

from components.foundation.database import SYSTEM, OutsideDatabase, make_password
from components.foundation.tags import labels

if TYPE_CHECKING:
    from components.foundation.database import DatabaseSpec
    from components.foundation.gcp_project import GcpProjectHandle
    from components.scope import Scope

DEFAULT_SIZE = "db-g1-small"
DOMAIN = "databases.internal."
"""Private DNS zone of the network: Cloud SQL gives an address, but an ExternalName Service wants a name."""
NAME_TTL = 60
_VERSIONS = {
    ("mysql", "8.0"): "MYSQL_8_0",
    ("mysql", "8.4"): "MYSQL_8_4",
    ("postgres", "15"): "POSTGRES_15",
    ("postgres", "16"): "POSTGRES_16",
    ("postgres", "17"): "POSTGRES_17",
}


@dataclass(frozen=True)
class PrivateServicesArgs:
    """The range of a network in which Google puts managed services.

    Attributes:
        scope: The stack.
        project: The project.
        network_id: The network.
        cidr: The range.
    """

    scope: Scope
    project: GcpProjectHandle
    network_id: pulumi.Input[str]
    cidr: str


class PrivateServices(pulumi.ComponentResource):
    """Connects a network to Google's managed services; one for all databases of a cluster.

    Attributes:
        network_id: The network.
        cidr: The range that the services answer on.
        zone: Name of the private DNS zone.
        connection: The connection; databases depend on it, so it outlives them.
    """

    def __init__(self, name: str, args: PrivateServicesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the connection and the DNS zone.

        Args:
            name: Name of the cluster in the stack.
            args: What it is.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.project.provider), opts)
        super().__init__("slipway:foundation:PrivateServices", f"{name}-private-services", None, options)
        address, _, prefix = args.cidr.partition("/")
        apis = list(args.project.apis)
        reserved = gcp.compute.GlobalAddress(
            f"{name}-services-range",
            purpose="VPC_PEERING",
            address_type="INTERNAL",
            address=address,
            prefix_length=int(prefix),
            network=args.network_id,
            labels=labels(args.scope, SYSTEM),
            opts=pulumi.ResourceOptions(parent=self, depends_on=apis),
        )
        self.connection = gcp.servicenetworking.Connection(
            f"{name}-services-connection",
            network=args.network_id,
            service="servicenetworking.googleapis.com",
            reserved_peering_ranges=[reserved.name],
            # Google holds a deleted database's side for days; the network could not go for as long.
            deletion_policy="DELETE" if args.scope.durable else "REMOVE_PEERING",
            opts=pulumi.ResourceOptions(parent=self, depends_on=apis),
        )
        zone = gcp.dns.ManagedZone(
            f"{name}-databases-zone",
            dns_name=DOMAIN,
            description=f"Databases of {name}",
            visibility="private",
            private_visibility_config=gcp.dns.ManagedZonePrivateVisibilityConfigArgs(
                networks=[gcp.dns.ManagedZonePrivateVisibilityConfigNetworkArgs(network_url=args.network_id)]
            ),
            labels=labels(args.scope, SYSTEM),
            force_destroy=not args.scope.durable,
            opts=pulumi.ResourceOptions(parent=self, depends_on=apis),
        )
        self.network_id, self.cidr = args.network_id, args.cidr
        self.zone: pulumi.Output[str] = zone.name
        self.register_outputs({"cidr": args.cidr})


@dataclass(frozen=True)
class CloudSqlArgs:
    """Where the database is and what it is.

    Attributes:
        scope: The stack.
        project: The project.
        services: The connection of the cluster's network.
        spec: What is asked of it.
    """

    scope: Scope
    project: GcpProjectHandle
    services: PrivateServices
    spec: DatabaseSpec


class CloudSql(pulumi.ComponentResource):
    """A Cloud SQL instance: private, encrypted by Google, backed up, reached over TLS alone.

    Attributes:
        outside: The database, as apps see it.
    """

    def __init__(self, name: str, args: CloudSqlArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the database.

        Args:
            name: Name of the database in the stack.
            args: Where it is and what it is.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.project.provider), opts)
        super().__init__("slipway:foundation:CloudSql", f"{name}-database", None, options)
        child = pulumi.ResourceOptions(parent=self)
        spec = args.spec
        instance = self._instance(name, args)
        database = gcp.sql.Database(
            f"{name}-database-schema",
            name=spec.database,
            instance=instance.name,
            # An owner that is gone would keep the schema from going by itself.
            deletion_policy="ABANDON",
            opts=child,
        )
        password = make_password(f"{name}-database", self)
        user = gcp.sql.User(
            f"{name}-database-user",
            name=spec.user,
            instance=instance.name,
            password=password,
            # A user that owns tables cannot be dropped; it goes with the instance.
            deletion_policy="ABANDON",
            opts=child,
        )
        record = gcp.dns.RecordSet(
            f"{name}-database-name",
            managed_zone=args.services.zone,
            name=f"{name}.{DOMAIN}",
            type="A",
            ttl=NAME_TTL,
            rrdatas=[instance.private_ip_address],
            # Whoever waits for the name waits for the user and the schema, too.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[database, user]),
        )
        host = record.name.apply(lambda fqdn: fqdn.rstrip("."))
        self.outside = OutsideDatabase(
            host=host,
            port=spec.port,
            name=spec.database,
            user=spec.user,
            password=password,
            cidrs=(args.services.cidr,),
        )
        self.register_outputs({"host": host, "port": spec.port, "database": spec.database})

    def _instance(self, name: str, args: CloudSqlArgs) -> gcp.sql.DatabaseInstance:
        spec, durable = args.spec, args.scope.durable
        mysql = spec.engine == "mysql"
        # A deleted instance's name stays taken for a week, so it ends in random digits.
        return gcp.sql.DatabaseInstance(
            f"{name}-database-instance",
            database_version=_VERSIONS[spec.engine, spec.version],
            region=args.project.region,
            deletion_protection=durable,
            settings=gcp.sql.DatabaseInstanceSettingsArgs(
                tier=spec.size or DEFAULT_SIZE,
                edition="ENTERPRISE",
                availability_type="REGIONAL" if spec.standby else "ZONAL",
                disk_size=spec.storage_gb,
                disk_type="PD_SSD",
                disk_autoresize=True,
                disk_autoresize_limit=spec.storage_gb * 4,
                deletion_protection_enabled=durable,
                retain_backups_on_delete=durable,
                final_backup_config=gcp.sql.DatabaseInstanceSettingsFinalBackupConfigArgs(
                    enabled=durable, retention_days=30 if durable else None
                ),
                ip_configuration=gcp.sql.DatabaseInstanceSettingsIpConfigurationArgs(
                    ipv4_enabled=False, private_network=args.services.network_id, ssl_mode="ENCRYPTED_ONLY"
                ),
                backup_configuration=gcp.sql.DatabaseInstanceSettingsBackupConfigurationArgs(
                    enabled=True,
                    start_time="17:00",
                    # Restoring to any moment: MySQL keeps its binary log for it, PostgreSQL its own.
                    binary_log_enabled=True if mysql else None,
                    point_in_time_recovery_enabled=None if mysql else True,
                    transaction_log_retention_days=min(spec.backup_days, 7),
                    backup_retention_settings=(
                        gcp.sql.DatabaseInstanceSettingsBackupConfigurationBackupRetentionSettingsArgs(
                            retained_backups=spec.backup_days, retention_unit="COUNT"
                        )
                    ),
                ),
                maintenance_window=gcp.sql.DatabaseInstanceSettingsMaintenanceWindowArgs(
                    day=6, hour=18, update_track="stable"
                ),
                user_labels=labels(args.scope, SYSTEM),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=durable,
                depends_on=[args.services.connection],
                # The disk grows by itself. Once a refresh has seen that, a size of the program's would be smaller, and
                # the provider would make the instance anew.
                ignore_changes=["settings.diskSize"],
                custom_timeouts=pulumi.CustomTimeouts(create="60m", update="60m", delete="60m"),
            ),
        )

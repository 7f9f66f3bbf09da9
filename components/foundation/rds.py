"""A managed database beside an EKS cluster: RDS in the cluster's private subnets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.foundation.database import SYSTEM, OutsideDatabase, make_password
from components.foundation.tags import tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.foundation.aws_account import AwsAccountHandle
    from components.foundation.database import DatabaseSpec
    from components.scope import Scope

DEFAULT_SIZE = "db.t4g.micro"
MAINTENANCE_WINDOW = "sat:18:30-sat:19:30"
"""Once a week, UTC."""
_LOGS = {"mysql": ["error", "slowquery"], "postgres": ["postgresql", "upgrade"]}


@dataclass(frozen=True)
class RdsArgs:
    """Where the database is and what it is.

    Attributes:
        scope: The stack.
        account: The account.
        vpc: VPC of the cluster.
        vpc_cidr: Range of the VPC.
        subnet_ids: Private subnets, in two zones at least.
        client_group_id: Security group of the nodes, whose pods connect.
        spec: What is asked of it.
    """

    scope: Scope
    account: AwsAccountHandle
    vpc: aws.ec2.Vpc
    vpc_cidr: str
    subnet_ids: Sequence[pulumi.Input[str]]
    client_group_id: pulumi.Input[str]
    spec: DatabaseSpec


class Rds(pulumi.ComponentResource):
    """An RDS instance: private, encrypted, backed up, reached over TLS from the nodes alone.

    Attributes:
        outside: The database, as apps see it.
    """

    def __init__(self, name: str, args: RdsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the database.

        Args:
            name: Name of the database in the stack.
            args: Where it is and what it is.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__("slipway:foundation:Rds", f"{name}-database", None, options)
        self._prefix, self._args = name, args
        spec = args.spec
        password = make_password(f"{name}-database", self)
        instance = self._instance(password)
        if not spec.apply_immediately:
            pulumi.info(
                f"changes of version, size, storage and standby are made in the maintenance window "
                f"({MAINTENANCE_WINDOW} UTC), after `up` is done; at once with databases.{name}.applyImmediately: true",
                instance,
            )
        self.outside = OutsideDatabase(
            host=instance.address,
            port=spec.port,
            name=spec.database,
            user=spec.user,
            password=password,
            cidrs=(args.vpc_cidr,),
        )
        self.register_outputs({"host": instance.address, "port": spec.port, "database": spec.database})

    def _tags(self, part: str) -> dict[str, str]:
        return tags(self._args.scope, SYSTEM, f"{self._prefix}-{part}")

    def _instance(self, password: pulumi.Output[str]) -> aws.rds.Instance:
        name, args, spec, durable = self._prefix, self._args, self._args.spec, self._args.scope.durable
        subnets = self._subnets()
        group, entrance = self._group()
        key = self._key()
        return aws.rds.Instance(
            f"{name}-database-instance",
            engine=spec.engine,
            engine_version=spec.version,
            instance_class=spec.size or DEFAULT_SIZE,
            allocated_storage=spec.storage_gb,
            max_allocated_storage=spec.storage_gb * 4,
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=key.arn,
            db_name=spec.database,
            username=spec.user,
            password=password,
            port=spec.port,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group.id],
            publicly_accessible=False,
            multi_az=spec.standby,
            parameter_group_name=self._parameters().name,
            backup_retention_period=spec.backup_days,
            backup_window="17:00-18:00",
            maintenance_window=MAINTENANCE_WINDOW,
            apply_immediately=spec.apply_immediately,
            allow_major_version_upgrade=spec.allow_major_version_upgrade,
            auto_minor_version_upgrade=True,
            copy_tags_to_snapshot=True,
            deletion_protection=durable,
            skip_final_snapshot=not durable,
            final_snapshot_identifier=f"{args.scope.project}-{args.scope.stack}-{name}-final" if durable else None,
            delete_automated_backups=not durable,
            # RDS makes the log groups itself and leaves them behind.
            enabled_cloudwatch_logs_exports=_LOGS[spec.engine] if durable else None,
            performance_insights_enabled=False,
            ca_cert_identifier="rds-ca-rsa2048-g1",
            # Past standard support RDS upgrades the engine; staying behind would cost extra.
            engine_lifecycle_support="open-source-rds-extended-support-disabled",
            tags=self._tags("instance"),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=durable,
                depends_on=[entrance],
                replace_with=[args.vpc],
                custom_timeouts=pulumi.CustomTimeouts(create="60m", update="80m", delete="60m"),
            ),
        )

    def _subnets(self) -> aws.rds.SubnetGroup:
        return aws.rds.SubnetGroup(
            f"{self._prefix}-database-subnets",
            subnet_ids=list(self._args.subnet_ids),
            description=f"Database {self._prefix}",
            tags=self._tags("subnets"),
            # RDS lets neither a group nor an instance go from one VPC to another.
            opts=pulumi.ResourceOptions(parent=self, replace_with=[self._args.vpc]),
        )

    def _key(self) -> aws.kms.Key:
        durable = self._args.scope.durable
        return aws.kms.Key(
            f"{self._prefix}-database-key",
            description=f"Database {self._prefix}",
            enable_key_rotation=True,
            deletion_window_in_days=30 if durable else 7,
            tags=self._tags("key"),
            opts=pulumi.ResourceOptions(parent=self, protect=durable),
        )

    def _group(self) -> tuple[aws.ec2.SecurityGroup, pulumi.Resource]:
        args, port = self._args, self._args.spec.port
        group = aws.ec2.SecurityGroup(
            f"{self._prefix}-database-access",
            description=f"Database {self._prefix}: from the nodes alone",
            vpc_id=args.vpc.id,
            tags=self._tags("access"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        entrance = aws.vpc.SecurityGroupIngressRule(
            f"{self._prefix}-database-from-nodes",
            security_group_id=group.id,
            referenced_security_group_id=args.client_group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description="pods on the nodes",
            tags=self._tags("from-nodes"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return group, entrance

    def _parameters(self) -> aws.rds.ParameterGroup:
        spec = self._args.spec
        family = f"{spec.engine}{spec.version}"
        # Both drivers use TLS by themselves where the server offers it; unencrypted connections are refused.
        name = "require_secure_transport" if spec.engine == "mysql" else "rds.force_ssl"
        return aws.rds.ParameterGroup(
            f"{self._prefix}-database-parameters",
            family=family,
            description=f"Database {self._prefix}: TLS only",
            parameters=[aws.rds.ParameterGroupParameterArgs(name=name, value="1")],
            tags=self._tags("parameters"),
            opts=pulumi.ResourceOptions(parent=self),
        )

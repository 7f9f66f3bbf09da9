"""The VPC of an EKS cluster: nodes in private subnets, NAT gateways and load balancers in public ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.clusters.eks.subnets import subnet_ranges
from components.foundation.aws_policies import document, trust
from components.foundation.tags import tags

if TYPE_CHECKING:
    from components.clusters.eks.subnets import ZoneRanges
    from components.foundation.aws_account import AwsAccountHandle
    from components.scope import Scope

SYSTEM = "cluster"
CONTROL_PLANE_ZONES = 2
"""The first zones, which the control plane has its network interfaces in: EKS wants two, and never takes others later
(https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html). Further ones serve nodes and databases."""
ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class EksNetworkArgs:
    """What the network is made of.

    Attributes:
        scope: The stack.
        account: Where it is made.
        eks_name: Name of the cluster at AWS; subnets are tagged with it.
        cidr: Range of the VPC.
        zones: Availability zones, the control plane's first.
        nat_per_zone: Whether each zone has a NAT gateway of its own.
        flow_logs: Whether refused connections are logged.
        log_days: Days that such logs are kept.
    """

    scope: Scope
    account: AwsAccountHandle
    eks_name: str
    cidr: str
    zones: tuple[str, ...]
    nat_per_zone: bool = False
    flow_logs: bool = False
    log_days: int = 30


class EksNetwork(pulumi.ComponentResource):
    """A VPC with its subnets, routes and gateways.

    Attributes:
        vpc: The VPC.
        private_subnets: One subnet a zone, without public addresses.
        control_plane_subnets: Those of them that the control plane uses.
        public_subnets: One subnet a zone, for load balancers.
        paths: Everything that nodes and load balancers need to reach the world and to be reached. It outlives them:
            a gateway that is detached while a load balancer still holds a public address is AWS's DependencyViolation.
    """

    def __init__(self, name: str, args: EksNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the network.

        Args:
            name: Name of the cluster in the stack.
            args: What it is made of.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__("slipway:clusters:EksNetwork", f"{name}-network", None, options)
        self._prefix, self._args = name, args
        child = pulumi.ResourceOptions(parent=self)
        self.vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._tags("vpc"),
            opts=child,
        )
        # The group that AWS makes with a VPC lets its members talk to each other; nobody is to rely on it.
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default-security-group",
            vpc_id=self.vpc.id,
            ingress=[],
            egress=[],
            tags=self._tags("default-closed"),
            opts=child,
        )
        gateway = aws.ec2.InternetGateway(
            f"{name}-internet", vpc_id=self.vpc.id, tags=self._tags("internet"), opts=child
        )
        self.paths: list[pulumi.Resource] = [gateway]
        ranges = subnet_ranges(args.cidr, args.zones)
        self.public_subnets, public_paths = self._public(ranges, gateway)
        nats = self._nats(ranges, gateway, public_paths)
        self.private_subnets = self._private(ranges, nats)
        self.control_plane_subnets = [
            subnet for zone, subnet in zip(ranges, self.private_subnets, strict=True) if self._holds_control_plane(zone)
        ]
        if args.flow_logs:
            self._flow_logs()
        self.register_outputs(
            {
                "vpcId": self.vpc.id,
                "privateSubnetIds": [subnet.id for subnet in self.private_subnets],
                "publicSubnetIds": [subnet.id for subnet in self.public_subnets],
            }
        )

    def _tags(self, part: str) -> dict[str, str]:
        return tags(self._args.scope, SYSTEM, f"{self._prefix}-{part}")

    def _holds_control_plane(self, zone: ZoneRanges) -> bool:
        return zone.zone in self._args.zones[:CONTROL_PLANE_ZONES]

    def _public(
        self, ranges: list[ZoneRanges], gateway: aws.ec2.InternetGateway
    ) -> tuple[list[aws.ec2.Subnet], list[pulumi.Resource]]:
        child = pulumi.ResourceOptions(parent=self)
        table = aws.ec2.RouteTable(
            f"{self._prefix}-public-routes", vpc_id=self.vpc.id, tags=self._tags("public"), opts=child
        )
        route = aws.ec2.Route(
            f"{self._prefix}-public-internet",
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway.id,
            opts=child,
        )
        subnets: list[aws.ec2.Subnet] = []
        paths: list[pulumi.Resource] = [route]
        for zone in ranges:
            subnet = aws.ec2.Subnet(
                f"{self._prefix}-public-{zone.suffix}",
                vpc_id=self.vpc.id,
                availability_zone=zone.zone,
                cidr_block=zone.public,
                # A load balancer brings its own address; nothing else in here is to get one by itself.
                map_public_ip_on_launch=False,
                tags={
                    **self._tags(f"public-{zone.suffix}"),
                    # Where the cluster's cloud controller puts load balancers that face the internet
                    # (https://docs.aws.amazon.com/eks/latest/userguide/network-load-balancing.html).
                    f"kubernetes.io/cluster/{self._args.eks_name}": "shared",
                    "kubernetes.io/role/elb": "1",
                },
                opts=child,
            )
            subnets.append(subnet)
            paths.append(
                aws.ec2.RouteTableAssociation(
                    f"{self._prefix}-public-{zone.suffix}-association",
                    route_table_id=table.id,
                    subnet_id=subnet.id,
                    opts=child,
                )
            )
        self.paths += paths
        return subnets, paths

    def _nats(
        self, ranges: list[ZoneRanges], gateway: aws.ec2.InternetGateway, public_paths: list[pulumi.Resource]
    ) -> list[aws.ec2.NatGateway]:
        nats: list[aws.ec2.NatGateway] = []
        for i, zone in enumerate(ranges):
            if not self._args.nat_per_zone and zone.zone != self._args.zones[0]:
                continue
            address = aws.ec2.Eip(
                f"{self._prefix}-nat-{zone.suffix}-address",
                domain="vpc",
                tags=self._tags(f"nat-{zone.suffix}"),
                # The gateway cannot be detached while an address is mapped through it.
                opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
            )
            nats.append(
                aws.ec2.NatGateway(
                    f"{self._prefix}-nat-{zone.suffix}",
                    allocation_id=address.id,
                    subnet_id=self.public_subnets[i].id,
                    tags=self._tags(f"nat-{zone.suffix}"),
                    # Without its way out it would be made and be of no use; on destroy the way out goes after it.
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway, *public_paths]),
                )
            )
        self.paths += nats
        return nats

    def _private(self, ranges: list[ZoneRanges], nats: list[aws.ec2.NatGateway]) -> list[aws.ec2.Subnet]:
        child = pulumi.ResourceOptions(parent=self)
        subnets: list[aws.ec2.Subnet] = []
        tables: list[aws.ec2.RouteTable] = []
        for i, zone in enumerate(ranges):
            subnet = aws.ec2.Subnet(
                f"{self._prefix}-private-{zone.suffix}",
                vpc_id=self.vpc.id,
                availability_zone=zone.zone,
                cidr_block=zone.private,
                map_public_ip_on_launch=False,
                tags={
                    **self._tags(f"private-{zone.suffix}"),
                    f"kubernetes.io/cluster/{self._args.eks_name}": "shared",
                    "kubernetes.io/role/internal-elb": "1",
                },
                # AWS refuses to delete a subnet that the control plane is in, after twenty minutes of trying.
                opts=pulumi.ResourceOptions(
                    parent=self, protect=self._args.scope.durable and self._holds_control_plane(zone)
                ),
            )
            table = aws.ec2.RouteTable(
                f"{self._prefix}-private-{zone.suffix}-routes",
                vpc_id=self.vpc.id,
                tags=self._tags(f"private-{zone.suffix}"),
                opts=child,
            )
            self.paths += [
                aws.ec2.Route(
                    f"{self._prefix}-private-{zone.suffix}-internet",
                    route_table_id=table.id,
                    destination_cidr_block=ANYWHERE,
                    nat_gateway_id=nats[i % len(nats)].id,
                    opts=child,
                ),
                aws.ec2.RouteTableAssociation(
                    f"{self._prefix}-private-{zone.suffix}-association",
                    route_table_id=table.id,
                    subnet_id=subnet.id,
                    opts=child,
                ),
            ]
            subnets.append(subnet)
            tables.append(table)
        # Image layers lie in S3; this way they do not pass the NAT gateway, whose traffic costs.
        self.paths.append(
            aws.ec2.VpcEndpoint(
                f"{self._prefix}-s3-endpoint",
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{self._args.account.region}.s3",
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in tables],
                tags=self._tags("s3"),
                opts=child,
            )
        )
        return subnets

    def _flow_logs(self) -> None:
        child = pulumi.ResourceOptions(parent=self)
        group = aws.cloudwatch.LogGroup(
            f"{self._prefix}-flow-log-group",
            retention_in_days=self._args.log_days,
            skip_destroy=self._args.scope.durable,
            tags=self._tags("flow-logs"),
            opts=child,
        )
        role = aws.iam.Role(
            f"{self._prefix}-flow-log-role",
            assume_role_policy=trust("vpc-flow-logs.amazonaws.com", account_id=self._args.account.account_id),
            tags=self._tags("flow-logs"),
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            f"{self._prefix}-flow-log-policy",
            role=role.name,
            policy=document(
                {
                    "Effect": "Allow",
                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                    "Resource": pulumi.Output.format("{0}:*", group.arn),
                }
            ),
            opts=child,
        )
        aws.ec2.FlowLog(
            f"{self._prefix}-flow-log",
            vpc_id=self.vpc.id,
            traffic_type="REJECT",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=self._tags("flow-logs"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )

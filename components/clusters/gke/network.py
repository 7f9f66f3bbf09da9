"""The VPC network of a GKE cluster: one subnet, its secondary ranges, and a NAT for nodes without public addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_gcp as gcp

if TYPE_CHECKING:
    from components.foundation.gcp_project import GcpProjectHandle

PODS_RANGE = "pods"
SERVICES_RANGE = "services"


@dataclass(frozen=True)
class GkeNetworkArgs:
    """What the network is made of.

    Attributes:
        project: Where it is made.
        nodes_cidr: Range of the nodes and load balancers.
        pods_cidr: Range of the pods.
        services_cidr: Range of the Services.
        flow_logs: Whether connections are logged (sampled).
    """

    project: GcpProjectHandle
    nodes_cidr: str
    pods_cidr: str
    services_cidr: str
    flow_logs: bool = False


class GkeNetwork(pulumi.ComponentResource):
    """A network with one subnet and a way out.

    Attributes:
        network: The VPC network.
        subnetwork: The subnet.
        paths: What nodes need to reach the world; it outlives them.
    """

    def __init__(self, name: str, args: GkeNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the network.

        Args:
            name: Name of the cluster in the stack.
            args: What it is made of.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.project.provider), opts)
        super().__init__("slipway:clusters:GkeNetwork", f"{name}-network", None, options)
        child = pulumi.ResourceOptions(parent=self)
        self.network = gcp.compute.Network(
            f"{name}-vpc",
            auto_create_subnetworks=False,
            routing_mode="REGIONAL",
            description=f"Cluster {name}",
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.project.apis)),
        )
        self.subnetwork = gcp.compute.Subnetwork(
            f"{name}-subnet",
            network=self.network.id,
            region=args.project.region,
            ip_cidr_range=args.nodes_cidr,
            secondary_ip_ranges=[
                gcp.compute.SubnetworkSecondaryIpRangeArgs(range_name=PODS_RANGE, ip_cidr_range=args.pods_cidr),
                gcp.compute.SubnetworkSecondaryIpRangeArgs(range_name=SERVICES_RANGE, ip_cidr_range=args.services_cidr),
            ],
            # Google's own APIs (registry, logging) are reached without passing the NAT.
            private_ip_google_access=True,
            log_config=gcp.compute.SubnetworkLogConfigArgs(
                aggregation_interval="INTERVAL_10_MIN", flow_sampling=0.5, metadata="INCLUDE_ALL_METADATA"
            )
            if args.flow_logs
            else None,
            opts=child,
        )
        router = gcp.compute.Router(f"{name}-router", network=self.network.id, region=args.project.region, opts=child)
        nat = gcp.compute.RouterNat(
            f"{name}-nat",
            router=router.name,
            region=args.project.region,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",
            subnetworks=[
                gcp.compute.RouterNatSubnetworkArgs(name=self.subnetwork.id, source_ip_ranges_to_nats=["ALL_IP_RANGES"])
            ],
            log_config=gcp.compute.RouterNatLogConfigArgs(enable=True, filter="ERRORS_ONLY"),
            opts=child,
        )
        self.paths: list[pulumi.Resource] = [router, nat]
        self.register_outputs({"networkId": self.network.id, "subnetworkId": self.subnetwork.id})

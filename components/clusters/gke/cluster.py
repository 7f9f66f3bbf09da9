"""GkeCluster: the whole of a cluster on Google Cloud, from the network to the Kubernetes provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.clusters.exec_kubeconfig import TokenCommand, exec_kubeconfig
from components.clusters.gke.control_plane import GkeControlPlane, GkeControlPlaneArgs
from components.clusters.gke.network import GkeNetwork, GkeNetworkArgs
from components.clusters.gke.nodes import GkeNodes, GkeNodesArgs, NodeIdentity, NodeIdentityArgs
from components.model import Cluster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.clusters.gke.control_plane import MaintenanceWindow
    from components.clusters.gke.nodes import PullFrom
    from components.foundation.gcp_project import GcpProjectHandle
    from components.scope import Scope

STORAGE_CLASS = "standard-rwo"
"""GKE's own class of balanced persistent disks; Google encrypts every disk."""
LOAD_BALANCER_ANNOTATIONS = {"cloud.google.com/l4-rbs": "enabled"}
"""A load balancer of the current kind, which health-checks nodes by the pods that they run
(https://cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer)."""


@dataclass(frozen=True)
class GkeClusterArgs:
    """What the cluster is.

    Attributes:
        scope: The stack.
        project: The project it is made in.
        location: Zone (one control plane) or region (three).
        registry: Address in front of the names of own images.
        pull_from: The repository behind that address.
        nodes_cidr: Range of the nodes.
        pods_cidr: Range of the pods.
        services_cidr: Range of the Services.
        control_plane_cidr: Range of the control plane's private endpoint.
        flow_logs: Whether connections are logged.
        api_access: Public ranges that may reach the control plane.
        channel: Release channel.
        maintenance: When GKE may upgrade.
        machine_type: Machine type of the nodes.
        node_count: Nodes (of a regional cluster: in each zone).
        node_least: Fewest nodes.
        node_most: Most nodes.
        disk_gb: Size of a node's disk in GB.
        scopes: Access scopes of the nodes.
        gateways: Whether it makes load balancers of layer 7 for Gateways.
    """

    scope: Scope
    project: GcpProjectHandle
    location: str
    registry: pulumi.Input[str]
    pull_from: PullFrom
    nodes_cidr: str
    pods_cidr: str
    services_cidr: str
    control_plane_cidr: str
    flow_logs: bool
    api_access: tuple[str, ...]
    channel: str
    maintenance: MaintenanceWindow
    machine_type: str
    node_count: int
    node_least: int
    node_most: int
    disk_gb: int
    scopes: tuple[str, ...]
    gateways: bool = False


class GkeCluster(pulumi.ComponentResource):
    """A cluster on Google Kubernetes Engine.

    Order is in the graph: the Kubernetes provider depends on nodes, grants and the NAT, and each Kubernetes object
    depends on its provider. So load balancers and volumes go before nodes, nodes before the control plane, and the
    network goes last.

    Attributes:
        handle: The cluster, as workloads see it.
        network: Its network.
        control_plane: Its control plane.
        kubeconfig: Its kubeconfig, without any credential.
    """

    def __init__(self, name: str, args: GkeClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the cluster.

        Args:
            name: Name of the cluster in the stack, and at Google.
            args: What it is.
            opts: Options of the component.
        """
        super().__init__("slipway:clusters:GkeCluster", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.network = self._network(name, args)
        identity = NodeIdentity(name, NodeIdentityArgs(project=args.project, pull_from=args.pull_from), child)
        needed = [*identity.grants, *self.network.paths]
        self.control_plane = self._control_plane(name, args, identity, needed)
        cluster = self.control_plane.cluster
        nodes = self._nodes(name, args, identity, needed)
        self.kubeconfig = self._kubeconfig(name)
        provider = kubernetes.Provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            # A new certificate or address is the same cluster; only another cluster means other objects.
            cluster_identifier=cluster.id,
            enable_server_side_apply=True,
            # A field that kubectl has taken over (`kubectl scale`) is the program's again, instead of a conflict.
            enable_patch_force=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[cluster, nodes.pool, self.network.subnetwork, *needed, *self.control_plane.grants],
            ),
        )
        self.handle = Cluster(
            name=name,
            kind="gke",
            provider=provider,
            registry=args.registry,
            storage_class=STORAGE_CLASS,
            node_address=None,
            load_balancer_address="ip",
            kubeconfig=self.kubeconfig,
            load_balancer_annotations=LOAD_BALANCER_ANNOTATIONS,
        )
        self.register_outputs(
            {
                "name": name,
                "kind": "gke",
                "context": None,
                "kubeconfig": None,
                "registry": args.registry,
                "clusterName": cluster.name,
                "endpoint": cluster.endpoint,
                "kubeconfigText": self.kubeconfig,
            }
        )

    def _network(self, name: str, args: GkeClusterArgs) -> GkeNetwork:
        return GkeNetwork(
            name,
            GkeNetworkArgs(
                project=args.project,
                nodes_cidr=args.nodes_cidr,
                pods_cidr=args.pods_cidr,
                services_cidr=args.services_cidr,
                flow_logs=args.flow_logs,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _control_plane(
        self, name: str, args: GkeClusterArgs, identity: NodeIdentity, needed: Sequence[pulumi.Resource]
    ) -> GkeControlPlane:
        return GkeControlPlane(
            name,
            GkeControlPlaneArgs(
                scope=args.scope,
                project=args.project,
                location=args.location,
                network=self.network,
                control_plane_cidr=args.control_plane_cidr,
                api_access=args.api_access,
                channel=args.channel,
                maintenance=args.maintenance,
                service_account=identity.email,
                needed=needed,
                gateways=args.gateways,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _nodes(
        self, name: str, args: GkeClusterArgs, identity: NodeIdentity, needed: Sequence[pulumi.Resource]
    ) -> GkeNodes:
        return GkeNodes(
            name,
            GkeNodesArgs(
                scope=args.scope,
                project=args.project,
                cluster=self.control_plane.cluster,
                location=args.location,
                service_account=identity.email,
                machine_type=args.machine_type,
                count=args.node_count,
                least=args.node_least,
                most=args.node_most,
                disk_gb=args.disk_gb,
                scopes=args.scopes,
                needed=needed,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _kubeconfig(self, name: str) -> pulumi.Output[str]:
        cluster = self.control_plane.cluster
        return exec_kubeconfig(
            name,
            pulumi.Output.format("https://{0}", cluster.endpoint),
            cluster.master_auth.cluster_ca_certificate,
            TokenCommand(
                command="gke-gcloud-auth-plugin",
                # The same credentials as the provider's, not gcloud's own.
                args=("--use_application_default_credentials",),
                install_hint="Needed: https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl",
                cluster_info=True,
            ),
        )

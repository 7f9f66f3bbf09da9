"""EksCluster: the whole of a cluster on AWS, from the VPC to the default storage class."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.clusters.eks.addons import AddonsArgs, ClusterAddons, NodeAddons
from components.clusters.eks.control_plane import ControlPlane, ControlPlaneArgs
from components.clusters.eks.load_balancers import load_balancer_annotations
from components.clusters.eks.network import EksNetwork, EksNetworkArgs
from components.clusters.eks.nodes import EksNodes, EksNodesArgs
from components.clusters.exec_kubeconfig import TokenCommand, exec_kubeconfig
from components.model import Cluster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.clusters.eks.nodes import SshAccess
    from components.foundation.aws_account import AwsAccountHandle
    from components.scope import Scope

STORAGE_CLASS = "gp3"
SYSTEM = "cluster"
IMMUTABLE = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")
"""What of a StorageClass never changes (https://kubernetes.io/docs/concepts/storage/storage-classes/)."""


def eks_name(name: str) -> str:
    """A cluster's name as EKS takes it.

    Args:
        name: A name that may be a domain, as kops's clusters have it.

    Returns:
        The name with '-' for each dot: EKS allows letters, digits, '-' and '_'
        (https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html).
    """
    return name.replace(".", "-")


def _operator_options(account: AwsAccountHandle) -> tuple[str, ...]:
    profile = ("--profile", account.profile) if account.profile else ()
    return (*profile, "--role-arn", account.role_arn) if account.role_arn else profile


@dataclass(frozen=True)
class EksClusterArgs:
    """What the cluster is.

    Attributes:
        scope: The stack.
        account: The account and region it is made in.
        eks_name: Its name at AWS.
        version: Kubernetes minor version.
        zones: Availability zones, the control plane's first.
        registry: Address in front of the names of own images.
        vpc_cidr: Range of the VPC.
        service_cidr: Range of the Services.
        nat_per_zone: Whether each zone has a NAT gateway of its own.
        flow_logs: Whether refused connections are logged.
        api_access: Public ranges that may reach the API.
        admins: ARNs that administer the cluster, the one that makes it among them.
        logs: Control-plane logs that are kept.
        log_days: Days that logs are kept.
        adopt_logs: Whether the log group of the control plane is there already.
        instance_type: Instance type of the nodes.
        node_count: Nodes that are wanted.
        node_least: Fewest nodes.
        node_most: Most nodes.
        disk_gb: Size of a node's disk in GB.
        max_pods: Pods a node takes at most.
        ami_release: Release of EKS's image, or None.
        session_manager: Whether AWS Systems Manager may open sessions on the nodes.
        ssh: Access to the nodes by ssh, or None.
    """

    scope: Scope
    account: AwsAccountHandle
    eks_name: str
    version: str
    zones: tuple[str, ...]
    registry: pulumi.Input[str]
    vpc_cidr: str
    service_cidr: str
    nat_per_zone: bool
    flow_logs: bool
    api_access: tuple[str, ...]
    admins: tuple[str, ...]
    logs: tuple[str, ...]
    log_days: int
    adopt_logs: bool
    instance_type: str
    node_count: int
    node_least: int
    node_most: int
    disk_gb: int
    max_pods: int
    ami_release: str | None = None
    session_manager: bool = False
    ssh: SshAccess | None = None


class EksCluster(pulumi.ComponentResource):
    """A cluster on Amazon Elastic Kubernetes Service.

    Order is in the graph: the Kubernetes provider depends on everything that Kubernetes objects need to go away (nodes,
    add-ons, access, routes, gateways), and each object depends on its provider. So load balancers and volumes go before
    nodes, nodes before their permissions and routes, and the VPC goes last.

    Attributes:
        handle: The cluster, as workloads see it.
        network: Its VPC.
        control_plane: Its control plane.
        kubeconfig: Its kubeconfig for whoever makes it, without any credential.
        deployer_kubeconfig: The same for whoever has credentials in the environment.
    """

    def __init__(self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the cluster.

        Args:
            name: Name of the cluster in the stack.
            args: What it is.
            opts: Options of the component.
        """
        super().__init__("slipway:clusters:EksCluster", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.network = self._network(name, args, child)
        self.control_plane = self._control_plane(name, args, child)
        cluster = self.control_plane.cluster
        addons = AddonsArgs(scope=args.scope, account=args.account, cluster=cluster, version=args.version)
        before = NodeAddons(name, addons, child)
        nodes = self._nodes(name, args, [*before.made, *self.network.paths])
        after = ClusterAddons(name, dataclasses.replace(addons, needed=[nodes.group]), child)
        self.kubeconfig = self._kubeconfig(args, _operator_options(args.account))
        # Whoever else reads it comes with credentials of another kind: the operator's profile and role mean nothing.
        self.deployer_kubeconfig = self._kubeconfig(args, ())
        provider = self._kubernetes(name, [*before.made, *nodes.permissions, nodes.group, *after.made])
        self._storage_class(name, args, provider)
        self.handle = Cluster(
            name=name,
            kind="eks",
            provider=provider,
            registry=args.registry,
            storage_class=STORAGE_CLASS,
            node_address=None,
            load_balancer_address="hostname",
            kubeconfig=self.kubeconfig,
            load_balancer_annotations=load_balancer_annotations(args.scope),
        )
        self.register_outputs(
            {
                "name": name,
                "kind": "eks",
                "context": None,
                "kubeconfig": None,
                "registry": args.registry,
                "clusterName": cluster.name,
                "endpoint": cluster.endpoint,
                "kubeconfigText": self.kubeconfig,
            }
        )

    def _kubernetes(self, name: str, needed: Sequence[pulumi.Resource]) -> kubernetes.Provider:
        return kubernetes.Provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            # A new certificate or address is the same cluster; only another cluster means other objects.
            cluster_identifier=self.control_plane.cluster.arn,
            enable_server_side_apply=True,
            # A field that kubectl has taken over (`kubectl scale`) is the program's again, instead of a conflict.
            enable_patch_force=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[
                    self.control_plane.cluster,
                    *self.control_plane.access,
                    *self.network.paths,
                    *needed,
                ],
            ),
        )

    def _kubeconfig(self, args: EksClusterArgs, options: tuple[str, ...]) -> pulumi.Output[str]:
        cluster = self.control_plane.cluster
        token = ("eks", "get-token", "--cluster-name", args.eks_name, "--region", args.account.region)
        return exec_kubeconfig(
            args.eks_name,
            cluster.endpoint,
            cluster.certificate_authority.data,
            TokenCommand(
                command="aws",
                args=(*token, "--output", "json", *options),
                install_hint="The AWS CLI is needed: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
            ),
        )

    def _network(self, name: str, args: EksClusterArgs, options: pulumi.ResourceOptions) -> EksNetwork:
        return EksNetwork(
            name,
            EksNetworkArgs(
                scope=args.scope,
                account=args.account,
                eks_name=args.eks_name,
                cidr=args.vpc_cidr,
                zones=args.zones,
                nat_per_zone=args.nat_per_zone,
                flow_logs=args.flow_logs,
                log_days=args.log_days,
            ),
            options,
        )

    def _control_plane(self, name: str, args: EksClusterArgs, options: pulumi.ResourceOptions) -> ControlPlane:
        return ControlPlane(
            name,
            ControlPlaneArgs(
                scope=args.scope,
                account=args.account,
                eks_name=args.eks_name,
                version=args.version,
                vpc=self.network.vpc,
                subnet_ids=[subnet.id for subnet in self.network.control_plane_subnets],
                service_cidr=args.service_cidr,
                api_access=args.api_access,
                admins=args.admins,
                logs=args.logs,
                log_days=args.log_days,
                adopt_logs=args.adopt_logs,
            ),
            options,
        )

    def _nodes(self, name: str, args: EksClusterArgs, needed: list[pulumi.Resource]) -> EksNodes:
        return EksNodes(
            name,
            EksNodesArgs(
                scope=args.scope,
                account=args.account,
                cluster=self.control_plane.cluster,
                version=args.version,
                vpc_id=self.network.vpc.id,
                subnet_ids=[subnet.id for subnet in self.network.private_subnets],
                instance_type=args.instance_type,
                count=args.node_count,
                least=args.node_least,
                most=args.node_most,
                disk_gb=args.disk_gb,
                max_pods=args.max_pods,
                ami_release=args.ami_release,
                session_manager=args.session_manager,
                ssh=args.ssh,
                needed=needed,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _storage_class(self, name: str, args: EksClusterArgs, provider: kubernetes.Provider) -> None:
        kubernetes.storage.v1.StorageClass(
            f"{name}-storage-class",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=STORAGE_CLASS,
                labels=args.scope.labels(SYSTEM),
                annotations={"storageclass.kubernetes.io/is-default-class": "true"},
            ),
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true"},
            # A volume lies in one zone: the pod's, once it is known.
            volume_binding_mode="WaitForFirstConsumer",
            reclaim_policy="Retain" if args.scope.durable else "Delete",
            allow_volume_expansion=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=provider,
                # The API server refuses to change them. Volumes and claims know their class by name alone: they stay.
                replace_on_changes=list(IMMUTABLE),
                delete_before_replace=True,
            ),
        )

"""The managed node group of an EKS cluster."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.clusters.eks.control_plane import MANAGED
from components.clusters.eks.density import reserved_memory
from components.foundation.aws_policies import trust
from components.foundation.tags import lasting_tags, tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.foundation.aws_account import AwsAccountHandle
    from components.scope import Scope

SYSTEM = "cluster"
ROOT_DEVICE = "/dev/xvda"
"""Root device of EKS's Amazon Linux 2023 images."""
NODE_POLICIES = {
    "worker": "AmazonEKSWorkerNodePolicy",
    "pull": "AmazonEC2ContainerRegistryPullOnly",
    # aws-node runs on the host's network and is the only pod that reaches the node's role (hop limit 1).
    "network": "AmazonEKS_CNI_Policy",
}
"""Least that a node needs (https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html)."""
SESSION_MANAGER_POLICY = "AmazonSSMManagedInstanceCore"


@dataclass(frozen=True)
class SshAccess:
    """Access to the nodes by ssh.

    Attributes:
        public_key: OpenSSH public key.
        sources: Private ranges that may connect.
    """

    public_key: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class EksNodesArgs:
    """What the nodes are.

    Attributes:
        scope: The stack.
        account: Where they are made.
        cluster: The EKS cluster.
        version: Kubernetes minor version.
        vpc_id: The VPC.
        subnet_ids: Private subnets that they are spread over.
        instance_type: Instance type.
        count: Nodes that are wanted.
        least: Fewest nodes.
        most: Most nodes.
        disk_gb: Size of the root volume in GB.
        max_pods: Pods a node takes at most.
        needed: What a node needs to get ready and to go away: routes, gateways, the network add-on.
        ami_release: Release of EKS's image; None: what EKS has at first.
        session_manager: Whether AWS Systems Manager may open sessions.
        ssh: Access by ssh; None: nobody.
    """

    scope: Scope
    account: AwsAccountHandle
    cluster: aws.eks.Cluster
    version: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    instance_type: str
    count: int
    least: int
    most: int
    disk_gb: int
    max_pods: int
    needed: Sequence[pulumi.Resource]
    ami_release: str | None = None
    session_manager: bool = False
    ssh: SshAccess | None = None


def user_data(max_pods: int) -> str:
    """What a node is told at its first start; EKS merges it with its own part.

    Args:
        max_pods: Pods a node takes at most. EKS's own number counts addresses, not the prefixes that are in use here
            (https://awslabs.github.io/amazon-eks-ami/nodeadm/). What stands here is merged into nodeadm's own
            configuration of the kubelet, so that its other reservations stay.

    Returns:
        MIME text with a NodeConfig, in base64.
    """
    boundary = "slipway-node-config"
    text = f"""\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="{boundary}"

--{boundary}
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config:
      maxPods: {max_pods}
      kubeReserved:
        memory: {reserved_memory(max_pods)}

--{boundary}--
"""
    return base64.b64encode(text.encode()).decode()


class EksNodes(pulumi.ComponentResource):
    """Nodes that EKS keeps alive: a node that fails is replaced, an upgrade goes one node at a time.

    Attributes:
        group: The node group.
        role: The nodes' role.
        permissions: What the role may do; it outlives the nodes, which cannot leave the network without it.
    """

    def __init__(self, name: str, args: EksNodesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the nodes.

        Args:
            name: Name of the cluster in the stack.
            args: What they are.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__("slipway:clusters:EksNodes", f"{name}-nodes", None, options)
        self._prefix, self._args = name, args
        self.role, self.permissions = self._role()
        template = self._template()
        self.group = aws.eks.NodeGroup(
            f"{name}-node-group",
            cluster_name=args.cluster.name,
            node_role_arn=self.role.arn,
            subnet_ids=list(args.subnet_ids),
            version=args.version,
            release_version=args.ami_release,
            ami_type="AL2023_x86_64_STANDARD",
            capacity_type="ON_DEMAND",
            instance_types=[args.instance_type],
            scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                desired_size=args.count, min_size=args.least, max_size=args.most
            ),
            update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            node_repair_config=aws.eks.NodeGroupNodeRepairConfigArgs(enabled=True),
            launch_template=aws.eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=pulumi.Output.format("{0}", template.latest_version)
            ),
            tags=self._tags("nodes"),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*self.permissions, *args.needed],
                # How many there are is the autoscaler's to say; the program's number is where it begins.
                ignore_changes=["scalingConfig.desiredSize"] if args.least != args.most else [],
                custom_timeouts=pulumi.CustomTimeouts(create="45m", update="60m", delete="45m"),
            ),
        )
        self.register_outputs({"nodeGroup": self.group.node_group_name, "roleArn": self.role.arn})

    def _tags(self, part: str) -> dict[str, str]:
        return tags(self._args.scope, SYSTEM, f"{self._prefix}-{part}")

    def _role(self) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{self._prefix}-node-role",
            assume_role_policy=trust("ec2.amazonaws.com"),
            tags=self._tags("nodes"),
            opts=child,
        )
        policies = dict(NODE_POLICIES)
        if self._args.session_manager:
            policies["sessions"] = SESSION_MANAGER_POLICY
        return role, [
            aws.iam.RolePolicyAttachment(
                f"{self._prefix}-node-{part}", role=role.name, policy_arn=f"{MANAGED}/{policy}", opts=child
            )
            for part, policy in policies.items()
        ]

    def _template(self) -> aws.ec2.LaunchTemplate:
        args = self._args
        groups: list[pulumi.Input[str]] = [args.cluster.vpc_config.cluster_security_group_id]
        key_name: pulumi.Input[str] | None = None
        if args.ssh:
            key, group = self._ssh(args.ssh)
            key_name = key.key_name
            groups.append(group.id)
        # Another tag would be another version of the template, and with it every node a new one.
        spread = lasting_tags(args.scope, SYSTEM, f"{self._prefix}-node")
        return aws.ec2.LaunchTemplate(
            f"{self._prefix}-node-template",
            description=f"Nodes of {self._prefix}",
            update_default_version=True,
            user_data=user_data(args.max_pods),
            key_name=key_name,
            # A template that names groups has to name the cluster's own, too.
            vpc_security_group_ids=groups,
            block_device_mappings=[
                aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name=ROOT_DEVICE,
                    ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_type="gp3", volume_size=args.disk_gb, encrypted="true", delete_on_termination="true"
                    ),
                )
            ],
            # Session tokens only, and no further than the host itself: a pod never gets the node's role.
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=spread)
                for kind in ("instance", "volume", "network-interface")
            ],
            tags=self._tags("node-template"),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _ssh(self, ssh: SshAccess) -> tuple[aws.ec2.KeyPair, aws.ec2.SecurityGroup]:
        child = pulumi.ResourceOptions(parent=self)
        key = aws.ec2.KeyPair(f"{self._prefix}-ssh-key", public_key=ssh.public_key, tags=self._tags("ssh"), opts=child)
        # No tag with the cluster's name here: the cloud controller wants exactly one such group on a node.
        group = aws.ec2.SecurityGroup(
            f"{self._prefix}-ssh",
            description="ssh to the nodes from inside",
            vpc_id=self._args.vpc_id,
            tags=self._tags("ssh"),
            opts=child,
        )
        for source in ssh.sources:
            aws.vpc.SecurityGroupIngressRule(
                f"{self._prefix}-ssh-from-{source.replace('/', '-')}",
                security_group_id=group.id,
                ip_protocol="tcp",
                from_port=22,
                to_port=22,
                cidr_ipv4=source,
                description="ssh",
                tags=self._tags("ssh"),
                opts=child,
            )
        return key, group

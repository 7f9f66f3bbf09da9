"""The autoscaler of an EKS cluster's nodes, for a node group whose least and most nodes differ.

It is cluster-autoscaler, not EKS Auto Mode: that takes nodes, network and storage driver over as a whole, knows no
least and most, and is paid per instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from components.foundation.aws_policies import document, trust
from components.foundation.tags import tags
from components.model import Outside, Port
from components.platform.ingress import KUBERNETES_API
from components.platform.namespace import GuardedNamespace, GuardedNamespaceArgs
from components.platform.reader import Rule, make_reader
from components.versions import IMAGES
from components.workload import Check, Container, ContainerResources, Exemption, Metrics, Probes, Service, ServiceArgs

if TYPE_CHECKING:
    from components.foundation.aws_account import AwsAccountHandle
    from components.model import Cluster, Namespace
    from components.scope import Scope

NAME = "cluster-autoscaler"
SYSTEM = "cluster"
POD_IDENTITY = Outside("pod-identity", ("169.254.170.23/32",), (80,))
"""Where EKS's agent on each node hands out credentials (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html)."""
_USER = 65534
_LOOK = ("get", "list", "watch")
# What its simulation of the scheduler looks at, and what taking a node away needs
# (https://github.com/kubernetes/autoscaler/tree/master/charts/cluster-autoscaler).
_RULES = (
    Rule(("namespaces", "pods", "services", "replicationcontrollers", "persistentvolumeclaims", "persistentvolumes")),
    Rule(("nodes",), (*_LOOK, "update")),
    Rule(("pods/eviction",), ("create",)),
    Rule(("events",), ("create", "patch")),
    Rule(("daemonsets", "replicasets", "statefulsets"), groups=("apps",)),
    Rule(("jobs",), groups=("batch",)),
    Rule(("poddisruptionbudgets",), groups=("policy",)),
    Rule(
        ("storageclasses", "csinodes", "csidrivers", "csistoragecapacities", "volumeattachments"),
        groups=("storage.k8s.io",),
    ),
    Rule(("deviceclasses", "resourceclaims", "resourceslices"), groups=("resource.k8s.io",)),
)


@dataclass(frozen=True)
class AutoscalerArgs:
    """What it scales.

    Attributes:
        scope: The stack.
        account: The account.
        cluster: The cluster, with its platform.
        eks_name: The cluster's name at AWS.
    """

    scope: Scope
    account: AwsAccountHandle
    cluster: Cluster
    eks_name: str


class Autoscaler(pulumi.ComponentResource):
    """cluster-autoscaler with an identity that may change the cluster's own node groups and nothing else."""

    def __init__(self, name: str, args: AutoscalerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make it.

        Args:
            name: Name of the cluster in the stack.
            args: What it scales.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(providers=[args.account.provider, args.cluster.provider]), opts
        )
        super().__init__("slipway:clusters:Autoscaler", f"{name}-node-autoscaler", None, options)
        namespace = GuardedNamespace(
            f"{name}-autoscaler",
            GuardedNamespaceArgs(scope=args.scope, cluster=args.cluster, system=NAME),
            pulumi.ResourceOptions(parent=self),
        ).handle
        account = make_reader(self, f"{name}-{NAME}", namespace, _RULES)
        self._leases(name, namespace, account)
        identity = self._identity(name, args, namespace.name, account)
        Service(
            f"{name}-{NAME}",
            ServiceArgs(
                namespace=namespace,
                object_name=NAME,
                tier="platform",
                containers=(_container(args, identity),),
                connects_to=(KUBERNETES_API, POD_IDENTITY),
                user=_USER,
                service_account=account,
                metrics=Metrics("http"),
                exemptions=(Exemption("service-account-token", "watches pods and nodes of the cluster"),),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"cluster": args.eks_name})

    def _leases(self, name: str, namespace: Namespace, account: str) -> None:
        """While a new pod takes the old one's place, only one of them acts."""
        rbac = kubernetes.rbac.v1
        lease = {"api_groups": ["coordination.k8s.io"], "resources": ["leases"]}
        role = rbac.Role(
            f"{name}-{NAME}-leases",
            metadata=namespace.metadata(NAME),
            rules=[
                rbac.PolicyRuleArgs(**lease, verbs=["create"]),
                rbac.PolicyRuleArgs(**lease, resource_names=[NAME], verbs=["get", "update"]),
            ],
            opts=namespace.inside(self),
        )
        rbac.RoleBinding(
            f"{name}-{NAME}-leases-binding",
            metadata=namespace.metadata(NAME),
            role_ref=rbac.RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="Role", name=NAME),
            subjects=[rbac.SubjectArgs(kind="ServiceAccount", name=account, namespace=namespace.name)],
            opts=pulumi.ResourceOptions.merge(namespace.inside(self), pulumi.ResourceOptions(depends_on=[role])),
        )

    def _identity(
        self, name: str, args: AutoscalerArgs, namespace: str, account: str
    ) -> aws.eks.PodIdentityAssociation:
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-autoscaler-role",
            assume_role_policy=trust("pods.eks.amazonaws.com", actions=("sts:AssumeRole", "sts:TagSession")),
            tags=tags(args.scope, SYSTEM, f"{name}-autoscaler"),
            opts=child,
        )
        permission = aws.iam.RolePolicy(
            f"{name}-autoscaler-permissions", role=role.name, policy=permissions(args.eks_name), opts=child
        )
        return aws.eks.PodIdentityAssociation(
            f"{name}-autoscaler-identity",
            cluster_name=args.eks_name,
            namespace=namespace,
            service_account=account,
            role_arn=role.arn,
            tags=tags(args.scope, SYSTEM, f"{name}-autoscaler"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission, args.cluster.provider]),
        )


def permissions(eks_name: str) -> pulumi.Output[str]:
    """What it may do at AWS: look, and change the size of groups that EKS tagged as this cluster's.

    Args:
        eks_name: The cluster's name at AWS.

    Returns:
        The policy (https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md).
    """
    return document(
        {
            "Effect": "Allow",
            "Action": [
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "autoscaling:DescribeTags",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
                "eks:DescribeNodegroup",
            ],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            "Resource": "*",
            "Condition": {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{eks_name}": "owned"}},
        },
    )


def _container(args: AutoscalerArgs, identity: aws.eks.PodIdentityAssociation) -> Container:
    groups = f"k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/{args.eks_name}"
    return Container(
        name=NAME,
        image=IMAGES[NAME],
        command=("./cluster-autoscaler",),
        args=(
            "--cloud-provider=aws",
            f"--node-group-auto-discovery=asg:tag={groups}",
            "--namespace=$(POD_NAMESPACE)",
            "--write-status-configmap=false",
            # Nearly every pod has an emptyDir; no node would ever go.
            "--skip-nodes-with-local-storage=false",
        ),
        ports=(Port("http", 8085),),
        probes=Probes.of(Check(path="/health-check", port="http")),
        env={
            "AWS_REGION": args.account.region,
            # A pod gets its credentials when it is made: not before there is somebody to be, and anew with another one.
            "POD_IDENTITY": identity.association_id,
        },
        field_env={"POD_NAMESPACE": "metadata.namespace"},
        resources=ContainerResources(cpu="100m", memory="300Mi", memory_limit="600Mi"),
    )

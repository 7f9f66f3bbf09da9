"""The node pool of a GKE cluster and the identity of its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_gcp as gcp

from components.foundation.tags import lasting_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.foundation.gcp_project import GcpProjectHandle
    from components.scope import Scope

SYSTEM = "cluster"
NODE_ROLE = "roles/container.defaultNodeServiceAccount"
"""Logs, metrics and nothing else: the least that a node needs
(https://cloud.google.com/kubernetes-engine/docs/how-to/service-accounts)."""
PULL_ROLE = "roles/artifactregistry.reader"
_SCOPE_URL = "https://www.googleapis.com/auth/"
# https://cloud.google.com/sdk/gcloud/reference/container/node-pools/create#--scopes
_SCOPE_ALIASES = {
    "bigquery": "bigquery",
    "cloud-platform": "cloud-platform",
    "compute-ro": "compute.readonly",
    "compute-rw": "compute",
    "datastore": "datastore",
    "logging-write": "logging.write",
    "monitoring": "monitoring",
    "monitoring-write": "monitoring.write",
    "pubsub": "pubsub",
    "service-control": "servicecontrol",
    "service-management": "service.management.readonly",
    "storage-full": "devstorage.full_control",
    "storage-ro": "devstorage.read_only",
    "storage-rw": "devstorage.read_write",
    "trace": "trace.append",
}


def scope_url(scope: str) -> str:
    """An access scope as the API takes it.

    Args:
        scope: Short name as gcloud has it, or a URL.

    Returns:
        The URL.

    Raises:
        ValueError: The short name is unknown.
    """
    if scope.startswith(_SCOPE_URL):
        return scope
    if scope not in _SCOPE_ALIASES:
        raise ValueError(f"access scope {scope} is unknown; known: {', '.join(sorted(_SCOPE_ALIASES))}")
    return _SCOPE_URL + _SCOPE_ALIASES[scope]


@dataclass(frozen=True)
class PullFrom:
    """A repository that nodes pull images from.

    Attributes:
        repository: Name of the Artifact Registry repository.
        location: Its location.
    """

    repository: pulumi.Input[str]
    location: pulumi.Input[str]


@dataclass(frozen=True)
class NodeIdentityArgs:
    """Who the nodes are.

    Attributes:
        project: Where they are.
        pull_from: The repository that they may pull from.
    """

    project: GcpProjectHandle
    pull_from: PullFrom


class NodeIdentity(pulumi.ComponentResource):
    """A service account of the nodes' own; the project's default one may edit everything.

    Attributes:
        email: Its address.
        grants: What it may do; the grants outlive the nodes.
    """

    def __init__(self, name: str, args: NodeIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the account.

        Args:
            name: Name of the cluster in the stack.
            args: Who the nodes are.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.project.provider), opts)
        super().__init__("slipway:clusters:NodeIdentity", f"{name}-node-identity", None, options)
        child = pulumi.ResourceOptions(parent=self)
        account = gcp.serviceaccount.Account(
            f"{name}-node-account",
            account_id=f"nodes-{name}",
            display_name=f"Nodes of {name}",
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.project.apis)),
        )
        self.email: pulumi.Output[str] = account.email
        self.grants: list[pulumi.Resource] = [
            gcp.projects.IAMMember(
                f"{name}-node-role",
                project=args.project.project,
                role=NODE_ROLE,
                member=account.member,
                opts=child,
            ),
            gcp.artifactregistry.RepositoryIamMember(
                f"{name}-node-pull",
                project=args.project.project,
                location=args.pull_from.location,
                repository=args.pull_from.repository,
                role=PULL_ROLE,
                member=account.member,
                opts=child,
            ),
        ]
        self.register_outputs({"email": self.email})


@dataclass(frozen=True)
class GkeNodesArgs:
    """What the nodes are.

    Attributes:
        scope: The stack.
        project: Where they are made.
        cluster: The GKE cluster.
        location: Zone or region of the cluster.
        service_account: Address of the nodes' service account.
        machine_type: Machine type.
        count: Nodes (of a regional cluster: in each zone).
        least: Fewest nodes.
        most: Most nodes; more than `least` turns the autoscaler on.
        disk_gb: Size of the boot disk in GB.
        scopes: Access scopes, short or as URLs.
        needed: What a node needs to get ready and to go away.
    """

    scope: Scope
    project: GcpProjectHandle
    cluster: gcp.container.Cluster
    location: str
    service_account: pulumi.Input[str]
    machine_type: str
    count: int
    least: int
    most: int
    disk_gb: int
    scopes: tuple[str, ...]
    needed: Sequence[pulumi.Resource]


class GkeNodes(pulumi.ComponentResource):
    """A node pool that GKE repairs and upgrades.

    Attributes:
        pool: The node pool.
    """

    def __init__(self, name: str, args: GkeNodesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the node pool.

        Args:
            name: Name of the cluster in the stack.
            args: What the nodes are.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.project.provider), opts)
        super().__init__("slipway:clusters:GkeNodes", f"{name}-nodes", None, options)
        scaled = args.least != args.most
        self.pool = gcp.container.NodePool(
            f"{name}-node-pool",
            cluster=args.cluster.id,
            location=args.location,
            node_count=None if scaled else args.count,
            initial_node_count=args.count if scaled else None,
            autoscaling=gcp.container.NodePoolAutoscalingArgs(min_node_count=args.least, max_node_count=args.most)
            if scaled
            else None,
            management=gcp.container.NodePoolManagementArgs(auto_repair=True, auto_upgrade=True),
            upgrade_settings=gcp.container.NodePoolUpgradeSettingsArgs(max_surge=1, max_unavailable=0),
            node_config=gcp.container.NodePoolNodeConfigArgs(
                machine_type=args.machine_type,
                disk_size_gb=args.disk_gb,
                disk_type="pd-balanced",
                image_type="COS_CONTAINERD",
                service_account=args.service_account,
                oauth_scopes=[scope_url(scope) for scope in args.scopes],
                shielded_instance_config=gcp.container.NodePoolNodeConfigShieldedInstanceConfigArgs(
                    enable_secure_boot=True, enable_integrity_monitoring=True
                ),
                # A pod that asks for credentials gets its own identity, never the node's.
                workload_metadata_config=gcp.container.NodePoolNodeConfigWorkloadMetadataConfigArgs(
                    mode="GKE_METADATA"
                ),
                metadata={"disable-legacy-endpoints": "true"},
                kubelet_config=gcp.container.NodePoolNodeConfigKubeletConfigArgs(
                    insecure_kubelet_readonly_port_enabled="FALSE"
                ),
                # Owner and lifecycle may change, and nodes are not to be made anew for it.
                resource_labels=lasting_labels(args.scope, SYSTEM),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.needed),
                # It only says how many there are at first; a change, as where scaling begins or ends, would replace it.
                ignore_changes=["initialNodeCount"],
                custom_timeouts=pulumi.CustomTimeouts(create="45m", update="45m", delete="45m"),
            ),
        )
        self.register_outputs({"nodePool": self.pool.name})

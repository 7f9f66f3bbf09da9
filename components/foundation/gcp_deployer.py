"""The identity that releases apps to one GKE cluster, and GitHub's identity pool in a Google Cloud project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_gcp as gcp

from components.foundation.github import ISSUER, federation_condition
from components.foundation.suffix import make_suffix
from components.model import DeployerSubject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.clusters.gke.nodes import PullFrom
    from components.foundation.gcp_project import GcpProjectHandle
    from components.foundation.github import GithubJob, GithubRepository

PROVIDER_ID = "github"
DISPLAY_LIMIT = 100
"""Bytes of a service account's display name
(https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts)."""
PUSH_ROLE = "roles/artifactregistry.writer"
FIND_CLUSTER = ("container.clusters.get",)
"""Asking for a cluster's address; what may be done inside is Kubernetes' own matter."""


@dataclass(frozen=True)
class GithubPoolArgs:
    """GitHub as an identity provider of a project.

    Attributes:
        project: The project.
        repositories: GitHub repositories whose jobs are let in at all.
    """

    project: GcpProjectHandle
    repositories: Sequence[GithubRepository]


class GithubPool(pulumi.ComponentResource):
    """Lets jobs of GitHub Actions act with short-lived credentials
    (https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines).

    Attributes:
        pool: Full name of the identity pool.
        find_cluster: Id of the role that may ask for a cluster's address.
    """

    def __init__(self, name: str, args: GithubPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the pool, GitHub's provider in it, and the role.

        Args:
            name: Name of the cloud in the stack.
            args: What it is.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.project.provider), opts)
        super().__init__("slipway:foundation:GithubPool", f"{name}-github", None, options)
        first = pulumi.ResourceOptions(parent=self, depends_on=list(args.project.apis))
        pool = gcp.iam.WorkloadIdentityPool(
            f"{name}-github-pool",
            project=args.project.project,
            # The id of a deleted pool stays taken for thirty days.
            workload_identity_pool_id=pulumi.Output.format("github-{0}", make_suffix(f"{name}-github-pool", self)),
            display_name="GitHub Actions",
            opts=first,
        )
        provider = gcp.iam.WorkloadIdentityPoolProvider(
            f"{name}-github-provider",
            project=args.project.project,
            workload_identity_pool_id=pool.workload_identity_pool_id,
            workload_identity_pool_provider_id=PROVIDER_ID,
            display_name="GitHub Actions",
            attribute_mapping={"google.subject": "assertion.sub", "attribute.repository": "assertion.repository"},
            # Anybody's repository has the same issuer: without this, everybody's jobs would be let in.
            attribute_condition=federation_condition(args.repositories),
            oidc=gcp.iam.WorkloadIdentityPoolProviderOidcArgs(issuer_uri=f"https://{ISSUER}"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        role = gcp.projects.IAMCustomRole(
            f"{name}-find-cluster",
            project=args.project.project,
            role_id=pulumi.Output.format("findCluster_{0}", make_suffix(f"{name}-find-cluster", self)),
            title="Find a cluster's address",
            permissions=list(FIND_CLUSTER),
            opts=first,
        )
        self.pool: pulumi.Output[str] = pool.name
        self.find_cluster: pulumi.Output[str] = role.name
        self.register_outputs({"pool": self.pool, "identityProvider": provider.name})


@dataclass(frozen=True)
class GcpDeployerArgs:
    """Who deploys where.

    Attributes:
        project: The project of the cluster.
        pool: GitHub's identity pool.
        push_to: The repository that it pushes to.
        job: The jobs that become it.
    """

    project: GcpProjectHandle
    pool: GithubPool
    push_to: PullFrom
    job: GithubJob


class GcpDeployer(pulumi.ComponentResource):
    """An identity that may push images, find one project's clusters, and change Deployments in one of them.

    Attributes:
        email: Address of its service account.
        subject: Who it is inside the cluster.
    """

    def __init__(self, name: str, args: GcpDeployerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the identity.

        Args:
            name: Name of the deployer in the stack.
            args: Who deploys where.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.project.provider), opts)
        super().__init__("slipway:foundation:GcpDeployer", f"{name}-deployer", None, options)
        child = pulumi.ResourceOptions(parent=self)
        account = gcp.serviceaccount.Account(
            f"{name}-deployer-account",
            account_id=f"deploy-{name}",
            display_name=f"Releases from {args.job.repository.full_name}"[:DISPLAY_LIMIT],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.project.apis)),
        )
        for suffix, subject in zip(("", "-by-number"), args.job.subjects, strict=False):
            gcp.serviceaccount.IAMMember(
                f"{name}-deployer-trust{suffix}",
                service_account_id=account.name,
                role="roles/iam.workloadIdentityUser",
                member=pulumi.Output.format("principal://iam.googleapis.com/{0}/subject/{1}", args.pool.pool, subject),
                opts=child,
            )
        gcp.artifactregistry.RepositoryIamMember(
            f"{name}-deployer-push",
            project=args.project.project,
            location=args.push_to.location,
            repository=args.push_to.repository,
            role=PUSH_ROLE,
            member=account.member,
            opts=child,
        )
        gcp.projects.IAMMember(
            f"{name}-deployer-find-cluster",
            project=args.project.project,
            role=args.pool.find_cluster,
            member=account.member,
            opts=child,
        )
        self.email: pulumi.Output[str] = account.email
        # GKE's name of a service account, for RBAC; known beforehand.
        self.subject = DeployerSubject(
            kind="User", name=f"deploy-{name}@{args.project.project}.iam.gserviceaccount.com"
        )
        self.register_outputs({"principal": self.email})

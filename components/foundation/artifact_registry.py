"""A Docker repository of Artifact Registry for own images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_gcp as gcp

from components.foundation.tags import labels

if TYPE_CHECKING:
    from components.foundation.gcp_project import GcpProjectHandle
    from components.scope import Scope

SYSTEM = "registry"


@dataclass(frozen=True)
class ArtifactRegistryArgs:
    """What the repository is.

    Attributes:
        scope: The stack.
        project: Where it is made; its region is the repository's.
        repository: Name of the repository.
        keep: Versions of each image that are kept at least.
        untagged_days: Days after which an image without a tag goes.
    """

    scope: Scope
    project: GcpProjectHandle
    repository: str
    keep: int = 10
    untagged_days: int = 14


class ArtifactRegistry(pulumi.ComponentResource):
    """A repository whose tags never move; it takes the place of the old Container Registry (asia.gcr.io).

    Attributes:
        address: What stands in front of an image's name.
        repository: Name of the repository.
        location: Its location.
    """

    def __init__(self, name: str, args: ArtifactRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the repository.

        Args:
            name: Name of the registry in the stack.
            args: What it is.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.project.provider), opts)
        super().__init__("slipway:foundation:ArtifactRegistry", f"{name}-registry", None, options)
        registry = gcp.artifactregistry
        repository = registry.Repository(
            f"{name}-repository",
            repository_id=args.repository,
            location=args.project.region,
            format="DOCKER",
            description=f"Images of {args.scope.project}, stack {args.scope.stack}",
            docker_config=registry.RepositoryDockerConfigArgs(immutable_tags=True),
            cleanup_policy_dry_run=False,
            cleanup_policies=[
                registry.RepositoryCleanupPolicyArgs(
                    id="keep-recent",
                    action="KEEP",
                    most_recent_versions=registry.RepositoryCleanupPolicyMostRecentVersionsArgs(keep_count=args.keep),
                ),
                registry.RepositoryCleanupPolicyArgs(
                    id="delete-untagged",
                    action="DELETE",
                    condition=registry.RepositoryCleanupPolicyConditionArgs(
                        tag_state="UNTAGGED", older_than=f"{args.untagged_days * 24 * 3600}s"
                    ),
                ),
            ],
            labels=labels(args.scope, SYSTEM),
            opts=pulumi.ResourceOptions(parent=self, protect=args.scope.durable, depends_on=list(args.project.apis)),
        )
        self.repository: pulumi.Output[str] = repository.repository_id
        self.location = args.project.region
        self.address: pulumi.Output[str] = pulumi.Output.format(
            "{0}-docker.pkg.dev/{1}/{2}", args.project.region, args.project.project, repository.repository_id
        )
        self.register_outputs({"address": self.address})

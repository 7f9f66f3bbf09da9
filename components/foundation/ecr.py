"""Repositories of Elastic Container Registry for own images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.foundation.aws_policies import document
from components.foundation.tags import tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.foundation.aws_account import AwsAccountHandle
    from components.scope import Scope

SYSTEM = "registry"
PUSH_ACTIONS = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")
"""What changes a repository's images
(https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html)."""


@dataclass(frozen=True)
class EcrArgs:
    """What the repositories are.

    Attributes:
        scope: The stack.
        account: Where they are made.
        prefix: Put before each image's name.
        images: Names of the images, a repository each.
        keep: Versions of each image that are kept.
        untagged_days: Days after which an image without a tag goes.
    """

    scope: Scope
    account: AwsAccountHandle
    prefix: str
    images: tuple[str, ...]
    keep: int = 30
    untagged_days: int = 14


def lifecycle_policy(keep: int, untagged_days: int) -> str:
    """What ECR removes by itself.

    Args:
        keep: Tagged versions that are kept.
        untagged_days: Days that an image without a tag is kept.

    Returns:
        The policy (https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html).
    """
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
    tagged = {"tagStatus": "tagged", "tagPatternList": ["*"], "countType": "imageCountMoreThan"}
    return json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "description": "images without a tag",
                    "selection": {**untagged, "countNumber": untagged_days},
                    "action": {"type": "expire"},
                },
                {
                    "rulePriority": 2,
                    "description": "old versions",
                    "selection": {**tagged, "countNumber": keep},
                    "action": {"type": "expire"},
                },
            ]
        }
    )


class Ecr(pulumi.ComponentResource):
    """One repository an image: tags never move, each push is scanned.

    Attributes:
        address: What stands in front of an image's name.
        arns: ARNs of the repositories.
    """

    def __init__(self, name: str, args: EcrArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the repositories.

        Args:
            name: Name of the registry in the stack.
            args: What they are.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__("slipway:foundation:Ecr", f"{name}-registry", None, options)
        self._prefix = name
        self._repositories = {image: self._repository(image, args) for image in args.images}
        for image, repository in self._repositories.items():
            aws.ecr.LifecyclePolicy(
                f"{name}-{image}-cleanup",
                repository=repository.name,
                policy=lifecycle_policy(args.keep, args.untagged_days),
                # A new policy is a new resource with the repository's name as its id: deleting the old one after it
                # would delete the new one.
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            )
        self.arns: list[pulumi.Output[str]] = [repository.arn for repository in self._repositories.values()]
        self.address = f"{args.account.account_id}.dkr.ecr.{args.account.region}.amazonaws.com/{args.prefix}"
        self.register_outputs({"address": self.address})

    def _repository(self, image: str, args: EcrArgs) -> aws.ecr.Repository:
        return aws.ecr.Repository(
            f"{self._prefix}-{image}",
            name=f"{args.prefix}/{image}",
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS")],
            force_delete=not args.scope.durable,
            tags=tags(args.scope, SYSTEM, f"{args.prefix}/{image}"),
            opts=pulumi.ResourceOptions(parent=self, protect=args.scope.durable),
        )

    def allow_push(self, principals: Sequence[pulumi.Input[str]]) -> None:
        """Refuse pushes by anybody else, whatever their own policies say.

        Args:
            principals: ARNs of the roles and users that may push.

        Raises:
            ValueError: Nobody is named: nobody could push.
        """
        if not principals:
            raise ValueError(f"registry {self._prefix}: name at least one principal that may push")
        for image, repository in self._repositories.items():
            aws.ecr.RepositoryPolicy(
                f"{self._prefix}-{image}-pushers",
                repository=repository.name,
                policy=document(
                    {
                        "Sid": "NobodyElsePushes",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": list(PUSH_ACTIONS),
                        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": list(principals)}},
                    }
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )

"""What a release may do at AWS, as IAM statements: push, read a kubeconfig, and use the state of its own stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from components.foundation.ecr import PUSH_ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PULL_ACTIONS = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:DescribeImages",
)
"""A push looks first which layers and tags are there."""
Statements = list["Mapping[str, Any]"]


@dataclass(frozen=True)
class StackState:
    """The state of one stack in its bucket.

    Attributes:
        bucket_arn: ARN of the bucket.
        key_arn: ARN of the key that encrypts the bucket's objects and the state's secrets.
        region: Region of both.
        project: Pulumi project.
        stack: Pulumi stack.
    """

    bucket_arn: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    region: str
    project: str
    stack: str


def push(repositories: Sequence[pulumi.Input[str]]) -> Statements:
    """Signing in to the registry, looking for a tag, and pushing.

    Args:
        repositories: ARNs of the ECR repositories.
    """
    return [
        {"Sid": "Login", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Sid": "Push", "Effect": "Allow", "Action": [*PULL_ACTIONS, *PUSH_ACTIONS], "Resource": list(repositories)},
    ]


def read_kubeconfig(object_arn: pulumi.Input[str]) -> Statements:
    """Reading the cluster's kubeconfig; what encrypts it is the state's key.

    Args:
        object_arn: ARN of the S3 object.
    """
    return [{"Sid": "ReadKubeconfig", "Effect": "Allow", "Action": "s3:GetObject", "Resource": object_arn}]


def use_state(state: StackState) -> Statements:
    """Running a targeted update: the objects of Pulumi's bucket backend that belong to one stack, and its secrets.

    Args:
        state: The stack's state. Names of objects are those of Pulumi's `pkg/backend/diy`.
    """
    own = f"{state.project}/{state.stack}"
    objects = (
        f"stacks/{own}.json*",
        f"stacks/{own}.pulumi-tags*",
        f"history/{own}/*",
        f"backups/{own}/*",
        f"locks/organization/{own}/*",
    )
    return [
        {
            # Without it S3 answers 403 instead of 404 for an object that is not there, and Pulumi ends.
            "Sid": "ListState",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": state.bucket_arn,
        },
        {
            "Sid": "ReadLayout",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": pulumi.Output.format("{0}/.pulumi/meta.yaml", state.bucket_arn),
        },
        {
            "Sid": "UseState",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": [pulumi.Output.format("{0}/.pulumi/{1}", state.bucket_arn, name) for name in objects],
        },
        # Objects are decrypted through S3, the state's own secrets directly.
        {"Sid": "Decrypt", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": state.key_arn},
        {
            "Sid": "EncryptObjects",
            "Effect": "Allow",
            "Action": "kms:GenerateDataKey",
            "Resource": state.key_arn,
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{state.region}.amazonaws.com"}},
        },
    ]


def find_zones() -> Statements:
    """Looking up a main zone by its domain, which the program does in every run; the calls name no zone."""
    return [
        {
            "Sid": "FindZones",
            "Effect": "Allow",
            "Action": ["route53:ListHostedZones", "route53:GetHostedZone", "route53:ListTagsForResource"],
            "Resource": "*",
        }
    ]

"""StateBucket: where Pulumi's state and the deployers' kubeconfigs live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.foundation.aws_policies import document
from components.foundation.state_names import KUBECONFIG_PREFIX, backend_url, key_alias, secrets_provider
from components.foundation.tags import tags

if TYPE_CHECKING:
    from components.foundation.aws_account import AwsAccountHandle
    from components.scope import Scope

SYSTEM = "state"


@dataclass(frozen=True)
class StateBucketArgs:
    """What the bucket is.

    Attributes:
        scope: The stack, with the bucket's own lifecycle.
        account: The account it is made in.
        bucket: Its name.
        old_version_days: Days that an overwritten or deleted object can still be brought back.
    """

    scope: Scope
    account: AwsAccountHandle
    bucket: str
    old_version_days: int = 90


class StateBucket(pulumi.ComponentResource):
    """A bucket that is versioned, encrypted with a key of its own, private and reached over TLS alone.

    Attributes:
        bucket: Name of the bucket.
        bucket_arn: Its ARN.
        key_arn: ARN of the key.
        region: Its region.
    """

    def __init__(self, name: str, args: StateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the bucket and its key.

        Args:
            name: Logical name.
            args: What it is.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__("slipway:foundation:StateBucket", f"{name}-bucket", None, options)
        self._prefix, self._args = name, args
        durable = args.scope.durable
        key = aws.kms.Key(
            f"{name}-key",
            description=f"Pulumi state of {args.scope.project} in {args.bucket}",
            enable_key_rotation=True,
            # Without the key the state's secrets are lost.
            deletion_window_in_days=30 if durable else 7,
            tags=tags(args.scope, SYSTEM, f"{name}-key"),
            opts=pulumi.ResourceOptions(parent=self, protect=durable),
        )
        aws.kms.Alias(
            f"{name}-key-alias",
            name=key_alias(args.scope.project, args.scope.stack),
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self, protect=durable),
        )
        bucket = aws.s3.Bucket(
            f"{name}-store",
            bucket=args.bucket,
            force_destroy=not durable,
            tags=tags(args.scope, SYSTEM, args.bucket),
            opts=pulumi.ResourceOptions(parent=self, protect=durable),
        )
        self._guard(bucket, key)
        self.bucket: pulumi.Output[str] = bucket.bucket
        self.bucket_arn: pulumi.Output[str] = bucket.arn
        self.key_arn: pulumi.Output[str] = key.arn
        self.region = args.account.region
        self.register_outputs(
            {
                "bucket": self.bucket,
                "backend": backend_url(args.bucket, args.account.region, args.account.role_arn),
                "secretsProvider": secrets_provider(
                    key_alias(args.scope.project, args.scope.stack), args.account.region, args.account.role_arn
                ),
            }
        )

    def _guard(self, bucket: aws.s3.Bucket, key: aws.kms.Key) -> None:
        # Protected like the bucket: `destroy --exclude-protected` would otherwise strip the bucket that stays.
        durable = self._args.scope.durable
        name, child = self._prefix, pulumi.ResourceOptions(parent=self, protect=durable)
        blocked = aws.s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=child,
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=child,
        )
        self._encrypt(bucket, key, child)
        self._expire(bucket, versioning)
        aws.s3.BucketPolicy(
            f"{name}-tls-only",
            bucket=bucket.id,
            policy=document(
                {
                    "Sid": "TlsOnly",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [bucket.arn, pulumi.Output.format("{0}/*", bucket.arn)],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ),
            # AWS refuses two changes of a bucket's access at the same time.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[blocked], protect=durable),
        )

    def add_kubeconfig(self, cluster: str, kubeconfig: pulumi.Input[str]) -> pulumi.Output[str]:
        """Keep the kubeconfig of a cluster for its deployer. It holds no credential.

        Args:
            cluster: Name of the cluster in the stack.
            kubeconfig: Its content.

        Returns:
            ARN of the object.
        """
        key = f"{KUBECONFIG_PREFIX}{cluster}.json"
        aws.s3.BucketObjectv2(
            f"{self._prefix}-kubeconfig-{cluster}",
            bucket=self.bucket,
            key=key,
            content=kubeconfig,
            content_type="application/json",
            server_side_encryption="aws:kms",
            kms_key_id=self.key_arn,
            tags={"system": SYSTEM},
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pulumi.Output.format("{0}/{1}", self.bucket_arn, key)

    def _encrypt(self, bucket: aws.s3.Bucket, key: aws.kms.Key, options: pulumi.ResourceOptions) -> None:
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{self._prefix}-encryption",
            bucket=bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="aws:kms", kms_master_key_id=key.arn
                        )
                    ),
                    # One data key for many objects: each state is small and written often.
                    bucket_key_enabled=True,
                )
            ],
            opts=options,
        )

    def _expire(self, bucket: aws.s3.Bucket, versioning: aws.s3.BucketVersioning) -> None:
        """Old versions go after some days, and so do uploads that nobody ended."""
        aws.s3.BucketLifecycleConfiguration(
            f"{self._prefix}-lifecycle",
            bucket=bucket.id,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="old-versions",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    noncurrent_version_expiration=(
                        aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                            noncurrent_days=self._args.old_version_days
                        )
                    ),
                    abort_incomplete_multipart_upload=(
                        aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=7
                        )
                    ),
                )
            ],
            # Rules about old versions mean nothing before there are versions.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning], protect=self._args.scope.durable),
        )

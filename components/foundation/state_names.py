"""Names around the state bucket that are known before it is made. Imports no SDK."""

from __future__ import annotations

KUBECONFIG_PREFIX = "kubeconfigs/"
"""Below this key the kubeconfigs lie; Pulumi's own state lies below `.pulumi/`."""


def key_alias(project: str, stack: str) -> str:
    """Alias of the key that encrypts the state's secrets.

    Args:
        project: Pulumi project name.
        stack: Pulumi stack name.

    Returns:
        The alias (https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html).
    """
    return f"alias/{project}-{stack}-state"


def backend_url(bucket: str, region: str) -> str:
    """URL of the bucket as Pulumi's backend.

    Args:
        bucket: Name of the bucket.
        region: Its region.

    Returns:
        The URL (https://www.pulumi.com/docs/iac/concepts/state-and-backends/#aws-s3). A name with dots is put into the
        path: in front of S3's own host name it would not fit that host's certificate.
    """
    return f"s3://{bucket}?region={region}" + ("&s3ForcePathStyle=true" if "." in bucket else "")


def secrets_provider(alias: str, region: str) -> str:
    """The key as Pulumi's secrets provider.

    Args:
        alias: Alias of the key.
        region: Its region.

    Returns:
        The URL (https://www.pulumi.com/docs/iac/concepts/secrets/#configuring-secrets-encryption).
    """
    return f"awskms://{alias}?region={region}"

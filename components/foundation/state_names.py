"""Names around the state bucket that are known before it is made. Imports no SDK."""

from __future__ import annotations

from urllib.parse import urlencode

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


def backend_url(bucket: str, region: str, role_arn: str | None = None) -> str:
    """URL of the bucket as Pulumi's backend.

    Args:
        bucket: Name of the bucket.
        region: Its region.
        role_arn: Role that is assumed first, as the stack's provider does; None: the credentials act themselves.

    Returns:
        The URL (https://www.pulumi.com/docs/iac/concepts/state-and-backends/#aws-s3). A name with dots is put into the
        path: in front of S3's own host name it would not fit that host's certificate.
    """
    path_style = {"s3ForcePathStyle": "true"} if "." in bucket else {}
    return f"s3://{bucket}?{urlencode({'region': region, **path_style, **_role(role_arn)})}"


def secrets_provider(alias: str, region: str, role_arn: str | None = None) -> str:
    """The key as Pulumi's secrets provider.

    Args:
        alias: Alias of the key.
        region: Its region.
        role_arn: Role that is assumed first, or None.

    Returns:
        The URL (https://www.pulumi.com/docs/iac/concepts/secrets/#configuring-secrets-encryption).
    """
    return f"awskms://{alias}?{urlencode({'region': region, **_role(role_arn)})}"


def _role(role_arn: str | None) -> dict[str, str]:
    # https://pkg.go.dev/gocloud.dev/aws#V2ConfigFromURLParams
    return {} if role_arn is None else {"role": role_arn}

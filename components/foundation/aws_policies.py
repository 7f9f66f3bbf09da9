"""The few shapes of IAM policy that slipway uses, as JSON texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION = "2012-10-17"
"""Version of the policy language (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html)."""


def trust(service: str, *, actions: Sequence[str] = ("sts:AssumeRole",), account_id: str | None = None) -> str:
    """A trust policy: an AWS service may assume the role.

    Args:
        service: Service principal, for example `eks.amazonaws.com`.
        actions: Actions of STS.
        account_id: Only for resources of this account; None: not asked.

    Returns:
        The policy.
    """
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": actions[0] if len(actions) == 1 else list(actions),
    }
    if account_id:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account_id}}
    return json.dumps({"Version": VERSION, "Statement": [statement]})


def document(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    """A policy of statements whose values may be outputs.

    Args:
        statements: IAM statements.

    Returns:
        The policy.
    """
    return pulumi.Output.json_dumps({"Version": VERSION, "Statement": [dict(s) for s in statements]})

"""A short random part for names that a cloud keeps taken after a deletion."""

from __future__ import annotations

import secrets

import pulumi


def make_suffix(name: str, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Draw six hexadecimal digits, once for the life of the resource that they name.

    Args:
        name: Logical name.
        parent: Component that owns it.

    Returns:
        The digits; a `pulumi.Stash` keeps those of the first run.
    """
    stash = pulumi.Stash(
        f"{name}-suffix",
        # No secret, but drawn: what is masked is the same in every rendered plan.
        input=pulumi.Output.secret(secrets.token_hex(3)),
        # Each run draws anew; only the first draw counts.
        opts=pulumi.ResourceOptions(parent=parent, ignore_changes=["input"]),
    )
    return pulumi.Output.unsecret(stash.output)

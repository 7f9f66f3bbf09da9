"""Generated credentials: strong, kept from run to run, never in the repository."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.model import Namespace

PASSWORD_LENGTH = 32
"""Characters of a generated value: 32 of 62 are 190 bits."""
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class CredentialArgs:
    """What a credential holds.

    Attributes:
        namespace: Where its Secret is made.
        generated: Keys whose values are generated.
        fixed: Keys with values that are given, such as a user name.
        secret_name: Name of the Kubernetes Secret; None: the component's.
    """

    namespace: Namespace
    generated: tuple[str, ...] = ("password",)
    fixed: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, "pulumi.Input[str]"])
    secret_name: str | None = None


class Credential(pulumi.ComponentResource):
    """A Kubernetes Secret with generated values.

    The value is drawn anew in each run and kept only by the first: a `pulumi.Stash` holds it in the state, encrypted
    (https://www.pulumi.com/docs/iac/concepts/resources/stash/).

    Attributes:
        secret_name: Name of the Kubernetes Secret.
        values: Key to value, as secret outputs.
        resource: The Kubernetes Secret.
    """

    def __init__(self, name: str, args: CredentialArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Generate the values and make the Secret.

        Args:
            name: Name of the Secret and of this component.
            args: What it holds.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.namespace.cluster.provider), opts)
        super().__init__("slipway:workloads:Credential", name, None, options)
        self.secret_name = args.secret_name or name
        self.values: dict[str, pulumi.Output[str]] = {}
        for key in args.generated:
            drawn = "".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH))
            stash = pulumi.Stash(
                f"{name}-{key}",
                input=pulumi.Output.secret(drawn),
                # Every run draws another value; only the first one counts and later ones are no change.
                opts=pulumi.ResourceOptions(
                    parent=self, ignore_changes=["input"], additional_secret_outputs=["output", "input"]
                ),
            )
            self.values[key] = pulumi.Output.secret(stash.output)
        self.resource = kubernetes.core.v1.Secret(
            f"{name}-secret",
            metadata=args.namespace.metadata(self.secret_name),
            type="Opaque",
            string_data={**{key: pulumi.Output.from_input(value) for key, value in args.fixed.items()}, **self.values},
            opts=args.namespace.inside(self),
        )
        self.register_outputs(
            {"secret": self.secret_name, "namespace": args.namespace.name, "keys": [*args.fixed, *args.generated]}
        )

"""What every component is told about the stack it belongs to: names, labels and lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.names import object_name

Lifecycle = Literal["ephemeral", "durable"]
LABEL_DOMAIN = "slipway.dev"
"""Prefix of our own label and annotation keys."""


@dataclass(frozen=True)
class Scope:
    """The stack, as far as components need it.

    Attributes:
        project: Pulumi project name.
        stack: Pulumi stack name.
        owner: Who answers for the stack.
        lifecycle: `ephemeral` or `durable`; drives protection, deletion and retention everywhere.
        namespace_prefix: Put before each namespace name; empty for none.
    """

    project: str
    stack: str
    owner: str
    lifecycle: Lifecycle
    namespace_prefix: str = ""

    @property
    def durable(self) -> bool:
        """Whether what this stack makes must survive a mistaken delete."""
        return self.lifecycle == "durable"

    def namespace(self, system: str) -> str:
        """Name of a system's Kubernetes namespace.

        Args:
            system: Short name of the system.

        Returns:
            The name, with the stack's prefix.
        """
        return object_name(self.namespace_prefix, system)

    def labels(self, system: str) -> dict[str, str]:
        """Labels of every Kubernetes object of a system.

        Args:
            system: Short name of the system.

        Returns:
            Label key to value; none of them is ever part of a selector.
        """
        return {
            **self.lasting_labels(system),
            f"{LABEL_DOMAIN}/owner": self.owner,
            f"{LABEL_DOMAIN}/lifecycle": self.lifecycle,
        }

    def lasting_labels(self, system: str) -> dict[str, str]:
        """Those of the labels that say where an object belongs, which is the same as long as it lives.

        They are for what can never change, such as a StatefulSet's claim templates: owner and lifecycle can.

        Args:
            system: Short name of the system.

        Returns:
            Label key to value.
        """
        return {
            f"{LABEL_DOMAIN}/project": self.project,
            f"{LABEL_DOMAIN}/stack": self.stack,
            f"{LABEL_DOMAIN}/system": system,
        }

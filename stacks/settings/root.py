"""The root of the settings, and the rules that span more than one of its parts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stacks.settings.apps import Apps
from stacks.settings.clusters import Cluster  # noqa: TC001 - pydantic reads the annotation at run time
from stacks.settings.fields import Label, Model

Lifecycle = Literal["ephemeral", "durable"]


class Settings(Model):
    """Everything a stack file says.

    Attributes:
        lifecycle: `ephemeral` (a tutorial environment, may vanish) or `durable` (protected, backed up).
        owner: Who answers for the stack; becomes a label or tag on everything.
        namespace_prefix: Put before each namespace, so that several stacks share a cluster.
        clusters: The clusters, by name.
        apps: The apps, by name.
    """

    lifecycle: Lifecycle = "ephemeral"
    owner: Label = "slipway"
    namespace_prefix: Annotated[str, Field(max_length=20, pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$")] = ""
    clusters: Annotated[dict[Label, Cluster], Field(min_length=1)]
    apps: Apps = Apps()

    @model_validator(mode="after")
    def _references(self) -> Self:
        from stacks.settings.rules import broken_rules

        problems = broken_rules(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self

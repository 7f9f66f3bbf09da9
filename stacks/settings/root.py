"""The root of the settings, and the rules that span more than one of its parts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stacks.settings.apps import Apps, StatelessApp
from stacks.settings.clusters import Cluster
from stacks.settings.fields import Label, Model
from stacks.settings.problems import shown

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
        problems: list[str] = []
        taken: dict[tuple[str, int], str] = {}
        hosts: dict[tuple[str, str], str] = {}
        known = ", ".join(sorted(self.clusters))
        for cluster, settings in self.clusters.items():
            ports = {
                "ingress.nodePort": settings.ingress.node_port if settings.ingress else None,
                "monitoring.grafanaNodePort": settings.monitoring.grafana_node_port if settings.monitoring else None,
                "monitoring.prometheusNodePort": settings.monitoring.prometheus_node_port
                if settings.monitoring
                else None,
            }
            for where, port in ports.items():
                if (
                    port is not None
                    and (other := taken.setdefault((cluster, port), path := f"clusters.{cluster}.{where}")) != path
                ):
                    problems.append(f"{path} = {port} | is already taken by {other}; choose another port")
        for name, app in self.apps.deployed().items():
            if app.cluster not in self.clusters:
                problems.append(
                    f"apps.{name}.cluster = {shown(app.cluster)} | is no cluster of this stack; there is: {known}"
                )
                continue
            if not isinstance(app, StatelessApp):
                continue
            if app.node_port is not None:
                path = f"apps.{name}.nodePort"
                other = taken.setdefault((app.cluster, app.node_port), path)
                if other != path:
                    problems.append(f"{path} = {app.node_port} | is already taken by {other}; choose another port")
            if app.host is not None:
                path = f"apps.{name}.host"
                if self.clusters[app.cluster].ingress is None:
                    remedy = f"needs an ingress controller: add clusters.{app.cluster}.ingress"
                    problems.append(f"{path} = {app.host} | {remedy}")
                other = hosts.setdefault((app.cluster, app.host), path)
                if other != path:
                    problems.append(f"{path} = {app.host} | is already taken by {other}; choose another host name")
        if problems:
            raise ValueError("\n".join(problems))
        return self

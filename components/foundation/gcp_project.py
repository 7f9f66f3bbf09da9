"""One Google Cloud project: the provider that everything there is made with, and the APIs that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_gcp as gcp

from components.foundation.tags import common_labels

if TYPE_CHECKING:
    from components.scope import Scope

FIRST_API = "cloudresourcemanager"
"""Every grant on the project goes through this API."""
APIS = (
    "artifactregistry",
    "certificatemanager",
    "cloudkms",
    "compute",
    "container",
    "dns",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "servicenetworking",
    "sqladmin",
    "sts",
)
"""Everything that the components of this cloud call, without `.googleapis.com`."""


@dataclass(frozen=True)
class GcpProjectHandle:
    """A project, as the components that make things in it see it.

    Attributes:
        name: Name in the stack file.
        provider: Its provider; there is no default one.
        project: Project id.
        region: Region of what is regional.
        apis: The enabled APIs; the first resources of each component depend on them.
    """

    name: str
    provider: gcp.Provider
    project: str
    region: str
    apis: tuple[pulumi.Resource, ...]


@dataclass(frozen=True)
class GcpProjectArgs:
    """How a project is reached.

    Attributes:
        scope: The stack.
        project: Project id.
        region: Region of what is regional.
    """

    scope: Scope
    project: str
    region: str


class GcpProject(pulumi.ComponentResource):
    """The provider of a project and its APIs.

    Attributes:
        handle: The project.
    """

    def __init__(self, name: str, args: GcpProjectArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the provider and enable the APIs.

        Args:
            name: Name of the cloud in the stack.
            args: How it is reached.
            opts: Options of the component.
        """
        super().__init__("slipway:foundation:GcpProject", name, None, opts)
        provider = gcp.Provider(
            f"{name}-gcp",
            project=args.project,
            region=args.region,
            default_labels=common_labels(args.scope),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._provider, self._cloud = provider, name
        first = self._enable(FIRST_API)
        self.handle = GcpProjectHandle(
            name=name,
            provider=provider,
            project=args.project,
            region=args.region,
            apis=(first, *(self._enable(api, first) for api in APIS)),
        )
        self.register_outputs({"name": name, "project": args.project, "region": args.region})

    def _enable(self, api: str, *after: pulumi.Resource) -> gcp.projects.Service:
        return gcp.projects.Service(
            f"{self._cloud}-api-{api}",
            service=f"{api}.googleapis.com",
            # Somebody else in the project may use it by now.
            disable_on_destroy=False,
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=self._provider,
                depends_on=list(after),
                custom_timeouts=pulumi.CustomTimeouts(create="20m"),
            ),
        )

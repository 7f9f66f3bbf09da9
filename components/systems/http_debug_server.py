"""System 2: http-debug-server, which tells what it was asked, behind sticky sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from components.model import Port
from components.platform.namespace import GuardedNamespace, GuardedNamespaceArgs
from components.workload import Check, Container, Exposure, Options, Probes, Service, ServiceArgs, ServicePort, Smoke

if TYPE_CHECKING:
    from components.model import Cluster
    from components.scope import Scope

NAME = "http-debug-server"
COOKIE = "route"
"""Name of the cookie that ties a client to one pod, as the tutorial's ingress set it."""


@dataclass(frozen=True)
class HttpDebugServerArgs:
    """What may differ between stacks.

    Attributes:
        scope: The stack.
        cluster: Where it runs.
        image: Its image.
        options: Scaling, resources and exposure.
    """

    scope: Scope
    cluster: Cluster
    image: str
    options: Options = field(default_factory=Options)


class HttpDebugServer(pulumi.ComponentResource):
    """The server in a namespace of its own.

    Attributes:
        service: The workload.
    """

    def __init__(self, name: str, args: HttpDebugServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the server.

        Args:
            name: Logical name.
            args: What may differ between stacks.
            opts: Options of the component.
        """
        super().__init__("slipway:workloads:HttpDebugServer", name, None, opts)
        namespace = GuardedNamespace(
            "http-debug",
            GuardedNamespaceArgs(scope=args.scope, cluster=args.cluster, system="http-debug"),
            pulumi.ResourceOptions(parent=self),
        ).handle
        self.service = Service(
            NAME,
            ServiceArgs(
                namespace=namespace,
                tier="frontend",
                containers=(
                    Container(
                        name=NAME,
                        image=args.image,
                        ports=(Port("http", 3000),),
                        probes=Probes.of(Check(path="/", port="http")),
                        resources=args.options.resources,
                        writable=("/tmp",),  # noqa: S108 - a directory of the container
                    ),
                ),
                replicas=args.options.replicas,
                autoscaling=args.options.autoscaling,
                exposure=Exposure(
                    ports=(ServicePort("http", 80, "http", args.options.node_port),),
                    service_type=args.options.service_type,
                    host=args.options.host,
                    sticky_cookie=COOKIE if args.options.host else None,
                ),
                smoke=Smoke("/"),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"url": self.service.url})

"""System 4: nginx behind a load balancer, scaled by hand or by load."""

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

NAME = "nginx"
NGINX_USER = 101
"""User id of `nginx` in the official image (https://hub.docker.com/_/nginx)."""


@dataclass(frozen=True)
class NginxArgs:
    """What may differ between stacks.

    Attributes:
        scope: The stack.
        cluster: Where it runs.
        image: The nginx image.
        options: Scaling, resources and exposure.
    """

    scope: Scope
    cluster: Cluster
    image: str
    options: Options = field(default_factory=Options)


class Nginx(pulumi.ComponentResource):
    """nginx in a namespace of its own; its Service is `nginxservice`, as the tutorial names it.

    Attributes:
        service: The workload.
    """

    def __init__(self, name: str, args: NginxArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make nginx.

        Args:
            name: Logical name.
            args: What may differ between stacks.
            opts: Options of the component.
        """
        super().__init__("slipway:workloads:Nginx", name, None, opts)
        namespace = GuardedNamespace(
            "nginx",
            GuardedNamespaceArgs(scope=args.scope, cluster=args.cluster, system="nginx"),
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
                        ports=(Port("http", 80),),
                        probes=Probes.of(Check(path="/", port="http")),
                        resources=args.options.resources,
                        writable=("/run", "/var/cache/nginx", "/tmp"),  # noqa: S108 - a directory of the container
                    ),
                ),
                replicas=args.options.replicas,
                autoscaling=args.options.autoscaling,
                exposure=Exposure(
                    ports=(ServicePort("http", 80, "http", args.options.node_port),),
                    service_type=args.options.service_type,
                    service_name="nginxservice",
                    host=args.options.host,
                ),
                user=NGINX_USER,
                smoke=Smoke("/"),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"url": self.service.url})

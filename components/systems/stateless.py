"""Systems of one workload whose pods are all alike and keep nothing: what is particular to each is a few facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from components.model import Port
from components.platform.namespace import GuardedNamespace, GuardedNamespaceArgs
from components.workload import (
    DEFAULT_USER,
    Check,
    Container,
    Exposure,
    Options,
    Probes,
    Service,
    ServiceArgs,
    ServicePort,
    Smoke,
)

if TYPE_CHECKING:
    from components.model import Cluster
    from components.scope import Scope


@dataclass(frozen=True)
class StatelessApp:
    """What is particular to an app.

    Attributes:
        type: Last part of the component's type, which stands in the state of every stack that has it.
        name: Name of the workload.
        system: The system, whose namespace it has to itself.
        port: Port that it listens on.
        writable: Directories that it writes to.
        smoke: What a new release of it has to answer.
        user: User and group id of its container.
        service_name: Name of its Service; None: the workload's.
        sticky_cookie: Cookie that ties a client to one pod where the app has a host, or None.
    """

    type: str
    name: str
    system: str
    port: int
    writable: tuple[str, ...]
    smoke: Smoke
    user: int = DEFAULT_USER
    service_name: str | None = None
    sticky_cookie: str | None = None


# Directories of the containers.
H2O_EXAMPLE = StatelessApp(
    type="H2oExample",
    name="h2o-example",
    system="h2o",
    port=80,
    writable=("/tmp", "/run/h2o"),  # noqa: S108
    smoke=Smoke("/auth.json", text='"succeeded": true'),
)
"""System 1: the H2O API mock, an h2o web server with two fixed answers."""
HTTP_DEBUG_SERVER = StatelessApp(
    type="HttpDebugServer",
    name="http-debug-server",
    system="http-debug",
    port=3000,
    writable=("/tmp",),  # noqa: S108
    smoke=Smoke("/"),
    # As the tutorial's ingress set it.
    sticky_cookie="route",
)
"""System 2: tells what it was asked, behind sticky sessions."""
NGINX = StatelessApp(
    type="Nginx",
    name="nginx",
    system="nginx",
    port=80,
    writable=("/run", "/var/cache/nginx", "/tmp"),  # noqa: S108
    smoke=Smoke("/"),
    # `nginx` in the official image (https://hub.docker.com/_/nginx).
    user=101,
    # As the tutorial names it.
    service_name="nginxservice",
)
"""System 4: nginx behind a load balancer, scaled by hand or by load."""


@dataclass(frozen=True)
class StatelessArgs:
    """What may differ between stacks.

    Attributes:
        scope: The stack.
        cluster: Where it runs.
        app: What is particular to it.
        image: Its image.
        revision: Value of the label `revision`, or None.
        options: Scaling, resources and exposure.
    """

    scope: Scope
    cluster: Cluster
    app: StatelessApp
    image: pulumi.Input[str]
    revision: str | None = None
    options: Options = field(default_factory=Options)


class Stateless(pulumi.ComponentResource):
    """The app in a namespace of its own.

    Attributes:
        service: The workload.
    """

    def __init__(self, name: str, args: StatelessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the app.

        Args:
            name: Logical name.
            args: What may differ between stacks.
            opts: Options of the component.
        """
        app, options = args.app, args.options
        super().__init__(f"slipway:workloads:{app.type}", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        namespace = GuardedNamespace(
            app.system, GuardedNamespaceArgs(scope=args.scope, cluster=args.cluster, system=app.system), child
        ).handle
        self.service = Service(
            app.name,
            ServiceArgs(
                namespace=namespace,
                tier="frontend",
                labels={"revision": args.revision} if args.revision else {},
                containers=(
                    Container(
                        name=app.name,
                        image=args.image,
                        ports=(Port("http", app.port),),
                        probes=Probes.of(Check(path="/", port="http")),
                        resources=options.resources,
                        writable=app.writable,
                    ),
                ),
                replicas=options.replicas,
                autoscaling=options.autoscaling,
                exposure=Exposure(
                    ports=(ServicePort("http", 80, "http", options.node_port),),
                    service_type=options.service_type,
                    service_name=app.service_name,
                    host=options.host,
                    sticky_cookie=app.sticky_cookie if options.host else None,
                ),
                user=app.user,
                smoke=app.smoke,
            ),
            child,
        )
        self.register_outputs({"url": self.service.url})

"""System 1: the H2O API mock, an h2o web server with two fixed answers."""

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

NAME = "h2o-example"


@dataclass(frozen=True)
class H2oExampleArgs:
    """What may differ between stacks.

    Attributes:
        scope: The stack.
        cluster: Where it runs.
        revision: Tag of the image `h2o` and value of the label `revision`.
        options: Scaling, resources and exposure.
    """

    scope: Scope
    cluster: Cluster
    revision: str = "1"
    options: Options = field(default_factory=Options)


class H2oExample(pulumi.ComponentResource):
    """The mock in a namespace of its own.

    Attributes:
        service: The workload.
    """

    def __init__(self, name: str, args: H2oExampleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the mock.

        Args:
            name: Logical name.
            args: What may differ between stacks.
            opts: Options of the component.
        """
        super().__init__("slipway:workloads:H2oExample", name, None, opts)
        namespace = GuardedNamespace(
            "h2o",
            GuardedNamespaceArgs(scope=args.scope, cluster=args.cluster, system="h2o"),
            pulumi.ResourceOptions(parent=self),
        ).handle
        self.service = Service(
            NAME,
            ServiceArgs(
                namespace=namespace,
                tier="frontend",
                labels={"revision": args.revision},
                containers=(
                    Container(
                        name=NAME,
                        image=pulumi.Output.format("{0}/h2o:{1}", args.cluster.registry, args.revision),
                        ports=(Port("http", 80),),
                        probes=Probes.of(Check(path="/", port="http")),
                        resources=args.options.resources,
                        writable=("/tmp", "/run/h2o"),  # noqa: S108 - a directory of the container
                    ),
                ),
                replicas=args.options.replicas,
                autoscaling=args.options.autoscaling,
                exposure=Exposure(
                    ports=(ServicePort("http", 80, "http", args.options.node_port),),
                    service_type=args.options.service_type,
                    host=args.options.host,
                ),
                smoke=Smoke("/auth.json", text='"succeeded": true'),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"url": self.service.url})

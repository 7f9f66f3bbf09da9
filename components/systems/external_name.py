"""An ExternalName Service: a name inside the cluster for something that may be anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

if TYPE_CHECKING:
    from components.model import Namespace


@dataclass(frozen=True)
class ExternalNameArgs:
    """What the name stands for.

    Attributes:
        namespace: Where the name is known.
        host: DNS name that it stands for.
        port: Port there, told to readers of the Service.
    """

    namespace: Namespace
    host: pulumi.Input[str]
    port: int

    def __post_init__(self) -> None:
        """Refuse an empty host."""
        if self.host == "":
            raise ValueError("an ExternalName Service needs the host that it stands for")


class ExternalName(pulumi.ComponentResource):
    """The Service; it has no selector, for it never has pods of its own.

    Attributes:
        name: Its name.
    """

    def __init__(self, name: str, args: ExternalNameArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the Service.

        Args:
            name: Name of the Service.
            args: What it stands for.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.namespace.cluster.provider), opts)
        super().__init__("slipway:workloads:ExternalName", name, None, options)
        self.name = name
        core = kubernetes.core.v1
        core.Service(
            f"{name}-service",
            metadata=args.namespace.metadata(name, annotations={"pulumi.com/skipAwait": "true"}),
            spec=core.ServiceSpecArgs(
                type="ExternalName",
                external_name=args.host,
                ports=[core.ServicePortArgs(name="mysql", port=args.port, protocol="TCP")],
            ),
            opts=args.namespace.inside(self),
        )
        self.register_outputs({"name": name, "host": args.host})

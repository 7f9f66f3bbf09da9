"""The handle of a cluster's ingress controller, as apps with a host name see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pulumi

    from components.workloads.edges import Peer


@dataclass(frozen=True)
class IngressHandle:
    """The ingress controller.

    Attributes:
        class_name: Name of its IngressClass.
        peer: Its pods, which connect to the apps.
        base_url: URL of the controller itself; a request carries the app's host name in its Host header.
    """

    class_name: str
    peer: Peer
    base_url: pulumi.Output[str]

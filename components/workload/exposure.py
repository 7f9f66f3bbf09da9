"""The Kubernetes Service and Ingress of a workload, and the URL that comes of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

import pulumi
import pulumi_kubernetes as kubernetes

if TYPE_CHECKING:
    from components.model import Namespace, Peer
    from components.workload.spec import Exposure

T = TypeVar("T")
core = kubernetes.core.v1
networking = kubernetes.networking.v1

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Node addresses of a cluster on the user's own machine: there every name below `localhost` leads to it, too
(https://www.rfc-editor.org/rfc/rfc6761#section-6.3)."""
HTTPS = 443
SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
"""Pulumi would hold every Service for about ten seconds; whether pods are ready is the controller's matter."""
AWAIT_ADDRESS = {"pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress}"}
"""A load balancer is made when it has an address (https://www.pulumi.com/registry/packages/kubernetes/)."""


@dataclass(frozen=True)
class Reached:
    """Where an exposed workload is reached.

    Attributes:
        url: Its URL, or None where it does not speak HTTP or is internal.
        address: Address of its load balancer, or None.
        secure_url: URL of its port 443, or None where it has no such port.
    """

    url: pulumi.Output[str] | None
    address: pulumi.Output[str] | None
    secure_url: pulumi.Output[str] | None = None


def _annotations(namespace: Namespace, exposure: Exposure) -> dict[str, pulumi.Input[str]]:
    notes: dict[str, pulumi.Input[str]] = dict(AWAIT_ADDRESS if exposure.service_type == "LoadBalancer" else SKIP_AWAIT)
    if exposure.sticky_cookie:
        # https://doc.traefik.io/traefik/reference/routing-configuration/kubernetes/ingress/
        prefix = "traefik.ingress.kubernetes.io/service.sticky.cookie"
        notes |= {
            prefix: "true",
            f"{prefix}.name": exposure.sticky_cookie,
            f"{prefix}.httponly": "true",
            f"{prefix}.path": "/",
        }
        ingress = namespace.cluster.ingress
        # Only where nobody stays on plain HTTP, which such a cookie never comes back by.
        notes |= {f"{prefix}.secure": "true"} if ingress and ingress.redirects else {}
    notes |= namespace.cluster.load_balancer_annotations if exposure.service_type == "LoadBalancer" else {}
    return {**notes, **exposure.annotations}


def make_exposure(parent: pulumi.Resource, peer: Peer, exposure: Exposure, app: str) -> Reached:
    """Make the Service, and the Ingress where there is a host name.

    Args:
        parent: The workload's component.
        peer: The workload's names, namespace and pods.
        exposure: How it is reached.
        app: Name that people know it by, the stack file's.

    Returns:
        Where it is reached.

    Raises:
        ValueError: A host name is given on a cluster without ingress controller, or a port's target does not exist.
    """
    namespace = peer.namespace
    for port in exposure.ports:
        if port.target not in peer.ports:
            raise ValueError(
                f"{peer.logical}: Service port {port.name} leads to {port.target}, which no container listens on"
            )
    service_name = exposure.service_name or peer.app
    balanced = exposure.service_type == "LoadBalancer"
    service = core.Service(
        f"{peer.logical}-service",
        metadata=namespace.metadata(service_name, labels=peer.selector, annotations=_annotations(namespace, exposure)),
        spec=core.ServiceSpecArgs(
            type=exposure.service_type,
            cluster_ip="None" if exposure.headless else None,
            selector=dict(peer.selector),
            ports=[
                core.ServicePortArgs(
                    name=port.name,
                    port=port.number,
                    target_port=port.target,
                    protocol=peer.ports[port.target].protocol,
                    node_port=port.node_port,
                )
                for port in exposure.ports
            ],
        ),
        opts=namespace.inside(parent, awaited_removal=balanced),
    )
    address = _address(namespace, service) if balanced else None
    if exposure.host:
        return Reached(url=_ingress(parent, peer, exposure, app), address=address)
    secure = next((i for i, port in enumerate(exposure.ports) if port.number == HTTPS), None)
    return Reached(
        url=_url(namespace, exposure, service, address),
        address=address,
        secure_url=None if secure is None else _url(namespace, exposure, service, address, secure),
    )


def _filled_in(value: T | None) -> T:
    """What the API server fills in is not known before it has: a preview answers with what was given, without it."""
    return cast("T", pulumi.UNKNOWN if value is None and pulumi.runtime.is_dry_run() else value)


def _address(namespace: Namespace, service: core.Service) -> pulumi.Output[str]:
    def first(status: core.outputs.ServiceStatus | None) -> str:
        ingress = status.load_balancer.ingress if status and status.load_balancer else None
        by_name = namespace.cluster.load_balancer_address == "hostname"
        return _filled_in((ingress[0].hostname if by_name else ingress[0].ip) if ingress else None)

    return service.status.apply(first)


def _node_port(service: core.Service, index: int) -> pulumi.Output[int]:
    return service.spec.apply(lambda spec: _filled_in(spec.ports[index].node_port if spec.ports else None))


def _url(
    namespace: Namespace,
    exposure: Exposure,
    service: core.Service,
    address: pulumi.Output[str] | None,
    index: int = 0,
) -> pulumi.Output[str] | None:
    if not exposure.browsable or exposure.service_type == "ClusterIP":
        return None
    port = exposure.ports[index]
    scheme = "https" if port.number == HTTPS else "http"
    node_address = namespace.cluster.node_address
    if node_address:
        number: pulumi.Input[int] = port.node_port or _node_port(service, index)
        return pulumi.Output.format("{0}://{1}:{2}{3}", scheme, node_address, number, exposure.path)
    if address is None:
        return None
    suffix = "" if port.number in (80, HTTPS) else f":{port.number}"
    return pulumi.Output.format("{0}://{1}{2}{3}", scheme, address, suffix, exposure.path)


def _ingress(parent: pulumi.Resource, peer: Peer, exposure: Exposure, app: str) -> pulumi.Output[str]:
    namespace = peer.namespace
    controller = namespace.cluster.ingress
    if controller is None:
        raise ValueError(
            f"{peer.logical}: host {exposure.host} needs an ingress controller on cluster {namespace.cluster.name}"
        )
    local = f"{namespace.scope.namespace(app)}.localhost" if namespace.cluster.node_address in _LOOPBACK else None
    networking.Ingress(
        f"{peer.logical}-ingress",
        metadata=namespace.metadata(peer.app, annotations=SKIP_AWAIT),
        spec=networking.IngressSpecArgs(
            ingress_class_name=controller.class_name,
            rules=[_rule(host, peer, exposure) for host in dict.fromkeys((exposure.host, local)) if host],
        ),
        opts=namespace.inside(parent),
    )
    base_url = controller.secure_url or controller.base_url
    if local:
        return base_url.apply(lambda url: f"{_with_host(url, local)}{exposure.path}")
    if any(str(exposure.host).endswith(f".{domain}") for domain in controller.domains):
        scheme = "https" if controller.secure_url else "http"
        return pulumi.Output.from_input(f"{scheme}://{exposure.host}{exposure.path}")
    return base_url


def _rule(host: str, peer: Peer, exposure: Exposure) -> networking.IngressRuleArgs:
    service = networking.IngressServiceBackendArgs(
        name=exposure.service_name or peer.app,
        port=networking.ServiceBackendPortArgs(name=exposure.ports[0].name),
    )
    path = networking.HTTPIngressPathArgs(
        path="/", path_type="Prefix", backend=networking.IngressBackendArgs(service=service)
    )
    return networking.IngressRuleArgs(host=host, http=networking.HTTPIngressRuleValueArgs(paths=[path]))


def _with_host(url: str, host: str) -> str:
    """A URL with another host name, its port and path kept; the port may be a reference."""
    return re.sub(r"//(\[[^]]*\]|[^/:]+)", f"//{host}", url, count=1)

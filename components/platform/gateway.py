"""The load balancer of layer 7 that ends TLS in front of Traefik on GKE: a Gateway, its routes and its policies.

A load balancer of layer 4, which every other Service of type LoadBalancer gets on GKE, cannot end TLS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.workload.edges import allow_public

if TYPE_CHECKING:
    from components.certificates import GatewayCertificate
    from components.model import Peer

GOOGLE_FRONT_ENDS = ("130.211.0.0/22", "35.191.0.0/16")
"""Where Google's load balancers of layer 7 connect from, health checks included
(https://cloud.google.com/load-balancing/docs/firewall-rules)."""
GATEWAY_CLASS = "gke-l7-global-external-managed"
_API = "gateway.networking.k8s.io/v1"
_POLICIES = "networking.gke.io/v1"
_NAME = "traefik"


_HTTPS_ONLY = {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]}
_TO_CONTROLLER = {"backendRefs": [{"name": _NAME, "port": 80}]}


def make_gateway(parent: pulumi.Resource, controller: Peer, certificate: GatewayCertificate, *, redirect: bool) -> None:
    """Make the Gateway in front of the ingress controller.

    Args:
        parent: The controller's component.
        controller: Its pods, with the ports `web` and `admin`.
        certificate: What TLS ends with.
        redirect: Whether plain HTTP only leads to HTTPS.
    """
    gateway = _gateway(parent, controller, certificate)
    for listener, rule in (("https", _TO_CONTROLLER), ("http", _HTTPS_ONLY if redirect else _TO_CONTROLLER)):
        spec = {"parentRefs": [{"name": _NAME, "sectionName": listener}], "rules": [rule]}
        _custom(parent, controller, listener, f"{_API}/HTTPRoute", f"{_NAME}-{listener}", spec, after=gateway)
    tls = {
        "default": {"sslPolicy": certificate.tls_policy},
        "targetRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": _NAME},
    }
    _custom(parent, controller, "gateway-policy", f"{_POLICIES}/GCPGatewayPolicy", _NAME, tls, after=gateway)
    asked = {"portSpecification": "USE_FIXED_PORT", "port": controller.ports["admin"].number, "requestPath": "/ping"}
    health = {
        "default": {"config": {"type": "HTTP", "httpHealthCheck": asked}},
        "targetRef": {"group": "", "kind": "Service", "name": _NAME},
    }
    _custom(parent, controller, "health-check", f"{_POLICIES}/HealthCheckPolicy", _NAME, health)
    allow_public(controller, ["web", "admin"], parent, GOOGLE_FRONT_ENDS)


def _gateway(parent: pulumi.Resource, controller: Peer, certificate: GatewayCertificate) -> pulumi.Resource:
    return _custom(
        parent,
        controller,
        "gateway",
        f"{_API}/Gateway",
        _NAME,
        {
            "gatewayClassName": GATEWAY_CLASS,
            "addresses": [{"type": "NamedAddress", "value": certificate.address_name}],
            "listeners": [
                {"name": "http", "protocol": "HTTP", "port": 80},
                # The certificates are those of the map.
                {"name": "https", "protocol": "HTTPS", "port": 443},
            ],
        },
        annotations={"networking.gke.io/certmap": certificate.certificate_map},
    )


def _custom(
    parent: pulumi.Resource,
    controller: Peer,
    logical: str,
    kind: str,
    name: str,
    spec: dict[str, Any],
    *,
    after: pulumi.Resource | None = None,
    annotations: dict[str, pulumi.Input[str]] | None = None,
) -> pulumi.Resource:
    """A custom resource; `kind` is `<group>/<version>/<kind>`."""
    namespace = controller.namespace
    # Awaited: what Google made for it is gone before the certificate, the address and the network are.
    options = namespace.inside(parent, awaited_removal=True)
    api_version, _, kind_alone = kind.rpartition("/")
    return kubernetes.apiextensions.CustomResource(
        f"{controller.logical}-{logical}",
        api_version=api_version,
        kind=kind_alone,
        metadata=namespace.metadata(name, annotations=annotations),
        spec=spec,
        opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=[after] if after else [])),
    )

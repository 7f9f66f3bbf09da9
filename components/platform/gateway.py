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


def make_gateway(parent: pulumi.Resource, controller: Peer, certificate: GatewayCertificate, *, redirect: bool) -> None:
    """Make the Gateway in front of the ingress controller.

    Args:
        parent: The controller's component.
        controller: Its pods, with the ports `web` and `admin`.
        certificate: What TLS ends with.
        redirect: Whether plain HTTP only leads to HTTPS.
    """
    namespace = controller.namespace

    def custom(
        name: str, api: str, kind: str, spec: dict[str, Any], after: pulumi.Resource | None = None,
        annotations: dict[str, pulumi.Input[str]] | None = None,
    ) -> pulumi.Resource:  # fmt: skip
        # Awaited: what Google made for it is gone before the certificate, the address and the network are.
        options = namespace.inside(parent, awaited_removal=True)
        return kubernetes.apiextensions.CustomResource(
            f"{controller.logical}-{name}",
            api_version=api,
            kind=kind,
            metadata=namespace.metadata(_NAME if kind != "HTTPRoute" else f"{_NAME}-{name}", annotations=annotations),
            spec=spec,
            opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=[after] if after else [])),
        )

    gateway = custom(
        "gateway",
        _API,
        "Gateway",
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
    to_controller = {"backendRefs": [{"name": _NAME, "port": 80}]}
    to_https = {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]}
    for listener, rule in (("https", to_controller), ("http", to_https if redirect else to_controller)):
        parents = [{"name": _NAME, "sectionName": listener}]
        custom(listener, _API, "HTTPRoute", {"parentRefs": parents, "rules": [rule]}, gateway)
    custom(
        "gateway-policy",
        _POLICIES,
        "GCPGatewayPolicy",
        {
            "default": {"sslPolicy": certificate.tls_policy},
            "targetRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": _NAME},
        },
        gateway,
    )
    health = {
        "portSpecification": "USE_FIXED_PORT",
        "port": controller.ports["admin"].number,
        "requestPath": "/ping",
    }
    custom(
        "health-check",
        _POLICIES,
        "HealthCheckPolicy",
        {
            "default": {"config": {"type": "HTTP", "httpHealthCheck": health}},
            "targetRef": {"group": "", "kind": "Service", "name": _NAME},
        },
    )
    allow_public(controller, ["web", "admin"], parent, GOOGLE_FRONT_ENDS)

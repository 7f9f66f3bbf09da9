"""The ingress controller: Traefik, with a default backend for hosts that nobody serves.

Traefik takes the place of ingress-nginx, which was retired in March 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.certificates import BalancerCertificate, GatewayCertificate
from components.model import Ingress, Outside, Port
from components.platform.gateway import GOOGLE_FRONT_ENDS, make_gateway
from components.platform.https import MIDDLEWARES, PORT
from components.platform.namespace import GuardedNamespace, GuardedNamespaceArgs
from components.platform.reader import Rule, make_reader
from components.versions import IMAGES
from components.workload import (
    Check,
    Container,
    ContainerResources,
    Exemption,
    Exposure,
    Metrics,
    Probes,
    Service,
    ServiceArgs,
    ServicePort,
)
from components.workload.edges import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.model import Cluster, Namespace
    from components.platform.https import Https
    from components.scope import Scope

NAME = "traefik"
KUBERNETES_API = Outside("kubernetes-api", ("0.0.0.0/0",), (443, 6443))
"""The API server's address is the cluster's own business, so the policy names only its ports."""


_FRONT_ENDS = ",".join(GOOGLE_FRONT_ENDS)
_CONFIG = "/etc/traefik/dynamic"
# A pod that died keeps its endpoint until the kubelet has looked, which it does once a second; a session's cookie leads
# to it all the while. Ten tries over three seconds. Only what never reached a pod is sent again: nothing is done twice.
# https://doc.traefik.io/traefik/reference/routing-configuration/http/middlewares/retry/
_MIDDLEWARES = """\
http:
  middlewares:
    retry:
      retry:
        attempts: 10
        initialInterval: 250ms
"""


def _handle(class_name: str, controller: Service, https: Https | None) -> Ingress:
    certificate = https.certificate if https else None
    redirects = https is not None and https.redirect
    if isinstance(certificate, GatewayCertificate):
        return Ingress(
            class_name=class_name,
            peer=controller.peer,
            base_url=pulumi.Output.format("http://{0}", certificate.address),
            address=certificate.address,
            secure_url=pulumi.Output.format("https://{0}", certificate.address),
            redirects=redirects,
        )
    return Ingress(
        class_name=class_name,
        peer=controller.peer,
        base_url=controller.url or pulumi.Output.from_input(f"http://{controller.host}"),
        address=controller.address,
        secure_url=controller.secure_url,
        redirects=redirects,
    )


@dataclass(frozen=True)
class IngressControllerArgs:
    """What may differ between clusters.

    Attributes:
        scope: The stack.
        cluster: Where it runs.
        replicas: Pods of the controller.
        node_port: Fixed port on every node for HTTP, or None.
        https: HTTPS for the hosts, or None.
    """

    scope: Scope
    cluster: Cluster
    replicas: int = 1
    node_port: int | None = None
    https: Https | None = None


def _behind_gateway(https: Https | None) -> bool:
    return https is not None and isinstance(https.certificate, GatewayCertificate)


def _arguments(args: IngressControllerArgs, namespace: Namespace, class_name: str) -> tuple[str, ...]:
    """Traefik's arguments (https://doc.traefik.io/traefik/reference/install-configuration/)."""
    https = args.https
    # Where node ports are what people reach, HTTPS is at one of them.
    public_port = (https.node_port if https and args.cluster.node_address else None) or 443
    return (
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.level=INFO",
        "--ping=true",
        "--ping.entrypoint=admin",
        "--metrics.prometheus=true",
        "--metrics.prometheus.entrypoint=admin",
        "--entrypoints.admin.address=:8080",
        "--entrypoints.web.address=:8000",
        # Requests that are under way end before the process does.
        "--entrypoints.web.transport.lifecycle.gracetimeout=15s",
        # The default of two seconds would send requests to pods that are gone.
        "--providers.providersthrottleduration=100ms",
        f"--providers.file.directory={_CONFIG}",
        # A changed file comes with new pods.
        "--providers.file.watch=false",
        "--entrypoints.web.http.middlewares=retry@file",
        *(https.arguments(public_port) if https else ()),
        # What people's addresses are is known to the load balancer alone.
        *((f"--entrypoints.web.forwardedheaders.trustedips={_FRONT_ENDS}",) if _behind_gateway(https) else ()),
        "--providers.kubernetesingress=true",
        f"--providers.kubernetesingress.ingressclass={class_name}",
        f"--providers.kubernetesingress.ingressendpoint.publishedservice={namespace.name}/{NAME}",
    )


class IngressController(pulumi.ComponentResource):
    """Traefik, its IngressClass and the default backend.

    Attributes:
        handle: The controller, as apps see it.
    """

    def __init__(self, name: str, args: IngressControllerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the controller.

        Args:
            name: Logical name.
            args: What may differ between clusters.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.cluster.provider), opts)
        super().__init__("slipway:platform:IngressController", name, None, options)
        name = args.cluster.name
        namespace = GuardedNamespace(
            f"{name}-ingress",
            GuardedNamespaceArgs(scope=args.scope, cluster=args.cluster, system="ingress"),
            pulumi.ResourceOptions(parent=self),
        ).handle
        class_name = args.scope.namespace(NAME)
        kubernetes.networking.v1.IngressClass(
            f"{name}-ingress-class",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=class_name, labels=args.scope.labels("ingress")),
            spec=kubernetes.networking.v1.IngressClassSpecArgs(controller="traefik.io/ingress-controller"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        controller = self._controller(name, args, namespace, class_name)
        self.handle = _handle(class_name, controller, args.https)
        if args.https and isinstance(args.https.certificate, GatewayCertificate):
            make_gateway(self, controller.peer, args.https.certificate, redirect=args.https.redirect)
        tls = args.https.for_ingress(name, namespace, self) if args.https else None
        self._default_backend(name, namespace, tls)
        self.register_outputs({"className": class_name, "url": self.handle.base_url})

    def _controller(self, name: str, args: IngressControllerArgs, namespace: Namespace, class_name: str) -> Service:
        account = make_reader(
            self,
            f"{name}-{NAME}",
            namespace,
            [
                Rule(resources=("services", "secrets", "nodes", "namespaces")),
                Rule(resources=("endpointslices",), groups=("discovery.k8s.io",)),
                Rule(resources=("ingresses", "ingressclasses"), groups=("networking.k8s.io",)),
                Rule(resources=("ingresses/status",), groups=("networking.k8s.io",), verbs=("update",)),
            ],
        )
        https = args.https
        ports = https.service_ports if https else ()
        ended = https is not None and isinstance(https.certificate, BalancerCertificate)
        return Service(
            f"{name}-{NAME}",
            ServiceArgs(
                namespace=namespace,
                object_name=NAME,
                tier="platform",
                containers=(
                    Container(
                        name=NAME,
                        image=IMAGES["traefik"],
                        ports=(Port("web", 8000), *((PORT,) if ports else ()), Port("admin", 8080)),
                        probes=Probes.of(Check(path="/ping", port="admin")),
                        args=_arguments(args, namespace, class_name),
                        resources=ContainerResources(cpu="50m", memory="128Mi"),
                        writable=("/tmp",),  # noqa: S108 - a directory of the container
                        files={_CONFIG: {"retry.yaml": _MIDDLEWARES + (MIDDLEWARES if ended else "")}},
                    ),
                ),
                replicas=args.replicas,
                exposure=Exposure(
                    ports=(ServicePort("web", 80, "web", args.node_port), *ports),
                    service_type="ClusterIP" if _behind_gateway(https) else "LoadBalancer",
                    annotations=https.annotations() if https else {},
                ),
                connects_to=(KUBERNETES_API,),
                service_account=account,
                metrics=Metrics("admin"),
                exemptions=(
                    Exemption("service-account-token", "watches Ingresses, Services and endpoints of the cluster"),
                ),
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _default_backend(
        self, name: str, namespace: Namespace, tls: Sequence[kubernetes.networking.v1.IngressTLSArgs] | None
    ) -> Service:
        backend = Service(
            f"{name}-default-backend",
            ServiceArgs(
                namespace=namespace,
                object_name="default-backend",
                tier="platform",
                containers=(
                    Container(
                        name="default-backend",
                        image=IMAGES["default-backend"],
                        ports=(Port("http", 8080),),
                        probes=Probes.of(Check(path="/healthz", port="http")),
                        resources=ContainerResources(cpu="10m", memory="48Mi", memory_limit="64Mi"),
                    ),
                ),
                exposure=Exposure(ports=(ServicePort("http", 80, "http"),)),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        connect(self.handle.peer, backend.endpoint("http"), backend)
        networking = kubernetes.networking.v1
        networking.Ingress(
            f"{name}-default-backend-ingress",
            metadata=namespace.metadata("default-backend", annotations={"pulumi.com/skipAwait": "true"}),
            spec=networking.IngressSpecArgs(
                ingress_class_name=self.handle.class_name,
                tls=list(tls) if tls else None,
                default_backend=networking.IngressBackendArgs(
                    service=networking.IngressServiceBackendArgs(
                        name="default-backend", port=networking.ServiceBackendPortArgs(name="http")
                    )
                ),
            ),
            opts=namespace.inside(self),
        )
        return backend

"""HTTPS in front of a cluster's apps: where TLS ends, and what the ingress controller has to know of it.

Keys and certificates come from whoever renews them without anybody's help: the cloud, which shows the key to nobody, or
the embedded cluster's own authority.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pulumi
import pulumi_kubernetes as kubernetes

from components.certificates import BalancerCertificate, GatewayCertificate, OwnCertificate
from components.model import Port
from components.workload import ExistingSecret, ServicePort

if TYPE_CHECKING:
    from components.model import Namespace

PORT = Port("websecure", 8443)
SECRET = "traefik-certificate"  # noqa: S105 - the name of a Secret
MIDDLEWARES = """\
    https:
      headers:
        customRequestHeaders:
          X-Forwarded-Proto: https
          X-Forwarded-Port: "443"
"""
"""What apps are told where the load balancer ends TLS: Traefik itself has seen plain HTTP."""
_ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer"
_KEY = "-----BEGIN PRIVATE KEY-----"
# TLS 1.2 and 1.3 (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/describe-ssl-policies.html).
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


Certificate: TypeAlias = OwnCertificate | ExistingSecret | BalancerCertificate | GatewayCertificate


@dataclass(frozen=True)
class Https:
    """HTTPS for every host of a cluster.

    Attributes:
        certificate: The certificate, and with it where TLS ends.
        redirect: Whether plain HTTP only leads to HTTPS.
        node_port: Fixed port on every node, or None.
    """

    certificate: Certificate
    redirect: bool
    node_port: int | None = None

    @property
    def service_ports(self) -> tuple[ServicePort, ...]:
        """What Traefik's Service has beside plain HTTP; nothing where a Gateway asks it over plain HTTP alone."""
        if isinstance(self.certificate, GatewayCertificate):
            return ()
        return (ServicePort("websecure", 443, PORT.name, self.node_port),)

    def arguments(self, public_port: int) -> tuple[str, ...]:
        """Arguments of Traefik.

        Args:
            public_port: Port that people reach HTTPS at.

        Returns:
            The arguments (https://doc.traefik.io/traefik/reference/install-configuration/entrypoints/).
        """
        if isinstance(self.certificate, GatewayCertificate):
            return ()
        ended = isinstance(self.certificate, BalancerCertificate)
        secure = "--entrypoints.websecure"
        redirection = "--entrypoints.web.http.redirections.entrypoint"
        return (
            f"{secure}.address=:{PORT.number}",
            f"{secure}.transport.lifecycle.gracetimeout=15s",
            f"{secure}.http.middlewares={'https@file,' if ended else ''}retry@file",
            *(() if ended else (f"{secure}.http.tls=true",)),
            *((f"{redirection}.to=:{public_port}", f"{redirection}.scheme=https") if self.redirect else ()),
        )

    def annotations(self) -> dict[str, pulumi.Input[str]]:
        """Annotations of Traefik's Service: the listener of AWS' load balancer.

        Returns:
            Annotation to value (https://cloud-provider-aws.sigs.k8s.io/service_controller/).
        """
        if not isinstance(self.certificate, BalancerCertificate):
            return {}
        return {
            f"{_ANNOTATION}-ssl-cert": self.certificate.arn,
            f"{_ANNOTATION}-ssl-ports": "443",
            f"{_ANNOTATION}-ssl-negotiation-policy": _TLS_POLICY,
            f"{_ANNOTATION}-backend-protocol": "tcp",
        }

    def for_ingress(
        self, name: str, namespace: Namespace, parent: pulumi.Resource
    ) -> list[kubernetes.networking.v1.IngressTLSArgs] | None:
        """The Secret that Traefik takes its certificate from, made where it is ours to make.

        Traefik goes by the name that a client asks for, whichever Ingress names the Secret, and takes up a changed one
        at once: one in its own namespace is enough.

        Args:
            name: Name of the cluster.
            namespace: The controller's namespace.
            parent: The controller's component.

        Returns:
            What an Ingress says about it; None where TLS ends elsewhere.
        """
        tls = kubernetes.networking.v1.IngressTLSArgs
        match self.certificate:
            case OwnCertificate(hosts=hosts):
                _make_secret(name, self.certificate, namespace, parent)
                return [tls(hosts=list(hosts), secret_name=SECRET)]
            case ExistingSecret(secret_name=secret_name):
                return [tls(secret_name=secret_name)]
            case _:
                return None


def _make_secret(name: str, certificate: OwnCertificate, namespace: Namespace, parent: pulumi.Resource) -> None:
    stash = pulumi.Stash(
        f"{name}-certificate",
        input=pulumi.Output.secret(certificate.bundle),
        # Every run issues another one; it counts when there is none yet, or when it is to be replaced.
        opts=pulumi.ResourceOptions(
            parent=parent,
            ignore_changes=["input"],
            additional_secret_outputs=["output", "input"],
            replacement_trigger=certificate.identity,
        ),
    )
    bundle = pulumi.Output.secret(stash.output)
    kubernetes.core.v1.Secret(
        f"{name}-certificate-secret",
        metadata=namespace.metadata(SECRET),
        type="kubernetes.io/tls",
        string_data={"tls.crt": bundle.apply(_certificate), "tls.key": bundle.apply(_key)},
        opts=namespace.inside(parent),
    )


def _certificate(bundle: str) -> str:
    if not bundle:
        raise pulumi.RunError(
            "HTTPS on the embedded cluster needs its authority, which is not there or not readable: run "
            "`slipway local up`, then the same again"
        )
    return bundle.partition(_KEY)[0]


def _key(bundle: str) -> str:
    _, mark, rest = bundle.partition(_KEY)
    # In a rendered plan the whole is one reference.
    return f"{mark}{rest}" or bundle

"""What TLS can end with: certificates that somebody renews without anybody's help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pulumi


@dataclass(frozen=True)
class OwnCertificate:
    """A certificate that is issued in each run and kept by the first; TLS ends in Traefik.

    Attributes:
        bundle: Certificate and private key, PEM; empty where its authority is not there.
        identity: What the kept one has to be of; it is replaced when this changes.
        hosts: What it names.
    """

    bundle: str
    identity: str
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class BalancerCertificate:
    """A certificate of AWS' Certificate Manager; TLS ends in the Network Load Balancer.

    Attributes:
        arn: Its ARN, known once it is issued.
    """

    arn: pulumi.Input[str]


@dataclass(frozen=True)
class GatewayCertificate:
    """Certificates of Google's Certificate Manager; TLS ends in the load balancer that a Gateway of GKE makes.

    Attributes:
        certificate_map: Name of the certificate map.
        address_name: Name of the load balancer's static address.
        address: The address.
        tls_policy: Name of the SSL policy.
    """

    certificate_map: pulumi.Input[str]
    address_name: pulumi.Input[str]
    address: pulumi.Output[str]
    tls_policy: pulumi.Input[str]

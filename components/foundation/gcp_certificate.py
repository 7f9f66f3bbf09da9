"""Certificates of Google's Certificate Manager for hosts in delegated zones, and the address that serves them.

Google renews them by itself as long as the records that prove the domains are there
(https://cloud.google.com/certificate-manager/docs/dns-authorizations).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_gcp as gcp

from components.certificates import GatewayCertificate
from components.foundation.tags import labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.foundation.delegated_zone import DelegatedZone
    from components.foundation.gcp_project import GcpProjectHandle
    from components.scope import Scope

SYSTEM = "ingress"


@dataclass(frozen=True)
class DomainProofArgs:
    """What is proven.

    Attributes:
        scope: The stack.
        project: The project that certificates of the domain are made in.
        domain: The domain; the proof holds for its wildcard, too.
        zone: The zone that it is, or lies in.
    """

    scope: Scope
    project: GcpProjectHandle
    domain: str
    zone: DelegatedZone


class DomainProof(pulumi.ComponentResource):
    """A project's proof that a domain is ours; a project has one for each domain, however many certificates there are.

    Attributes:
        authorization: Google's side of it, which goes after its certificates.
        record: The record in the zone.
    """

    def __init__(self, args: DomainProofArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make both sides.

        Args:
            args: What is proven.
            opts: Options of the component.
        """
        # A domain has more characters than names of the project's resources may have, and other ones.
        name = f"proof-{hashlib.sha256(f'{args.project.project} {args.domain}'.encode()).hexdigest()[:8]}"
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.project.provider), opts)
        super().__init__("slipway:foundation:DomainProof", name, None, options)
        self.authorization = gcp.certificatemanager.DnsAuthorization(
            name,
            domain=args.domain,
            # A record of its own for each project: another project's certificates may name the same domain.
            type="PER_PROJECT_RECORD",
            labels=labels(args.scope, SYSTEM),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.project.apis)),
        )
        wanted = self.authorization.dns_resource_records.apply(lambda records: records[0])
        self.record = args.zone.prove(
            f"{args.project.project}-{args.domain}",
            wanted.apply(lambda record: str(record.name)),
            wanted.apply(lambda record: str(record.data)),
        )
        self.register_outputs({"domain": args.domain})


@dataclass(frozen=True)
class GcpCertificateArgs:
    """What the certificate names.

    Attributes:
        scope: The stack.
        project: The project of the load balancer that uses it.
        domains: Host names and wildcards to their proofs.
    """

    scope: Scope
    project: GcpProjectHandle
    domains: Mapping[str, DomainProof]


class GcpCertificate(pulumi.ComponentResource):
    """A certificate in a map of its own, the address that it is served at, and how old a TLS may be there.

    Attributes:
        gateway: The same, as a Gateway takes it: what uses it is gone before it is.
    """

    def __init__(self, name: str, args: GcpCertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Ask for the certificate; Google issues it some minutes later.

        Args:
            name: Name of the cluster in the stack.
            args: What it names.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.project.provider), opts)
        super().__init__("slipway:foundation:GcpCertificate", f"{name}-certificate", None, options)
        manager, apis, own = gcp.certificatemanager, list(args.project.apis), labels(args.scope, SYSTEM)
        child = pulumi.ResourceOptions(parent=self, depends_on=apis)
        proofs = list(dict.fromkeys(args.domains.values()))
        certificate = manager.Certificate(
            f"{name}-certificate",
            managed=manager.CertificateManagedArgs(
                domains=sorted(args.domains), dns_authorizations=[proof.authorization.id for proof in proofs]
            ),
            labels=own,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*apis, *(proof.record for proof in proofs)]),
        )
        chosen = manager.CertificateMap(f"{name}-certificates", labels=own, opts=child)
        entry = manager.CertificateMapEntry(
            f"{name}-certificates-entry",
            map=chosen.name,
            certificates=[certificate.id],
            matcher="PRIMARY",
            labels=own,
            opts=pulumi.ResourceOptions(parent=self),
        )
        policy = gcp.compute.SSLPolicy(f"{name}-tls", profile="MODERN", min_tls_version="TLS_1_2", opts=child)
        address = gcp.compute.GlobalAddress(f"{name}-ingress", labels=own, opts=child)
        self.gateway = GatewayCertificate(
            # Of the map, once there is something in it.
            certificate_map=entry.map,
            address_name=address.name,
            address=address.address,
            tls_policy=policy.name,
        )
        self.register_outputs({"address": address.address})

"""AwsCertificate: a certificate of AWS Certificate Manager for hosts in delegated zones, issued in the same `up`.

AWS renews it by itself as long as it is in use and the records that prove the domains are there
(https://docs.aws.amazon.com/acm/latest/userguide/dns-renewal-validation.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_aws as aws

from components.foundation.tags import tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.foundation.aws_account import AwsAccountHandle
    from components.foundation.delegated_zone import DelegatedZone
    from components.scope import Scope

SYSTEM = "ingress"
WILDCARD = "*."


@dataclass(frozen=True)
class AwsCertificateArgs:
    """What the certificate names.

    Attributes:
        scope: The stack.
        account: The account and region of the load balancer that uses it.
        domains: Host names and wildcards to the zones that they lie in.
    """

    scope: Scope
    account: AwsAccountHandle
    domains: Mapping[str, DelegatedZone]


class AwsCertificate(pulumi.ComponentResource):
    """A certificate and the proof that its domains are ours.

    Attributes:
        arn: Its ARN, known once it is issued: what uses it is made after that, and gone before it is.
    """

    def __init__(self, name: str, args: AwsCertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Ask for the certificate and wait until it is issued.

        Args:
            name: Name of the cluster in the stack.
            args: What it names.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__("slipway:foundation:AwsCertificate", f"{name}-certificate", None, options)
        first, *others = sorted(args.domains)
        certificate = aws.acm.Certificate(
            f"{name}-certificate",
            domain_name=first,
            subject_alternative_names=others,
            validation_method="DNS",
            tags=tags(args.scope, SYSTEM, f"{name}-certificate"),
            # With other domains it is made anew; the load balancer changes over before the old one goes.
            opts=pulumi.ResourceOptions(parent=self),
        )
        proofs = [
            zone.prove(
                f"{args.account.account_id}-{domain.removeprefix(WILDCARD)}",
                _proof(certificate, domain, "resource_record_name"),
                _proof(certificate, domain, "resource_record_value"),
            )
            for domain, zone in sorted(args.domains.items())
        ]
        issued = aws.acm.CertificateValidation(
            f"{name}-certificate-issued",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[proof.fqdn for proof in proofs],
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=proofs, custom_timeouts=pulumi.CustomTimeouts(create="45m")
            ),
        )
        self.arn: pulumi.Output[str] = issued.certificate_arn
        self.register_outputs({"arn": self.arn})


def _proof(
    certificate: aws.acm.Certificate,
    domain: str,
    field: Literal["resource_record_name", "resource_record_value"],
) -> pulumi.Output[str]:
    def of_domain(options: Sequence[aws.acm.outputs.CertificateDomainValidationOption]) -> str:
        found = next((option for option in options if option.domain_name == domain), options[0])
        return str(getattr(found, field))

    return certificate.domain_validation_options.apply(of_domain)

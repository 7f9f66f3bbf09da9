"""DelegatedZone: a sub-zone of a Route 53 zone, delegated to by an NS record, and records for apps in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_aws as aws

from components.foundation.tags import tags

if TYPE_CHECKING:
    from components.foundation.aws_account import AwsAccountHandle
    from components.scope import Scope

SYSTEM = "dns"
COMMENT_LIMIT = 256
"""Characters of a zone's comment (https://docs.aws.amazon.com/Route53/latest/APIReference/API_HostedZoneConfig.html)."""


@dataclass(frozen=True)
class DelegatedZoneArgs:
    """The two zones.

    Attributes:
        scope: The stack.
        account: The account that holds both.
        main_zone: Domain of the zone that delegates.
        make_main_zone: Whether it is made here.
        main_zone_id: Its id; None (and not made): it is looked up by its domain.
        sub_zone: Domain of the sub-zone.
        ttl: Seconds that records may be cached.
    """

    scope: Scope
    account: AwsAccountHandle
    main_zone: str
    sub_zone: str
    make_main_zone: bool = False
    main_zone_id: pulumi.Input[str] | None = None
    ttl: int = 30

    def __post_init__(self) -> None:
        """Refuse a sub-zone that lies elsewhere and a zone that is made and there already."""
        if not self.sub_zone.endswith("." + self.main_zone):
            raise ValueError(f"sub-zone {self.sub_zone} must lie inside the main zone {self.main_zone}")
        if self.make_main_zone and self.main_zone_id is not None:
            raise ValueError(f"main zone {self.main_zone} is either made or has an id already, not both")


class DelegatedZone(pulumi.ComponentResource):
    """A sub-zone that the world finds.

    Attributes:
        domain: Domain of the sub-zone.
        zone_id: Id of the sub-zone.
        name_servers: Its name servers, four of them
            (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/GetInfoAboutHostedZone.html).
    """

    def __init__(self, name: str, args: DelegatedZoneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the sub-zone and the delegation, and the main zone where that is wanted.

        Args:
            name: Name of the zone in the stack.
            args: The two zones.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.account.provider), opts)
        super().__init__("slipway:foundation:DelegatedZone", f"{name}-delegated-zone", None, options)
        self._prefix, self._ttl = name, args.ttl
        self.domain = args.sub_zone
        sub_zone = aws.route53.Zone(
            f"{name}-sub-zone",
            name=args.sub_zone,
            comment=f"{args.scope.project} {args.scope.stack}: delegated by {args.main_zone}"[:COMMENT_LIMIT],
            # Records that something else put into a tutorial's zone must not keep it from going.
            force_destroy=not args.scope.durable,
            tags=tags(args.scope, SYSTEM, args.sub_zone),
            opts=pulumi.ResourceOptions(parent=self, protect=args.scope.durable),
        )
        self.zone_id: pulumi.Output[str] = sub_zone.zone_id
        self.name_servers: pulumi.Output[list[str]] = sub_zone.name_servers.apply(list)
        self._proofs: dict[str, aws.route53.Record] = {}
        self._delegation = aws.route53.Record(
            f"{name}-delegation",
            zone_id=self._main_zone_id(args),
            name=args.sub_zone,
            type="NS",
            ttl=args.ttl,
            records=self.name_servers,
            opts=pulumi.ResourceOptions(parent=self, protect=args.scope.durable),
        )
        self.register_outputs({"domain": self.domain, "zoneId": self.zone_id, "nameServers": self.name_servers})

    def _main_zone_id(self, args: DelegatedZoneArgs) -> pulumi.Input[str]:
        if args.make_main_zone:
            return aws.route53.Zone(
                f"{self._prefix}-main-zone",
                name=args.main_zone,
                comment=f"{args.scope.project} {args.scope.stack}",
                force_destroy=not args.scope.durable,
                tags=tags(args.scope, SYSTEM, args.main_zone),
                opts=pulumi.ResourceOptions(parent=self, protect=args.scope.durable),
            ).zone_id
        if args.main_zone_id is not None:
            return args.main_zone_id
        return aws.route53.get_zone_output(
            name=args.main_zone,
            private_zone=False,
            opts=pulumi.InvokeOutputOptions(parent=self, provider=args.account.provider),
        ).id

    def prove(self, domain: str, name: pulumi.Input[str], value: pulumi.Input[str]) -> aws.route53.Record:
        """A record that proves to a certificate authority that a domain is ours, at each renewal again.

        Args:
            domain: What is proven, and to whom; the same for two certificates that are proven by the same record.
            name: Name of the record, as the authority says it.
            value: What it leads to.

        Returns:
            The record. The world finds it: it is made after the delegation, and goes before it.
        """
        if domain not in self._proofs:
            self._proofs[domain] = aws.route53.Record(
                f"{self._prefix}-proof-{domain}",
                zone_id=self.zone_id,
                name=name,
                type="CNAME",
                ttl=self._ttl,
                records=[value],
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self._delegation]),
            )
        return self._proofs[domain]

    def point(self, host: str, address: pulumi.Input[str], kind: Literal["A", "CNAME"]) -> aws.route53.Record:
        """A record of an app: the host leads to a load balancer.

        Args:
            host: Host name inside the sub-zone.
            address: Address of the load balancer.
            kind: `A` for an IP address, `CNAME` for a host name.

        Returns:
            The record. It depends on the load balancer, so it goes before it.

        Raises:
            ValueError: The host does not lie inside the sub-zone.
        """
        if not host.endswith("." + self.domain):
            raise ValueError(f"host {host} must lie inside the sub-zone {self.domain}")
        return aws.route53.Record(
            f"{self._prefix}-host-{host}",
            zone_id=self.zone_id,
            name=host,
            type=kind,
            ttl=self._ttl,
            records=[address],
            opts=pulumi.ResourceOptions(parent=self),
        )

"""A namespace with guard rails: Pod Security, quota, default limits and a network that denies until told otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_kubernetes as kubernetes

from components.model import Namespace
from components.platform.deployer_access import allow_deployer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.model import Cluster
    from components.scope import Scope

PodSecurityLevel = Literal["restricted", "baseline", "privileged"]

DEFAULT_QUOTA: dict[str, str] = {
    "pods": "40",
    "requests.cpu": "8",
    "requests.memory": "16Gi",
    "limits.memory": "24Gi",
    "persistentvolumeclaims": "10",
    "services.loadbalancers": "4",
}
"""Upper bounds of one system: far above what the tutorials need, far below what would starve a small cluster. A system
whose settings ask for more gets more."""
_UNITS = {"requests.cpu": (1000, ""), "requests.memory": (2**30, "Gi"), "limits.memory": (2**30, "Gi")}
"""In what a quota is written: cores and GiB, from milli-cores and bytes."""


@dataclass(frozen=True)
class GuardedNamespaceArgs:
    """What a guarded namespace is made of.

    Attributes:
        scope: The stack.
        cluster: Where it is made.
        system: Short name of the system that lives in it.
        pod_security: Enforced Pod Security Standard (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
        pod_security_reason: Why the level is not `restricted`; required then.
        quota: ResourceQuota hard limits, raised to what the workloads ask for at most.
        keeps_data: Whether volumes live in it: it is protected then in a durable stack, because they go with it.
    """

    scope: Scope
    cluster: Cluster
    system: str
    pod_security: PodSecurityLevel = "restricted"
    pod_security_reason: str | None = None
    quota: Mapping[str, str] = field(default_factory=lambda: DEFAULT_QUOTA)
    keeps_data: bool = False

    def __post_init__(self) -> None:
        """Refuse a weaker level without a reason."""
        if self.pod_security != "restricted" and not self.pod_security_reason:
            raise ValueError(f"namespace of {self.system}: pod_security {self.pod_security} needs pod_security_reason")


class GuardedNamespace(pulumi.ComponentResource):
    """One system's namespace.

    Attributes:
        handle: The namespace, as what lives in it sees it.
    """

    def __init__(self, name: str, args: GuardedNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the namespace and its guard rails.

        Args:
            name: Logical name.
            args: What to make.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.cluster.provider), opts)
        super().__init__("slipway:platform:Namespace", name, None, options)
        labels = args.scope.labels(args.system)
        level_labels = {
            f"pod-security.kubernetes.io/{mode}": level
            for mode, level in (("enforce", args.pod_security), ("audit", "restricted"), ("warn", args.pod_security))
        }
        reason = {"slipway.dev/pod-security-reason": args.pod_security_reason} if args.pod_security_reason else {}
        resource = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=args.scope.namespace(args.system), labels={**labels, **level_labels}, annotations=reason or None
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=args.keeps_data and args.scope.durable),
        )
        namespace = Namespace(
            name=args.scope.namespace(args.system),
            cluster=args.cluster,
            scope=args.scope,
            system=args.system,
            resource=resource,
        )
        self.handle = namespace
        self._guard(name, args.quota)
        if args.cluster.deployer is not None:
            allow_deployer(self, name, namespace, args.cluster.deployer)
        self.register_outputs({"name": namespace.name, "cluster": args.cluster.name, "podSecurity": args.pod_security})

    def _guard(self, name: str, quota: Mapping[str, str]) -> None:
        namespace = self.handle
        child = namespace.inside(self)
        kubernetes.core.v1.ResourceQuota(
            f"{name}-quota",
            metadata=namespace.metadata("quota"),
            spec=kubernetes.core.v1.ResourceQuotaSpecArgs(hard=pulumi.Output.from_input(self._room(quota))),
            # The provider would wait until every hard limit shows up in the status, which nothing depends on.
            opts=child,
        )
        kubernetes.core.v1.LimitRange(
            f"{name}-limits",
            metadata=namespace.metadata("limits"),
            spec=kubernetes.core.v1.LimitRangeSpecArgs(
                limits=[
                    kubernetes.core.v1.LimitRangeItemArgs(
                        type="Container",
                        default={"memory": "256Mi"},
                        default_request={"cpu": "50m", "memory": "64Mi"},
                    )
                ]
            ),
            opts=child,
        )
        kubernetes.networking.v1.NetworkPolicy(
            f"{name}-default-deny",
            metadata=namespace.metadata("default-deny"),
            spec=kubernetes.networking.v1.NetworkPolicySpecArgs(
                pod_selector=kubernetes.meta.v1.LabelSelectorArgs(), policy_types=["Ingress", "Egress"]
            ),
            opts=child,
        )

    async def _room(self, quota: Mapping[str, str]) -> dict[str, str]:
        """The quota; awaited by Pulumi's SDK once the program has run to its end, when every workload is known."""

        def larger(name: str, bound: str) -> str:
            size, unit = _UNITS.get(name, (1, ""))
            return f"{max(int(bound.removesuffix(unit)), math.ceil(self.handle.reserved[name] / size))}{unit}"

        return {name: larger(name, bound) for name, bound in quota.items()}

"""How many pods an EKS node takes. Imports no SDK, so that settings can read it.

Figures are of nodeadm, which configures the nodes' kubelet
(https://github.com/awslabs/amazon-eks-ami/tree/main/nodeadm/internal/kubelet).
"""

from __future__ import annotations

from typing import Final

PODS_LIMIT: Final = 250
"""Most pods that AWS recommends for any node."""
_FEWER: Final[dict[int, str]] = {
    34: "t3.nano t3.micro t3a.nano t3a.micro",
    98: "c7a.medium c8a.medium g4ad.xlarge g4ad.2xlarge m7a.medium m8a.medium r7a.medium r8a.medium t3a.small",
    130: "d3.xlarge d3en.xlarge",
    146: "m8azn.medium t3.small",
    242: "t3.medium t3a.medium",
}
"""Most pods to the types that have addresses for no more: network interfaces, times addresses but the first, times the
sixteen of a prefix, and two pods on the node's own network."""


def most_pods(instance_type: str) -> int:
    """Pods that an instance type has addresses for.

    Args:
        instance_type: A type of the Nitro system, as `t3.medium`.

    Returns:
        At most 250.
    """
    return next((most for most, types in _FEWER.items() if instance_type in types.split()), PODS_LIMIT)


def reserved_memory(max_pods: int) -> str:
    """Memory that the kubelet and the container runtime need, and that no pod is to be given.

    nodeadm reserves it by the same formula, but for the number of pods without prefixes (17 on a t3.medium), whatever
    `maxPods` says.

    Args:
        max_pods: Pods that the node takes.

    Returns:
        A Kubernetes quantity.
    """
    return f"{11 * max_pods + 255}Mi"

"""What Services of type LoadBalancer say on EKS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.foundation.tags import all_tags

if TYPE_CHECKING:
    from components.scope import Scope

_BALANCER = "service.beta.kubernetes.io/aws-load-balancer"


def load_balancer_annotations(scope: Scope) -> dict[str, str]:
    """What a Service of type LoadBalancer says to the cloud controller that EKS runs in its control plane.

    The controller is chosen over the AWS Load Balancer Controller because it runs outside the cluster: a load balancer
    can be made before the first pod and is removed with its Service whatever state the nodes are in, and there is no
    chart, webhook or role to keep. What it lacks (targets by pod address, rules of layer 7) nothing here needs: the
    ingress controller does layer 7.

    Args:
        scope: The stack, whose tags the load balancer gets.

    Returns:
        Annotation to value (https://kubernetes.io/docs/reference/labels-annotations-taints/).
    """
    spread = ",".join(f"{key}={value}" for key, value in sorted(all_tags(scope, "load-balancer").items()))
    return {
        f"{_BALANCER}-type": "nlb",
        f"{_BALANCER}-cross-zone-load-balancing-enabled": "true",
        f"{_BALANCER}-additional-resource-tags": spread,
    }

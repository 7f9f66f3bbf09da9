"""What a workload asks of its namespace at most, so that the quota leaves it room."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from components.quantities import cpu_millis, memory_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.workload.args import ServiceArgs
    from components.workload.container import Container


def need(args: ServiceArgs) -> Counter[str]:
    """What the pods of a workload ask for at most, by the names of a ResourceQuota.

    While a rolling update replaces all pods, those of before count until they have ended; one more is on its way.

    Args:
        args: The workload. Of a DaemonSet's pods one is counted: how many nodes there are is not known.

    Returns:
        Pods, claims and load balancers as numbers, CPU in milli-cores, memory in bytes.
    """
    most = args.autoscaling.max_replicas if args.autoscaling else (args.replicas or 1)
    pods = (2 * most if args.kind == "Deployment" and not args.storage else most) + 1
    return Counter(
        {
            "pods": pods,
            "requests.cpu": pods * _pod(args, lambda c: cpu_millis(c.resources.cpu)),
            "requests.memory": pods * _pod(args, lambda c: memory_bytes(c.resources.memory)),
            "limits.memory": pods * _pod(args, lambda c: memory_bytes(c.resources.memory_limit or c.resources.memory)),
            "persistentvolumeclaims": most if args.storage else 0,
            "services.loadbalancers": int(args.exposure is not None and args.exposure.service_type == "LoadBalancer"),
        }
    )


def _pod(args: ServiceArgs, of: Callable[[Container], int]) -> int:
    """One pod: its containers together, or a step before them where that asks for more."""
    return max(sum(map(of, args.containers)), *map(of, args.init_containers), 0)

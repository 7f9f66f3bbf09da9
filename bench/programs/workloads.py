"""A program of any number of equal workloads, ten to a namespace: what growth is measured on."""

from __future__ import annotations

from components.clusters.existing import ExistingCluster, ExistingClusterArgs
from components.model import Namespace, Port
from components.platform.namespace import GuardedNamespace, GuardedNamespaceArgs
from components.scope import Scope
from components.workload import (
    Check,
    Container,
    ContainerResources,
    Exposure,
    Probes,
    Service,
    ServiceArgs,
    ServicePort,
)
from stacks.environment import EMBEDDED_CONTEXT

PER_NAMESPACE = 10
REGISTRY = "localhost:5000"


def make(
    count: int,
    *,
    stack: str = "growth",
    image: str = f"{REGISTRY}/nginx:1",
    replicas: int = 1,
    per_namespace: int = PER_NAMESPACE,
    context: str = EMBEDDED_CONTEXT,
) -> None:
    """Register workloads: each a Deployment, a Service, a disruption budget and a network policy.

    Args:
        count: How many.
        stack: Name of the stack, for labels and as prefix of the namespaces.
        image: Image of each container.
        replicas: Pods of each workload.
        per_namespace: Workloads that share a namespace.
        context: Kubeconfig context of the cluster.
    """
    scope = Scope(project="slipway", stack=stack, owner="bench", lifecycle="ephemeral", namespace_prefix=stack)
    handle = ExistingCluster(
        "bench",
        ExistingClusterArgs(
            kind="embedded" if context == EMBEDDED_CONTEXT else "existing",
            registry=REGISTRY,
            context=context,
            storage_class="standard",
            node_address="127.0.0.1",
        ),
    ).handle
    namespace: Namespace | None = None
    for number in range(count):
        if namespace is None or number % per_namespace == 0:
            system = f"system-{number // per_namespace:04d}"
            namespace = GuardedNamespace(
                system, GuardedNamespaceArgs(scope=scope, cluster=handle, system=system)
            ).handle
        name = f"app-{number:05d}"
        Service(
            name,
            ServiceArgs(
                namespace=namespace,
                tier="frontend",
                containers=(
                    Container(
                        name="app",
                        image=image,
                        ports=(Port("http", 8080),),
                        probes=Probes.of(Check(path="/", port="http")),
                        resources=ContainerResources(cpu="1m", memory="16Mi"),
                    ),
                ),
                replicas=replicas,
                exposure=Exposure(ports=(ServicePort("http", 80, "http"),)),
            ),
        )

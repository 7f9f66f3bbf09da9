"""Redis as several systems use it: one master that keeps its data, and copies of it that do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pulumi

from components.model import Port
from components.workload import (
    Check,
    Container,
    ContainerResources,
    Exposure,
    Probe,
    Probes,
    Service,
    ServiceArgs,
    ServicePort,
    Storage,
)

if TYPE_CHECKING:
    from components.model import Namespace

REDIS_USER = 999
"""User `redis` of the official image (https://hub.docker.com/_/redis)."""
PORT = 6379
# Until a copy has fetched everything it answers as if there were nothing; afterwards it answers whether the master does
# or not (https://redis.io/docs/latest/operate/oss_and_stack/management/replication/). So only its start asks for the
# link.
_COPIED = Check(command=("sh", "-c", "redis-cli info replication | grep -q master_link_status:up"))


@dataclass(frozen=True)
class RedisArgs:
    """What a Redis is made of.

    Attributes:
        namespace: Where it lives.
        image: Its image.
        object_name: Name of its Kubernetes objects.
        part_of: The app that it belongs to.
        replica_of: The master that it copies; None: it is a master itself.
        replicas: Number of copies; a master is always one.
        storage: Size of a master's volume.
    """

    namespace: Namespace
    image: str
    object_name: str
    part_of: str
    replica_of: Service | None = None
    replicas: int = 1
    storage: str = "1Gi"


def make_redis(parent: pulumi.Resource, name: str, args: RedisArgs) -> Service:
    """Make a Redis.

    Args:
        parent: Component that owns it.
        name: Logical name.
        args: What it is made of.

    Returns:
        The workload. A master is a StatefulSet: its append-only file belongs to the one pod of that name. A copy is a
        Deployment without volume: it fetches everything from the master when it starts.
    """
    master = args.replica_of is None
    common: tuple[str, ...] = ("--dir", "/data", "--protected-mode", "no")
    # Every acknowledged write is on the disk before the answer is.
    kept: tuple[str, ...] = ("--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0")
    copied: tuple[str, ...] = (
        ("--save", "", "--replicaof", args.replica_of.peer.app, str(PORT)) if args.replica_of else ()
    )
    role = "master" if master else "slave"
    probes = Probes.of(Check(port="redis"))
    if not master:
        probes = replace(probes, startup=Probe(_COPIED, period=1, timeout=3, failures=probes.startup.failures))
    return Service(
        name,
        ServiceArgs(
            namespace=args.namespace,
            object_name=args.object_name,
            tier="backend",
            kind="StatefulSet" if master else "Deployment",
            selector={"app": "redis", "tier": "backend", "role": role},
            containers=(
                Container(
                    name="redis",
                    image=args.image,
                    command=("redis-server",),
                    args=(*common, *(kept if master else copied)),
                    ports=(Port("redis", PORT),),
                    probes=probes,
                    # The tutorial's own request for the master.
                    resources=ContainerResources(cpu="100m" if master else "20m", memory="100Mi"),
                    writable=() if master else ("/data",),
                    claim_mount="/data" if master else None,
                ),
            ),
            replicas=1 if master else args.replicas,
            storage=Storage(args.storage) if master else None,
            exposure=Exposure(ports=(ServicePort("redis", PORT, "redis"),), browsable=False),
            connects_to=(args.replica_of.endpoint("redis"),) if args.replica_of else (),
            user=REDIS_USER,
            component_of=args.part_of,
        ),
        pulumi.ResourceOptions(parent=parent),
    )

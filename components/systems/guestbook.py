"""System 2: the guestbook, whose frontend writes to a Redis master and reads from its copies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from components.model import Port
from components.platform.namespace import GuardedNamespace, GuardedNamespaceArgs
from components.systems.redis import RedisArgs, make_redis
from components.workload import Check, Container, Exposure, Options, Probes, Service, ServiceArgs, ServicePort, Smoke

if TYPE_CHECKING:
    from components.model import Cluster, Namespace
    from components.scope import Scope

NAME = "guestbook"
APACHE_USER = 33
"""`www-data`, the user of Apache in the public image."""


@dataclass(frozen=True)
class GuestbookArgs:
    """What may differ between stacks.

    Attributes:
        scope: The stack.
        cluster: Where it runs.
        frontend_image: Image of the frontend.
        redis_image: Image of the Redis master and its copies.
        slaves: Number of copies.
        options: Scaling, resources and exposure of the frontend.
    """

    scope: Scope
    cluster: Cluster
    frontend_image: str
    redis_image: str
    slaves: int = 2
    options: Options = field(default_factory=Options)


class Guestbook(pulumi.ComponentResource):
    """Frontend, Redis master and Redis slaves in a namespace of their own.

    Attributes:
        service: The frontend.
    """

    def __init__(self, name: str, args: GuestbookArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the guestbook.

        Args:
            name: Logical name.
            args: What may differ between stacks.
            opts: Options of the component.
        """
        super().__init__("slipway:workloads:Guestbook", name, None, opts)
        namespace = GuardedNamespace(
            NAME,
            GuardedNamespaceArgs(scope=args.scope, cluster=args.cluster, system=NAME, keeps_data=True),
            pulumi.ResourceOptions(parent=self),
        ).handle
        master = make_redis(
            self,
            "guestbook-redis-master",
            RedisArgs(namespace=namespace, image=args.redis_image, object_name="redis-master", part_of=NAME),
        )
        slaves = make_redis(
            self,
            "guestbook-redis-slave",
            RedisArgs(
                namespace=namespace,
                image=args.redis_image,
                object_name="redis-slave",
                part_of=NAME,
                replica_of=master,
                replicas=args.slaves,
            ),
        )
        self.service = self._frontend(args, namespace, master, slaves)
        self.register_outputs({"url": self.service.url})

    def _frontend(self, args: GuestbookArgs, namespace: Namespace, master: Service, slaves: Service) -> Service:
        return Service(
            "guestbook-frontend",
            ServiceArgs(
                namespace=namespace,
                object_name="frontend",
                tier="frontend",
                selector={"app": NAME, "tier": "frontend"},
                containers=(
                    Container(
                        name="php-redis",
                        image=args.frontend_image,
                        ports=(Port("http", 80),),
                        # The page itself needs no Redis: a lost database must not restart the frontends.
                        probes=Probes.of(Check(path="/", port="http")),
                        env={"GET_HOSTS_FROM": "dns"},
                        resources=args.options.resources,
                        writable=("/tmp", "/var/run/apache2", "/var/lock/apache2"),  # noqa: S108 - in the container
                    ),
                ),
                replicas=args.options.replicas,
                autoscaling=args.options.autoscaling,
                exposure=Exposure(
                    ports=(ServicePort("http", 80, "http", args.options.node_port),),
                    service_type=args.options.service_type,
                    host=args.options.host,
                ),
                connects_to=(master.endpoint("redis"), slaves.endpoint("redis")),
                user=APACHE_USER,
                component_of=NAME,
                smoke=Smoke("/"),
            ),
            pulumi.ResourceOptions(parent=self),
        )

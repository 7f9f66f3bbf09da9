"""System 5: the todo app on GridDB: a page, a token issuer and a database that keeps its data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from components.platform.namespace import Namespace, NamespaceArgs
from components.workloads.credential import Credential, CredentialArgs
from components.workloads.service import Service, ServiceArgs
from components.workloads.spec import (
    Check,
    Container,
    ContainerResources,
    Exemption,
    Exposure,
    Options,
    Port,
    Probes,
    SecretValue,
    ServicePort,
    Smoke,
    Storage,
)

if TYPE_CHECKING:
    from components.clusters.handle import ClusterHandle
    from components.scope import Scope

GRIDDB_PORT = 10001
DATA = "/var/lib/gridstore/data"


@dataclass(frozen=True)
class GridDbTodoArgs:
    """What may differ between stacks.

    Attributes:
        scope: The stack.
        cluster: Where it runs.
        revision: Tag of the images `web-server` and `auth`.
        griddb_image: Image of the database.
        storage: Size of the database's claim.
        options: Scaling, resources and exposure of the page.
    """

    scope: Scope
    cluster: ClusterHandle
    revision: str
    griddb_image: str
    storage: str = "1Gi"
    options: Options = field(default_factory=Options)


class GridDbTodo(pulumi.ComponentResource):
    """griddb-server in a namespace of its own level; web-server and auth in a restricted one.

    Attributes:
        service: The todo page.
    """

    def __init__(self, name: str, args: GridDbTodoArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the todo app.

        Args:
            name: Logical name.
            args: What may differ between stacks.
            opts: Options of the component.
        """
        super().__init__("slipway:workloads:GridDbTodo", name, None, opts)
        griddb = self._griddb(args)
        namespace = Namespace(
            "todo",
            NamespaceArgs(scope=args.scope, cluster=args.cluster, system="todo"),
            pulumi.ResourceOptions(parent=self),
        )
        key = Credential(
            "todo-token-key",
            CredentialArgs(namespace=namespace, generated=("key",), secret_name="token-key"),  # noqa: S106 - a name
            pulumi.ResourceOptions(parent=self),
        )
        auth = self._auth(args, namespace, key)
        self.service = self._web(args, namespace, key, auth, griddb)
        self.register_outputs({"url": self.service.url})

    def _griddb(self, args: GridDbTodoArgs) -> Service:
        namespace = Namespace(
            "griddb",
            NamespaceArgs(
                scope=args.scope,
                cluster=args.cluster,
                system="griddb",
                keeps_data=True,
                pod_security="baseline",
                pod_security_reason="griddb-server's start script runs as user 0 and edits its own configuration",
            ),
            pulumi.ResourceOptions(parent=self),
        )
        return Service(
            "griddb-server",
            ServiceArgs(
                namespace=namespace,
                tier="database",
                # A StatefulSet: the data directory belongs to the one pod of that name; two servers on it destroy it.
                kind="StatefulSet",
                containers=(
                    Container(
                        name="griddb-server",
                        image=args.griddb_image,
                        ports=(Port("griddb", GRIDDB_PORT),),
                        probes=Probes.of(Check(port="griddb"), startup_seconds=180),
                        env={"NOTIFICATION_MEMBER": "1", "GRIDDB_CLUSTER_NAME": "myCluster"},
                        resources=ContainerResources(cpu="50m", memory="128Mi", memory_limit="1Gi"),
                        writable=("/tmp",),  # noqa: S108 - a directory of the container
                        claim_mount=DATA,
                    ),
                ),
                storage=Storage(args.storage),
                exposure=Exposure(ports=(ServicePort("griddb", GRIDDB_PORT, "griddb"),), browsable=False),
                user=0,
                exemptions=(
                    Exemption("root-user", "the image's start script needs user 0"),
                    Exemption("writable-root", "the start script edits the server's own configuration files"),
                ),
                component_of="todo",
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _auth(self, args: GridDbTodoArgs, namespace: Namespace, key: Credential) -> Service:
        return Service(
            "todo-auth",
            ServiceArgs(
                namespace=namespace,
                object_name="auth",
                tier="backend",
                containers=(
                    Container(
                        name="auth",
                        image=pulumi.Output.format("{0}/auth:{1}", args.cluster.registry, args.revision),
                        ports=(Port("http", 2828),),
                        probes=Probes.of(Check(path="/healthz", port="http")),
                        secret_env={"TOKEN_KEY": SecretValue(key, "key")},
                        resources=ContainerResources(cpu="20m", memory="64Mi"),
                        writable=("/tmp",),  # noqa: S108 - a directory of the container
                    ),
                ),
                exposure=Exposure(ports=(ServicePort("http", 2828, "http"),)),
                component_of="todo",
                smoke=Smoke("/healthz", text='"ok"'),
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _web(
        self, args: GridDbTodoArgs, namespace: Namespace, key: Credential, auth: Service, griddb: Service
    ) -> Service:
        return Service(
            "todo-web-server",
            ServiceArgs(
                namespace=namespace,
                object_name="web-server",
                tier="frontend",
                containers=(
                    Container(
                        name="web-server",
                        image=pulumi.Output.format("{0}/web-server:{1}", args.cluster.registry, args.revision),
                        ports=(Port("http", 8000),),
                        probes=Probes.of(Check(path="/healthz", port="http")),
                        env={
                            "GRIDDB_HOST": griddb.host or "",
                            "GRIDDB_PORT": str(GRIDDB_PORT),
                            "GRIDDB_CLUSTER_NAME": "myCluster",
                            "AUTH_URL": f"http://{auth.host}:2828",
                        },
                        secret_env={"TOKEN_KEY": SecretValue(key, "key")},
                        resources=args.options.resources,
                        writable=("/tmp",),  # noqa: S108 - a directory of the container
                    ),
                ),
                replicas=args.options.replicas,
                autoscaling=args.options.autoscaling,
                exposure=Exposure(
                    ports=(ServicePort("http", 8080, "http", args.options.node_port),),
                    service_type=args.options.service_type,
                    host=args.options.host,
                ),
                connects_to=(auth.endpoint("http"), griddb.endpoint("griddb")),
                component_of="todo",
                smoke=Smoke("/", text="todo.js"),
            ),
            pulumi.ResourceOptions(parent=self),
        )

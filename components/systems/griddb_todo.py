"""System 5: the todo app on GridDB: a page, a token issuer and a database that keeps its data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from components.model import Port
from components.platform.namespace import GuardedNamespace, GuardedNamespaceArgs
from components.systems import griddb
from components.workload import (
    Check,
    Container,
    ContainerResources,
    Credential,
    CredentialArgs,
    Exposure,
    Options,
    Probes,
    SecretValue,
    Service,
    ServiceArgs,
    ServicePort,
    Smoke,
    Storage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.model import Cluster, Namespace
    from components.scope import Scope


@dataclass(frozen=True)
class GridDbTodoArgs:
    """What may differ between stacks.

    Attributes:
        scope: The stack.
        cluster: Where it runs.
        revision: Tag of the images `web-server` and `auth`.
        griddb_image: Image of GridDB.
        stand_in: H2 in GridDB's place.
        storage: Size of the database's claim.
        options: Scaling, resources and exposure of the page.
    """

    scope: Scope
    cluster: Cluster
    revision: str
    griddb_image: str
    stand_in: bool = False
    storage: str = "1Gi"
    options: Options = field(default_factory=Options)


class GridDbTodo(pulumi.ComponentResource):
    """web-server, auth and griddb-server.

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
        namespace = GuardedNamespace(
            "todo",
            GuardedNamespaceArgs(scope=args.scope, cluster=args.cluster, system="todo", keeps_data=True),
            pulumi.ResourceOptions(parent=self),
        ).handle
        key = Credential(
            "todo-token-key",
            CredentialArgs(namespace=namespace, generated=("key",), secret_name="token-key"),  # noqa: S106 - a name
            pulumi.ResourceOptions(parent=self),
        )
        password = Credential(
            "griddb-credential", CredentialArgs(namespace=namespace), pulumi.ResourceOptions(parent=self)
        )
        auth = self._auth(args, namespace, key)
        database = self._database(args, namespace, password)
        secrets = {"TOKEN_KEY": SecretValue(key, "key"), "JDBC_PASSWORD": SecretValue(password, "password")}
        self.service = self._web(args, namespace, secrets, auth, database)
        self.register_outputs({"url": self.service.url})

    def _database(self, args: GridDbTodoArgs, namespace: Namespace, password: Credential) -> Service:
        image = pulumi.Output.format("{0}/h2:{1}", args.cluster.registry, griddb.H2_TAG)
        container = griddb.h2(image, password) if args.stand_in else griddb.griddb(args.griddb_image, password)
        return Service(
            "griddb-server",
            ServiceArgs(
                namespace=namespace,
                tier="database",
                # A StatefulSet: the volume belongs to the one pod of that name; two servers on it destroy it.
                kind="StatefulSet",
                containers=(container,),
                storage=Storage(args.storage),
                exposure=Exposure(
                    ports=tuple(ServicePort(port.name, port.number, port.name) for port in container.ports),
                    browsable=False,
                ),
                user=griddb.USER_ID,
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
        self,
        args: GridDbTodoArgs,
        namespace: Namespace,
        secrets: Mapping[str, SecretValue],
        auth: Service,
        database: Service,
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
                            "AUTH_URL": f"http://{auth.host}:2828",
                            "JDBC_URL": griddb.jdbc_url(database.host or "", stand_in=args.stand_in),
                            "JDBC_USER": griddb.ADMINISTRATOR,
                        },
                        secret_env=secrets,
                        resources=args.options.resources,
                    ),
                ),
                replicas=args.options.replicas,
                autoscaling=args.options.autoscaling,
                exposure=Exposure(
                    ports=(ServicePort("http", 8080, "http", args.options.node_port),),
                    service_type=args.options.service_type,
                    host=args.options.host,
                ),
                connects_to=(auth.endpoint("http"), database.endpoint("sql")),
                component_of="todo",
                smoke=Smoke("/", text="todo.js"),
            ),
            pulumi.ResourceOptions(parent=self),
        )

"""System 3: example-app, a JVM app that reads MySQL through the ExternalName Service `mysql-service`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from components.model import Outside, Port
from components.platform.namespace import GuardedNamespace, GuardedNamespaceArgs
from components.systems.database import DatabaseArgs, DatabaseEndpoint, make_mariadb, use_outside
from components.systems.external_name import ExternalName, ExternalNameArgs
from components.workload import (
    Check,
    Container,
    Exposure,
    Options,
    Probe,
    Probes,
    SecretValue,
    Service,
    ServiceArgs,
    ServicePort,
    Smoke,
)

if TYPE_CHECKING:
    from components.foundation.database import OutsideDatabase
    from components.model import Cluster, Namespace
    from components.scope import Scope

NAME = "example-app"
MYSQL_SERVICE = "mysql-service"
MYSQL_PORT = 3306
DATABASE = "example"
USER = "test_user"
_FIRST_ROWS = """\
CREATE TABLE IF NOT EXISTS messages (id INT AUTO_INCREMENT PRIMARY KEY, body VARCHAR(255) NOT NULL);
INSERT INTO messages (body) VALUES ('hello from mysql');
"""


@dataclass(frozen=True)
class ExampleAppArgs:
    """What may differ between stacks.

    Attributes:
        scope: The stack.
        cluster: Where it runs.
        revision: Tag of the image `example-app`.
        mariadb_image: Image of the database inside the cluster.
        database: The database outside the cluster; None: a MariaDB is made inside.
        mysql_host: Host that `mysql-service` stands for; None: that of the database.
        options: Scaling, resources and exposure.
    """

    scope: Scope
    cluster: Cluster
    revision: str
    mariadb_image: str
    database: OutsideDatabase | None = None
    mysql_host: str | None = None
    options: Options = field(default_factory=Options)


class ExampleApp(pulumi.ComponentResource):
    """The app, `mysql-service` and, unless it is elsewhere, the database.

    Local and production differ in `mysql-service` alone; the app always connects to that name.

    Attributes:
        service: The app.
    """

    def __init__(self, name: str, args: ExampleAppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the app.

        Args:
            name: Logical name.
            args: What may differ between stacks.
            opts: Options of the component.
        """
        super().__init__("slipway:workloads:ExampleApp", name, None, opts)
        namespace = GuardedNamespace(
            NAME,
            GuardedNamespaceArgs(scope=args.scope, cluster=args.cluster, system=NAME, keeps_data=not args.database),
            pulumi.ResourceOptions(parent=self),
        ).handle
        database = self._database(args, namespace)
        ExternalName(
            MYSQL_SERVICE,
            ExternalNameArgs(namespace=namespace, host=args.mysql_host or database.host, port=MYSQL_PORT),
            pulumi.ResourceOptions(parent=self),
        )
        self.service = self._app(args, namespace, database)
        self.register_outputs({"url": self.service.url})

    def _database(self, args: ExampleAppArgs, namespace: Namespace) -> DatabaseEndpoint:
        if args.database:
            return use_outside(self, "example-app-mysql", namespace, "mysql-credential", args.database)
        return make_mariadb(
            self,
            "example-app-mariadb",
            DatabaseArgs(
                namespace=namespace,
                image=args.mariadb_image,
                object_name="mariadb",
                part_of=NAME,
                database=DATABASE,
                user=USER,
                first_run=(("10-messages.sql", _FIRST_ROWS),),
            ),
        )

    def _app(self, args: ExampleAppArgs, namespace: Namespace, database: DatabaseEndpoint) -> Service:
        elsewhere = (Outside(MYSQL_SERVICE, ("0.0.0.0/0",), (MYSQL_PORT,)),) if args.mysql_host else ()
        return Service(
            NAME,
            ServiceArgs(
                namespace=namespace,
                tier="frontend",
                containers=(
                    Container(
                        name=NAME,
                        image=pulumi.Output.format("{0}/example-app:{1}", args.cluster.registry, args.revision),
                        ports=(Port("http", 3000),),
                        probes=Probes.of(
                            Check(path="/ready", port="http"),
                            startup_seconds=180,
                            # The tutorial's own timing.
                            liveness=Probe(Check(path="/health", port="http"), initial_delay=3, period=1),
                        ),
                        env={
                            "SERVER_PORT": "3000",
                            "DB_URL": f"jdbc:mysql://{MYSQL_SERVICE}:{MYSQL_PORT}/{database.name}",
                            "DB_USER_NAME": database.user,
                        },
                        secret_env={"DB_USER_PASSWORD": SecretValue(database.password.credential, "password")},
                        resources=args.options.resources,
                        writable=("/tmp",),  # noqa: S108 - a directory of the container
                    ),
                ),
                replicas=args.options.replicas,
                autoscaling=args.options.autoscaling,
                exposure=Exposure(
                    ports=(ServicePort("http", 3000, "http", args.options.node_port),),
                    service_type=args.options.service_type,
                    host=args.options.host,
                ),
                connects_to=(database.edge, *elsewhere),
                # The page of messages: the whole way to the database and back.
                smoke=Smoke("/", text='"messages"'),
            ),
            pulumi.ResourceOptions(parent=self),
        )

"""Databases as apps see them: an address and a credential, whether inside the cluster or managed by a cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.model import Outside, Port
from components.workload import (
    Check,
    Container,
    ContainerResources,
    Credential,
    CredentialArgs,
    Exposure,
    Probes,
    SecretValue,
    Service,
    ServiceArgs,
    ServicePort,
    Storage,
)

if TYPE_CHECKING:
    from components.foundation.database import OutsideDatabase
    from components.model import Endpoint, Namespace

DATABASE_USER = 999
"""User of the official postgres and mariadb images."""
POSTGRES_PORT = 5432
MYSQL_PORT = 3306


@dataclass(frozen=True)
class DatabaseEndpoint:
    """Where a database answers, for the app that uses it.

    Attributes:
        host: DNS name.
        port: Port.
        name: Name of the database.
        user: User name.
        password: Where the app's pods find the password.
        edge: What the app connects to, for its network policies.
    """

    host: pulumi.Input[str]
    port: int
    name: str
    user: str
    password: SecretValue
    edge: Endpoint | Outside


@dataclass(frozen=True)
class DatabaseArgs:
    """A database inside the cluster.

    Attributes:
        namespace: Where it lives.
        image: Its image.
        object_name: Name of its Kubernetes objects.
        part_of: The app that it belongs to.
        database: Name of the database.
        user: User name of the app.
        storage: Size of its volume.
        first_run: File name to SQL that runs when the database is empty.
    """

    namespace: Namespace
    image: str
    object_name: str
    part_of: str
    database: str
    user: str
    storage: str = "1Gi"
    first_run: tuple[tuple[str, str], ...] = ()


def use_outside(
    parent: pulumi.Resource, name: str, namespace: Namespace, secret_name: str, database: OutsideDatabase
) -> DatabaseEndpoint:
    """Make a database outside the cluster known to an app.

    Args:
        parent: Component that owns it.
        name: Logical name.
        namespace: Namespace of the app.
        secret_name: Name of the Secret that holds its password.
        database: The database.

    Returns:
        Where it answers.
    """
    credential = Credential(
        f"{name}-credential",
        CredentialArgs(
            namespace=namespace,
            generated=(),
            fixed={"password": pulumi.Output.secret(database.password)},
            secret_name=secret_name,
        ),
        pulumi.ResourceOptions(parent=parent),
    )
    return DatabaseEndpoint(
        host=database.host,
        port=database.port,
        name=database.name,
        user=database.user,
        password=SecretValue(credential, "password"),
        edge=Outside(name, database.cidrs, (database.port,)),
    )


def make_postgres(parent: pulumi.Resource, name: str, args: DatabaseArgs) -> DatabaseEndpoint:
    """Make a PostgreSQL with a generated password.

    Args:
        parent: Component that owns it.
        name: Logical name.
        args: What it is made of.

    Returns:
        Where it answers. It is a StatefulSet: the data directory belongs to the one pod of that name, and Kubernetes
        never runs two of them at a time.
    """
    credential = Credential(
        f"{name}-credential",
        CredentialArgs(namespace=args.namespace, secret_name=f"{args.object_name}-credential"),
        pulumi.ResourceOptions(parent=parent),
    )
    service = Service(
        name,
        ServiceArgs(
            namespace=args.namespace,
            object_name=args.object_name,
            tier="database",
            kind="StatefulSet",
            containers=(_postgres(args, credential),),
            storage=Storage(args.storage),
            exposure=Exposure(ports=(ServicePort("postgres", POSTGRES_PORT, "postgres"),), browsable=False),
            user=DATABASE_USER,
            component_of=args.part_of,
        ),
        pulumi.ResourceOptions(parent=parent),
    )
    return DatabaseEndpoint(
        host=args.object_name,
        port=POSTGRES_PORT,
        name=args.database,
        user=args.user,
        password=SecretValue(credential, "password"),
        edge=service.endpoint("postgres"),
    )


def _postgres(args: DatabaseArgs, credential: Credential) -> Container:
    return Container(
        name="postgres",
        image=args.image,
        ports=(Port("postgres", POSTGRES_PORT),),
        # https://www.postgresql.org/docs/15/app-pg-isready.html
        probes=Probes.of(
            Check(command=("pg_isready", "-h", "127.0.0.1", "-U", args.user, "-d", args.database)),
            startup_seconds=120,
        ),
        env={
            "POSTGRES_USER": args.user,
            "POSTGRES_DB": args.database,
            # A subdirectory: the volume's own root may hold lost+found.
            "PGDATA": "/var/lib/postgresql/data/pgdata",
        },
        secret_env={"POSTGRES_PASSWORD": SecretValue(credential, "password")},
        resources=ContainerResources(cpu="50m", memory="128Mi", memory_limit="384Mi"),
        writable=("/tmp", "/var/run/postgresql"),  # noqa: S108 - in the container
        claim_mount="/var/lib/postgresql/data",
    )


def make_mariadb(parent: pulumi.Resource, name: str, args: DatabaseArgs) -> DatabaseEndpoint:
    """Make a MariaDB with generated passwords.

    Args:
        parent: Component that owns it.
        name: Logical name.
        args: What it is made of.

    Returns:
        Where it answers. It is a StatefulSet, for the reason that PostgreSQL is one.
    """
    credential = Credential(
        f"{name}-credential",
        CredentialArgs(
            namespace=args.namespace,
            generated=("password", "root-password"),
            secret_name=f"{args.object_name}-credential",
        ),
        pulumi.ResourceOptions(parent=parent),
    )
    service = Service(
        name,
        ServiceArgs(
            namespace=args.namespace,
            object_name=args.object_name,
            tier="database",
            kind="StatefulSet",
            containers=(
                Container(
                    name="mariadb",
                    image=args.image,
                    ports=(Port("mysql", MYSQL_PORT),),
                    # Over TCP: while the first run prepares the data, the server listens on its socket alone.
                    probes=Probes.of(Check(port="mysql"), startup_seconds=180),
                    env={"MARIADB_DATABASE": args.database, "MARIADB_USER": args.user},
                    secret_env={
                        "MARIADB_PASSWORD": SecretValue(credential, "password"),
                        "MARIADB_ROOT_PASSWORD": SecretValue(credential, "root-password"),
                    },
                    resources=ContainerResources(cpu="50m", memory="192Mi", memory_limit="512Mi"),
                    writable=("/tmp", "/run/mysqld"),  # noqa: S108 - in the container
                    files={"/docker-entrypoint-initdb.d": dict(args.first_run)} if args.first_run else {},
                    claim_mount="/var/lib/mysql",
                ),
            ),
            storage=Storage(args.storage),
            exposure=Exposure(ports=(ServicePort("mysql", MYSQL_PORT, "mysql"),), browsable=False),
            user=DATABASE_USER,
            component_of=args.part_of,
        ),
        pulumi.ResourceOptions(parent=parent),
    )
    return DatabaseEndpoint(
        host=f"{args.object_name}.{args.namespace.name}.svc.cluster.local",
        port=MYSQL_PORT,
        name=args.database,
        user=args.user,
        password=SecretValue(credential, "password"),
        edge=service.endpoint("mysql"),
    )

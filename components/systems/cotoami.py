"""System 2: Cotoami, all in one on a single machine or in its production shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pulumi

from components.model import Outside, Port
from components.platform.namespace import GuardedNamespace, GuardedNamespaceArgs
from components.systems.database import DatabaseArgs, DatabaseEndpoint, make_postgres, use_outside
from components.systems.redis import RedisArgs, make_redis
from components.workload import (
    Check,
    Container,
    ContainerResources,
    Credential,
    CredentialArgs,
    ExistingSecret,
    Exposure,
    Options,
    Probes,
    SecretValue,
    Service,
    ServiceArgs,
    ServicePort,
    Smoke,
)

if TYPE_CHECKING:
    from components.foundation.database import OutsideDatabase
    from components.model import Cluster, Endpoint, Namespace
    from components.scope import Scope

NAME = "cotoami"
DATABASE = "cotoami"
APP_PORT = 4000
"""Port that Phoenix listens on by default; here, behind the proxy."""
ENTRY, ENTRY_PORT = "http", 80
"""Where requests come in, in either shape. While one replaces the other, the Service and the network policies are right
for the old pods and for the new ones."""
PROXY_STOP_DELAY = 5
APP_STOP_DELAY = 10
"""Behind the proxy the app stops last: requests that the proxy has taken are still to be answered."""
NGINX_USER = 101
MAILDEV_USER = 1000
"""User `node` of the public image."""
Shape = Literal["all-in-one", "production"]

_PROXY = f"""\
upstream app {{
    server 127.0.0.1:{APP_PORT};
    keepalive 16;
}}
map $http_upgrade $connection_upgrade {{
    default upgrade;
    ''      '';
}}
server {{
    listen {ENTRY_PORT};
    client_max_body_size 10m;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;

    location = /health_check {{
        access_log off;
        proxy_pass http://app/;
    }}
    location / {{
        proxy_pass http://app;
    }}
}}
"""


@dataclass(frozen=True)
class Mail:
    """Where sign-in mails are handed to.

    Attributes:
        server: Host name of the SMTP server.
        port: Its port.
        sender: Address that mails come from.
        secret: Name of an existing Secret with the keys `user` and `password`, or None.
    """

    server: str
    port: int = 25
    sender: str = "no-reply@cotoami.example.com"
    secret: str | None = None


@dataclass(frozen=True)
class CotoamiArgs:
    """What may differ between stacks.

    Attributes:
        scope: The stack.
        cluster: Where it runs.
        image: Cotoami's image.
        postgres_image: Image of the database inside the cluster.
        redis_image: Image of Redis.
        maildev_image: Image of the mail catcher.
        nginx_image: Image of the proxy beside the app in the production shape.
        shape: `all-in-one` or `production`.
        database: The database outside the cluster; None: a PostgreSQL is made inside.
        mail: The SMTP server; None: a maildev is made.
        maildev_node_port: Fixed port on every node for maildev's page, or None.
        options: Scaling, resources and exposure.
    """

    scope: Scope
    cluster: Cluster
    image: str
    postgres_image: str
    redis_image: str
    maildev_image: str
    nginx_image: str
    shape: Shape = "all-in-one"
    database: OutsideDatabase | None = None
    mail: Mail | None = None
    maildev_node_port: int | None = None
    options: Options = field(default_factory=Options)


class Cotoami(pulumi.ComponentResource):
    """Cotoami and what it needs, in a namespace of its own.

    Attributes:
        service: The app.
        maildev: The mail catcher, or None.
    """

    def __init__(self, name: str, args: CotoamiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make Cotoami.

        Args:
            name: Logical name.
            args: What may differ between stacks.
            opts: Options of the component.
        """
        super().__init__("slipway:workloads:Cotoami", name, None, opts)
        namespace = GuardedNamespace(
            NAME,
            GuardedNamespaceArgs(scope=args.scope, cluster=args.cluster, system=NAME, keeps_data=True),
            pulumi.ResourceOptions(parent=self),
        ).handle
        database = self._database(args, namespace)
        redis = make_redis(
            self,
            "cotoami-redis-master",
            RedisArgs(namespace=namespace, image=args.redis_image, object_name="redis-master", part_of=NAME),
        )
        self.maildev = None if args.mail else self._maildev(args, namespace)
        mail = args.mail or Mail("maildev")
        mail_edge: Endpoint | Outside = (
            self.maildev.endpoint("smtp") if self.maildev else Outside("smtp", ("0.0.0.0/0",), (mail.port,))
        )
        keys = Credential(
            "cotoami-keys",
            CredentialArgs(namespace=namespace, generated=("secret-key-base",)),
            pulumi.ResourceOptions(parent=self),
        )
        app = self._app(args, database, mail, keys)
        proxied = args.shape == "production"
        port = args.options.node_port
        self.service = Service(
            NAME,
            ServiceArgs(
                namespace=namespace,
                tier="frontend",
                containers=(app, self._proxy(args)) if proxied else (app,),
                replicas=args.options.replicas,
                autoscaling=args.options.autoscaling,
                exposure=Exposure(
                    ports=(ServicePort("http", 80, ENTRY, port),),
                    service_type=args.options.service_type,
                    host=args.options.host,
                ),
                connects_to=(database.edge, redis.endpoint("redis"), mail_edge),
                smoke=Smoke("/"),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"url": self.service.url})

    def _database(self, args: CotoamiArgs, namespace: Namespace) -> DatabaseEndpoint:
        if args.database:
            return use_outside(self, "cotoami-postgres", namespace, "postgres-credential", args.database)
        return make_postgres(
            self,
            "cotoami-postgres",
            DatabaseArgs(
                namespace=namespace,
                image=args.postgres_image,
                object_name="postgres",
                part_of=NAME,
                database=DATABASE,
                user=DATABASE,
            ),
        )

    def _maildev(self, args: CotoamiArgs, namespace: Namespace) -> Service:
        return Service(
            "cotoami-maildev",
            ServiceArgs(
                namespace=namespace,
                object_name="maildev",
                tier="mail",
                # Caught mails are for reading now: no volume.
                containers=(
                    Container(
                        name="maildev",
                        image=args.maildev_image,
                        ports=(Port("web", 1080), Port("smtp", 1025)),
                        probes=Probes.of(Check(path="/healthz", port="web")),
                        resources=ContainerResources(cpu="20m", memory="96Mi", memory_limit="192Mi"),
                        writable=("/tmp",),  # noqa: S108 - a directory of the container
                    ),
                ),
                exposure=Exposure(
                    ports=(ServicePort("web", 80, "web", args.maildev_node_port), ServicePort("smtp", 25, "smtp")),
                    service_type="NodePort",
                ),
                user=MAILDEV_USER,
                component_of=NAME,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _app(self, args: CotoamiArgs, database: DatabaseEndpoint, mail: Mail, keys: Credential) -> Container:
        proxied = args.shape == "production"
        port = Port("app", APP_PORT) if proxied else Port(ENTRY, ENTRY_PORT)
        # https://github.com/cotoami/cotoami (Configuration)
        return Container(
            name=NAME,
            image=args.image,
            ports=(port,),
            probes=Probes.of(Check(path="/", port=port.name), startup_seconds=120),
            env={
                # The public image makes PORT of it.
                "APP_PORT": str(port.number),
                "PORT": str(port.number),
                "COTOAMI_URL_SCHEME": "http",
                "COTOAMI_URL_HOST": args.options.host or "localhost",
                "COTOAMI_URL_PORT": "80" if args.options.host else str(args.options.node_port or 80),
                "COTOAMI_REDIS_HOST": "redis-master",
                "COTOAMI_REDIS_PORT": "6379",
                "COTOAMI_REPO_HOST": database.host,
                "COTOAMI_REPO_PORT": str(database.port),
                "COTOAMI_REPO_DATABASE": database.name,
                "COTOAMI_REPO_USER": database.user,
                "COTOAMI_SMTP_SERVER": mail.server,
                "COTOAMI_SMTP_PORT": str(mail.port),
                "COTOAMI_EMAIL_FROM": mail.sender,
            },
            secret_env={
                "COTOAMI_REPO_PASSWORD": database.password,
                "SECRET_KEY_BASE": SecretValue(keys, "secret-key-base"),
                **(
                    {
                        "COTOAMI_SMTP_USER": SecretValue(ExistingSecret(mail.secret), "user"),
                        "COTOAMI_SMTP_PASSWORD": SecretValue(ExistingSecret(mail.secret), "password"),
                    }
                    if mail.secret
                    else {}
                ),
            },
            resources=args.options.resources,
            writable=("/tmp",),  # noqa: S108 - a directory of the container
            stop_delay=APP_STOP_DELAY if proxied else PROXY_STOP_DELAY,
        )

    def _proxy(self, args: CotoamiArgs) -> Container:
        return Container(
            name="proxy",
            image=args.nginx_image,
            ports=(Port(ENTRY, ENTRY_PORT),),
            probes=Probes.of(Check(path="/health_check", port=ENTRY), startup_seconds=120, liveness=Check(port=ENTRY)),
            resources=ContainerResources(cpu="20m", memory="64Mi"),
            writable=("/run", "/var/cache/nginx", "/tmp"),  # noqa: S108 - in the container
            files={"/etc/nginx/conf.d": {"default.conf": _PROXY}},
            user=NGINX_USER,
            stop_delay=PROXY_STOP_DELAY,
        )

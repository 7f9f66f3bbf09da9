"""Settings of the apps: which cluster each runs on and what may differ between stacks."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from components.versions import IMAGES
from stacks.settings.app_base import AppBase, Replicas, Resources, ServiceType, StatelessApp
from stacks.settings.fields import (
    Address,
    Count,
    HostName,
    ImageReference,
    Label,
    Memory,
    Model,
    NodePort,
    Revision,
    host,
    label,
    text,
)

STICKY_REPLICAS = 2
"""Fewer pods leave nothing to be sticky about."""


class H2oExample(StatelessApp):
    """The H2O API mock (system 1).

    Attributes:
        revision: Tag of the own image `h2o` and value of the pods' `revision` label; raising it rolls the mock.
    """

    tag_key: ClassVar[str] = "revision"
    revision: Revision = "1"


class Nginx(StatelessApp):
    """nginx (system 4's workload).

    Attributes:
        image: Image of nginx.
    """

    tag_key: ClassVar[str] = "image"
    image: ImageReference = IMAGES["nginx"]


class HttpDebugServer(StatelessApp):
    """http-debug-server (system 2); with a `host` its sessions are sticky.

    Attributes:
        image: Image of the server.
    """

    tag_key: ClassVar[str] = "image"
    image: ImageReference = IMAGES["http-debug-server"]
    service_type: ServiceType = "ClusterIP"

    @property
    def default_replicas(self) -> int:
        """Pods where nothing else is said."""
        return 3

    @model_validator(mode="after")
    def _sticky(self) -> Self:
        least = self.autoscale.min_replicas if self.autoscale else (self.replicas or self.default_replicas)
        if self.host and least < STICKY_REPLICAS:
            raise ValueError(f"sticky sessions at host {self.host} need at least {STICKY_REPLICAS} pods, not {least}")
        return self


class Guestbook(StatelessApp):
    """The guestbook (system 2).

    Attributes:
        frontend_image: Image of the frontend.
        redis_image: Image of Redis.
        slaves: Number of Redis copies.
    """

    tag_key: ClassVar[str] = "frontendImage"
    frontend_image: ImageReference = IMAGES["guestbook-frontend"]
    redis_image: ImageReference = IMAGES["redis"]
    slaves: Replicas = 2
    service_type: ServiceType = "NodePort"

    @property
    def default_replicas(self) -> int:
        """Pods where nothing else is said."""
        return 3


class MailSettings(Model):
    """The SMTP server that sign-in mails are handed to.

    Attributes:
        server: Host name or IP address of the server.
        port: Port of the server.
        sender: Address that mails come from.
        secret: Name of a Secret in Cotoami's namespace whose keys `user` and `password` sign in to the server; none:
            the server wants no sign-in. slipway does not make it.
    """

    server: Annotated[Address, text("IP address or host name", "mail.example.com")]
    port: Annotated[Count, Field(ge=1, le=65535, examples=[587])] = 25
    sender: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", examples=["no-reply@example.com"])] = (
        "no-reply@cotoami.example.com"
    )
    secret: Annotated[Label, label("cotoami-smtp")] | None = None


class Cotoami(StatelessApp):
    """Cotoami (system 2).

    Attributes:
        shape: `all-in-one` (everything in the cluster) or `production` (proxy beside the app, two pods).
        image: Cotoami's image.
        postgres_image: Image of the database inside the cluster.
        redis_image: Image of Redis.
        maildev_image: Image of the mail catcher.
        nginx_image: Image of the proxy.
        database: Name of a managed database of the stack; none: PostgreSQL in the cluster.
        mail: SMTP server; none: maildev in the cluster.
        maildev_node_port: Port on every node for maildev's page; none lets Kubernetes choose.
    """

    shape: Literal["all-in-one", "production"] = "all-in-one"
    tag_key: ClassVar[str] = "image"
    image: ImageReference = IMAGES["cotoami"]
    postgres_image: ImageReference = IMAGES["postgres"]
    redis_image: ImageReference = IMAGES["redis"]
    maildev_image: ImageReference = IMAGES["maildev"]
    nginx_image: ImageReference = IMAGES["nginx"]
    database: Annotated[Label, label("postgres")] | None = None
    mail: MailSettings | None = None
    maildev_node_port: NodePort | None = None
    resources: Resources = Resources.model_validate({"memory": "128Mi", "memoryLimit": "384Mi"})
    service_type: ServiceType = "NodePort"

    @property
    def default_replicas(self) -> int:
        """Pods where nothing else is said: one locally, two in production."""
        return 2 if self.shape == "production" else 1

    def node_ports(self) -> dict[str, int]:
        """Fixed node ports of the app and of maildev."""
        own = {} if self.maildev_node_port is None else {"maildevNodePort": self.maildev_node_port}
        return {**super().node_ports(), **own}

    @model_validator(mode="after")
    def _mail(self) -> Self:
        if self.mail and self.maildev_node_port is not None:
            raise ValueError(
                f"maildevNodePort ({self.maildev_node_port}) and mail exclude each other: with an SMTP server "
                "there is no maildev"
            )
        return self


class ExampleApp(StatelessApp):
    """example-app (system 3).

    Attributes:
        revision: Tag of the own image `example-app`.
        mariadb_image: Image of the database inside the cluster.
        database: Name of a managed database of the stack; none: MariaDB in the cluster.
        mysql_host: Host that `mysql-service` stands for; none: that of the database.
    """

    tag_key: ClassVar[str] = "revision"
    revision: Revision = "1"
    mariadb_image: ImageReference = IMAGES["mariadb"]
    database: Annotated[Label, label("mysql")] | None = None
    mysql_host: Annotated[HostName, host("mysql.example.com")] | None = None
    resources: Resources = Resources.model_validate({"memory": "256Mi", "memoryLimit": "384Mi"})
    service_type: ServiceType = "NodePort"

    @property
    def default_replicas(self) -> int:
        """Pods where nothing else is said."""
        return 3


class Todo(StatelessApp):
    """The todo app on GridDB (system 5).

    Attributes:
        revision: Tag of the own images `web-server` and `auth`.
        griddb_image: Image of the database, GridDB.
        stand_in: H2 in GridDB's place, built here, for a machine that cannot have GridDB's image.
        storage: Size of the database's claim.
    """

    tag_key: ClassVar[str] = "revision"
    revision: Revision = "01"
    griddb_image: ImageReference = IMAGES["griddb-server"]
    stand_in: bool = False
    storage: Memory = "1Gi"
    resources: Resources = Resources.model_validate({"memory": "128Mi"})

    @model_validator(mode="after")
    def _one_database(self) -> Self:
        if self.stand_in and "griddb_image" in self.model_fields_set:
            raise ValueError("standIn puts H2 in GridDB's place, and griddbImage says which GridDB: leave one out")
        return self

    @property
    def default_replicas(self) -> int:
        """Pods where nothing else is said."""
        return 1


class Apps(Model):
    """The apps of a stack, each under its own name; one that is not named is not deployed."""

    h2o_example: H2oExample | None = Field(default=None, alias="h2o-example")
    nginx: Nginx | None = None
    http_debug_server: HttpDebugServer | None = Field(default=None, alias="http-debug-server")
    cotoami: Cotoami | None = None
    guestbook: Guestbook | None = None
    example_app: ExampleApp | None = Field(default=None, alias="example-app")
    todo: Todo | None = None

    def deployed(self) -> dict[str, AppBase]:
        """The apps that the stack names.

        Returns:
            App name to its settings, in alphabetical order.
        """
        fields = type(self).model_fields
        named = {fields[field].alias or field: getattr(self, field) for field in fields}
        return {name: app for name, app in sorted(named.items()) if app is not None}

"""Settings of the apps: which cluster each runs on and what may differ between stacks."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from components.quantities import cpu_millis, memory_bytes
from components.versions import IMAGES
from stacks.settings.fields import (
    Address,
    ClusterName,
    Count,
    Cpu,
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

Replicas = Annotated[Count, Field(ge=1, le=100, examples=[3])]
STICKY_REPLICAS = 2
"""Fewer pods leave nothing to be sticky about."""
ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]


class Autoscale(Model):
    """Scaling by load (HorizontalPodAutoscaler, autoscaling/v2).

    Attributes:
        min_replicas: Pods without load.
        max_replicas: Pods at most.
        cpu_percent: Average CPU use, in percent of the CPU request, above which pods are added.
        scale_down_seconds: How long the load must be gone before pods are taken away.
    """

    min_replicas: Replicas = 2
    max_replicas: Replicas = 4
    cpu_percent: Annotated[Count, Field(ge=1, le=100, examples=[70])] = 50
    scale_down_seconds: Annotated[Count, Field(ge=0, le=3600, examples=[60])] = 300

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(
                f"minReplicas ({self.min_replicas}) must not be more than maxReplicas ({self.max_replicas})"
            )
        return self


class Resources(Model):
    """What one pod asks for.

    Attributes:
        cpu: CPU request.
        memory: Memory request and, unless `memoryLimit` says otherwise, the limit.
        memory_limit: Memory limit.
    """

    cpu: Cpu = "100m"
    memory: Memory = "100Mi"
    memory_limit: Memory | None = None

    @model_validator(mode="after")
    def _limit(self) -> Self:
        if self.memory_limit is not None and memory_bytes(self.memory_limit) < memory_bytes(self.memory):
            raise ValueError(f"memoryLimit ({self.memory_limit}) must be at least memory ({self.memory})")
        return self


class AppBase(Model):
    """What every app has.

    Attributes:
        cluster: Name of the cluster it runs on; moving it is changing this one line.
        tag_key: Key below the app by which a new image is released: `revision`, the tag of an own image, or a key whose
            value is a whole image reference. Not a setting itself.
    """

    cluster: ClusterName
    tag_key: ClassVar[str]

    def node_ports(self) -> dict[str, int]:
        """Fixed node ports of the app.

        Returns:
            Key path below the app to port.
        """
        return {}


class StatelessApp(AppBase):
    """An app whose pods are all alike.

    Attributes:
        replicas: Fixed number of pods, which excludes `autoscale`; none: three of http-debug-server, guestbook and
            example-app, one of todo and of an all-in-one Cotoami, else two.
        autoscale: Scaling by load instead of a fixed number.
        resources: What one pod asks for.
        service_type: Kubernetes Service type.
        node_port: Fixed port on every node; none lets Kubernetes choose.
        host: Host name under which the cluster's ingress controller serves it.
    """

    replicas: Replicas | None = None
    autoscale: Autoscale | None = None
    resources: Resources = Resources()
    service_type: ServiceType = "LoadBalancer"
    node_port: NodePort | None = None
    host: HostName | None = None

    @property
    def default_replicas(self) -> int:
        """Pods where neither `replicas` nor `autoscale` is given."""
        return 2

    @property
    def fixed_replicas(self) -> int | None:
        """The fixed number of pods, or None where the autoscaler decides."""
        return None if self.autoscale else (self.replicas or self.default_replicas)

    def node_ports(self) -> dict[str, int]:
        """Fixed node ports of the app.

        Returns:
            Key path below the app to port.
        """
        return {} if self.node_port is None else {"nodePort": self.node_port}

    @model_validator(mode="after")
    def _conflicts(self) -> Self:
        if self.autoscale and self.replicas is not None:
            raise ValueError(f"replicas ({self.replicas}) and autoscale exclude each other; keep one of them")
        if self.autoscale and cpu_millis(self.resources.cpu) < 1:
            raise ValueError("autoscale needs a CPU request; set resources.cpu")
        if self.node_port is not None and self.service_type == "ClusterIP":
            raise ValueError(
                f"nodePort ({self.node_port}) needs serviceType NodePort or LoadBalancer, not {self.service_type}"
            )
        return self


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

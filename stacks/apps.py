"""Composition of the apps: one function a system, each a few lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.workload import Autoscaling, ContainerResources, Options
from stacks.settings import apps as settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.foundation.database import OutsideDatabase
    from components.model import Cluster
    from components.scope import Scope
    from stacks.settings.apps import StatelessApp

Urls = dict[str, "pulumi.Output[str] | None"]


def options(app: StatelessApp) -> Options:
    """Scaling, resources and exposure of an app.

    Args:
        app: Its settings.

    Returns:
        The same, as components take it.
    """
    scaling = app.autoscale
    return Options(
        replicas=app.fixed_replicas,
        autoscaling=scaling
        and Autoscaling(
            min_replicas=scaling.min_replicas,
            max_replicas=scaling.max_replicas,
            cpu_percent=scaling.cpu_percent,
            scale_down_seconds=scaling.scale_down_seconds,
        ),
        resources=ContainerResources(
            cpu=app.resources.cpu, memory=app.resources.memory, memory_limit=app.resources.memory_limit
        ),
        service_type=app.service_type,
        node_port=app.node_port,
        host=app.host,
    )


@dataclass(frozen=True)
class Ground:
    """What apps are built on.

    Attributes:
        scope: The stack.
        clusters: The clusters, by name.
        databases: The managed databases, by name.
    """

    scope: Scope
    clusters: Mapping[str, Cluster]
    databases: Mapping[str, OutsideDatabase]


def make_apps(ground: Ground, apps: settings.Apps) -> dict[str, pulumi.Output[str]]:
    """Make every app that the stack names.

    Args:
        ground: What they are built on.
        apps: Their settings.

    Returns:
        App name to URL, of the apps that people can open.
    """
    urls: Urls = {}
    for app in apps.deployed().values():
        urls |= _make(ground, ground.clusters[app.cluster], app)
    return {name: url for name, url in urls.items() if url is not None}


def _make(ground: Ground, cluster: Cluster, app: settings.AppBase) -> Urls:
    match app:
        case settings.H2oExample():
            return _h2o_example(ground, cluster, app)
        case settings.Nginx():
            return _nginx(ground, cluster, app)
        case settings.HttpDebugServer():
            return _http_debug_server(ground, cluster, app)
        case settings.Cotoami():
            return _cotoami(ground, cluster, app)
        case settings.Guestbook():
            return _guestbook(ground, cluster, app)
        case settings.ExampleApp():
            return _example_app(ground, cluster, app)
        case settings.Todo():
            return _todo(ground, cluster, app)
        case _:
            raise TypeError(f"no component for {type(app).__name__}")


def _h2o_example(ground: Ground, cluster: Cluster, app: settings.H2oExample) -> Urls:
    from components.systems.h2o_example import H2oExample, H2oExampleArgs

    args = H2oExampleArgs(scope=ground.scope, cluster=cluster, revision=app.revision, options=options(app))
    return {"h2o-example": H2oExample("h2o-mock", args).service.url}


def _nginx(ground: Ground, cluster: Cluster, app: settings.Nginx) -> Urls:
    from components.systems.nginx import Nginx, NginxArgs

    args = NginxArgs(scope=ground.scope, cluster=cluster, image=app.image, options=options(app))
    return {"nginx": Nginx("nginx-system", args).service.url}


def _http_debug_server(ground: Ground, cluster: Cluster, app: settings.HttpDebugServer) -> Urls:
    from components.systems.http_debug_server import HttpDebugServer, HttpDebugServerArgs

    args = HttpDebugServerArgs(scope=ground.scope, cluster=cluster, image=app.image, options=options(app))
    return {"http-debug-server": HttpDebugServer("http-debug-system", args).service.url}


def _cotoami(ground: Ground, cluster: Cluster, app: settings.Cotoami) -> Urls:
    from components.systems.cotoami import Cotoami, CotoamiArgs, Mail

    system = Cotoami(
        "cotoami-system",
        CotoamiArgs(
            scope=ground.scope,
            cluster=cluster,
            image=app.image,
            postgres_image=app.postgres_image,
            redis_image=app.redis_image,
            maildev_image=app.maildev_image,
            nginx_image=app.nginx_image,
            shape=app.shape,
            database=ground.databases[app.database] if app.database else None,
            mail=Mail(app.mail.server, app.mail.port, app.mail.sender, app.mail.secret) if app.mail else None,
            maildev_node_port=app.maildev_node_port,
            options=options(app),
        ),
    )
    return {"cotoami": system.service.url, "cotoami-maildev": system.maildev.url if system.maildev else None}


def _guestbook(ground: Ground, cluster: Cluster, app: settings.Guestbook) -> Urls:
    from components.systems.guestbook import Guestbook, GuestbookArgs

    args = GuestbookArgs(
        scope=ground.scope,
        cluster=cluster,
        frontend_image=app.frontend_image,
        redis_image=app.redis_image,
        slaves=app.slaves,
        options=options(app),
    )
    return {"guestbook": Guestbook("guestbook-system", args).service.url}


def _example_app(ground: Ground, cluster: Cluster, app: settings.ExampleApp) -> Urls:
    from components.systems.example_app import ExampleApp, ExampleAppArgs

    args = ExampleAppArgs(
        scope=ground.scope,
        cluster=cluster,
        revision=app.revision,
        mariadb_image=app.mariadb_image,
        database=ground.databases[app.database] if app.database else None,
        mysql_host=app.mysql_host,
        options=options(app),
    )
    return {"example-app": ExampleApp("example-app-system", args).service.url}


def _todo(ground: Ground, cluster: Cluster, app: settings.Todo) -> Urls:
    from components.systems.griddb_todo import GridDbTodo, GridDbTodoArgs

    args = GridDbTodoArgs(
        scope=ground.scope,
        cluster=cluster,
        revision=app.revision,
        griddb_image=app.griddb_image,
        stand_in=app.stand_in,
        storage=app.storage,
        options=options(app),
    )
    return {"todo": GridDbTodo("todo-system", args).service.url}

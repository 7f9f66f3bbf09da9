"""Composition of the apps: one function a system, each a few lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.systems import stateless
from components.workload import Autoscaling, ContainerResources, Options
from stacks.settings import apps as settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.foundation.database import OutsideDatabase
    from components.model import Cluster
    from components.scope import Scope
    from stacks.settings.app_base import AppBase, StatelessApp

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
class Dependencies:
    """What apps are made from.

    Attributes:
        scope: The stack.
        clusters: The clusters, by name.
        databases: The managed databases, by name.
    """

    scope: Scope
    clusters: Mapping[str, Cluster]
    databases: Mapping[str, OutsideDatabase]


def make_apps(dependencies: Dependencies, apps: settings.Apps) -> dict[str, pulumi.Output[str]]:
    """Make every app that the stack names.

    Args:
        dependencies: What they are made from.
        apps: Their settings.

    Returns:
        App name to URL, of the apps that people can open.
    """
    urls: Urls = {}
    for app in apps.deployed().values():
        urls |= _make(dependencies, dependencies.clusters[app.cluster], app)
    return {name: url for name, url in urls.items() if url is not None}


def _make(dependencies: Dependencies, cluster: Cluster, app: AppBase) -> Urls:
    match app:
        case settings.H2oExample():
            image = pulumi.Output.format("{0}/h2o:{1}", cluster.registry, app.revision)
            return _stateless(dependencies, cluster, app, "h2o-mock", stateless.H2O_EXAMPLE, image, app.revision)
        case settings.Nginx():
            return _stateless(dependencies, cluster, app, "nginx-system", stateless.NGINX, app.image)
        case settings.HttpDebugServer():
            return _stateless(dependencies, cluster, app, "http-debug-system", stateless.HTTP_DEBUG_SERVER, app.image)
        case settings.Cotoami():
            return _cotoami(dependencies, cluster, app)
        case settings.Guestbook():
            return _guestbook(dependencies, cluster, app)
        case settings.ExampleApp():
            return _example_app(dependencies, cluster, app)
        case settings.Todo():
            return _todo(dependencies, cluster, app)
        case _:
            raise TypeError(f"no component for {type(app).__name__}")


def _stateless(
    dependencies: Dependencies,
    cluster: Cluster,
    app: StatelessApp,
    name: str,
    kind: stateless.StatelessApp,
    image: pulumi.Input[str],
    revision: str | None = None,
) -> Urls:
    args = stateless.StatelessArgs(
        scope=dependencies.scope, cluster=cluster, app=kind, image=image, revision=revision, options=options(app)
    )
    return {kind.name: stateless.Stateless(name, args).service.url}


def _cotoami(dependencies: Dependencies, cluster: Cluster, app: settings.Cotoami) -> Urls:
    from components.systems.cotoami import Cotoami, CotoamiArgs, Mail

    system = Cotoami(
        "cotoami-system",
        CotoamiArgs(
            scope=dependencies.scope,
            cluster=cluster,
            image=app.image,
            postgres_image=app.postgres_image,
            redis_image=app.redis_image,
            maildev_image=app.maildev_image,
            nginx_image=app.nginx_image,
            shape=app.shape,
            database=dependencies.databases[app.database] if app.database else None,
            mail=Mail(app.mail.server, app.mail.port, app.mail.sender, app.mail.secret) if app.mail else None,
            maildev_node_port=app.maildev_node_port,
            options=options(app),
        ),
    )
    return {"cotoami": system.service.url, "cotoami-maildev": system.maildev.url if system.maildev else None}


def _guestbook(dependencies: Dependencies, cluster: Cluster, app: settings.Guestbook) -> Urls:
    from components.systems.guestbook import Guestbook, GuestbookArgs

    args = GuestbookArgs(
        scope=dependencies.scope,
        cluster=cluster,
        frontend_image=app.frontend_image,
        redis_image=app.redis_image,
        slaves=app.slaves,
        options=options(app),
    )
    return {"guestbook": Guestbook("guestbook-system", args).service.url}


def _example_app(dependencies: Dependencies, cluster: Cluster, app: settings.ExampleApp) -> Urls:
    from components.systems.example_app import ExampleApp, ExampleAppArgs

    args = ExampleAppArgs(
        scope=dependencies.scope,
        cluster=cluster,
        revision=app.revision,
        mariadb_image=app.mariadb_image,
        database=dependencies.databases[app.database] if app.database else None,
        mysql_host=app.mysql_host,
        options=options(app),
    )
    return {"example-app": ExampleApp("example-app-system", args).service.url}


def _todo(dependencies: Dependencies, cluster: Cluster, app: settings.Todo) -> Urls:
    from components.systems.griddb_todo import GridDbTodo, GridDbTodoArgs

    args = GridDbTodoArgs(
        scope=dependencies.scope,
        cluster=cluster,
        revision=app.revision,
        griddb_image=app.griddb_image,
        stand_in=app.stand_in,
        storage=app.storage,
        options=options(app),
    )
    return {"todo": GridDbTodo("todo-system", args).service.url}

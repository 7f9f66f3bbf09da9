"""The images that a stack needs, made available to the embedded cluster's node."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from local.errors import LocalError
from ops.stack import containers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.stack import Stack
    from ops.status import AppStatus


def references(stack: Stack, cluster: str) -> dict[str, str]:
    """Image references of a cluster, each with the app that uses it first."""
    apps = {app.image: app.part_of or app.name for app in stack.apps(cluster)}
    images = dict.fromkeys(container["image"] for container in containers(stack.manifests(cluster)))
    return {image: apps.get(image, "") for image in images}


def with_origins(stack: Stack, statuses: Sequence[AppStatus]) -> tuple[AppStatus, ...]:
    """The apps, with what their images are; where the embedded cluster's registry does not answer, without."""
    from local.images.origin import origin

    def told(status: AppStatus) -> AppStatus:
        cluster = stack.cluster(status.cluster)
        if cluster.kind != "embedded":
            return status
        try:
            return replace(status, origin=origin(status.image, cluster.registry, stack.progress))
        except LocalError:
            return status

    with ThreadPoolExecutor(max_workers=8) as pool:
        return tuple(pool.map(told, statuses))


def ensure_images(stack: Stack, cluster: str) -> None:
    """Build and push what the embedded cluster's registry lacks; other clusters pull for themselves. Raises LocalError
    where an image cannot be had, or an own image has changed while its tag has not."""
    target = stack.cluster(cluster)
    if target.kind != "embedded":
        return
    from local.images.push import ensure

    wanted = references(stack, cluster)
    with stack.progress.step("images"):
        ensure(list(wanted), target.registry, stack.progress, apps={k: v for k, v in wanted.items() if v})

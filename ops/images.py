"""The images that a stack needs, made available to the embedded cluster's node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.stack import containers

if TYPE_CHECKING:
    from ops.stack import Stack


def references(stack: Stack, cluster: str) -> dict[str, str]:
    """Image references of a cluster, each with the app that uses it first."""
    apps = {app.image: app.part_of or app.name for app in stack.apps(cluster)}
    images = dict.fromkeys(container["image"] for container in containers(stack.manifests(cluster)))
    return {image: apps.get(image, "") for image in images}


def ensure_images(stack: Stack, cluster: str) -> None:
    """Build and push what the embedded cluster's registry lacks; other clusters pull for themselves.

    Raises:
        LocalError: An image cannot be had, or an own image has changed while its tag has not.
    """
    target = stack.cluster(cluster)
    if target.kind != "embedded":
        return
    from local.images.push import ensure

    wanted = references(stack, cluster)
    with stack.progress.step("images"):
        ensure(list(wanted), target.registry, stack.progress, apps={k: v for k, v in wanted.items() if v})

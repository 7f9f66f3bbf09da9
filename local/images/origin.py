"""What an image is that a stack runs: own, public, or built on this machine in a public one's place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from local.images import registry
from local.images.reference import Reference, loopback, same_registry

if TYPE_CHECKING:
    from local.progress import Progress

Origin = Literal["own", "public", "built here", "stand-in", "missing"]


def origin(text: str, registry_host: str, progress: Progress) -> Origin:
    """What an image reference leads to on a node whose mirror is `registry_host`.

    Args:
        text: as it stands in the manifests.
        registry_host: `host:port` of the mirror, which is also the registry of the stack's own images.
        progress: where to report.

    Returns:
        `own`; `stand-in` (software of ours that answers like the public image); `built here` (upstream's software, from
        packages); `public` (pulled by the node); `missing`: an own image whose tag the registry does not have.

    Raises:
        LocalError: the registry does not answer.
    """
    reference = Reference.parse(text)
    is_own = same_registry(reference.host, registry_host)
    target = loopback(reference.at(registry_host))
    there = registry.look(target, progress) if target.tag else registry.Remote(exists=False)
    if there.stand_in:
        return "stand-in"
    if is_own:
        return "own" if there.exists or not target.tag else "missing"
    return "built here" if there.content else "public"

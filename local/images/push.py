"""Pushing images, and making those available that a stack needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from local.errors import LocalError
from local.images import catalog, registry
from local.images.builder import workshop
from local.images.flags import is_loopback
from local.images.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from local.images.builder import Workshop
    from local.images.catalog import Image
    from local.progress import Progress

Source = Literal["registry", "built", "public"]


@dataclass(frozen=True)
class Available:
    """Where an image reference of a stack comes from now.

    `source` is `registry` (was there already), `built` (built and pushed now) or `public` (the node pulls it itself);
    `replaced` says that the tag was there with other content, so that a node may still hold the old image.
    """

    reference: str
    source: Source
    replaced: bool = False


def push(
    names: Sequence[str],
    registry_host: str,
    *,
    tag_for: Callable[[Image], str] | None = None,
    progress: Progress,
    force: bool = False,
) -> dict[str, str]:
    """Build the named images (none named: all) and push them; returns each one's reference in the registry.

    Args:
        names: names of the catalogue.
        registry_host: `host:port` or `host/path` to push below.
        tag_for: the tag of each image; by default the pin's tag, and for own images the first 12 digits of the content
            hash.
        progress: where to report.
        force: overwrite a tag that has other content.

    Raises:
        LocalError: an unknown name, a failed build, no registry, or a tag with other content.
    """
    pushed: dict[str, str] = {}
    with workshop(progress) as shop:
        for image in catalog.select(list(names), shop.images):
            public = image.public
            tag = tag_for(image) if tag_for else (public.tag if public else shop.content(image)[:12])
            repository = public.repository if public and is_loopback(registry_host) else image.name
            target = _loopback(Reference.parse(f"{registry_host}/{repository}:{tag}"))
            _deliver(shop, image, target, force=force, app="<app>")
            pushed[image.name] = f"{registry_host}/{repository}:{tag}"
    return pushed


def ensure(
    references: Sequence[str], registry_host: str, progress: Progress, *, apps: Mapping[str, str] | None = None
) -> list[Available]:
    """Make the image references that a stack needs available to a node whose mirror is `registry_host`.

    An own image is built and pushed under its tag. A third-party image that the mirror lacks is left to its public
    registry where that answers, and is otherwise built from the catalogue and pushed under the path that containerd
    asks the mirror for.

    Args:
        references: as they stand in the manifests.
        registry_host: `host:port` of the mirror, which is also the registry of the stack's own images.
        progress: where to report.
        apps: the app's name in the settings by reference, for the message about a changed image under an old tag.

    Raises:
        LocalError: a reference that nothing here can provide, a failed build, a registry that does not answer, or an
            own image whose sources changed while its tag did not.
    """
    result: list[Available] = []
    with workshop(progress) as shop:
        for text in dict.fromkeys(references):
            reference = Reference.parse(text)
            own = _same_registry(reference.host, registry_host)
            image = catalog.find(_with_host(reference, registry_host) if own else reference, shop.images, registry_host)
            target = _loopback(reference.at(registry_host))
            if own:
                result.append(_own(shop, text, image, target, (apps or {}).get(text, "<app>")))
            else:
                result.append(_third_party(shop, text, reference, image, target))
    return result


def _own(shop: Workshop, text: str, image: Image | None, target: Reference, app: str) -> Available:
    if image is None:
        if registry.look(target, shop.progress).exists:  # pushed there by somebody else: not ours to build
            return Available(text, "registry")
        raise LocalError(f"the registry has no image {text}, and images/ has no {target.repository!r} to build it from")
    changed = _deliver(shop, image, target, force=False, app=app)
    return Available(text, "built" if changed else "registry")


def _third_party(shop: Workshop, text: str, reference: Reference, image: Image | None, target: Reference) -> Available:
    there = registry.look(target, shop.progress) if target.tag else registry.Remote(exists=False)
    if there.exists and (image is None or there.content == shop.content(image)):
        return Available(text, "registry")
    probe = shop.probes.look(reference)
    if probe.found:
        shop.progress.note(f"{text}: pulled from {reference.host} by the node")
        return Available(text, "public")
    if image is None:
        raise LocalError(f"{text} cannot be had: {probe.reason}, and images/ has nothing that stands for it")
    if reference.digest:
        raise LocalError(
            f"{text} cannot be had: {probe.reason}, and an image built here cannot have that digest: pin it by tag"
        )
    # The tag is upstream's: there is no revision of ours to raise when its recipe changes, so it is replaced.
    _deliver(shop, image, target, force=True, app="")
    return Available(text, "built", replaced=there.exists)


def _deliver(shop: Workshop, image: Image, target: Reference, *, force: bool, app: str) -> bool:
    """Build and push unless the registry has the tag with this content; returns whether it pushed."""
    content = shop.content(image)
    there = registry.look(target, shop.progress)
    if there.exists and there.content == content:
        return False
    if there.exists and not force:
        following = int(target.tag) + 1 if target.tag.isdigit() else "<n>"
        raise LocalError(
            f"{target} is in the registry with other content than images/{image.name} has now, and a tag is never "
            f"overwritten: raise the revision with `slipway config set apps.{app}.revision {following}`"
        )
    built = shop.build(image)
    with shop.progress.step(f"push {target}"):
        shop.engine.push(built.stored, target)
    return True


def _loopback(reference: Reference) -> Reference:
    """The same reference with localhost as 127.0.0.1: the registry does not listen on IPv6."""
    name, colon, port = reference.host.partition(":")
    if name != "localhost":
        return reference
    return Reference(f"127.0.0.1{colon}{port}", reference.repository, reference.tag, reference.digest)


def _same_registry(one: str, other: str) -> bool:
    return one.replace("localhost", "127.0.0.1") == other.replace("localhost", "127.0.0.1")


def _with_host(reference: Reference, host: str) -> Reference:
    return Reference(host, reference.repository, reference.tag, reference.digest)

"""Pushing images, and making those available that a stack needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from local.errors import LocalError
from local.images import catalog, registry
from local.images.builder import building, workshop
from local.images.flags import is_loopback
from local.images.reference import Reference, loopback, same_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from local.images.builder import Workshop
    from local.images.catalog import Image
    from local.progress import Progress

Source = Literal["registry", "built", "public"]


@dataclass(frozen=True)
class _Delivery:
    """An image to build and push; `replaces` says that the tag is there with other content."""

    image: Image
    target: Reference
    replaces: bool


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
    deliveries: list[_Delivery] = []
    with workshop(progress) as shop:
        for image in catalog.select(list(names), shop.images):
            public = image.public
            tag = tag_for(image) if tag_for else (public.tag if public else shop.content(image)[:12])
            repository = public.repository if public and is_loopback(registry_host) else image.name
            pushed[image.name] = f"{registry_host}/{repository}:{tag}"
            target = loopback(Reference.parse(pushed[image.name]))
            there = registry.look(target, progress)
            if there.content != shop.content(image):
                deliveries.append(_Delivery(image, target, there.exists))
        if not force:
            _refuse_overwriting(deliveries)
        _deliver(shop, deliveries)
    return pushed


def ensure(
    references: Sequence[str], registry_host: str, progress: Progress, *, apps: Mapping[str, str] | None = None
) -> list[Available]:
    """Make the image references that a stack needs available to a node whose mirror is `registry_host`.

    An own image is built and pushed under its tag; so is a stand-in with a name of its own, whose tag is upstream's and
    is replaced when its recipe changes. A third-party image that the mirror lacks is left to its public
    registry where that answers, and is otherwise built from the catalogue and pushed under the path that containerd
    asks the mirror for.

    Args:
        references: as they stand in the manifests.
        registry_host: `host:port` of the mirror, which is also the registry of the stack's own images.
        progress: where to report.
        apps: the app's name in the settings by reference, for the message about a changed image under an old tag.

    Raises:
        LocalError: a reference that nothing here can provide, a failed build, or a registry that does not answer.
    """
    result: list[Available] = []
    deliveries: list[_Delivery] = []
    problems: list[str] = []
    with workshop(progress) as shop:
        for text in dict.fromkeys(references):
            reference = Reference.parse(text)
            is_own = same_registry(reference.host, registry_host)
            try:
                delivery = (
                    _own(shop, reference, registry_host) if is_own else _third_party(shop, reference, registry_host)
                )
            except _CannotHaveError as error:
                problems.append(str(error))
                continue
            if not isinstance(delivery, _Delivery):
                result.append(Available(text, delivery))
                continue
            if delivery.image.kind == "own" and delivery.replaces:
                # What was pushed goes on running: changed sources are rolled out by a new tag, when somebody wants it.
                shop.progress.note(_changed(delivery, (apps or {}).get(text, "<app>")))
                result.append(Available(text, "registry"))
                continue
            result.append(Available(text, "built", delivery.replaces))
            deliveries.append(delivery)
        if problems:
            raise LocalError("\n".join(problems))
        _deliver(shop, deliveries)
    return result


class _CannotHaveError(Exception):
    """Why an image reference cannot be provided."""


def _own(shop: Workshop, reference: Reference, registry_host: str) -> _Delivery | Source:
    target = loopback(reference.at(registry_host))
    image = catalog.find(reference.at(registry_host), shop.images, registry_host)
    there = registry.look(target, shop.progress)
    if image is None:
        if there.exists:  # pushed there by somebody else: not ours to build
            return "registry"
        raise _CannotHaveError(
            f"the registry has no image {reference}, and images/ has no {target.repository!r} to build it from"
        )
    return "registry" if there.content == shop.content(image) else _Delivery(image, target, there.exists)


def _third_party(shop: Workshop, reference: Reference, registry_host: str) -> _Delivery | Source:
    target = loopback(reference.at(registry_host))
    image = catalog.find(reference, shop.images, registry_host)
    there = registry.look(target, shop.progress) if target.tag else registry.Remote(exists=False)
    if there.exists and (image is None or there.content == shop.content(image)):
        return "registry"
    probe = shop.probes.look(reference)
    if probe.found:
        shop.progress.note(f"{reference}: pulled from {reference.host} by the node")
        return "public"
    if image is None:
        raise _CannotHaveError(f"{reference} cannot be had: {probe.reason}, and images/ has nothing that stands for it")
    if reference.digest:
        raise _CannotHaveError(
            f"{reference} cannot be had: {probe.reason}, and an image built here cannot have that digest: pin it by tag"
        )
    # The tag is upstream's: there is no revision of ours to raise when its recipe changes, so it is replaced.
    return _Delivery(image, target, there.exists)


def _changed(delivery: _Delivery, app: str) -> str:
    """What to say of an own image whose sources changed while its tag did not."""
    tag = delivery.target.tag
    following = f"{int(tag) + 1:0{len(tag)}d}" if tag.isdigit() else "<n>"
    return (
        f"{delivery.target} is in the registry with other content than images/{delivery.image.name} has now, and a tag "
        f"is never overwritten: raise apps.{app}.revision in the stack file to {following}"
    )


def _refuse_overwriting(deliveries: Sequence[_Delivery]) -> None:
    """A tag of ours is immutable: what runs under it can be told from its name."""
    problems = [_changed(delivery, "<app>") for delivery in deliveries if delivery.replaces]
    if problems:
        raise LocalError("\n".join(problems))


def _deliver(shop: Workshop, deliveries: Sequence[_Delivery]) -> None:
    """Build and push, those with Go programs last: these compile meanwhile, when the others wait for the network."""
    if not deliveries:
        return
    order = sorted(deliveries, key=lambda delivery: shop.needs_compiling(delivery.image))
    with building(shop.progress), shop.compiling([delivery.image for delivery in order]):
        for delivery in order:
            built = shop.build(delivery.image)
            with shop.progress.step(f"push {delivery.target}"):
                shop.engine.push(built.stored, delivery.target)

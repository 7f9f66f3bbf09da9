"""Whether a release changes the tag and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ops.kube import section
from ops.releases.tags import split
from ops.render.placeholders import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ops.kube import Manifest
    from ops.releases.target import Target

_SHOWN = 80
_PROVIDER_ANNOTATIONS = "pulumi.com/"


def leaves(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every place at which two documents differ: path, value before and after; None where there is none."""
    if isinstance(before, dict) and isinstance(after, dict):
        one, other = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
        for key in sorted({*one, *other}):
            yield from leaves(one.get(key), other.get(key), f"{path}.{key}" if path else key)
    elif (
        isinstance(before, list)
        and isinstance(after, list)
        and len(cast("list[Any]", before)) == len(cast("list[Any]", after))
    ):
        for index, pair in enumerate(zip(cast("list[Any]", before), cast("list[Any]", after), strict=True)):
            yield from leaves(*pair, f"{path}[{index}]")
    elif before != after:
        yield path, before, after


def unexpected(before: Mapping[str, Any], after: Manifest, target: Target) -> list[str]:
    """What would change of a workload besides the tag, from its inputs in Pulumi's state to its manifest as the program
    makes it now; a line each, `path: before → after`."""
    return [
        f"{path}: {_shown(old)} → {_shown(new)}"
        for path, old, new in leaves(_written(before), after)
        if not _is_tag(old, new, target) and not _is_unknown(new)
    ]


def _written(inputs: Mapping[str, Any]) -> Manifest:
    """Inputs as manifests are rendered: without what is only for Pulumi's provider."""
    metadata = section(dict(inputs), "metadata")
    annotations = {k: v for k, v in section(metadata, "annotations").items() if not k.startswith(_PROVIDER_ANNOTATIONS)}
    metadata = {k: v for k, v in metadata.items() if k != "annotations"} | (
        {"annotations": annotations} if annotations else {}
    )
    return {**inputs, "metadata": metadata}


def _is_tag(old: Any, new: Any, target: Target) -> bool:
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    if new in target.images:
        return split(old)[0] == split(new)[0]
    return new == target.tag


def _is_unknown(value: Any) -> bool:
    """Whether only a provider knows the value: it cannot be compared without one."""
    return REFERENCE.search(str(value)) is not None


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"

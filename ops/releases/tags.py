"""Which tags may be released: those that will always mean the same image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ops.errors import RefusedError
from ops.kube import entries

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_HEX_DIGEST = re.compile(r"(sha256[:-])?[0-9a-f]{64}", re.IGNORECASE)
_MOVING = frozenset(
    {
        *("latest", "current", "rolling", "stable", "edge", "nightly", "canary", "snapshot", "release"),
        *("main", "master", "head", "trunk", "dev", "develop", "development"),
        *("test", "testing", "staging", "prod", "production"),
    }
)
_MOVING_ENDS = ("-latest", "-snapshot", ".latest")
_REMEDY = "use the commit's SHA or a version, such as 2f9a0c1 or 1.4.2"


def split(image: str) -> tuple[str, str]:
    """Repository and tag of an image reference, whatever digest stands behind them."""
    name, _, tag = image.partition("@")[0].rpartition(":")
    return name, tag


def tag_in(resource: Mapping[str, Any]) -> str | None:
    """The tag of the first container's image of a workload in Pulumi's state; None for what is no workload."""
    containers = entries(dict(resource.get("inputs") or {}), "spec", "template", "spec", "containers")
    return split(str(containers[0]["image"]))[1] if containers else None


def check_tag(tag: str) -> None:
    """Raises RefusedError, with what would be right, for what is no tag, or one that moves."""
    if not tag.strip():
        raise RefusedError(f"--image-tag is empty; {_REMEDY}")
    if _HEX_DIGEST.fullmatch(tag.rpartition("@")[2]):
        raise RefusedError(f"--image-tag = {tag}: is a digest, not a tag; {_REMEDY}")
    if "/" in tag or ":" in tag or "@" in tag:
        raise RefusedError(
            f"--image-tag = {tag}: is a whole image reference; give only the tag, what stands behind ':'"
        )
    if not _TAG.fullmatch(tag):
        raise RefusedError(
            f"--image-tag = {tag}: a tag here is also a label: letters, digits, '.', '_' and '-', beginning and ending "
            f"with a letter or digit, at most 63 characters; {_REMEDY}"
        )
    if tag.lower() in _MOVING or tag.lower().endswith(_MOVING_ENDS):
        raise RefusedError(
            f"--image-tag = {tag}: such a tag moves, so nobody could tell what runs or go back to it; {_REMEDY}"
        )

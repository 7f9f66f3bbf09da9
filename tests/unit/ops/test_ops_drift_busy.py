"""What was added by hand is seen while controllers are writing to the same object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ops.engines.differences import effective
from ops.kube import Key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.kube import Kubectl, Manifest

LIVE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "auth",
        "namespace": "todo",
        "resourceVersion": "41",
        "labels": {"app": "auth", "theirs": "1"},
    },
}


class _Server:
    """Refuses, as the API server does, what names a version that is not the newest any more."""

    def replace(self, manifests: Iterable[Manifest], *, manager: str, dry_run: bool) -> list[Manifest]:
        assert manager
        assert dry_run
        found = list(manifests)
        assert all("resourceVersion" not in item["metadata"] for item in found), "the object has been modified"
        return found


def test_a_version_that_is_old_by_now_hides_nothing() -> None:
    key = Key.of(LIVE)
    added = {key: [("f:metadata", "f:labels", "f:theirs")]}
    assert effective(cast("Kubectl", _Server()), {key: LIVE}, added) == added

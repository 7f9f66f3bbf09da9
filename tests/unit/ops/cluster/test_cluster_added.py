"""What was added by hand is seen while controllers are writing to the same object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from ops.engines.differences import effective
from ops.kube import CommandError, Key

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


KEY = Key.of(LIVE)
ADDED = {KEY: [("f:metadata", "f:labels", "f:theirs")]}
CONFLICT = 'Operation cannot be fulfilled on services "auth": the object has been modified; please apply your changes'


class _Busy(_Server):
    """Refuses some times: kubectl puts in the version that it reads, and a controller writes before it asks."""

    def __init__(self, times: int, text: str = CONFLICT) -> None:
        self.times, self.text = times, text

    def replace(self, manifests: Iterable[Manifest], *, manager: str, dry_run: bool) -> list[Manifest]:
        self.times -= 1
        if self.times >= 0:
            raise CommandError("kubectl replace", self.text)
        return super().replace(manifests, manager=manager, dry_run=dry_run)


def ask(server: _Server) -> object:
    return effective(cast("Kubectl", server), {KEY: LIVE}, ADDED)


def test_a_version_that_is_old_by_now_hides_nothing() -> None:
    assert ask(_Server()) == ADDED


def test_a_controller_that_writes_in_between_hides_nothing() -> None:
    assert ask(_Busy(3)) == ADDED
    with pytest.raises(CommandError, match="has been modified"):
        ask(_Busy(1000))


def test_what_would_be_wrong_without_it_stays() -> None:
    assert ask(_Busy(1, 'The Service "auth" is invalid: spec.ports: Required value')) == {}

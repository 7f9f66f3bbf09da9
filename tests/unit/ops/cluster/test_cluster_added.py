"""What was added by hand: found in what a refresh read, also while controllers write, shown, and taken out."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from ops.cluster.added import added, difference, take_out
from ops.kube import CommandError, Key
from tests.support.memory import MemoryCluster
from tests.support.thing import thing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.cluster.fields import Path
    from ops.kube import Kubectl, Manifest
    from tests.support.programs import FakeProgram

WANTED = thing("Service", "todo/auth", {"spec": {"type": "ClusterIP"}}, labels={"app": "auth"})
KEY = Key.of(WANTED)
LABEL: Path = ("f:metadata", "f:labels", "f:theirs")
CONFLICT = 'Operation cannot be fulfilled on services "auth": the object has been modified; please apply your changes'


def entry(manager: str, *fields: str) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for field in fields:
        here = root
        for step in field.split("."):
            here = here.setdefault(f"f:{step}", {})
    return {"manager": manager, "operation": "Update", "fieldsV1": root}


def live(*managers: dict[str, Any], **labels: str) -> dict[str, Any]:
    item = copy.deepcopy(WANTED)
    item["metadata"] |= {"labels": {"app": "auth", **labels}, "managedFields": list(managers)}
    return item


class Server(MemoryCluster):
    """Refuses, as the API server does, what names a version that is not the newest any more; and some times more."""

    def __init__(self, item: dict[str, Any], refusals: int = 0, text: str = CONFLICT) -> None:
        super().__init__()
        self.put(thing("Namespace", "todo"))
        self.put(item)
        self.refusals, self.text = refusals, text

    def replace(self, manifests: Iterable[Manifest], *, manager: str, dry_run: bool = False) -> list[Manifest]:
        found = list(manifests)
        self.refusals -= 1
        if self.refusals >= 0:
            raise CommandError("kubectl replace", self.text)
        assert not dry_run or all("resourceVersion" not in item["metadata"] for item in found), CONFLICT
        return super().replace(found, manager=manager, dry_run=dry_run)


THEIRS = live(entry("pulumi-kubernetes-1a2b", "metadata.labels.app"), entry("kubectl-label", "metadata.labels.theirs"))
THEIRS["metadata"]["labels"]["theirs"] = "1"


def ask(server: MemoryCluster, item: dict[str, Any] = THEIRS) -> dict[Key, list[Path]]:
    return added(server, [item], {KEY: WANTED})


def test_who_owns_a_field_says_who_added_it() -> None:
    assert ask(Server(THEIRS)) == {KEY: [LABEL]}
    controller = live(entry("kube-controller-manager", "metadata.labels.theirs"), theirs="1")
    assert ask(Server(controller), controller) == {}


def test_what_the_program_speaks_of_was_changed_and_not_added() -> None:
    changed = live(entry("kubectl-edit", "spec.type", "metadata.labels.app"))
    assert ask(Server(changed), changed) == {}


def test_what_the_stack_does_not_make_is_not_asked_about() -> None:
    assert added(Server(THEIRS), [THEIRS], {}) == {}


def test_a_controller_that_writes_in_between_hides_nothing() -> None:
    assert ask(Server(THEIRS, 3)) == {KEY: [LABEL]}
    with pytest.raises(CommandError, match="has been modified"):
        ask(Server(THEIRS, 1000))


def test_what_would_be_wrong_without_it_stays() -> None:
    assert ask(Server(THEIRS, 1, 'The Service "auth" is invalid: spec.ports: Required value')) == {}


def test_what_is_gone_meanwhile_is_no_difference() -> None:
    server = Server(THEIRS)
    server.objects.pop(KEY)
    assert ask(server) == {}
    assert difference(server, KEY, [LABEL]) == ""
    take_out(server, {KEY: [LABEL]})


def test_a_field_that_the_server_puts_in_again_is_no_difference(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get service auth -n todo", [THEIRS])
    fake_kubectl.on("replace .*--dry-run=server", [THEIRS])
    assert added(kubectl, [THEIRS], {KEY: WANTED}) == {}


def test_it_is_shown_and_taken_out_with_the_version_that_was_read(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    there = {**THEIRS, "metadata": {**THEIRS["metadata"], "resourceVersion": "9"}}
    fake_kubectl.on("get service auth -n todo", [there])
    fake_kubectl.on("replace", [WANTED])
    fake_kubectl.on("replace .*--dry-run=server", [WANTED])
    assert added(kubectl, [THEIRS], {KEY: WANTED}) == {KEY: [LABEL]}
    shown = difference(kubectl, KEY, [LABEL])
    assert [line for line in shown.splitlines()[2:] if line[0] in "+-"] == ["-    theirs: '1'"]
    take_out(kubectl, {KEY: [LABEL]})
    (sent,) = json.loads(fake_kubectl.calls[-1].stdin)["items"]
    assert sent["metadata"]["labels"] == {"app": "auth"}
    assert sent["metadata"]["resourceVersion"] == "9"
    assert "--field-manager=slipway" in fake_kubectl.calls[-1].arguments


def test_taking_out_goes_past_conflicts() -> None:
    server = Server(THEIRS, 3)
    take_out(server, {KEY: [LABEL]})
    assert server.objects[KEY]["metadata"]["labels"] == {"app": "auth"}

"""A release: what is refused, asked, changed, told and kept."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.platform.deployer_access import RULES
from local.progress import SilentProgress
from ops.load import load
from ops.releases import notes, smoke
from tests.support.busy import held
from tests.support.release_world import DIGESTS, World, history_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result

    Slipway = Callable[..., Result]

UP = "slipway up --stack dev"


def test_a_release_changes_proves_records_and_says_so(world: World, release: Slipway, slipway: Slipway) -> None:
    done = release("2")
    assert "h2o-example runs 2 (before: 1) on stack dev" in done.stdout
    assert "Pulumi.dev.yaml: apps.h2o-example.revision = 2" in done.stdout
    (asked,) = world.pulumi.asked
    assert asked["target"] == list(world.target("2").workloads())
    assert asked["refresh"] is True
    # The whole stack, in which the tag alone differs.
    assert world.pulumi.config == [{"h2o-example": {**world.pulumi.config[0]["h2o-example"], "revision": "2"}}]
    assert not Path(asked["config_file"]).exists()
    (entry,) = history_of(slipway)
    assert (entry["from"], entry["to"], entry["result"], entry["kind"]) == ("1", "2", "released", "release")
    assert entry["digests"] == {f"127.0.0.1:{world.web.port}/h2o:2": DIGESTS["2"]}
    assert world.revision() == "2"
    assert "# raise it to roll out" in (world.project / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    # The pod first, then the app's address, each several times.
    assert world.web.asked == [f"127.0.0.1:{world.web.port} /auth.json"] * smoke.REQUESTS * 2


def test_a_deployer_may_ask_the_cluster_what_a_release_asks(world: World, release: Slipway) -> None:
    """Its role is one of each namespace of an app: no list over all namespaces, and nothing that it does not name."""
    world.released("1", "1")
    world.fails(world.pod("2", ready=False, state={"waiting": {"reason": "ImagePullBackOff"}}))
    release("2", code=1)
    asked = {grant for call in world.kubectl.calls for grant in grants_of(call.arguments)}
    assert len(asked) > 4
    allowed = {
        (f"{name}.{group}".rstrip("."), verb) for group, names, verbs in RULES for name in names for verb in verbs
    }
    assert asked - allowed == set()


def grants_of(arguments: list[str]) -> Iterator[tuple[str, str]]:
    """Resource and verb of each right that a call of kubectl needs, all of them in namespaces."""
    line = " ".join(arguments).partition("request-timeout")[0]
    words = [word for word in line.split() if not word.startswith(("--context", "--kubeconfig"))]
    if raw := re.search(r"--raw /apis?/(?:(\w+)/)?v1/namespaces/h2o/(\w+)\?", line):
        yield from ((f"{raw[2]}.{raw[1] or ''}".rstrip("."), verb) for verb in ("list", "watch"))
    elif words[:2] == ["get", "namespaces"]:
        assert words[2] == "h2o"
        yield "namespaces", "get"
    elif words[0] == "get":
        assert "-n h2o" in line, line
        yield from ((kind, "list") for kind in words[1].split(","))
    elif words[0] == "logs":
        yield "pods/log", "get"
    else:
        assert (words[0], "-n h2o" in line) == ("port-forward", True), line
        yield "pods/portforward", "create"


def test_json_is_the_only_output(world: World, release: Slipway) -> None:
    done = release("2", "--json")
    told = json.loads(done.stdout)
    assert (told["app"], told["from"], told["to"], told["result"], told["changed"]) == (
        "h2o-example",
        "1",
        "2",
        "released",
        True,
    )
    assert done.stderr == ""
    assert world.revision() == "2"


def changed_in_the_registry(world: World) -> None:
    world.kubectl.on("get pods -n h2o", [world.pod("1")])
    world.pushed("1", f"sha256:{'9' * 64}")


REFUSED: list[tuple[Callable[[World], object], str, tuple[str, ...]]] = [
    (lambda _: None, "3", ("the registry has no 127.0.0.1:", "/h2o:3; nothing was changed")),
    (lambda w: w.live("1", replicas=5), "2", ("Deployment h2o/h2o-example: spec.replicas: 5 → 2", UP)),
    (lambda w: w.pulumi.resources.clear(), "2", ("is not on cluster local yet", UP)),
    (changed_in_the_registry, "1", ("has changed in the registry: it was", DIGESTS["1"])),
    (lambda w: w.released("0", "2"), "2", (f"/h2o:2 has changed in the registry: it was sha256:{'8' * 64}",)),
]


@pytest.mark.parametrize(("prepare", "tag", "told"), REFUSED)
def test_what_cannot_be_right_is_refused_before_anything(
    world: World, release: Slipway, prepare: Callable[[World], object], tag: str, told: tuple[str, ...]
) -> None:
    prepare(world)
    done = release(tag, code=1)
    assert all(said in done.stderr for said in told), done.stderr
    assert world.pulumi.asked == []
    assert world.revision() == "1"


def test_a_pod_that_cannot_be_reached_is_told_and_the_address_decides(
    world: World, release: Slipway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.releases.flow._SETTLE_S", 0.01)
    world.kubectl.on("port-forward", err="error: forbidden", code=1)
    done = release("2")
    assert "cannot be reached by kubectl port-forward: error: forbidden" in done.stderr
    assert len(world.web.asked) == smoke.REQUESTS


def test_the_same_tag_again_is_nothing_to_do(world: World, release: Slipway) -> None:
    world.kubectl.on("get pods -n h2o", [world.pod("1")])
    done = release("1")
    assert "h2o-example runs 1 on stack dev already, nothing to do" in done.stdout
    assert world.pulumi.asked == []


def test_in_a_fresh_clone_nothing_to_do_still_sets_the_stack_file_right(world: World, release: Slipway) -> None:
    world.live("2")
    world.kubectl.on("get pods -n h2o", [world.pod("2")])
    done = release("2", "--json")
    assert json.loads(done.stdout)["result"] == "nothing to do"
    assert world.revision() == "2"


def test_what_a_release_that_came_to_no_end_put_there_is_finished_by_the_next(
    world: World, release: Slipway, slipway: Slipway
) -> None:
    world.released("1", "2", result="failed")
    world.live("2")
    world.kubectl.on("get pods -n h2o", [world.pod("2")])
    done = release("2")
    assert "runs 2 (before: 1)" in done.stdout
    assert [entry["result"] for entry in history_of(slipway)] == ["released", "failed"]
    assert world.revision() == "2"


def test_rollback_goes_to_the_tag_before(world: World, slipway: Slipway) -> None:
    world.released("1", "2")
    world.live("2")
    world.rolls("1")
    done = slipway("rollback", "h2o-example")
    assert done.exit_code == 0, done.stderr
    assert "h2o-example runs 1 (before: 2)" in done.stdout
    assert world.pulumi.tags == ["1"]
    newest = history_of(slipway)[0]
    assert (newest["kind"], newest["to"]) == ("rollback", "1")


def test_rollback_without_a_history_is_refused(world: World, slipway: Slipway) -> None:
    done = slipway("rollback", "h2o-example")
    assert done.exit_code == 1
    assert "knows no tag that ran before 1" in done.stderr
    assert "slipway rollback h2o-example --to TAG --stack dev" in done.stderr
    done = slipway("rollback", "h2o-example", "--to", "2")
    assert done.exit_code == 0, done.stderr
    assert world.pulumi.tags == ["2"]


def test_history_shows_newest_first(world: World, slipway: Slipway) -> None:
    assert "nothing was released yet" in slipway("history").stdout
    for number in range(3):
        world.released(str(number), str(number + 1))
    world.pulumi.record("an update by hand")
    assert [(entry["from"], entry["to"]) for entry in history_of(slipway)] == [("2", "3"), ("1", "2"), ("0", "1")]
    lines = slipway("history", "h2o-example").stdout.splitlines()
    assert lines[0].split() == ["WHEN", "APP", "FROM", "TO", "RESULT", "WHO"]
    assert len(lines) == 4
    done = slipway("history", "nope")
    assert done.exit_code == 1
    assert "stack dev has no app nope; there are: h2o-example" in done.stderr


def test_up_says_what_it_puts_back_and_asks_for_the_history_only_then(world: World) -> None:
    told: list[str] = []
    progress = SilentProgress()
    progress.note = told.append  # type: ignore[method-assign]
    stack = load("dev", progress)
    with world.pulumi.opened() as session:
        notes.tell_behind(stack, session)
    assert told == []
    world.released("1", "2")
    world.live("2")
    with world.pulumi.opened() as session:
        notes.tell_behind(stack, session)
    (note,) = told
    assert note.startswith("h2o-example: 2, released 2026-11-21 by ada@here, runs, and the stack file says another tag")
    assert note.endswith("slipway release h2o-example --image-tag 2 --stack dev")


def test_a_second_release_is_refused_while_one_runs(world: World, release: Slipway) -> None:
    with held(world.project, "dev", "up"):
        told = release("2", code=1)
    assert "stack dev is being worked on by" in told.stderr
    assert world.pulumi.asked == []

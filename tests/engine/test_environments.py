"""Environments made by Pulumi's engine: same words, same record, and nothing left in its state either."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import live, traces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


@pytest.fixture(scope="module")
def lesson(machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """A template in a clone of its own, with a state of its own; its environments are gone at the end."""
    assert machine is None
    found = live.make_with("pulumi", tmp_path_factory.mktemp("environments"), "les", "les", 30780)
    found.drop = (*found.drop, "GITHUB_ACTOR")
    with live.alone("les"):
        yield found
        for entry in env(found, "list")["environments"]:
            env(found, "delete", entry["name"])


def env(stack: LiveStack, *arguments: str, **variables: str) -> dict[str, Any]:
    """Run `slipway env … --json`; what it says."""
    done = subprocess.run(
        [str(live.SLIPWAY), "env", *arguments, "--json"],
        env=stack.env(variables),
        capture_output=True,
        text=True,
        timeout=420,
        check=False,
    )
    assert done.returncode == 0, f"slipway env {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def over(name: str) -> None:
    live.kubectl(
        *("annotate", "configmap", f"slipway-environment-{name}", "-n", "slipway", "--overwrite"),
        "slipway.dev/expires=2026-01-01T00:00:00Z",
    )


def known_to_the_state(stack: LiveStack) -> list[str]:
    home = Path(stack.environment["XDG_DATA_HOME"]) / "slipway"
    stacks = [file.stem for file in (home / "state" / ".pulumi" / "stacks").rglob("*.json")]
    return sorted([*stacks, *(folder.name for folder in (home / "work").glob("*"))])


def tags_in_the_state(stack: LiveStack, name: str) -> dict[str, str]:
    home = Path(stack.environment["XDG_DATA_HOME"]) / "slipway"
    (file,) = (home / "state" / ".pulumi" / "stacks").rglob(f"{name}.pulumi-tags")
    return json.loads(file.read_text(encoding="utf-8"))["tags"]


def test_it_is_made_listed_and_reaped_and_the_state_forgets_it(lesson: LiveStack) -> None:
    before = traces.look()
    told = env(lesson, "create", "pul", "--from", "les", "--app", "nginx", "--owner", "ada")
    assert told["engine"] == "pulumi"
    assert [(app["name"], app["ready"]) for app in told["apps"]] == [("nginx", 2)]
    (entry,) = env(lesson, "list")["environments"]
    assert (entry["name"], entry["engine"], entry["owner"], entry["ready"]) == ("pul", "pulumi", "ada", 1)
    shown = live.LiveStack("pul", lesson.directory, lesson.environment, lesson.drop)
    assert shown.run("preview").stdout.strip() == "stack pul: no changes"
    assert "no changes" in shown.run("up").stdout
    assert set(known_to_the_state(lesson)) == {"pul"}
    assert tags_in_the_state(lesson, "pul")["slipway:environment"] == "true"
    over("pul")
    # Without its own wish for an engine, as in a scheduled workflow: the record says which one it is.
    reaped = env(lesson, "reap", SLIPWAY_ENGINE="auto")
    assert reaped["environments"] == [{"name": "pul", "result": "removed", "why": ""}]
    assert known_to_the_state(lesson) == []
    assert live.wait_for(lambda: traces.look().more_than(before) == {}, 60, "the cluster as before")


def test_a_machine_without_its_state_removes_it_all_the_same(lesson: LiveStack, tmp_path: Path) -> None:
    before = traces.look()
    env(lesson, "create", "far", "--from", "les", "--app", "nginx")
    shutil.rmtree(lesson.directory / ".slipway")
    env(lesson, "delete", "far", XDG_DATA_HOME=str(tmp_path / "data"))
    assert env(lesson, "list")["environments"] == []
    assert live.wait_for(lambda: traces.look().more_than(before) == {}, 60, "the cluster as before")
    # The state that still knows it is no hindrance to the next one of the name.
    assert env(lesson, "create", "far", "--from", "les", "--app", "nginx")["apps"][0]["ready"] == 2
    env(lesson, "delete", "far")
    assert live.wait_for(lambda: traces.look().more_than(before) == {}, 60, "the cluster as before")

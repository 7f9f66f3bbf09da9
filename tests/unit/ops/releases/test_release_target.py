"""Releases: which tags, which apps, and what else would change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local.progress import SilentProgress
from ops.errors import OpsError, RefusedError
from ops.pulumi.backend import with_secrets_of
from ops.releases import history
from ops.releases.compare import leaves, unexpected
from ops.releases.tags import check_tag
from ops.releases.target import Releasable, find
from stacks.stack_file import read_stack_config

if TYPE_CHECKING:
    from pathlib import Path


SHA = "2f9a0c1d4e5b60718293a4b5c6d7e8f901234567"


@pytest.mark.parametrize("tag", [SHA, SHA[:7], "1", "01", "1.4.2", "v2.0.0-rc.1", "2026-11-21_1", "A9", "mainline-7"])
def test_a_tag_that_stays_is_taken(tag: str) -> None:
    check_tag(tag)


REFUSED = {
    "moves": ["latest", "LATEST", "main", "prod", "1.4-SNAPSHOT", "web-latest"],
    "empty": ["", "  "],
    "digest": [f"sha256:{'a' * 64}", "a" * 64, f"h2o@sha256:{'a' * 64}"],
    "whole image reference": ["localhost:5000/h2o:1", "h2o:1"],
    "at most 63": ["g" * 64],
    "beginning and ending": ["-1", "1."],
    "letters, digits": ["1 2", "ä1"],
}


@pytest.mark.parametrize(("told", "tag"), [(told, tag) for told, tags in REFUSED.items() for tag in tags])
def test_a_tag_that_is_none_or_moves_is_refused_with_what_would_be_right(tag: str, told: str) -> None:
    with pytest.raises(RefusedError) as caught:
        check_tag(tag)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def found(project: Path, app: str = "h2o-example") -> Releasable:
    return find(project, "dev", app, SilentProgress())


def apps(project: Path, text: str) -> None:
    file = project / "Pulumi.dev.yaml"
    head = file.read_text(encoding="utf-8").partition("  slipway:apps:")[0]
    file.write_text(head + "  slipway:apps:\n" + text, encoding="utf-8")


def test_an_app_is_rendered_alone_with_its_tag(project: Path) -> None:
    apps(project, "    h2o-example: {cluster: local, revision: '7'}\n    nginx: {cluster: local}\n")
    app = found(project)
    assert (app.path, app.tag, app.cluster) == ("apps.h2o-example.revision", "7", "local")
    target = app.target(SHA)
    assert target.images == [f"localhost:5000/h2o:{SHA}"]
    ((urn, workload),) = target.workloads().items()
    assert workload["spec"]["template"]["spec"]["containers"][0]["image"] == f"localhost:5000/h2o:{SHA}"
    assert workload["spec"]["template"]["metadata"]["labels"]["revision"] == SHA
    assert {part.system for part in target.stack.rendered.apps} == {"h2o"}
    assert target.container_port(target.parts[0]) == 80
    assert target.parts[0].smoke is not None
    # Pulumi's engine names all parents; what only names the nearest one it does not find.
    types = "slipway:workloads:H2oExample$slipway:workloads:Service$kubernetes:apps/v1:Deployment"
    assert urn.endswith(f"::{types}::h2o-example-deployment")


def test_the_rendered_workload_is_the_one_of_the_whole_stack(project: Path) -> None:
    from ops.render.program import render

    apps(project, "    h2o-example: {cluster: local}\n    nginx: {cluster: local}\n    todo: {cluster: local}\n")
    whole = render("dev", project)
    for name in ("h2o-example", "todo"):
        app = found(project, name)
        target = app.target(app.tag)
        everything = [item for items in whole.manifests["local"].values() for item in items]
        assert target.workloads()
        assert all(item in everything for item in target.workloads().values())
        assert set(target.workloads()) <= {entry["urn"] for entry in whole.plan["resources"]}


def test_an_app_of_two_images_carries_its_tag_in_both(project: Path) -> None:
    apps(project, "    todo: {cluster: local}\n")
    target = found(project, "todo").target("02")
    assert sorted(target.images) == ["localhost:5000/auth:02", "localhost:5000/web-server:02"]
    assert len(target.workloads()) == 2
    # The database is somebody else's and keeps its version.
    assert "griddb-server" not in {part.name for part in target.parts}


def test_an_image_of_the_own_registry_is_released_by_its_reference(project: Path) -> None:
    apps(project, "    nginx: {cluster: local, image: 'localhost:5000/team/nginx:1.0'}\n")
    app = found(project, "nginx")
    assert (app.path, app.tag) == ("apps.nginx.image", "1.0")
    target = app.target(SHA)
    assert target.value == f"localhost:5000/team/nginx:{SHA}"
    assert target.images == [target.value]


@pytest.mark.parametrize(
    ("app", "told"),
    [("nginx", "docker.io/library/nginx"), ("cotoami", "somebody else's"), ("guestbook", "gb-frontend")],
)
def test_somebody_elses_image_is_refused_with_the_reason(project: Path, app: str, told: str) -> None:
    apps(project, f"    {app}: {{cluster: local}}\n")
    with pytest.raises(RefusedError, match=told) as caught:
        found(project, app)
    assert f"change apps.{app}." in str(caught.value)


def test_an_unknown_app_is_told_with_those_that_are_there(project: Path) -> None:
    with pytest.raises(OpsError, match=r"has no app nope; there are: h2o-example"):
        found(project, "nope")


@pytest.mark.parametrize("tag", ["0123456", "12e4567", "1_000", "0x10", "0o17", "on", "NaN", "1.10", "2026-11-21", SHA])
@pytest.mark.parametrize("before", ['revision: "1"', "revision: 1", "revision: abc", "replicas: 2"])
def test_the_stack_file_says_the_tag_as_it_is_and_all_else_as_before(project: Path, tag: str, before: str) -> None:
    apps(
        project,
        f"    # Kept.\n    h2o-example:\n      cluster: local\n      {before} # kept too\n"
        "    nginx:\n      cluster: local # 0o17\n",
    )
    old = read_stack_config(project, "dev").values
    text = found(project).text_with(tag)
    (project / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")
    assert "# Kept." in text
    assert "# kept too" in text
    new = read_stack_config(project, "dev").values
    assert {key for key in old if old[key] != new[key]} == {"slipway:apps"}
    ((path, _, after),) = leaves(json.loads(old["slipway:apps"]), json.loads(new["slipway:apps"]))
    assert (path, after) == ("h2o-example.revision", tag)
    assert found(project).tag == tag
    # Text for every parser, that of YAML 1.1 too.
    assert yaml.safe_load(text)["config"]["slipway:apps"]["h2o-example"]["revision"] == tag
    assert "encryptionsalt: v1:salt" in with_secrets_of(text, "encryptionsalt: v1:salt\nconfig: {}\n")


def test_differences_are_found_at_any_depth() -> None:
    before = {"a": 1, "b": [{"c": 1}, {"c": 2}], "d": {"e": "x"}, "gone": True}
    after = {"a": 1, "b": [{"c": 1}, {"c": 3}], "d": {"e": "y"}, "new": [1]}
    assert sorted(leaves(before, after)) == [
        ("b[1].c", 2, 3),
        ("d.e", "x", "y"),
        ("gone", True, None),
        ("new", None, [1]),
    ]
    assert list(leaves([1, 2], [1], "list")) == [("list", [1, 2], [1])]
    assert list(leaves(before, before)) == []


def test_only_the_tag_may_change(project: Path) -> None:
    app = found(project)
    (before,), target = app.target("1").workloads().values(), app.target(SHA)
    (after,) = target.workloads().values()
    assert unexpected(before, after, target) == []
    # What is for Pulumi's provider alone is in the state, and in no manifest.
    marked = {**before, "metadata": {**before["metadata"], "annotations": {"pulumi.com/patchForce": "true"}}}
    assert unexpected(marked, after, target) == []
    scaled = {**after, "spec": {**after["spec"], "replicas": 3}}
    assert unexpected(before, scaled, target) == ["spec.replicas: 2 → 3"]
    # What only a provider knows cannot be compared.
    assert unexpected(before, {**after, "spec": {**after["spec"], "replicas": "${x.status.n}"}}, target) == []
    moved = json.loads(json.dumps(before).replace("localhost:5000/h2o:1", "elsewhere.example.com/h2o:1"))
    (line,) = unexpected(moved, after, target)
    assert line.startswith("spec.template.spec.containers[0].image: elsewhere.example.com/h2o:1 → localhost:5000/h2o:")


def test_a_release_that_was_killed_is_read_from_the_state(project: Path) -> None:
    apps(project, "    todo: {cluster: local}\n")
    before, after = found(project, "todo").target("1"), found(project, "todo").target("2")
    plan: list[dict[str, Any]] = before.stack.rendered.plan["resources"]
    (urn, manifest), *_ = after.workloads().items()
    killed = {**next(entry for entry in plan if entry["urn"] == urn), "inputs": manifest}
    deployment: dict[str, Any] = {
        "manifest": {"time": "2026-11-21T11:00:01.123456789+01:00"},
        "resources": plan,
        "pending_operations": [{"type": "updating", "resource": killed}],
    }
    (told,) = history.unfinished(deployment)
    assert (told.app, told.before, told.after, told.result) == ("todo", "1", "2", "unfinished")
    assert told.at == "2026-11-21T10:00:01.123Z"
    deployment["pending_operations"] = [{"type": "updating", "resource": {**killed, "inputs": before.workloads()[urn]}}]
    assert history.unfinished(deployment) == []
    assert history.unfinished({}) == []


def test_own_images_are_built_in_two_stages_of_which_the_first_tests() -> None:
    from local.images import catalog

    own = [image for image in catalog.load().values() if image.kind == "own" and not image.internal]
    assert {"auth", "example-app", "h2o", "web-server"} <= {image.name for image in own}
    for image in own:
        text = (image.directory / "Dockerfile").read_text(encoding="utf-8")
        *stages, package = text.split("\nFROM ")[1:]
        (build,) = [stage for stage in stages if stage.partition("\n")[0].endswith(" AS build")]
        assert "selftest" in build or "mvn " in build, f"{image.name}: the build stage tests nothing"
        # A stage that the package takes nothing from is not even run.
        assert "COPY --from=build " in package, f"{image.name}: the package does not come from what was tested"
        assert "selftest" not in package

"""Releases: which tags, which apps, what else would change, and what the history knows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local.progress import SilentProgress
from ops.errors import OpsError, RefusedError
from ops.releases import history, memory
from ops.releases.compare import leaves, unexpected
from ops.releases.history import LIMIT, Entry, History
from ops.releases.tags import check_tag
from ops.releases.target import Releasable, find
from ops.settings_file import SettingsFile
from stacks.stack_file import read_stack_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from ops.releases.history import Kind
    from ops.releases.history import Result as Outcome

SHA = "2f9a0c1d4e5b60718293a4b5c6d7e8f901234567"


@pytest.mark.parametrize("tag", [SHA, SHA[:7], "1", "01", "1.4.2", "v2.0.0-rc.1", "2026-11-21_1", "A9", "mainline-7"])
def test_a_tag_that_stays_is_taken(tag: str) -> None:
    check_tag(tag)


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("latest", "moves"),
        ("LATEST", "moves"),
        ("main", "moves"),
        ("prod", "moves"),
        ("1.4-SNAPSHOT", "moves"),
        ("web-latest", "moves"),
        ("", "empty"),
        ("  ", "empty"),
        (f"sha256:{'a' * 64}", "digest"),
        ("a" * 64, "digest"),
        (f"h2o@sha256:{'a' * 64}", "digest"),
        ("localhost:5000/h2o:1", "whole image reference"),
        ("h2o:1", "whole image reference"),
        ("g" * 64, "at most 63"),
        ("-1", "beginning and ending"),
        ("1.", "beginning and ending"),
        ("1 2", "letters, digits"),
        ("ä1", "letters, digits"),
    ],
)
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
    (workload,) = target.workloads()
    assert workload["spec"]["template"]["spec"]["containers"][0]["image"] == f"localhost:5000/h2o:{SHA}"
    assert workload["spec"]["template"]["metadata"]["labels"]["revision"] == SHA
    assert {part.system for part in target.stack.rendered.apps} == {"h2o"}
    assert target.container_port(target.parts[0]) == 80
    assert target.parts[0].smoke is not None
    (urn,) = target.urns()
    # Pulumi's engine names all parents; what only names the nearest one it does not find.
    types = "slipway:workloads:H2oExample$slipway:workloads:Service$kubernetes:apps/v1:Deployment"
    assert urn.endswith(f"::{types}::h2o-example-deployment")


def test_the_rendered_workload_is_the_one_of_the_whole_stack(project: Path) -> None:
    from ops.render import render

    apps(project, "    h2o-example: {cluster: local}\n    nginx: {cluster: local}\n    todo: {cluster: local}\n")
    whole = render("dev", project)
    for name in ("h2o-example", "todo"):
        app = found(project, name)
        target = app.target(app.tag)
        everything = [item for items in whole.manifests["local"].values() for item in items]
        assert target.workloads() == [item for item in everything if item in target.workloads()]
        assert target.workloads()
        names = {entry["urn"].rsplit("::", 1)[-1] for entry in whole.plan["resources"]}
        assert {urn.rsplit("::", 1)[-1] for urn in target.urns()} <= names


def test_an_app_of_two_images_carries_its_tag_in_both(project: Path) -> None:
    apps(project, "    todo: {cluster: local}\n")
    target = found(project, "todo").target("02")
    assert sorted(target.images) == ["localhost:5000/auth:02", "localhost:5000/web-server:02"]
    assert len(target.workloads()) == len(target.urns()) == 2
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
    assert f"slipway config set apps.{app}." in str(caught.value)


def test_an_unknown_app_is_told_with_those_that_are_there(project: Path) -> None:
    with pytest.raises(OpsError, match=r"has no app nope; there are: h2o-example"):
        found(project, "nope")


def test_a_cloud_s_cluster_is_refused(slipway: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLIPWAY_PROJECT", raising=False)
    done = slipway("release", "h2o-example", "--image-tag", SHA, "--stack", "prod")
    assert done.exit_code == 1
    assert "kind gke" in done.stderr


@pytest.mark.parametrize("tag", ["0123456", "1e5", "12e4567", "1_000", "0x10", "0o17", "on", "1.10", "007", SHA])
@pytest.mark.parametrize("before", ['revision: "1"', "revision: 1", "revision: abc", "replicas: 2"])
def test_the_stack_file_says_the_tag_as_it_is(project: Path, tag: str, before: str) -> None:
    apps(project, f"    # Kept.\n    h2o-example:\n      cluster: local\n      {before} # kept too\n")
    file = SettingsFile(project, "dev")
    file.set("apps.h2o-example.revision", tag, quoted=True)
    assert file.save()
    text = (project / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    assert "# Kept." in text
    assert "# kept too" in text
    config = read_stack_config(project, "dev")
    assert json.loads(config.values[f"{config.project}:apps"])["h2o-example"]["revision"] == tag
    assert found(project).tag == tag


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
    (before,), target = app.target("1").workloads(), app.target(SHA)
    (after,) = target.workloads()
    assert unexpected(before, after, target) == []
    scaled = {**after, "spec": {**after["spec"], "replicas": 3}}
    assert unexpected(before, scaled, target) == ["spec.replicas: 2 → 3"]
    moved = json.loads(json.dumps(before).replace("localhost:5000/h2o:1", "elsewhere.example.com/h2o:1"))
    (line,) = unexpected(moved, after, target)
    assert line.startswith("spec.template.spec.containers[0].image: elsewhere.example.com/h2o:1 → localhost:5000/h2o:")


def entry(at: int, before: str, after: str, result: Outcome = "released", kind: Kind = "release", **more: Any) -> Entry:
    values: dict[str, Any] = {"app": "h2o-example", "who": "ada@here", "engine": "helm", "digests": {}, **more}
    return Entry(at=f"2026-11-21T10:00:{at:02}.000Z", before=before, after=after, result=result, kind=kind, **values)


def test_going_back_twice_goes_back_two_releases() -> None:
    known = History((entry(1, "1", "a"), entry(2, "a", "b"), entry(3, "b", "c")))
    assert known.previous("h2o-example", "c") == "b"
    known = known.with_entry(entry(4, "c", "b", kind="rollback"))
    assert known.current("h2o-example") == "b"
    assert known.previous("h2o-example", "b") == "a"
    known = known.with_entry(entry(5, "b", "a", kind="rollback"))
    assert known.previous("h2o-example", "a") == "1"
    assert known.with_entry(entry(6, "a", "1", kind="rollback")).previous("h2o-example", "1") is None


def test_what_failed_is_nothing_to_go_back_to() -> None:
    known = History((entry(1, "1", "a"), entry(2, "a", "bad", "rolled back"), entry(3, "a", "worse", "failed")))
    assert known.previous("h2o-example", "a") == "1"
    assert known.current("h2o-example") == "a"
    assert History((entry(2, "1", "bad", "rolled back"),)).previous("h2o-example", "1") is None
    assert History().previous("h2o-example", "1") is None


def test_after_a_revision_by_hand_the_last_release_is_before_it() -> None:
    known = History((entry(1, "1", "a"), entry(2, "a", "b")))
    assert known.previous("h2o-example", "by-hand") == "b"


def test_other_apps_do_not_count() -> None:
    known = History((entry(1, "1", "a", app="todo"),))
    assert known.previous("h2o-example", "a") is None
    assert known.proven("h2o-example", "a") == "a"


def test_a_killed_release_is_no_place_to_go_back_to() -> None:
    known = History((entry(1, "1", "a"), entry(2, "a", "b", "unfinished")))
    assert known.proven("h2o-example", "b") == "a"
    assert known.with_entry(entry(3, "a", "c", "unfinished")).proven("h2o-example", "c") == "a"
    # Somebody put the old one back by `up`.
    assert known.proven("h2o-example", "a") == "a"
    assert known.with_entry(entry(3, "a", "b")).proven("h2o-example", "b") == "b"
    assert History().proven("h2o-example", "1") == "1"


def test_the_history_survives_its_config_map_and_is_bounded() -> None:
    known = History()
    for number in range(LIMIT + 20):
        known = known.with_entry(entry(number % 60, str(number), str(number + 1), app=f"app-{number}", reason="ümlaut"))
    assert len(known.entries) == LIMIT
    assert known.entries[0].app == "app-20"
    manifest = known.manifest("dev")
    assert manifest["metadata"]["labels"]["slipway.dev/stack"] == "dev"
    assert history.parse([manifest], "dev") == known
    assert history.parse([manifest], "other") == History()
    assert len(json.dumps(manifest)) < 200_000  # a ConfigMap holds a mebibyte


def test_an_entry_is_ended_in_its_place() -> None:
    first = entry(1, "1", "a", "unfinished")
    known = History((entry(0, "0", "1"),)).with_entry(first).with_entry(first.ended("rolled back", 12.34, "x" * 1000))
    assert [e.result for e in known.entries] == ["released", "rolled back"]
    assert known.entries[1].seconds == 12.3
    assert len(known.entries[1].reason) == 300
    assert known.entries[1].as_dict()["from"] == "1"


def test_entries_of_a_later_version_are_read() -> None:
    manifest = History((entry(1, "1", "a"),)).manifest("dev")
    line = json.loads(manifest["data"]["releases"])
    manifest["data"]["releases"] = json.dumps({**line, "ticket": 7})
    assert history.parse([manifest], "dev").entries == (entry(1, "1", "a"),)


def test_several_clusters_make_one_history_newest_first() -> None:
    one, other = History((entry(1, "1", "a"), entry(5, "a", "b"))), History((entry(3, "1", "x", app="todo"),))
    assert [e.after for e in history.merged([one, other], None)] == ["b", "x", "a"]
    assert [e.after for e in history.merged([one, other], "todo")] == ["x"]


def test_a_pipeline_is_named_by_whoever_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        monkeypatch.delenv(name, raising=False)
    assert "@" in history.who()
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "example/slipway")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    assert history.who() == "ada (https://github.com/example/slipway/actions/runs/7)"


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


def test_pulumis_configuration_differs_in_the_tag_alone(project: Path) -> None:
    import yaml

    from ops.releases.on_pulumi import with_value

    apps(project, "    h2o-example: {cluster: local, revision: '1'}\n    nginx:\n      cluster: local\n")
    before = yaml.safe_load((project / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    after = with_value(before, found(project), "0123456")
    changed = [(path, old, new) for path, old, new in leaves(before, after)]
    assert changed == [("config.slipway:apps.h2o-example.revision", "1", "0123456")]
    # As Pulumi reads it again.
    assert yaml.safe_load(yaml.safe_dump(after)) == after


def test_what_the_program_made_is_remembered_and_only_the_tag_put_in_anew(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ops.render import program

    first = found(project).target("1")
    runs: list[str] = []
    render = program.render_config

    def counted(*arguments: Any) -> Any:
        runs.append("run")
        return render(*arguments)

    monkeypatch.setattr(program, "render_config", counted)
    again = found(project).target(SHA)
    assert runs == []
    for kept in (tmp_path / "cache" / "releases").glob("*.json"):
        kept.unlink()
    real = found(project).target(SHA)
    assert len(runs) == 2
    assert again.stack.rendered == real.stack.rendered
    assert again.parts == real.parts
    assert first.stack.rendered != again.stack.rendered


@pytest.mark.parametrize("change", ["settings", "program", "libraries", "damaged"])
def test_what_is_remembered_counts_for_the_same_program_and_settings_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: str
) -> None:
    found(project).target("1")
    (kept,) = (tmp_path / "cache" / "releases").glob("*.json")
    if change == "settings":
        file = project / "Pulumi.dev.yaml"
        file.write_text(file.read_text(encoding="utf-8").replace("replicas: 2", "replicas: 3"), encoding="utf-8")
    elif change == "program":
        with (project / "__main__.py").open("a", encoding="utf-8") as program:
            program.write("# changed\n")
    elif change == "libraries":
        monkeypatch.setattr("importlib.metadata.version", str.upper)
    else:
        kept.write_text(kept.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    target = found(project).target(SHA)
    assert target.images == [f"localhost:5000/h2o:{SHA}"]
    assert target.workloads()[0]["spec"]["replicas"] == (3 if change == "settings" else 2)
    files = list(kept.parent.glob("*.json"))
    assert len(files) == (1 if change == "damaged" else 2)
    assert not list(kept.parent.glob(".*"))


def test_no_generated_secret_is_remembered(project: Path, tmp_path: Path) -> None:
    apps(project, "    todo: {cluster: local}\n")
    found(project, "todo").target("02")
    (kept,) = (tmp_path / "cache" / "releases").glob("*.json")
    values = json.loads(kept.read_text(encoding="utf-8"))
    assert values["secrets"] == {}
    assert memory.PLACEHOLDER in json.dumps(values["manifests"])

"""Environments: what is derived from a stack file, and that two of them have nothing in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from components.names import NAME_LIMIT
from ops.environments.template import derive, read_template
from ops.errors import RefusedError
from ops.kube import Key, entries, section
from ops.render.program import PROJECT_DIR, render
from stacks.settings import SettingsError, parse
from stacks.stack_file import ENVIRONMENTS, read_stack_config

if TYPE_CHECKING:
    from pathlib import Path

    from ops.render.result import Rendered


def text_of(directory: Path, name: str, *apps: str, stack: str = "dev", contexts: dict[str, str] | None = None) -> str:
    template = read_template(directory, stack, apps, ephemeral=False)
    return derive(template, name, "ada", contexts or {}, lambda _app, _setting, _cluster: 30200 + len(name))


def config_of(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)["config"]


def write(project: Path, stack: str, text: str) -> None:
    (project / f"Pulumi.{stack}.yaml").write_text(text, encoding="utf-8")


def test_it_is_ephemeral_and_has_owner_and_prefix_of_its_own(project: Path) -> None:
    config = config_of(text_of(project, "pr-17"))
    assert config["slipway:lifecycle"] == "ephemeral"
    assert config["slipway:owner"] == "ada"
    assert config["slipway:namespacePrefix"] == "pr-17"


def test_fixed_node_ports_stay_with_the_template() -> None:
    config = config_of(text_of(PROJECT_DIR, "pr-17"))
    apps, local = config["slipway:apps"], config["slipway:clusters"]["local"]
    assert "nodePort" not in apps["nginx"]
    assert "maildevNodePort" not in apps["cotoami"]
    assert local == {"kind": "embedded", "ingress": {"https": {"redirect": False}}}
    # Cotoami writes its own address into mails, so it has to know its port beforehand.
    assert apps["cotoami"]["nodePort"] == 30205


def test_everything_else_is_as_in_the_template() -> None:
    before = yaml.safe_load((PROJECT_DIR / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]["slipway:apps"]
    after = config_of(text_of(PROJECT_DIR, "pr-17"))["slipway:apps"]
    assert list(after) == sorted(before)
    for app, entry in before.items():
        for key in entry.keys() - {"nodePort", "maildevNodePort", "host"}:
            assert after[app][key] == entry[key]


def test_a_host_name_keeps_its_domain() -> None:
    apps = config_of(text_of(PROJECT_DIR, "pr-17"))["slipway:apps"]
    assert apps["http-debug-server"]["host"] == "pr-17-debug.example.com"


def test_a_host_name_stays_one_however_long_it_is(project: Path) -> None:
    label = "d" * 60
    write(
        project,
        "long",
        "config:\n  slipway:clusters: {local: {kind: existing, context: test, ingress: {}}}\n"
        f"  slipway:apps: {{http-debug-server: {{cluster: local, host: {label}.example.com}}}}\n",
    )
    hosts = [
        config_of(text_of(project, name, stack="long"))["slipway:apps"]["http-debug-server"]["host"]
        for name in ("a", "b", "x" * 20)
    ]
    assert len(set(hosts)) == 3
    assert all(len(host.split(".")[0]) <= NAME_LIMIT for host in hosts)


def test_some_apps_only_and_what_they_need() -> None:
    config = config_of(text_of(PROJECT_DIR, "pr-17", "nginx"))
    assert list(config["slipway:apps"]) == ["nginx"]
    # No app has a host name, so nobody needs an ingress controller.
    assert config["slipway:clusters"] == {"local": {"kind": "embedded"}}


def test_a_context_in_the_place_of_the_embedded_cluster_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBE_CONTEXT", "mine")
    text = text_of(PROJECT_DIR, "pr-17", "nginx")
    monkeypatch.delenv("KUBE_CONTEXT")
    assert config_of(text)["slipway:clusters"] == {"local": {"kind": "existing", "context": "mine"}}


def test_the_current_context_is_written_down(project: Path) -> None:
    write(project, "any", "config:\n  slipway:clusters: {k: {kind: existing}}\n  slipway:apps: {nginx: {cluster: k}}\n")
    text = text_of(project, "pr-17", stack="any", contexts={"k": "today"})
    assert config_of(text)["slipway:clusters"]["k"]["context"] == "today"


def rendered(project: Path, name: str) -> Rendered:
    file = project / ENVIRONMENTS / f"Pulumi.{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text_of(project, name), encoding="utf-8")
    return render(name, project)


def objects(found: Rendered) -> dict[Key, dict[str, Any]]:
    every = [item for spaces in found.manifests.values() for items in spaces.values() for item in items]
    every += [secret.manifest for secrets in found.secrets.values() for secret in secrets]
    return {Key.of(item): item for item in every}


def test_two_environments_and_their_template_have_nothing_in_common(project: Path) -> None:
    write(project, "dev", (PROJECT_DIR / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    stacks = {"dev": render("dev", project), "a": rendered(project, "a"), "x" * 20: rendered(project, "x" * 20)}
    seen: set[Key] = set()
    hosts: set[str] = set()
    ports: set[int] = set()
    for name, found in stacks.items():
        everything = objects(found)
        assert len(everything) > 100
        assert not seen & set(everything)
        seen |= set(everything)
        for key, item in everything.items():
            assert len(key.name) <= NAME_LIMIT or key.kind.startswith("ClusterRole")
            assert len(key.namespace) <= NAME_LIMIT
            assert item["metadata"]["labels"]["slipway.dev/stack"] == name
            # A second one on the same node could not run.
            assert name == "dev" or not section(item, "spec", "template", "spec").get("hostNetwork")
            asked = {port["nodePort"] for port in entries(item, "spec", "ports") if "nodePort" in port}
            assert not ports & asked
            ports |= asked
            rules = {rule["host"] for rule in entries(item, "spec", "rules") if "host" in rule}
            assert not hosts & rules
            hosts |= rules
    assert len(hosts) == 6  # each also below localhost
    classes = {key.name for key in seen if key.kind == "IngressClass"}
    assert classes == {"traefik", "a-traefik", f"{'x' * 20}-traefik"}


LOCAL = "slipway:clusters: {local: {kind: existing, context: test}}"
NGINX = "slipway:apps: {nginx: {cluster: local}}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"slipway:lifecycle: durable\n  {LOCAL}\n  {NGINX}", r"is durable, .*If that is meant, say --ephemeral"),
        (LOCAL, "has no apps"),
        (f"slipway:owner: {{secure: AAAB}}\n  {LOCAL}\n  {NGINX}", r"holds encrypted values \(slipway:owner\)"),
    ],
)
def test_what_no_environment_can_be_made_of_is_refused(project: Path, text: str, told: str) -> None:
    write(project, "x", f"config:\n  {text}\n")
    with pytest.raises(RefusedError, match=f"--from x: .*{told}"):
        read_template(project, "x", [], ephemeral=False)


def test_a_durable_template_needs_a_word(project: Path) -> None:
    write(project, "keep", f"config:\n  slipway:lifecycle: durable\n  {LOCAL}\n  {NGINX}\n")
    template = read_template(project, "keep", [], ephemeral=True)
    text = derive(template, "pr-17", "ada", {}, lambda _app, _setting, _cluster: 30200)
    assert config_of(text)["slipway:lifecycle"] == "ephemeral"


def test_what_a_cloud_has_to_make_first_is_no_place_for_an_environment() -> None:
    with pytest.raises(RefusedError, match=r"--from prod: has nginx-asia \(gke\), staging \(eks\), which the stack"):
        read_template(PROJECT_DIR, "prod", [], ephemeral=True)
    with pytest.raises(RefusedError, match=r"--from prod: has staging \(eks\), which the stack makes itself"):
        read_template(PROJECT_DIR, "prod", ["cotoami"], ephemeral=True)


def test_an_app_that_the_template_does_not_have(project: Path) -> None:
    with pytest.raises(RefusedError, match="--app todo: is no app of stack dev; there is: h2o-example"):
        read_template(project, "dev", ["h2o-example", "todo"], ephemeral=False)


def test_an_environment_is_no_template(project: Path) -> None:
    rendered(project, "a")
    with pytest.raises(RefusedError, match="is an environment itself"):
        read_template(project, "a", [], ephemeral=False)


def test_a_wrong_template_is_told_as_ever(project: Path) -> None:
    write(project, "wrong", "config:\n  slipway:apps: {nginx: {replicas: 0}}\n")
    with pytest.raises(SettingsError, match=r"Pulumi\.wrong\.yaml: "):
        read_template(project, "wrong", [], ephemeral=False)
    with pytest.raises(SettingsError, match="does not exist"):
        read_template(project, "nowhere", [], ephemeral=False)


def test_a_stack_file_of_an_environment_is_found_and_never_hides_one_of_the_project(project: Path) -> None:
    rendered(project, "a")
    config = read_stack_config(project, "a")
    assert config.source == "Pulumi.a.yaml"
    assert parse(config.values, project="slipway", source="a").namespace_prefix == "a"
    hidden = project / ENVIRONMENTS / "Pulumi.dev.yaml"
    hidden.write_text("config: {}\n", encoding="utf-8")
    assert "h2o-example" in read_stack_config(project, "dev").values["slipway:apps"]

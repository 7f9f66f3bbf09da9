"""The render: the same bytes each time, secrets masked, references where only a provider knows, complete manifests."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
import yaml

from components.versions import IMAGES, by_tag
from components.workload.credential import PASSWORD_LENGTH, Credential, CredentialArgs
from local import paths, pki
from ops.render.files import plan_text, write
from ops.render.monitor import SECRET_MASK
from ops.render.placeholders import REFERENCE
from ops.render.plan import plan
from ops.render.program import render, render_config
from tests.support import cases, golden, harness
from tests.support.data import items, leaves, value
from tests.support.objects import things

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STASH = "pulumi:index:Stash"
DRAWN = "Q" * PASSWORD_LENGTH
"""What a credential looks like when each character drawn is the same."""


def rendered_files(case: str, directory: Path) -> dict[str, str]:
    write(render_config(cases.case(case)), directory)
    return golden.contents(directory)


def test_another_process_renders_the_same_bytes(
    stack: str, tmp_path: Path, elsewhere: Callable[[str], tuple[Path, frozenset[str]]]
) -> None:
    """Sets are ordered by a hash that differs from process to process."""
    write(cases.rendered(stack), tmp_path)
    directory, _ = elsewhere(stack)
    assert golden.difference(golden.contents(tmp_path), golden.contents(directory)) == ""


def test_the_plan_is_sorted_and_complete(case: str) -> None:
    made = cases.rendered(case)
    urns = [entry["urn"] for entry in made.plan["resources"]]
    assert urns == sorted(urns)
    assert made.plan["stack"] == cases.case(case).stack
    needed = {"urn", "type", "name", "parent", "provider", "dependencies", "protect", "inputs"}
    assert all(needed <= set(entry) for entry in made.plan["resources"])
    assert json.loads(plan_text(made)) == made.plan


def test_the_files_hold_every_kubernetes_object(case: str, tmp_path: Path) -> None:
    made = cases.rendered(case)
    write(made, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifests", "plan.json"]
    assert sorted(path.name for path in (tmp_path / "manifests").iterdir()) == sorted(made.manifests)
    for cluster, by_namespace in made.manifests.items():
        files = (tmp_path / "manifests" / cluster).iterdir()
        assert {path.name: list(yaml.safe_load_all(path.read_text())) for path in files} == {
            f"{namespace}.yaml": items for namespace, items in by_namespace.items()
        }
    planned = {
        (value(r.inputs, "metadata", "namespace"), r.inputs["kind"], value(r.inputs, "metadata", "name"))
        for r in cases.resources(case)
        if r.is_kubernetes
    }
    assert {(t.namespace, t.kind, t.name) for t in things(case)} == planned


def test_writing_twice_leaves_nothing_old(tmp_path: Path) -> None:
    write(cases.rendered("everything"), tmp_path)
    (tmp_path / "mine.txt").write_text("kept")
    write(cases.rendered("dev+prefix"), tmp_path)
    left = golden.contents(tmp_path)
    assert left.pop("mine.txt") == "kept"
    write(cases.rendered("dev+prefix"), tmp_path / "fresh")
    assert left == golden.contents(tmp_path / "fresh")


@pytest.mark.parametrize("name", [*cases.stack_names(), "everything"])
def test_generated_credentials_are_nowhere_in_the_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "choice", lambda _: "Q")  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType] - any sequence
    files = rendered_files(name, tmp_path)
    stashes = [resource for resource in cases.resources(name) if resource.type == STASH]
    assert [path for path, text in files.items() if DRAWN in text] == []
    assert all(resource.inputs["input"] == SECRET_MASK for resource in stashes)
    for resource in cases.resources(name):
        if resource.type == "kubernetes:core/v1:Secret":
            assert SECRET_MASK in {leaf for _, leaf in leaves(resource.inputs)}, resource.urn


def test_the_richest_case_has_credentials() -> None:
    """Guards the test above against looking at nothing."""
    assert len([r for r in cases.resources("everything") if r.type == STASH]) >= 3
    assert cases.rendered("everything").secrets["local"]


def test_secrets_stay_out_of_the_manifests(case: str) -> None:
    for by_namespace in cases.rendered(case).manifests.values():
        for manifests in by_namespace.values():
            assert [m["metadata"]["name"] for m in manifests if m["kind"] == "Secret"] == []


def test_the_recorded_secret_is_the_stashes_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run draws another value; what counts is the one that the first run put into the state."""
    monkeypatch.setattr(secrets, "choice", lambda _: "Q")  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType] - any sequence
    values: list[Any] = []

    def program() -> None:
        namespace = harness.make_namespace(harness.make_cluster())
        given = CredentialArgs(namespace=namespace, fixed={"user": "me", "hidden": pulumi.Output.secret("very secret")})
        credential = Credential("login", given)
        kubernetes.core.v1.ConfigMap(
            "leak",
            metadata=namespace.metadata("leak"),
            data={"text": pulumi.Output.format("password={0}", credential.values["password"])},
            opts=namespace.inside(credential),
        )
        credential.values["password"].apply(values.append)

    recorded = harness.run_program(program)
    text = json.dumps(plan("test", recorded.values()))
    assert DRAWN not in text
    assert "very secret" not in text
    assert values == ["${login-password.output}"]
    # A secret makes everything that is composed of it one.
    (config_map,) = harness.by_type(recorded, ":ConfigMap")
    assert "password=" not in json.dumps(plan("test", [config_map]))
    assert SECRET_MASK in json.dumps(plan("test", [config_map]))
    (stash,) = harness.by_type(recorded, ":Stash")
    assert stash.options["ignoreChanges"] == ["input"]
    assert stash.options["additionalSecretOutputs"] == ["input", "output"]


def test_drawn_values_are_long_and_different(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    choose = secrets.choice
    monkeypatch.setattr(secrets, "choice", lambda letters: drawn.append(choose(letters)) or drawn[-1])  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType, reportUnknownMemberType] - any sequence

    def program() -> None:
        namespace = harness.make_namespace(harness.make_cluster())
        Credential("login", CredentialArgs(namespace=namespace, generated=("one", "two")))

    harness.run_program(program)
    text = "".join(drawn)
    one, two = text[:PASSWORD_LENGTH], text[PASSWORD_LENGTH:]
    assert len(one) == len(two) == PASSWORD_LENGTH >= 24
    assert one != two
    assert text.isalnum()
    assert len(set(text)) > 20


def test_what_only_a_provider_knows_is_a_reference() -> None:
    """A load balancer's address in a URL says which resource it comes from."""
    exports = next(r for r in cases.resources("outward") if r.type.endswith(":Stack")).data["outputs"]
    assert exports["nginx"] == "http://${nginx-service.status.loadBalancer.ingress[0].ip}"
    assert REFERENCE.findall(exports["nginx"]) == ["${nginx-service.status.loadBalancer.ingress[0].ip}"]


def test_a_certificate_is_another_one_in_each_run_and_never_in_a_render(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []
    for place in ("one", "two", "nowhere"):
        monkeypatch.setattr(paths, "PKI", tmp_path / place)
        if place != "nowhere":
            pki.ensure(tmp_path / place)
        made = render("dev")
        texts.append(json.dumps([made.plan, made.manifests, [s.manifest for s in made.secrets["local"]]]))
    assert texts == [texts[0]] * 3
    assert "-----BEGIN" not in texts[0]
    (certificate,) = [s for s in made.secrets["local"] if s.manifest["type"] == "kubernetes.io/tls"]
    assert certificate.stashes == ("local-certificate",)


def test_the_certificate_names_every_host_that_the_controller_serves() -> None:
    base = cases.case("everything")
    apps = {n: {**app, "host": f"{n}.example.com"} for n, app in cases.tree(base, "apps").items()}
    made = render_config(cases.changed(base, apps=apps, namespacePrefix="review-17"))
    ingresses = [m for group in made.manifests["local"].values() for m in group if m["kind"] == "Ingress"]
    served = {rule["host"] for ingress in ingresses for rule in items(ingress, "spec", "rules") if rule.get("host")}
    assert len(served) == 2 * len(apps)
    (tls,) = [tls for ingress in ingresses for tls in items(ingress, "spec", "tls")]
    assert served <= set(tls["hosts"])


def test_urls_of_dev_are_known_beforehand() -> None:
    for app in cases.rendered("dev").apps:
        assert app.url is None or not REFERENCE.search(app.url) or app.node_port is None
        if app.node_port is not None:
            assert app.url is not None
            assert app.url.startswith(f"http://127.0.0.1:{app.node_port}")


def test_kube_context_turns_the_embedded_cluster_into_an_existing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded = cases.rendered("dev").clusters
    assert {cluster.kind for cluster in embedded.values()} == {"embedded"}
    assert {cluster.context for cluster in embedded.values()} == {"slipway"}
    monkeypatch.setenv("KUBE_CONTEXT", "kind-kind")
    made = render("dev")
    assert set(made.clusters) == set(embedded)
    assert {cluster.kind for cluster in made.clusters.values()} == {"existing"}
    assert {cluster.context for cluster in made.clusters.values()} == {"kind-kind"}
    providers = [e for e in made.plan["resources"] if e["type"] == "pulumi:providers:kubernetes"]
    assert {entry["inputs"]["context"] for entry in providers} == {"kind-kind"}
    # The certificate is of the embedded cluster's authority: elsewhere plain HTTP is left.
    assert {app.url.partition(":")[0] for app in made.apps if app.url} == {"http"}
    monkeypatch.setenv("KUBE_CONTEXT", "")
    assert render("dev").clusters == embedded


def test_an_own_image_is_the_registry_the_name_and_the_revision() -> None:
    (app,) = [app for app in cases.rendered("dev+scaled").apps if app.name == "h2o-example"]
    assert app.image == "localhost:5000/h2o:2f9a0c1"


@pytest.mark.parametrize(("name", "by_digest"), [("everything", False), ("outward", True)])
def test_third_party_images_go_by_digest_where_the_cluster_says_so(name: str, by_digest: bool) -> None:
    known = {image for image in IMAGES.values() if "@" in image}
    used = {
        container["image"]
        for manifests in cases.rendered(name).manifests.values()
        for manifest in (m for group in manifests.values() for m in group)
        for container in items(manifest, "spec", "template", "spec", "containers")
    }
    assert {image for image in used if "@" in image} == (known if by_digest else set[str]())
    assert {by_tag(image) for image in used} >= {by_tag(image) for image in known}


def test_the_namespace_prefix_moves_every_namespace_and_nothing_else() -> None:
    plain = {(t.namespace, t.kind, t.name) for t in things("dev+durable") if t.namespace}
    moved = {(t.namespace, t.kind, t.name) for t in things("dev+prefix") if t.namespace}
    assert moved == {(f"review-17-{namespace}", kind, name) for namespace, kind, name in plain}


def test_a_render_leaves_no_trace_in_the_process() -> None:
    """Another program can run before and after: the SDK's settings are each run's own."""
    harness.run_program(lambda: None, project="other", stack="other", values={"other:owner": "intruder"})
    assert render_config(cases.case("dev+prefix")).plan == cases.rendered("dev+prefix").plan

"""Clusters that a cloud makes: Pulumi's state has their kubeconfig, and every command goes on from there."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ops.engines.base import Outcome
from ops.engines.kubeconfigs import kubeconfig_in
from ops.engines.pulumi import PulumiEngine
from ops.errors import EngineError
from ops.render import Cluster, kept
from tests.support.programs import FakeProgram

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from ops.render import Rendered

    Run = Callable[..., Result]

PARENTS = "slipway:clusters:GkeCluster$pulumi:providers:kubernetes"
KUBECONFIG = json.dumps({"kind": "Config", "current-context": "gke"})


def state(**inputs: Any) -> dict[str, Any]:
    """A state with two clusters' providers, and the stack's first cluster called `local`."""
    head = "urn:pulumi:dev::slipway::slipway:foundation:Clouds$"
    return {
        "resources": [
            {"urn": f"{head}{PARENTS}::other-kubernetes", "type": "pulumi:providers:kubernetes", "inputs": {}},
            {"urn": f"{head}slipway:x:Y::local-kubernetes", "type": "slipway:x:Y"},
            {"urn": f"{head}{PARENTS}::local-kubernetes", "type": "pulumi:providers:kubernetes", "inputs": inputs},
        ]
    }


CLUSTER = Cluster("local", "gke", None, None, "registry", "urn:pulumi:dev::slipway::x$y::local-kubernetes")


def test_the_provider_of_the_cluster_has_it() -> None:
    assert kubeconfig_in(state(kubeconfig=KUBECONFIG), CLUSTER) == KUBECONFIG
    assert kubeconfig_in({"resources": []}, CLUSTER) is None
    with pytest.raises(EngineError, match="cannot be read"):
        kubeconfig_in(state(kubeconfig={"ciphertext": "v1:abc"}), CLUSTER)


@pytest.fixture
def pulumi(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProgram:
    """Pulumi's CLI, which knows the state of a stack whose cluster is one of GKE."""
    assert project.is_dir()
    program = FakeProgram(tmp_path, "pulumi")
    program.on("version", "v3.272.0")
    program.on("stack select")
    program.on("stack export", json.dumps({"version": 3, "deployment": state(kubeconfig=KUBECONFIG)}))
    monkeypatch.setenv("PATH", f"{program.path.parent}{os.pathsep}{os.environ['PATH']}")
    real = kept.render

    def clouded(stack: str, directory: Path) -> Rendered:
        made = real(stack, directory)
        return replace(made, clusters={name: replace(c, kind="gke") for name, c in made.clusters.items()})

    monkeypatch.setattr(kept, "render", clouded)
    return program


def test_status_asks_with_the_kubeconfig_of_the_state(
    pulumi: FakeProgram, fake_kubectl: FakeProgram, slipway: Run, tmp_path: Path
) -> None:
    assert pulumi.path.is_file()
    fake_kubectl.on("get", [])
    told = slipway("status", "--json")
    assert told.exit_code == 1, told.output
    assert [(app["name"], app["ready"], app["desired"]) for app in json.loads(told.stdout)["apps"]] == [
        ("h2o-example", 0, 2)
    ]
    file = tmp_path / "data" / "slipway" / "kubeconfigs" / "dev-local.json"
    assert file.read_text() == KUBECONFIG
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert fake_kubectl.calls[0].arguments[0] == f"--kubeconfig={file}"


def test_a_cluster_that_is_not_made_yet_is_told(pulumi: FakeProgram, fake_kubectl: FakeProgram, slipway: Run) -> None:
    pulumi.on("stack export", json.dumps({"version": 3, "deployment": {}}))
    told = slipway("status")
    assert told.exit_code == 1
    assert "cluster local of stack dev has not been made yet: slipway up --stack dev" in told.stderr
    assert fake_kubectl.calls == []


def test_without_a_cli_the_remedy_is_told(pulumi: FakeProgram, slipway: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pulumi.path.is_file()
    monkeypatch.setattr("ops.engines.kubeconfigs.find_cli", lambda: None)
    told = slipway("status")
    assert told.exit_code == 1
    assert "install Pulumi's CLI" in told.stderr


@pytest.mark.parametrize("answers", [True, False])
def test_up_that_worked_ends_well_though_the_cluster_may_not_answer_here(
    pulumi: FakeProgram, fake_kubectl: FakeProgram, slipway: Run, monkeypatch: pytest.MonkeyPatch, *, answers: bool
) -> None:
    """The first `up` of a cloud's stack: the cluster was made in it, and may be reached from other networks only."""
    assert pulumi.path.is_file()

    def worked(*_: object) -> Outcome:
        return Outcome("pulumi", changed=True)

    monkeypatch.setattr(PulumiEngine, "up", worked)
    # Nothing answers at the app's address here.
    monkeypatch.setattr("ops.answer._PATIENCE_S", 0.0)
    status = {"readyReplicas": 2, "updatedReplicas": 2, "observedGeneration": 1}
    workload = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "h2o-example", "namespace": "h2o", "generation": 1},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"image": "registry/h2o:1"}]}}},
        "status": status,
    }
    if answers:
        fake_kubectl.on("get", [workload])
    else:
        fake_kubectl.on("get", err="getting credentials: exec: executable gke-gcloud-auth-plugin not found", code=1)
    done = slipway("up", "--engine", "pulumi")
    assert done.exit_code == 0, done.output
    assert "stack dev is up (engine: Pulumi)" in done.stdout
    assert ("what runs on cluster local cannot be shown from here" in done.stderr) is not answers
    assert ("2/2" in done.stdout) is answers


@pytest.mark.parametrize("command", ["up", "preview", "down", "drift", "refresh", "recover"])
def test_the_helm_engine_keeps_away(pulumi: FakeProgram, slipway: Run, command: str) -> None:
    assert pulumi.path.is_file()
    done = slipway(command, "--engine", "helm")
    assert done.exit_code == 1
    assert "cluster local of kind gke is made by a cloud" in done.stderr
    assert pulumi.calls == []

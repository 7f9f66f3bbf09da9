"""Clusters that a cloud makes: Pulumi's state has their kubeconfig, and every command goes on from there."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from ops.errors import EngineError
from ops.pulumi.kubeconfigs import kubeconfig_in
from ops.render.result import Cluster
from tests.support.fake_pulumi import PREFIX, begins, ends, step
from tests.support.thing import thing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fake_pulumi import FakePulumi
    from tests.support.programs import FakeProgram
    from tests.unit.ops.conftest import Run

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
def made(project: Path, pulumi: FakePulumi, clouded: None) -> FakePulumi:
    """Pulumi's CLI, which knows the state of a stack whose cluster is one of GKE."""
    assert project.is_dir()
    assert clouded is None
    pulumi.state = state(kubeconfig=KUBECONFIG)
    return pulumi


def test_status_asks_with_the_kubeconfig_of_the_state(
    made: FakePulumi, fake_kubectl: FakeProgram, slipway: Run, tmp_path: Path
) -> None:
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
    assert made.ran() == ["stack export"]


def test_a_cluster_that_is_not_made_yet_is_told(made: FakePulumi, fake_kubectl: FakeProgram, slipway: Run) -> None:
    nothing: tuple[dict[str, Any] | None, ...] = ({}, None)
    for made.state in nothing:
        told = slipway("status")
        assert told.exit_code == 1
        assert "cluster local of stack dev has not been made yet: slipway up --stack dev" in told.stderr
    assert fake_kubectl.calls == []


@pytest.mark.parametrize("answers", [True, False])
def test_up_that_worked_ends_well_though_the_cluster_may_not_answer_here(
    made: FakePulumi, fake_kubectl: FakeProgram, slipway: Run, monkeypatch: pytest.MonkeyPatch, *, answers: bool
) -> None:
    """The first `up` of a cloud's stack: the cluster was made in it, and may be reached from other networks only."""
    change = step("create", f"{PREFIX}kubernetes:core/v1:Service::h2o", None, {}, provider=CLUSTER.provider)
    made.on("^up", begins(change), ends(change))
    monkeypatch.setattr("ops.answer.wait_for_answers", lambda *_: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType] - any
    status = {"readyReplicas": 2, "updatedReplicas": 2, "observedGeneration": 1}
    spec = {"replicas": 2, "template": {"spec": {"containers": [{"image": "registry/h2o:1"}]}}}
    workload = thing("Deployment", "h2o/h2o-example", {"spec": spec, "status": status}, generation=1)
    if answers:
        fake_kubectl.on("get", [workload])
    else:
        fake_kubectl.on("get", err="getting credentials: exec: executable gke-gcloud-auth-plugin not found", code=1)
    done = slipway("up")
    assert done.exit_code == 0, done.output
    assert "stack dev is up" in done.stdout
    assert ("what runs on cluster local cannot be shown from here" in done.stderr) is not answers
    assert ("2/2" in done.stdout) is answers
    # Minutes in a cloud: it is not asked resource by resource.
    assert "--refresh" not in next(call.line for call in made.calls if call.arguments[0] == "up")


@pytest.mark.usefixtures("made", "fake_kubectl")
def test_drift_says_what_it_cannot_ask(pulumi: FakePulumi, slipway: Run) -> None:
    pulumi.on("^(preview|refresh)")
    done = slipway("drift", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["unasked"] == [
        "cluster local about objects that are not in the state: only Pulumi's provider reaches it"
    ]

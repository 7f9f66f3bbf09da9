"""Whose a stack and a namespace are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ops.engines import ownership
from ops.errors import RefusedError

if TYPE_CHECKING:
    from ops.engines.base import EngineName
    from ops.kube import Kubectl
    from tests.support.programs import FakeProgram


def namespace(name: str, *, stack: str | None = "dev", release: str | None = None, **labels: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": {**labels, **({"slipway.dev/stack": stack} if stack else {})}}
    if release:
        metadata["annotations"] = {"meta.helm.sh/release-name": release}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def test_the_owner_is_read_from_the_namespaces() -> None:
    assert ownership.owner([]) is None
    assert ownership.owner([namespace("h2o", release="slipway-dev")]) == "helm"
    assert ownership.owner([namespace("h2o")]) == "pulumi"
    assert ownership.owner([namespace("h2o"), namespace("nginx", release="slipway-dev")]) == "helm"


@pytest.mark.parametrize(("engine", "other", "release"), [("pulumi", "helm", "slipway-dev"), ("helm", "pulumi", None)])
def test_the_other_engines_stack_is_refused_with_the_way_over(
    engine: EngineName, other: str, release: str | None, kubectl: Kubectl, fake_kubectl: FakeProgram
) -> None:
    fake_kubectl.on("get namespaces", [namespace("h2o", release=release)])
    with pytest.raises(RefusedError) as caught:
        ownership.check(engine, "dev", kubectl, ["h2o"])
    told = str(caught.value)
    assert "\n" not in told
    assert f"slipway down --stack dev --engine {other}" in told
    assert f"slipway up --stack dev --engine {engine}" in told
    assert f"SLIPWAY_ENGINE={other}" in told


@pytest.mark.parametrize(("engine", "release"), [("helm", "slipway-dev"), ("pulumi", None)])
def test_the_own_stack_is_taken(
    engine: EngineName, release: str | None, kubectl: Kubectl, fake_kubectl: FakeProgram
) -> None:
    fake_kubectl.on("get namespaces", [namespace("h2o", release=release), namespace("default", stack=None)])
    ownership.check(engine, "dev", kubectl, ["h2o", "nginx"])


def test_another_stacks_engine_does_not_matter(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get namespaces", [namespace("a-h2o", stack="other", release="slipway-other")])
    ownership.check("pulumi", "dev", kubectl, ["h2o"])


def test_somebody_elses_namespace_is_refused(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get namespaces", [namespace("h2o", stack=None), namespace("nginx", stack="pr-7")])
    with pytest.raises(RefusedError) as caught:
        ownership.check("helm", "dev", kubectl, ["h2o", "nginx", "mail"])
    assert "h2o, nginx (of stack pr-7)" in str(caught.value)
    assert "slipway:namespacePrefix" in str(caught.value)


def test_a_namespace_slipway_that_is_not_ours_is_refused(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get namespaces", [namespace("slipway", stack=None)])
    with pytest.raises(RefusedError, match="slipway"):
        ownership.check("helm", "dev", kubectl, ["slipway"])
    fake_kubectl.on("get namespaces", [namespace("slipway", stack=None, **{"app.kubernetes.io/managed-by": "slipway"})])
    ownership.check("helm", "dev", kubectl, ["slipway"])

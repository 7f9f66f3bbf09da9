"""Whose a stack and a namespace are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ops.cluster import ownership
from ops.errors import RefusedError
from tests.support.thing import thing

if TYPE_CHECKING:
    from ops.kube import Kubectl
    from tests.support.programs import FakeProgram


def namespace(name: str, *, stack: str | None = "dev", release: str | None = None) -> dict[str, Any]:
    annotations = {"meta.helm.sh/release-name": release} if release else {}
    labels = {"slipway.dev/stack": stack} if stack else {}
    return thing("Namespace", name, labels=labels, annotations=annotations)


def test_what_others_installed_does_not_matter(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    others = [namespace("a", stack="other", release="slipway-other"), namespace("b", stack=None, release="theirs")]
    fake_kubectl.on("get namespaces", [namespace("h2o"), *others])
    ownership.check("dev", kubectl, ["h2o", "nginx"])


def test_somebody_elses_namespace_is_refused(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get namespaces", [namespace("h2o", stack=None), namespace("nginx", stack="pr-7")])
    with pytest.raises(RefusedError) as caught:
        ownership.check("dev", kubectl, ["h2o", "nginx", "mail"])
    assert "h2o, nginx (of stack pr-7)" in str(caught.value)
    assert "slipway:namespacePrefix" in str(caught.value)
    ownership.check("dev", kubectl, ["mail"])

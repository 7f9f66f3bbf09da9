"""The evaluator of the Pod Security Standards agrees with the pods by which Kubernetes tests its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from local import paths
from tests.support.pod_security import violations

if TYPE_CHECKING:
    from pathlib import Path


def upstream() -> list[Path]:
    """Pods by which Kubernetes tests its own admission; there once the API server has been built on this machine."""
    modules = sorted((paths.go_home() / "mod" / "k8s.io").glob("pod-security-admission@*"))
    versions = sorted(
        modules[-1].glob("test/testdata/restricted/v1.*") if modules else [],
        key=lambda path: int(path.name.split(".")[1]),
    )
    if not versions:
        return []
    newest = versions[-1]
    return [newest, newest.parents[1] / "baseline" / newest.name]


@pytest.mark.parametrize("verdict", ["pass", "fail"])
@pytest.mark.parametrize("level", ["restricted", "baseline"])
def test_agrees_with_upstream(level: str, verdict: str) -> None:
    directory = next((path for path in upstream() if path.parent.name == level), None)
    if directory is None:
        pytest.skip("the sources of Kubernetes' admission are not in the cache: the API server has not been built yet")
    pods = {path.name: yaml.safe_load(path.read_text()) for path in sorted((directory / verdict).glob("*.yaml"))}
    assert len(pods) > 10
    wrong = {name: found for name, pod in pods.items() if bool(found := violations(level, pod)) == (verdict == "pass")}
    assert wrong == {}
